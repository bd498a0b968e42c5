//! A PostgreSQL server of one's own.
//!
//! ```no_run
//! use gumshoe_test_services::postgres::Postgres;
//!
//! let mut server = Postgres::start()?;
//! let url = server.create_database("agents")?;
//! server.kill()?;
//! server.restart()?;
//! # Ok::<(), gumshoe_test_services::postgres::PostgresError>(())
//! ```
//!
//! It listens on a Unix socket in its own folder and on no port. The server refuses to run as root: where tests do, it runs
//! as `nobody`. What is written is not forced to disk unless [`Postgres::start_with`] says so.

use std::{
    fs, io,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use crate::{guard::Guard, ready};

/// Where Debian keeps the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";
/// User and group `nobody` and `nogroup` of Debian (base-passwd), `nobody` elsewhere.
const NOBODY: u32 = 65534;
/// What the server prints when it accepts connections.
const READY: &str = "ready to accept connections";
/// What it prints when processes of the server before it are still there.
const STILL_IN_USE: &str = "still in use";
/// How long a start may take: one second alone, much more on a machine that compiles.
const START_LIMIT: Duration = Duration::from_secs(120);
/// The superuser of the server.
const USER: &str = "gumshoe";

/// Why a server could not be started or did not do what it was told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// PostgreSQL is not installed.
    #[error("`{program}` is missing: install the package `postgresql` (tests/install-tools test)")]
    Missing {
        /// What was looked for.
        program: String,
    },
    /// The server's folder could not be made.
    #[error("failed to prepare `{path}`")]
    Prepare {
        /// The folder.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// A program could not be started or waited for.
    #[error("failed to run `{program}`")]
    Run {
        /// The program.
        program: String,
        /// Cause.
        source: io::Error,
    },
    /// A program failed.
    #[error("`{program}` failed:\n{output}")]
    Failed {
        /// The program.
        program: String,
        /// What it printed.
        output: String,
    },
    /// The server was stopped or killed before.
    #[error("the server does not run")]
    NotRunning,
}

/// A server that ends with this value, or with the process that started it.
pub struct Postgres {
    programs: PathBuf,
    settings: Vec<String>,
    server: Option<Child>,
    // Before the folder: fields are dropped in their order.
    _guard: Guard,
    folder: TempDir,
}

impl Postgres {
    /// Makes a cluster and starts its server.
    ///
    /// # Errors
    ///
    /// Every [`PostgresError`] of preparing and starting.
    pub fn start() -> Result<Self, PostgresError> {
        Self::start_with(&["fsync=off", "full_page_writes=off"])
    }

    /// The same with settings such as `fsync=on`, instead of those that save time in tests.
    ///
    /// # Errors
    ///
    /// Every [`PostgresError`] of preparing and starting.
    pub fn start_with(settings: &[&str]) -> Result<Self, PostgresError> {
        let programs = programs()?;
        let folder = folder()?;
        let guard = Guard::watch(folder.path()).map_err(|source| run("/bin/sh", source))?;
        let mut postgres = Self {
            programs,
            settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
            server: None,
            _guard: guard,
            folder,
        };
        postgres.make_cluster()?;
        postgres.restart()?;
        Ok(postgres)
    }

    /// Makes a database and returns its address, as `sqlx` and `psql` understand it.
    ///
    /// # Errors
    ///
    /// [`PostgresError::Failed`], for example because it is there already.
    pub fn create_database(&self, name: &str) -> Result<String, PostgresError> {
        let mut command = self.command("createdb");
        command.arg("-h").arg(self.folder.path()).args(["-U", USER, name]);
        finished("createdb", command.output())?;
        let socket = self.folder.path().display();
        Ok(format!("postgres://{USER}@localhost/{name}?host={socket}"))
    }

    /// Starts the server again, after [`Postgres::stop`] or [`Postgres::kill`].
    ///
    /// # Errors
    ///
    /// [`PostgresError::Failed`] with the server's last lines.
    pub fn restart(&mut self) -> Result<(), PostgresError> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            match self.start_once() {
                // The backends of a server that was killed take a moment to notice.
                Err(PostgresError::Failed { output, .. })
                    if output.contains(STILL_IN_USE) && Instant::now() < deadline => {}
                result => return result,
            }
        }
    }

    fn start_once(&mut self) -> Result<(), PostgresError> {
        let mut command = self.command("postgres");
        command.arg("-k").arg(self.folder.path());
        let always = [
            "listen_addresses=",
            "max_connections=100",
            "update_process_title=off",
        ];
        for setting in always.into_iter().chain(self.settings.iter().map(String::as_str)) {
            command.args(["-c", setting]);
        }
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut server = command.spawn().map_err(|source| run("postgres", source))?;
        let output = server.stderr.take();
        let pid = self.folder.path().join("server.pid");
        let noted = fs::write(&pid, server.id().to_string());
        self.server = Some(server);
        let ready = match (noted, output) {
            (Err(source), _) => Err(PostgresError::Prepare { path: pid, source }),
            (_, None) => Err(PostgresError::NotRunning),
            (_, Some(output)) => {
                ready::wait(output, READY, START_LIMIT).map_err(|output| PostgresError::Failed {
                    program: "postgres".to_owned(),
                    output,
                })
            }
        };
        if ready.is_err() {
            let _ = self.end(Signal::KILL);
        }
        ready
    }

    /// Ends the server as an administrator would: connections are closed, everything is written.
    ///
    /// # Errors
    ///
    /// [`PostgresError::NotRunning`].
    pub fn stop(&mut self) -> Result<(), PostgresError> {
        self.end(Signal::INT)
    }

    /// Ends the server as a crash would.
    ///
    /// # Errors
    ///
    /// [`PostgresError::NotRunning`].
    pub fn kill(&mut self) -> Result<(), PostgresError> {
        self.end(Signal::KILL)
    }

    /// Process id of the server; its backends are its children.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Child::id)
    }

    fn end(&mut self, signal: Signal) -> Result<(), PostgresError> {
        let mut server = self.server.take().ok_or(PostgresError::NotRunning)?;
        let sent = i32::try_from(server.id())
            .ok()
            .and_then(Pid::from_raw)
            .map_or(Ok(()), |pid| kill_process(pid, signal));
        let ended = server.wait();
        let _ = fs::remove_file(self.folder.path().join("server.pid"));
        sent.map_err(|errno| run("postgres", errno.into()))?;
        ended.map(drop).map_err(|source| run("postgres", source))
    }

    fn make_cluster(&self) -> Result<(), PostgresError> {
        let mut command = self.command("initdb");
        command.args([
            "--username",
            USER,
            "--auth=trust",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        ]);
        finished("initdb", command.output())
    }

    /// A program of this server, as a user that is not root.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("PGDATA", self.folder.path().join("data"))
            .env("LC_ALL", "C")
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null());
        if geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self.end(Signal::QUIT);
    }
}

