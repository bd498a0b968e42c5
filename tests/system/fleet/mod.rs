//! Investigator, server, relay and agents: each the real program. What people see is what is tested.

mod asking;
mod joining;
mod load;
mod reaching;

use gumshoe_protocol::AgentId;
use gumshoe_test_services::certificates::Authority;
use gumshoe_test_services::rabbitmq::Broker;
use gumshoe_tests::relay::{Daemon, wait_long};
use gumshoe_tests::signed::People;
use gumshoe_tests::{Ended, Host, fleet_programs, target};
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// What agents prove to know.
const ENROLMENT: &str = "a token of this fleet";

/// A fleet of its own, which ends with the value.
struct Fleet {
    // Ended in this order: who sends before who carries.
    agents: Vec<(Host, Daemon)>,
    server: Server,
    broker: Broker,
    people: People,
    desk: Host,
}

/// A server that runs.
struct Server {
    child: Child,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
    }
}

impl Fleet {
    /// A server that knows these people, and an agent with the modules `file` and `misbehave` for each of these roles.
    fn start(people: &[&'static str], roles: &[&str]) -> Self {
        Self::start_with(people, roles, None)
    }

    /// The same, with an API that speaks TLS: its certificate is by this authority.
    fn start_with(people: &[&'static str], roles: &[&str], authority: Option<&Authority>) -> Self {
        let broker = Broker::start().unwrap();
        let people = People::new(people);
        let desk = Host::new();
        for module in ["file", "misbehave"] {
            desk.install(module);
            desk.configure(module, "enabled = true\n");
        }
        people.write_policy(&desk, "");
        if let Some(authority) = authority {
            let identity = authority.server(&["127.0.0.1"]).unwrap();
            std::fs::write(desk.path("api.pem"), identity.certificate).unwrap();
            std::fs::write(desk.path("api.key"), identity.key).unwrap();
            std::fs::write(desk.path("authority.pem"), authority.pem()).unwrap();
        }
        let server = Server::start(&desk, &broker);
        let mut fleet = Self {
            agents: Vec::new(),
            server,
            broker,
            people,
            desk,
        };
        for role in roles {
            fleet.join(
                role,
                &format!(
                    "[enrolment]\ntoken_file = {:?}\n",
                    fleet.desk.path("config/enrolment")
                ),
            );
        }
        let wanted = roles.len();
        wait_long("all agents are approved", || {
            fleet.agents_in("approved").len() == wanted
        });
        fleet
    }

    /// Starts an agent; `more` is appended to its configuration.
    fn join(&mut self, role: &str, more: &str) {
        let host = self.prepare(role, more);
        self.begin(host);
    }

    /// A host with everything but a running agent.
    fn prepare(&self, role: &str, more: &str) -> Host {
        let host = Host::new();
        for module in ["file", "misbehave"] {
            host.install(module);
            host.configure(module, "enabled = true\n");
        }
        self.people.write_policy(&host, "");
        std::fs::create_dir(host.path("config/tags.d")).unwrap();
        std::fs::write(
            host.path("config/tags.d/role.toml"),
            format!("role = \"{role}\"\n"),
        )
        .unwrap();
        host.use_relay(&self.broker, more);
        host
    }

    /// Starts the agent of a host.
    fn begin(&mut self, host: Host) {
        let daemon = host.daemon(&[]);
        self.agents.push((host, daemon));
    }

    /// Agents in a state, as `gumshoe agents list` has them.
    fn agents_in(&self, state: &str) -> Vec<AgentId> {
        let listed = self.ok("admin", &["agents", "list", "--state", state, "--ndjson"]);
        let agents = listed.stdout.lines().map(|line| {
            let agent: serde_json::Value = serde_json::from_str(line).unwrap();
            agent["id"].as_str().unwrap().parse().unwrap()
        });
        agents.collect()
    }

    /// `gumshoe`, as somebody uses it: with their key and their home; `admin` has the administrator's token instead.
    fn command(&self, who: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(target().join("gumshoe"));
        let home = self.desk.path(&format!("home-{who}"));
        std::fs::create_dir_all(&home).unwrap();
        command
            .env("GUMSHOE_AGENT", target().join("gumshoe-agent"))
            .env("GUMSHOE_CONFIG_DIR", self.desk.path("config"))
            .env("GUMSHOE_SERVER", &self.server.url)
            .env("GNUPGHOME", self.people.gpg().home())
            .env("HOME", home)
            .env_remove("XDG_CONFIG_HOME")
            .args(arguments)
            .stdin(Stdio::null());
        if speaks_tls(&self.desk) {
            command.env("GUMSHOE_CA", self.desk.path("authority.pem"));
        }
        match who {
            "admin" => command.env("GUMSHOE_TOKEN", token(&self.desk)),
            _ => command.env("GUMSHOE_KEY", self.people.fingerprint(who)),
        };
        command
    }

    /// Runs it to its end.
    fn run(&self, who: &str, arguments: &[&str]) -> Ended {
        Ended::from(self.command(who, arguments).output().unwrap())
    }

    /// Runs it to its end, which has to be a good one.
    fn ok(&self, who: &str, arguments: &[&str]) -> Ended {
        let ended = self.run(who, arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {ended:?}");
        ended
    }
}

/// Whether the API speaks TLS.
fn speaks_tls(desk: &Host) -> bool {
    desk.path("api.pem").exists()
}

/// The administrator's token.
fn token(desk: &Host) -> String {
    std::fs::read_to_string(desk.path("token"))
        .unwrap()
        .trim()
        .to_owned()
}

impl Server {
    /// Starts a server on a port that was free; on another one if somebody else was quicker.
    fn start(desk: &Host, broker: &Broker) -> Self {
        fleet_programs();
        std::fs::write(desk.path("config/enrolment"), ENROLMENT).unwrap();
        let made = gumshoe_server(desk, broker, &["token", "create", "tests", "--role", "admin"]);
        std::fs::write(desk.path("token"), made).unwrap();
        gumshoe_server(desk, broker, &["relay", "setup"]);
        let attempts = std::iter::repeat_with(|| Self::try_start(desk, broker));
        attempts.take(5).flatten().next().unwrap()
    }

    fn try_start(desk: &Host, broker: &Broker) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let address = format!("127.0.0.1:{port}");
        let log = std::fs::File::create(desk.path("server.log")).unwrap();
        let mut child = server_command(desk, broker)
            .args(["--listen", &address, "serve", "--print-address"])
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let scheme = if speaks_tls(desk) { "https" } else { "http" };
        let url = format!("{scheme}://{address}");
        let server = Self { child, url };
        (!line.is_empty()).then_some(server)
    }
}

/// Runs a command of the server's to its end; what it printed.
fn gumshoe_server(desk: &Host, broker: &Broker, arguments: &[&str]) -> String {
    let ended = Ended::from(server_command(desk, broker).args(arguments).output().unwrap());
    assert_eq!(ended.code, 0, "{ended:?}");
    ended.stdout
}

fn server_command(desk: &Host, broker: &Broker) -> Command {
    let config = desk.path("server.toml");
    let text = format!(
        "policy = {:?}\ndatabase = \"sqlite:{}\"\n[relay]\nurls = [{:?}]\n[enrolment]\ntoken_file = {:?}\n[api]\nrequests_per_minute = 1000000\n",
        desk.path("config/policy.toml"),
        desk.path("server.db").display(),
        broker.url(),
        desk.path("config/enrolment"),
    );
    let identity = format!(
        "certificate = {:?}\nkey = {:?}\n",
        desk.path("api.pem"),
        desk.path("api.key")
    );
    let more = if speaks_tls(desk) { identity } else { String::new() };
    std::fs::write(&config, text + &more).unwrap();
    let mut command = Command::new(target().join("gumshoe-server"));
    command.arg("--config").arg(config).stdin(Stdio::null());
    command
}
