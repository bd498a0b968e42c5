//! Network namespaces as findings name them.

use gumshoe_process::Container;
use serde::{Deserialize, Serialize};

/// Where facts about a namespace come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sources {
    /// The running system. On Linux: netlink, and tables below `/proc/net` for what it does not give.
    System,
    /// Tables only: another root than that of this system, or a namespace that cannot be entered.
    Tables,
}

/// A network namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// The number in `net:[NUMBER]`, see `namespaces(7)`.
    pub inode: u64,
    /// Whether it is the agent's own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
    /// Where it is mounted, such as `/run/netns/blue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A process in it, or one that holds it open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The container that this process belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
}

impl Namespace {
    /// What identifies it, for humans.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = format!("net:[{}]", self.inode);
        self.path
            .iter()
            .for_each(|path| words.push_str(&format!(" {path}")));
        self.pid
            .iter()
            .for_each(|pid| words.push_str(&format!(" pid {pid}")));
        if let Some(container) = &self.container {
            words.push_str(&format!(" {}", container.words()));
        }
        words
    }
}
