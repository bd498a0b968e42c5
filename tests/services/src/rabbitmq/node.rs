//! The processes of one node: `epmd`, the server, `rabbitmqctl`.

use std::{
    fs, io,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use super::BrokerError;
use crate::ready;

/// Where Debian, and RabbitMQ's own packages, keep the scripts that do not change the user.
const SCRIPTS: &str = "/usr/lib/rabbitmq/bin";
/// What the server prints when it accepts connections.
const READY: &str = "completed with";
/// How long a node may take to start: six seconds alone, much more on a machine that compiles.
const START_LIMIT: Duration = Duration::from_secs(120);
/// Numbers nodes of this process, for their names.
static NODES: AtomicUsize = AtomicUsize::new(0);

/// The ports of a node on 127.0.0.1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) amqp: u16,
    pub(super) tls: u16,
    distribution: u16,
    epmd: u16,
}

impl Ports {
    /// Four ports that are free at this moment.
    pub(super) fn free() -> io::Result<Self> {
        // All are held until all are known, so that they differ.
        let held: Vec<TcpListener> = (0..4)
            .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .collect::<io::Result<_>>()?;
        let mut ports = held
            .iter()
            .map(|listener| listener.local_addr().map(|address| address.port()));
        let mut next = || ports.next().unwrap_or(Ok(0));
        Ok(Self {
            amqp: next()?,
            tls: next()?,
            distribution: next()?,
            epmd: next()?,
        })
    }
}

/// One node: its folder, its ports, and its processes while it runs.
pub(super) struct Node {
    folder: PathBuf,
    name: String,
    ports: Ports,
    server: Option<Child>,
    epmd: Child,
}

impl Node {
    /// Prepares the folder and starts the node's own `epmd`.
    pub(super) fn new(folder: &Path, ports: Ports) -> Result<Self, BrokerError> {
        let name = format!(
            "gumshoe-{}-{}@localhost",
            std::process::id(),
            NODES.fetch_add(1, Ordering::Relaxed)
        );
        prepare(folder, "environment", "")?;
        prepare(folder, "enabled_plugins", "[rabbitmq_auth_mechanism_ssl].\n")?;
        let epmd = Command::new("epmd")
            .args(["-port", &ports.epmd.to_string(), "-address", "127.0.0.1"])
            .env("HOME", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| missing_or("epmd", source))?;
        prepare(folder, "epmd.pid", &epmd.id().to_string())?;
        Ok(Self {
            folder: folder.to_owned(),
            name,
            ports,
            server: None,
            epmd,
        })
    }

    pub(super) fn ports(&self) -> &Ports {
        &self.ports
    }

    pub(super) fn runs(&self) -> bool {
        self.server.is_some()
    }

    pub(super) fn log_file(&self) -> PathBuf {
        self.folder.join("log").join(format!("{}.log", self.name))
    }

    /// Process id of the server itself, which the script that starts it is not.
    pub(super) fn pid(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.folder.join("server.pid")).ok()?;
        Pid::from_raw(text.trim().parse().ok()?)
    }

    /// Starts the server and returns when it accepts connections.
    pub(super) fn start(&mut self) -> Result<(), BrokerError> {
        let mut server = self
            .command("rabbitmq-server")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| missing_or("rabbitmq-server", source))?;
        let output = server.stdout.take();
        self.server = Some(server);
        let result = output.map_or(Err(BrokerError::NotRunning), |output| {
            ready::wait(output, READY, START_LIMIT).map_err(|output| BrokerError::Start { output })
        });
        if result.is_err() {
            let _ = self.end(Signal::KILL);
        }
        result
    }

    /// Ends the server with a signal and waits until it is gone.
    pub(super) fn end(&mut self, signal: Signal) -> Result<(), BrokerError> {
        let Some(mut server) = self.server.take() else {
            return Err(BrokerError::NotRunning);
        };
        let sent = match self.pid() {
            Some(pid) => kill_process(pid, signal).map_err(|errno| BrokerError::Signal {
                pid: pid.as_raw_nonzero().get(),
                source: errno.into(),
            }),
            None => server.kill().map_err(|source| BrokerError::Run {
                program: "rabbitmq-server".to_owned(),
                source,
            }),
        };
        let ended = server.wait();
        let _ = fs::remove_file(self.folder.join("server.pid"));
        sent?;
        ended.map(drop).map_err(|source| BrokerError::Run {
            program: "rabbitmq-server".to_owned(),
            source,
        })
    }

    /// Runs `rabbitmqctl` and returns its standard output.
    pub(super) fn control(&self, arguments: &[&str]) -> Result<String, BrokerError> {
        let output = self
            .command("rabbitmqctl")
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .map_err(|source| missing_or("rabbitmqctl", source))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(text);
        }
        let output = text + &String::from_utf8_lossy(&output.stderr);
        Err(BrokerError::Control {
            arguments: arguments.join(" "),
            output,
        })
    }

    fn command(&self, program: &str) -> Command {
        let script = Path::new(SCRIPTS).join(program);
        let mut command = if script.exists() {
            Command::new(script)
        } else {
            Command::new(program)
        };
        let path = |name: &str| self.folder.join(name);
        command
            .current_dir(&self.folder)
            .env("HOME", &self.folder)
            .env("ERL_EPMD_PORT", self.ports.epmd.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODENAME", &self.name)
            .env("RABBITMQ_CONF_ENV_FILE", path("environment"))
            .env("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", path("enabled_plugins"))
            .env("RABBITMQ_MNESIA_BASE", path("mnesia"))
            .env("RABBITMQ_LOG_BASE", path("log"))
            .env("RABBITMQ_PID_FILE", path("server.pid"))
            .env("RABBITMQ_DIST_PORT", self.ports.distribution.to_string())
            // Two schedulers that do not spin: tests share the machine.
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
            )
            .env("RABBITMQ_CTL_ERL_ARGS", "+S 1:1 +sbwt none")
            .env("LANG", "C.UTF-8");
        command
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.end(Signal::KILL);
        let _ = self.epmd.kill();
        let _ = self.epmd.wait();
        let _ = fs::remove_file(self.folder.join("epmd.pid"));
    }
}

fn prepare(folder: &Path, name: &str, text: &str) -> Result<(), BrokerError> {
    let path = folder.join(name);
    fs::write(&path, text).map_err(|source| BrokerError::Prepare { path, source })
}

fn missing_or(program: &'static str, source: io::Error) -> BrokerError {
    match source.kind() {
        io::ErrorKind::NotFound => BrokerError::Missing { program },
        _ => BrokerError::Run {
            program: program.to_owned(),
            source,
        },
    }
}
