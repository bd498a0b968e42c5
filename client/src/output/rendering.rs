//! Findings as their modules write them for people.
//!
//! How a finding is best read is the module's knowledge, and modules are run by runners only. So `gumshoe-agent render`
//! is kept running for each module, as [`AgentProgram`] has it for the flags; where it or the plugin is not there, or a
//! host has another version of the module, findings are printed field by field.

use crate::modules::{AgentProgram, Renderer};
use gumshoe_plugin_api::manifest::is_module_name;
use serde_json::Value;
use std::collections::BTreeMap;

/// How many modules' programs are kept running; hosts name the modules.
const KEPT: usize = 16;

/// The programs that write findings, started when they are first wanted.
pub struct Rendering {
    agent: AgentProgram,
    /// By module; nothing where it does not work.
    renderers: BTreeMap<String, Option<Renderer>>,
}

impl Rendering {
    /// Starts nothing yet.
    #[must_use]
    pub fn new(agent: AgentProgram) -> Self {
        Self {
            agent,
            renderers: BTreeMap::new(),
        }
    }

    /// A module's finding, as text of one or more lines that has not been made harmless; nothing where that cannot be had.
    ///
    /// The module's name comes from a host, which may lie: only names are passed on, never paths.
    pub fn text(&mut self, module: &str, finding: &Value) -> Option<String> {
        let known = self.renderers.contains_key(module);
        if !is_module_name(module) || !known && self.renderers.len() >= KEPT {
            return None;
        }
        let agent = &self.agent;
        let slot = self
            .renderers
            .entry(module.to_owned())
            .or_insert_with(|| agent.renderer(module).ok());
        match slot.as_mut()?.text(finding) {
            Ok(text) => text,
            Err(_) => {
                // It is not installed here, or it ended: what it would have said is printed field by field.
                *slot = None;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::os::unix::fs::PermissionsExt;

    /// A program in place of the agent's, which says what it was started with.
    fn played(script: &str) -> (tempfile::TempDir, AgentProgram) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        (folder, AgentProgram::find(Some(&path)))
    }

    #[test]
    fn each_finding_is_answered_by_the_module_program() {
        let (_folder, agent) = played("while read -r line; do echo \"\\\"$*\\\"\"; done");
        let mut rendering = Rendering::new(agent);
        let said = rendering.text("file", &json!({"path": "/a"}));
        assert_eq!(said.as_deref(), Some("render --json -- file"));
        assert_eq!(rendering.text("file", &json!({})), said);
    }

    #[test]
    fn a_module_that_does_not_know_the_finding_or_ends_leaves_it_to_us() {
        let (_folder, agent) = played("read -r line; echo null; read -r line; exit 3");
        let mut rendering = Rendering::new(agent);
        for _ in 0..3 {
            assert_eq!(rendering.text("file", &json!({})), None);
        }
    }

    #[test]
    fn a_path_in_place_of_a_module_name_is_not_passed_on() {
        let (folder, agent) = played("touch \"$0.started\"; while read -r line; do echo '\"x\"'; done");
        let mut rendering = Rendering::new(agent);
        for name in ["/tmp/evil.so", "../evil", "--help", "", "a\nb"] {
            assert_eq!(rendering.text(name, &json!({})), None);
        }
        assert!(!folder.path().join("agent.started").exists());
    }
}
