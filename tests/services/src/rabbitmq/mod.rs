//! A RabbitMQ node of one's own.
//!
//! ```no_run
//! use gumshoe_test_services::rabbitmq::{Broker, User};
//!
//! let mut broker = Broker::start()?;
//! broker.add_users(&[User::new("agent", "secret").permissions("^$", "^reports$", "^$")])?;
//! let url = broker.url_for("agent", "secret");
//! broker.kill()?;
//! broker.restart()?;
//! # Ok::<(), gumshoe_test_services::rabbitmq::BrokerError>(())
//! ```
//!
//! A node takes about six seconds to start: tests that only need a broker share one
//! (`static BROKER: OnceLock<Broker>`), tests that stop or kill it have one of their own. All ports are on 127.0.0.1.

mod node;
mod user;

use std::{fs, io, path::PathBuf};

use tempfile::TempDir;

use crate::{
    certificates::{Authority, CertificateError, write},
    guard::Guard,
};
use node::{Node, Ports};
pub use user::User;

/// How often a start is repeated on other ports.
const START_ATTEMPTS: usize = 4;

/// Why a broker could not be started or did not do what it was told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// RabbitMQ is not installed.
    #[error("`{program}` is missing: install the package `rabbitmq-server` (tests/install-tools test)")]
    Missing {
        /// What was looked for.
        program: &'static str,
    },
    /// A file or folder of the node could not be made.
    #[error("failed to prepare `{path}`")]
    Prepare {
        /// The file or folder.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// No port could be had.
    #[error("failed to find a free port on 127.0.0.1")]
    Port(#[source] io::Error),
    /// A program could not be started or waited for.
    #[error("failed to run `{program}`")]
    Run {
        /// The program.
        program: String,
        /// Cause.
        source: io::Error,
    },
    /// The node ended, or said nothing, before it was ready.
    #[error("the broker did not start:\n{output}")]
    Start {
        /// The last lines that it printed.
        output: String,
    },
    /// `rabbitmqctl` refused.
    #[error("`rabbitmqctl {arguments}` failed:\n{output}")]
    Control {
        /// What was asked.
        arguments: String,
        /// What it printed.
        output: String,
    },
    /// What `rabbitmqctl` printed was not understood.
    #[error("failed to read what `rabbitmqctl {arguments}` printed")]
    Answer {
        /// What was asked.
        arguments: String,
        /// Cause.
        source: serde_json::Error,
    },
    /// Certificates could not be made.
    #[error("failed to make the broker's certificates")]
    Certificates(#[from] CertificateError),
    /// The process could not be signalled.
    #[error("failed to send a signal to process {pid}")]
    Signal {
        /// The process.
        pid: i32,
        /// Cause.
        source: io::Error,
    },
    /// The broker was stopped or killed before.
    #[error("the broker does not run")]
    NotRunning,
}

/// A queue as `rabbitmqctl list_queues` tells it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Queue {
    /// Name.
    pub name: String,
    /// Messages in it: ready and delivered without acknowledgement.
    pub messages: u64,
    /// Of these, ready.
    pub messages_ready: u64,
    /// Consumers.
    pub consumers: u64,
    /// Whether it survives a restart.
    pub durable: bool,
}

/// What a broker shall be.
#[derive(Default)]
pub struct Builder {
    authority: Option<Authority>,
    names: Vec<String>,
    configuration: String,
}

impl Builder {
    /// A TLS listener beside the plain one: its certificate (for `localhost` and 127.0.0.1) and those of clients come
    /// from `authority`, and a client certificate's common name is the user's name (mechanism EXTERNAL).
    #[must_use]
    pub fn tls(mut self, authority: Authority) -> Self {
        self.authority = Some(authority);
        self
    }

    /// A name or address by which a test reaches the TLS listener besides `localhost` and 127.0.0.1: it is in the
    /// certificate. The node listens on 127.0.0.1 only; somebody has to forward.
    #[must_use]
    pub fn reached_at(mut self, name: &str) -> Self {
        self.names.push(name.to_owned());
        self
    }

    /// Adds a line to `rabbitmq.conf`.
    #[must_use]
    pub fn configure(mut self, line: &str) -> Self {
        self.configuration.push_str(line);
        self.configuration.push('\n');
        self
    }

    /// Starts the broker and waits until it accepts connections.
    ///
    /// # Errors
    ///
    /// Every [`BrokerError`] of preparing and starting a node.
    pub fn start(self) -> Result<Broker, BrokerError> {
        let folder = tempfile::Builder::new().prefix("gumshoe-rabbitmq-").tempdir();
        let folder = folder.map_err(|source| BrokerError::Prepare {
            path: std::env::temp_dir(),
            source,
        })?;
        let guard = Guard::watch(folder.path()).map_err(|source| BrokerError::Run {
            program: "/bin/sh".to_owned(),
            source,
        })?;
        let tls = self
            .authority
            .as_ref()
            .map(|authority| tls_lines(&folder, authority, &self.names))
            .transpose()?;
        let mut last = BrokerError::NotRunning;
        for _ in 0..START_ATTEMPTS {
            let ports = Ports::free().map_err(BrokerError::Port)?;
            let lines = configuration(&ports, tls.as_deref(), &self.configuration);
            write(folder.path(), "rabbitmq.conf", &lines)?;
            let mut node = Node::new(folder.path(), ports)?;
            match node.start() {
                Ok(()) => {
                    return Ok(Broker {
                        node,
                        authority: self.authority,
                        _guard: guard,
                        folder,
                    });
                }
                Err(error @ BrokerError::Start { .. }) => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }
}

/// Writes the server's certificate and returns the lines that use it, with `PORT` for the port.
fn tls_lines(folder: &TempDir, authority: &Authority, names: &[String]) -> Result<String, BrokerError> {
    let names = ["localhost", "127.0.0.1"]
        .into_iter()
        .chain(names.iter().map(String::as_str));
    let server = authority.server(&names.collect::<Vec<_>>())?;
    let ca = write(folder.path(), "ca.pem", &authority.pem())?;
    let certificate = write(folder.path(), "server.pem", &server.certificate)?;
    let key = write(folder.path(), "server.key", &server.key)?;
    Ok(format!(
        "listeners.ssl.1 = 127.0.0.1:PORT\n\
         ssl_options.cacertfile = {}\nssl_options.certfile = {}\nssl_options.keyfile = {}\n\
         ssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = false\n\
         auth_mechanisms.1 = PLAIN\nauth_mechanisms.2 = EXTERNAL\nssl_cert_login_from = common_name\n",
        ca.display(),
        certificate.display(),
        key.display()
    ))
}

fn configuration(ports: &Ports, tls: Option<&str>, more: &str) -> String {
    let tls = tls.unwrap_or_default().replace("PORT", &ports.tls.to_string());
    format!(
        "listeners.tcp.1 = 127.0.0.1:{}\nlog.console.level = error\n{tls}{more}",
        ports.amqp
    )
}

/// A running RabbitMQ node; dropping it ends it.
pub struct Broker {
    // Dropped in this order: the node, then the guard, which removes the folder.
    node: Node,
    authority: Option<Authority>,
    _guard: Guard,
    folder: TempDir,
}

impl Broker {
    /// Starts a broker with a plain listener.
    ///
    /// # Errors
    ///
    /// As [`Builder::start`].
    pub fn start() -> Result<Self, BrokerError> {
        Self::builder().start()
    }

    /// A broker that is described further.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Port of the plain listener on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.node.ports().amqp
    }

    /// Port of the TLS listener on 127.0.0.1, if there is one.
    #[must_use]
    pub fn tls_port(&self) -> Option<u16> {
        self.authority.as_ref().map(|_| self.node.ports().tls)
    }

    /// Who signed the TLS listener's certificate, and signs those of clients.
    #[must_use]
    pub fn authority(&self) -> Option<&Authority> {
        self.authority.as_ref()
    }

    /// `amqp://…` for the user who may do everything (`guest`).
    #[must_use]
    pub fn url(&self) -> String {
        self.url_for("guest", "guest")
    }

    /// `amqp://…` for a user; name and password have to be plain letters and digits.
    #[must_use]
    pub fn url_for(&self, name: &str, password: &str) -> String {
        format!("amqp://{name}:{password}@127.0.0.1:{}/%2f", self.port())
    }

    /// Adds or changes users, with their permissions in the virtual host `/`, in one step.
    ///
    /// # Errors
    ///
    /// [`BrokerError::Control`] when the broker refuses.
    pub fn add_users(&self, users: &[User]) -> Result<(), BrokerError> {
        self.import_definitions(&user::definitions(users).to_string())
    }

    /// Imports a definitions document (JSON), the form that RabbitMQ exports.
    ///
    /// # Errors
    ///
    /// [`BrokerError::Control`] when the broker refuses.
    pub fn import_definitions(&self, json: &str) -> Result<(), BrokerError> {
        let path = write(self.folder.path(), "definitions.json", json)?;
        self.control(&["import_definitions", &path.to_string_lossy()])
            .map(drop)
    }

    /// Runs `rabbitmqctl` against this node and returns what it printed.
    ///
    /// # Errors
    ///
    /// [`BrokerError::Control`] when it fails.
    pub fn control(&self, arguments: &[&str]) -> Result<String, BrokerError> {
        self.node.control(arguments)
    }

    /// The queues of the virtual host `/`.
    ///
    /// # Errors
    ///
    /// [`BrokerError::Control`] when the broker does not answer.
    pub fn list_queues(&self) -> Result<Vec<Queue>, BrokerError> {
        let arguments = [
            "list_queues",
            "--silent",
            "--formatter",
            "json",
            "name",
            "messages",
            "messages_ready",
            "consumers",
            "durable",
        ];
        let answer = self.control(&arguments)?;
        serde_json::from_str(&answer).map_err(|source| BrokerError::Answer {
            arguments: arguments.join(" "),
            source,
        })
    }

    /// Stops the broker in an orderly way.
    ///
    /// # Errors
    ///
    /// [`BrokerError::NotRunning`] when it was stopped before.
    pub fn stop(&mut self) -> Result<(), BrokerError> {
        self.node.end(rustix::process::Signal::TERM)
    }

    /// Kills the broker (SIGKILL).
    ///
    /// # Errors
    ///
    /// [`BrokerError::NotRunning`] when it was stopped before.
    pub fn kill(&mut self) -> Result<(), BrokerError> {
        self.node.end(rustix::process::Signal::KILL)
    }

    /// Starts the broker again after [`Self::stop`] or [`Self::kill`], on the same ports and folder; stops it before
    /// if it runs.
    ///
    /// # Errors
    ///
    /// [`BrokerError::Start`] when it does not come back.
    pub fn restart(&mut self) -> Result<(), BrokerError> {
        if self.node.runs() {
            self.stop()?;
        }
        self.node.start()
    }

    /// What the broker wrote into its log until now.
    ///
    /// # Errors
    ///
    /// [`BrokerError::Prepare`] when the log cannot be read.
    pub fn log(&self) -> Result<String, BrokerError> {
        let path = self.node.log_file();
        fs::read_to_string(&path).map_err(|source| BrokerError::Prepare { path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_keeps_its_port_and_ends_with_its_value() {
        let mut broker = Broker::start().unwrap();
        let (port, folder) = (broker.port(), broker.folder.path().to_owned());
        assert_eq!(broker.list_queues().unwrap(), []);
        broker
            .add_users(&[User::new("agent", "secret").permissions("^$", "^x$", "^y$")])
            .unwrap();
        broker.kill().unwrap();
        assert!(matches!(broker.kill(), Err(BrokerError::NotRunning)));
        broker.restart().unwrap();
        assert_eq!(broker.port(), port);
        assert!(
            broker
                .control(&["list_permissions"])
                .unwrap()
                .contains("agent\t^$\t^x$\t^y$")
        );
        let pid = broker.node.pid().unwrap();
        drop(broker);
        assert!(!PathBuf::from(format!("/proc/{pid}")).exists());
        assert!(!folder.exists());
    }
}
