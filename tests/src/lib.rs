//! What the whole-system tests share: built programs and plugins, a host of their own, waiting for state.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops where something it needs is missing"
)]

pub mod relay;
pub mod signed;

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The modules that Gumshoe comes with.
pub const MODULES: [&str; 5] = ["file", "memory", "netstat", "pkg", "scribe"];

/// The root of the workspace.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The folder with the programs and plugins of this build.
#[must_use]
pub fn target() -> &'static Path {
    static TARGET: OnceLock<PathBuf> = OnceLock::new();
    TARGET.get_or_init(|| {
        // The test binary lies in TARGET/PROFILE/deps.
        let own = std::env::current_exe().unwrap();
        let folder = own.ancestors().nth(2).unwrap().to_owned();
        build(&folder);
        folder
    })
}

/// Builds the agent and all plugins into the folder this test was built into, once per test run.
fn build(folder: &Path) {
    let modules = MODULES.map(|module| format!("gumshoe-module-{module}"));
    let others = ["gumshoe-agent", "gumshoe-courier", "gumshoe-module-misbehave"];
    let packages: Vec<&str> = others
        .into_iter()
        .chain(modules.iter().map(String::as_str))
        .collect();
    build_packages(folder, &packages);
}

/// Builds server and client too, once per test run.
pub fn fleet_programs() {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| build_packages(target(), &["gumshoe-server", "gumshoe-client", "gumshoe-fleet"]));
}

/// Says that everything has been built, with the features that the tests were built with: `make test` sets it. Without it
/// the packages are built here, with their own features, which compiles what they depend on once more.
const BUILT: &str = "GUMSHOE_BUILT";

fn build_packages(folder: &Path, packages: &[&str]) {
    if std::env::var_os(BUILT).is_some() {
        return;
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(workspace())
        .args(["build", "--quiet", "--locked"]);
    for package in packages {
        cargo.args(["-p", package]);
    }
    cargo.env("CARGO_TARGET_DIR", folder.parent().unwrap());
    match folder.file_name().unwrap().to_str().unwrap() {
        "debug" => {}
        profile => drop(cargo.args(["--profile", profile])),
    }
    assert!(cargo.status().unwrap().success(), "building {packages:?} failed");
}

/// The plugin file of a module of this build.
#[must_use]
pub fn plugin(module: &str) -> PathBuf {
    target().join(gumshoe_plugin_api::host::plugin_file_name(module))
}

/// A host of the test's own: configuration folder, plugin folder, root folder.
#[derive(Debug)]
pub struct Host {
    folder: TempDir,
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

impl Host {
    /// A host without plugins.
    #[must_use]
    pub fn new() -> Self {
        let host = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for name in ["config/modules.d", "modules", "root"] {
            std::fs::create_dir_all(host.path(name)).unwrap();
        }
        let config = format!("modules_dir = {:?}\n", host.path("modules"));
        std::fs::write(host.path("config/agent.toml"), config).unwrap();
        host
    }

    /// A host on which one module is installed and enabled.
    #[must_use]
    pub fn with(module: &str) -> Self {
        Self::with_all(&[module])
    }

    /// A host on which some modules are installed and enabled.
    #[must_use]
    pub fn with_all(modules: &[&str]) -> Self {
        let host = Self::new();
        for module in modules {
            host.install(module);
            host.configure(module, "enabled = true\n");
        }
        host
    }

    /// A path below the host's folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Copies a module's plugin into the host's plugin folder; returns where it lies.
    pub fn install(&self, module: &str) -> PathBuf {
        let from = plugin(module);
        let to = self.path("modules").join(from.file_name().unwrap());
        std::fs::copy(from, &to).unwrap();
        to
    }

    /// Writes a module's file in `modules.d`.
    pub fn configure(&self, module: &str, text: &str) {
        std::fs::write(self.path(&format!("config/modules.d/{module}.toml")), text).unwrap();
    }

    /// The agent's command with this host's configuration.
    #[must_use]
    pub fn agent(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(target().join("gumshoe-agent"));
        command
            .env("GUMSHOE_CONFIG_DIR", self.path("config"))
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// Runs the agent to its end.
    #[must_use]
    pub fn output(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.agent(arguments).output().unwrap())
    }

    /// Runs a module with `--json`; returns the exit status and the report.
    #[must_use]
    pub fn report(&self, arguments: &[&str]) -> (i32, Value) {
        let ended = self.output(&[&["run"], arguments, &["--json"]].concat());
        let report =
            serde_json::from_str(&ended.stdout).unwrap_or_else(|e| panic!("no report ({e}): {ended:?}"));
        (ended.code, report)
    }
}

/// A process that ended, as text.
#[derive(Debug)]
pub struct Ended {
    /// Exit status; -1 after a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A running program whose standard output is read line by line.
#[derive(Debug)]
pub struct Running {
    /// The process.
    pub child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Running {
    /// Starts a program.
    #[must_use]
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next line of standard output.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for the program's end.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.lines, &mut rest).unwrap();
        (self.child.wait().unwrap(), rest)
    }
}

/// How often a test does something: `short`, or `long` where `GUMSHOE_SOAK=1` asks for the long forms (`make soak`).
#[must_use]
pub fn rounds(short: usize, long: usize) -> usize {
    let is_soak = std::env::var_os("GUMSHOE_SOAK").is_some_and(|value| value == "1");
    if is_soak { long } else { short }
}

/// Waits until something is so; fails after ten seconds.
pub fn wait_until(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !so() {
        assert!(Instant::now() < deadline, "waited in vain for this: {what}");
        std::thread::yield_now();
    }
}

/// Builds a workspace that stands alone, as a module author's would; returns the folder with its products.
#[must_use]
pub fn build_alone(folder: &str) -> PathBuf {
    // One folder for all of them, so that what they share is compiled once; cargo locks it.
    let products = target().parent().unwrap().join("alone");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(workspace().join(folder))
        .args(["build", "--quiet", "--locked"]);
    assert!(
        cargo
            .env("CARGO_TARGET_DIR", &products)
            .status()
            .unwrap()
            .success(),
        "building {folder} failed"
    );
    products.join("debug")
}

/// A small file system of a test's own, until it is dropped.
#[derive(Debug)]
pub struct Disk(PathBuf);

impl Disk {
    /// Mounts one with room for `size`, such as `256k`, at a folder that does not exist yet.
    #[must_use]
    pub fn mount(at: &Path, size: &str) -> Self {
        std::fs::create_dir(at).unwrap();
        let options = format!("size={size},mode=0700");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at);
        assert!(
            mount.status().unwrap().success(),
            "mounting a file system needs root"
        );
        Self(at.to_owned())
    }

    /// Leaves no page free.
    pub fn fill(&self) {
        use std::io::Write;
        let mut file = std::fs::File::create(self.0.join("ballast")).unwrap();
        while file.write_all(&[b'x'; 4096]).is_ok() {}
    }

    /// Takes back what [`Disk::fill`] did.
    pub fn make_room(&self) {
        std::fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The agent may hold it for a moment longer.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