/// The folder with the programs of the newest version that is installed.
fn programs() -> Result<PathBuf, PostgresError> {
    let versions = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let installed = versions.map(|version| version.path().join("bin"));
    let newest = installed
        .filter(|bin| bin.join("postgres").exists() && bin.join("initdb").exists())
        .max_by_key(|bin| version(bin));
    newest.ok_or_else(|| PostgresError::Missing {
        program: format!("{VERSIONS}/*/bin/postgres"),
    })
}

fn version(bin: &Path) -> Option<u32> {
    bin.parent()?.file_name()?.to_str()?.parse().ok()
}

/// A folder for the cluster and its socket, which belongs to whom the server runs as.
fn folder() -> Result<TempDir, PostgresError> {
    let prepare = |path: &Path, source| PostgresError::Prepare {
        path: path.to_owned(),
        source,
    };
    let folder = tempfile::Builder::new().prefix("gumshoe-postgres-").tempdir();
    let folder = folder.map_err(|source| prepare(&std::env::temp_dir(), source))?;
    if geteuid().is_root() {
        chown(folder.path(), Some(NOBODY), Some(NOBODY)).map_err(|source| prepare(folder.path(), source))?;
    }
    Ok(folder)
}

fn run(program: &str, source: io::Error) -> PostgresError {
    match source.kind() {
        io::ErrorKind::NotFound => PostgresError::Missing {
            program: program.to_owned(),
        },
        _ => PostgresError::Run {
            program: program.to_owned(),
            source,
        },
    }
}

fn finished(program: &str, output: io::Result<Output>) -> Result<(), PostgresError> {
    let output = output.map_err(|source| run(program, source))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    Err(PostgresError::Failed {
        program: program.to_owned(),
        output: String::from_utf8_lossy(&text).into_owned(),
    })
}
