//! The container that a process belongs to, by the path of its control group.

use serde::{Deserialize, Serialize};

/// Digits of a container's id, as the runtimes write it.
const ID_DIGITS: usize = 64;

/// The container that a finding is about: the same in the findings of all modules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// The id that its runtime gave it; its name for LXC and systemd-nspawn; empty when its control group does not tell.
    pub id: String,
    /// The runtime: `docker`, `podman`, `cri-o`, `containerd`, `kubernetes`, `lxc`, `systemd-nspawn` or `unknown`.
    pub runtime: String,
    /// The path of its control group; empty when it does not tell of a container.
    pub cgroup: String,
    /// A process in it, where the finding itself is not about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
}

/// How much of an id people are shown, as the runtimes' own tools do.
const SHORT_ID_BYTES: usize = 12;

impl Container {
    /// A container of which nothing is known but that a process has another root.
    #[must_use]
    pub fn unknown() -> Container {
        Container {
            id: String::new(),
            runtime: "unknown".to_owned(),
            cgroup: String::new(),
            pid: None,
        }
    }

    /// The same with a process that is in it.
    #[must_use]
    pub fn with_process(mut self, pid: u32) -> Container {
        self.pid = Some(pid);
        self
    }

    /// The container in a few words for people: `[docker 0123456789ab pid 7]`.
    #[must_use]
    pub fn words(&self) -> String {
        let id = self.id.get(..SHORT_ID_BYTES).unwrap_or(&self.id);
        let pid = self.pid.map(|pid| format!("pid {pid}")).unwrap_or_default();
        let words = [self.runtime.as_str(), id, pid.as_str()];
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        format!("[{}]", words.join(" ")).replace(char::is_control, "\u{fffd}")
    }
}

/// What a path contains, and the runtime that puts it there. The first that fits counts: the runtime proper before
/// what manages it.
const RUNTIMES: [(&str, &str); 6] = [
    ("docker", "docker"),
    ("libpod", "podman"),
    ("crio", "cri-o"),
    ("containerd", "containerd"),
    ("kubepods", "kubernetes"),
    ("lxc", "lxc"),
];

/// What begins a part of a path that is followed by a container's name.
const NAMED: [(&str, &str); 2] = [("lxc.payload.", "lxc"), ("systemd-nspawn@", "systemd-nspawn")];

/// The container that the text of `/proc/PID/cgroup` names; none when no line does.
///
/// Source: `cgroups(7)`: lines `NUMBER:CONTROLLERS:PATH`; the runtimes' habits for the path.
#[must_use]
pub fn container(text: &[u8]) -> Option<Container> {
    let text = String::from_utf8_lossy(text);
    text.lines()
        .filter_map(|line| line.splitn(3, ':').nth(2))
        .find_map(in_path)
}

fn in_path(path: &str) -> Option<Container> {
    let found = |id: &str, runtime| {
        Some(Container {
            id: id.to_owned(),
            runtime: str::to_owned(runtime),
            cgroup: path.to_owned(),
            pid: None,
        })
    };
    if let Some(id) = path.rsplit('/').find_map(long_id) {
        let runtime = RUNTIMES
            .iter()
            .find(|(word, _)| path.contains(word))
            .map_or("unknown", |(_, runtime)| runtime);
        return found(id, runtime);
    }
    let mut parts = path.split('/');
    while let Some(part) = parts.next() {
        for (prefix, runtime) in NAMED {
            if let Some(name) = part.strip_prefix(prefix) {
                return found(
                    name.trim_end_matches(".scope").trim_end_matches(".service"),
                    runtime,
                );
            }
        }
        if part == "lxc" {
            return parts.next().and_then(|name| found(name, "lxc"));
        }
    }
    None
}

/// The id in a part such as `docker-ID.scope`.
fn long_id(part: &str) -> Option<&str> {
    let is_hex = |word: &&str| word.len() == ID_DIGITS && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    part.split(['-', '.', ':', '_']).find(is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn runtimes_are_told_apart() {
        let id = "0123456789abcdef".repeat(4);
        for (path, expected) in [
            (
                format!("0::/system.slice/docker-{id}.scope"),
                Some((id.as_str(), "docker")),
            ),
            (format!("12:pids:/docker/{id}"), Some((id.as_str(), "docker"))),
            (
                format!("0::/machine.slice/libpod-{id}.scope/container"),
                Some((id.as_str(), "podman")),
            ),
            (
                format!("0::/kubepods.slice/pod_1.slice/cri-containerd-{id}.scope"),
                Some((id.as_str(), "containerd")),
            ),
            (
                format!("0::/kubepods.slice/pod_1.slice/crio-{id}.scope"),
                Some((id.as_str(), "cri-o")),
            ),
            (
                format!("3:cpu:/kubepods/burstable/pod1/{id}"),
                Some((id.as_str(), "kubernetes")),
            ),
            (format!("1:cpu:/\n0::/other/{id}"), Some((id.as_str(), "unknown"))),
            ("0::/lxc.payload.web/init.scope".to_owned(), Some(("web", "lxc"))),
            ("9:memory:/lxc/web".to_owned(), Some(("web", "lxc"))),
            (
                "0::/machine.slice/systemd-nspawn@web.service/payload".to_owned(),
                Some(("web", "systemd-nspawn")),
            ),
            ("0::/user.slice/user-0.slice/session-1.scope".to_owned(), None),
        ] {
            let found = container(path.as_bytes());
            assert_eq!(
                found
                    .as_ref()
                    .map(|found| (found.id.as_str(), found.runtime.as_str())),
                expected,
                "{path}"
            );
        }
    }

    #[test]
    fn people_are_shown_what_is_known() {
        let container = container(format!("0::/docker/{}", "0123456789abcdef".repeat(4)).as_bytes()).unwrap();
        assert_eq!(container.words(), "[docker 0123456789ab]");
        assert_eq!(Container::unknown().with_process(7).words(), "[unknown pid 7]");
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text: Vec<u8>) {
            let _ = container(&text);
        }
    }
}
