//! A place of an investigator's own: home, keyring, modules.

use gumshoe_tests::signed::People;
use gumshoe_tests::{Ended, Host};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A machine on which somebody works: with modules, and with a keyring if there are people.
pub struct Desk {
    /// The modules on this machine, and a host that can be asked.
    pub host: Host,
    /// Whose keys are in the keyring.
    pub people: People,
}

impl Desk {
    /// With these modules, and keys of these people.
    pub fn new(modules: &[&str], people: &[&'static str]) -> Self {
        let desk = Self {
            host: Host::new(),
            people: People::new(people),
        };
        for module in modules {
            desk.host.install(module);
            desk.host.configure(module, "enabled = true\n");
        }
        std::fs::create_dir(desk.host.path("home")).unwrap();
        desk
    }

    /// A file on the desk.
    pub fn path(&self, name: &str) -> PathBuf {
        self.host.path(name)
    }

    /// `gumshoe` with these arguments, with nobody at the terminal.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gumshoe"));
        command
            .current_dir(self.path(""))
            .env("GUMSHOE_AGENT", gumshoe_tests::target().join("gumshoe-agent"))
            .env("GUMSHOE_CONFIG_DIR", self.path("config"))
            .env("HOME", self.path("home"))
            .env("GNUPGHOME", self.people.gpg().home())
            .args(arguments)
            .stdin(Stdio::null());
        for variable in [
            "XDG_CONFIG_HOME",
            "GUMSHOE_SERVER",
            "GUMSHOE_TOKEN",
            "GUMSHOE_KEY",
            "GUMSHOE_CA",
            "GUMSHOE_CONFIG",
        ] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).output().unwrap())
    }

    /// Runs it to its end, which has to be a good one.
    pub fn ok(&self, arguments: &[&str]) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {ended:?}");
        ended
    }

    /// What stands in a file.
    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// What stands in a file, as JSON.
    pub fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_str(&self.text(name)).unwrap()
    }
}
