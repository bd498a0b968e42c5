//! A real courier process with the test as its warden, and the relay as its server sees it.
use std::{
    collections::VecDeque,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use gumshoe_link::{
    Configuration, Login, Phase, QueueLimits, Relay, Secret, Timing, ToCourier, ToWarden, Topology, Trust,
    blocking,
};
use gumshoe_test_services::{certificates::Authority, rabbitmq::Broker};
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, Consumer, ExchangeKind,
    options::{
        BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
        QueueBindOptions, QueueDeclareOptions,
    },
    types::FieldTable,
};

/// How long anything may take before a test fails: generous, as the machine may be busy.
pub const LIMIT: Duration = Duration::from_secs(60);

pub const ACTIONS: &str = "gumshoe.v1.actions";
pub const REPORTS: &str = "gumshoe.v1.reports";

/// An agent id that no other test uses.
pub fn agent() -> String {
    static AGENTS: AtomicU64 = AtomicU64::new(0);
    format!(
        "{:016x}{:016x}",
        std::process::id(),
        AGENTS.fetch_add(1, Ordering::Relaxed)
    )
}

/// A configuration with short times for the relay at a port of this machine.
pub fn configuration(agent: &str, relays: &[String]) -> Configuration {
    Configuration {
        relays: relays
            .iter()
            .map(|relay| relay.parse::<Relay>().unwrap())
            .collect(),
        login: Login::Password {
            user: "guest".to_owned(),
            password: Secret::new("guest"),
        },
        trust: Trust::default(),
        proxy: None,
        topology: Topology {
            queue: format!("gumshoe.v1.agent.{agent}"),
            actions: ACTIONS.to_owned(),
            bindings: vec!["all".to_owned(), format!("agent.{agent}")],
            reports: REPORTS.to_owned(),
        },
        queue: QueueLimits::default(),
        timing: Timing {
            backoff_first_ms: 50,
            backoff_most_ms: 500,
            ..Timing::default()
        },
        prefetch: 4,
        metadata: None,
        once: false,
    }
}

/// The broker of all tests that neither stop it nor change what others see.
pub fn broker() -> &'static Broker {
    static BROKER: OnceLock<Broker> = OnceLock::new();
    BROKER.get_or_init(|| {
        let authority = Authority::new("test authority").unwrap();
        Broker::builder().tls(authority).start().unwrap()
    })
}

pub fn plain(broker: &Broker) -> String {
    format!("amqp://127.0.0.1:{}", broker.port())
}

pub fn tls(broker: &Broker) -> String {
    format!("amqps://localhost:{}", broker.tls_port().unwrap())
}

/// A courier process; the test is its warden.
pub struct Courier {
    pub process: Child,
    link: UnixStream,
    heard: VecDeque<ToWarden>,
}

impl Courier {
    pub fn start(configuration: &Configuration) -> Self {
        let mut courier = Self::start_idle();
        courier.say(&ToCourier::Configure(Box::new(configuration.clone())));
        courier
    }

    /// A courier that was not told anything yet.
    pub fn start_idle() -> Self {
        let (link, theirs) = UnixStream::pair().unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_gumshoe-courier"))
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .spawn()
            .unwrap();
        Self {
            process,
            link,
            heard: VecDeque::new(),
        }
    }

    /// A courier that is connected.
    pub fn connected(configuration: &Configuration) -> Self {
        let mut courier = Self::start(configuration);
        courier.wait_for_phase(Phase::Connected);
        courier
    }

    pub fn say(&mut self, message: &ToCourier) {
        blocking::send(&mut self.link, message).unwrap();
    }

    /// Writes bytes that are no message.
    pub fn write(&mut self, bytes: &[u8]) {
        self.link.write_all(bytes).unwrap();
    }

    pub fn publish(&mut self, id: u64, routing_key: &str, bytes: &[u8]) {
        self.say(&ToCourier::Publish {
            id,
            routing_key: routing_key.to_owned(),
            bytes: bytes.to_vec(),
        });
    }

    /// The first message, heard or to come, that the function makes something of; the others are kept.
    pub fn wait_for<T>(&mut self, what: &str, pick: impl Fn(&ToWarden) -> Option<T>) -> T {
        if let Some(index) = self.heard.iter().position(|message| pick(message).is_some()) {
            return pick(&self.heard.remove(index).unwrap()).unwrap();
        }
        let deadline = Instant::now() + LIMIT;
        loop {
            let left = deadline
                .saturating_duration_since(Instant::now())
                .max(Duration::from_millis(1));
            self.link.set_read_timeout(Some(left)).unwrap();
            let message = match blocking::receive::<ToWarden>(&mut self.link) {
                Ok(Some(message)) => message,
                other => panic!("waiting for {what}: {other:?}; heard: {:?}", self.heard),
            };
            if let Some(picked) = pick(&message) {
                return picked;
            }
            self.heard.push_back(message);
        }
    }

    /// Waits for a state and returns its error.
    pub fn wait_for_phase(&mut self, phase: Phase) -> Option<String> {
        self.wait_for(&format!("{phase:?}"), |message| match message {
            ToWarden::State(state) if state.phase == phase => Some(state.error.clone()),
            _ => None,
        })
    }

    /// Waits for the relay's name in the next state with a connection.
    pub fn wait_for_relay(&mut self) -> String {
        self.wait_for("a relay", |message| match message {
            ToWarden::State(state) if state.phase == Phase::Connected => state.relay.clone(),
            _ => None,
        })
    }

    pub fn wait_for_delivery(&mut self) -> (u64, Vec<u8>) {
        self.wait_for("a delivery", |message| match message {
            ToWarden::Delivered { tag, bytes } => Some((*tag, bytes.clone())),
            _ => None,
        })
    }

    /// Waits for the fate of a publish.
    pub fn wait_for_fate(&mut self, id: u64) -> Result<(), String> {
        self.wait_for(&format!("the fate of {id}"), |message| match message {
            ToWarden::Confirmed { id: theirs } if *theirs == id => Some(Ok(())),
            ToWarden::Failed { id: theirs, why } if *theirs == id => Some(Err(why.clone())),
            _ => None,
        })
    }

    /// Waits for one message that is equal to this one.
    pub fn wait_for_message(&mut self, expected: &ToWarden) {
        self.wait_for(&format!("{expected:?}"), |message| {
            (message == expected).then_some(())
        });
    }

    /// Everything that was heard and not waited for.
    pub fn heard(&self) -> impl Iterator<Item = &ToWarden> {
        self.heard.iter()
    }

    /// Ends in an orderly way, on the connection that was made first.
    pub fn stop_undisturbed(self) {
        let disturbed = |message: &ToWarden| matches!(message, ToWarden::State(state) if state.phase == Phase::Disconnected);
        assert!(!self.heard().any(disturbed), "{:?}", self.heard);
        self.stop();
    }

    /// Ends in an orderly way.
    pub fn stop(mut self) {
        self.say(&ToCourier::Stop);
        self.wait_for_end();
        assert!(self.process.wait().unwrap().success());
    }

    /// Closes the warden's side of the link.
    pub fn hang_up(&mut self) {
        self.link.shutdown(Shutdown::Both).unwrap();
    }

    /// Reads until the courier closes the link.
    pub fn wait_for_end(&mut self) {
        self.link.set_read_timeout(Some(LIMIT)).unwrap();
        while let Some(message) = blocking::receive::<ToWarden>(&mut self.link).unwrap() {
            self.heard.push_back(message);
        }
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The server's view of the relay.
pub struct Server {
    runtime: tokio::runtime::Runtime,
    _connection: Connection,
    pub channel: Channel,
}

impl Server {
    /// Connects as the user of the URL.
    pub fn connect(url: &str) -> lapin::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (connection, channel) = runtime.block_on(async {
            let connection = Connection::connect(url, ConnectionProperties::default()).await?;
            let channel = connection.create_channel().await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            lapin::Result::Ok((connection, channel))
        })?;
        Ok(Self {
            runtime,
            _connection: connection,
            channel,
        })
    }

    /// Connects and makes the exchanges.
    pub fn start(broker: &Broker) -> Self {
        let server = Self::connect(&broker.url()).unwrap();
        let options = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        for exchange in [ACTIONS, REPORTS] {
            let declare = server.channel.exchange_declare(
                exchange.into(),
                ExchangeKind::Topic,
                options,
                FieldTable::default(),
            );
            server.runtime.block_on(declare).unwrap();
        }
        server
    }

    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Publishes an action and waits until the relay has it.
    pub fn publish(&self, routing_key: &str, bytes: &[u8]) {
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let properties = BasicProperties::default().with_delivery_mode(2);
        let confirmation = self.runtime.block_on(async {
            self.channel
                .basic_publish(ACTIONS.into(), routing_key.into(), options, bytes, properties)
                .await?
                .await
        });
        let confirmation = confirmation.unwrap();
        assert!(
            confirmation.is_ack() && confirmation.take_message().is_none(),
            "{routing_key} is not bound"
        );
    }

    /// A durable queue for reports of one agent, with its consumer.
    pub fn reports(&self, agent: &str) -> Reports<'_> {
        let queue = format!("reports.{agent}");
        self.declare_reports(&queue, agent, FieldTable::default());
        let consume = self.channel.basic_consume(
            queue.as_str().into(),
            "".into(),
            BasicConsumeOptions {
                no_ack: true,
                ..BasicConsumeOptions::default()
            },
            FieldTable::default(),
        );
        Reports {
            consumer: self.runtime.block_on(consume).unwrap(),
            server: self,
        }
    }

    pub fn declare_reports(&self, queue: &str, agent: &str, arguments: FieldTable) {
        let options = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        let key = format!("*.{agent}");
        self.runtime
            .block_on(async {
                self.channel
                    .queue_declare(queue.into(), options, arguments)
                    .await?;
                let bind = QueueBindOptions::default();
                self.channel
                    .queue_bind(
                        queue.into(),
                        REPORTS.into(),
                        key.as_str().into(),
                        bind,
                        FieldTable::default(),
                    )
                    .await
            })
            .unwrap();
    }

    /// Messages that are ready in a queue, asked of the queue itself.
    pub fn ready(&self, queue: &str) -> u32 {
        let options = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let declare = self
            .channel
            .queue_declare(queue.into(), options, FieldTable::default());
        self.runtime.block_on(declare).unwrap().message_count()
    }
}

/// Reports as they come in.
pub struct Reports<'a> {
    server: &'a Server,
    consumer: Consumer,
}

impl Reports<'_> {
    /// The next report: its routing key and its bytes.
    pub fn next(&mut self) -> (String, Vec<u8>) {
        let consumer = &mut self.consumer;
        let next = std::future::poll_fn(|cx| {
            futures_core::Stream::poll_next(std::pin::Pin::new(&mut *consumer), cx)
        });
        let delivery = self
            .server
            .runtime
            .block_on(async { tokio::time::timeout(LIMIT, next).await });
        let delivery = delivery.expect("a report in time").expect("a consumer").unwrap();
        (delivery.routing_key.to_string(), delivery.data)
    }
}

/// A TCP forwarder between a courier and a relay that can stop forwarding and keep its sockets open.
pub struct Forwarder {
    port: u16,
    stuck: Arc<Mutex<Vec<Arc<AtomicBool>>>>,
}

impl Forwarder {
    /// Forwards to a port of this machine.
    pub fn to(port: u16) -> Self {
        Self::accept(move |_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok())
    }

    /// An HTTP proxy that asks for these credentials (`user:password` in base64).
    pub fn proxy(credentials: &'static str) -> Self {
        Self::accept(move |near| {
            let head = read_head(near)?;
            let target = head.strip_prefix("CONNECT ")?.split(' ').next()?;
            if !head.contains(&format!("Proxy-Authorization: Basic {credentials}\r\n")) {
                near.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
                    .ok()?;
                return None;
            }
            let far = TcpStream::connect(target).ok()?;
            near.write_all(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
                .ok()?;
            Some(far)
        })
    }

    fn accept(reach: impl Fn(&mut TcpStream) -> Option<TcpStream> + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let stuck = Arc::new(Mutex::new(Vec::new()));
        let flags = Arc::clone(&stuck);
        thread::spawn(move || {
            for mut near in listener.incoming().map_while(Result::ok) {
                let Some(far) = reach(&mut near) else { continue };
                let flag = Arc::new(AtomicBool::new(false));
                flags.lock().unwrap().push(Arc::clone(&flag));
                forward(
                    near.try_clone().unwrap(),
                    far.try_clone().unwrap(),
                    Arc::clone(&flag),
                );
                forward(far, near, flag);
            }
        });
        Self { port, stuck }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many connections there have been.
    pub fn connections(&self) -> usize {
        self.stuck.lock().unwrap().len()
    }

    /// From now on nothing is forwarded on the connections that exist; new ones work.
    pub fn get_stuck(&self) {
        for flag in self.stuck.lock().unwrap().iter() {
            flag.store(true, Ordering::SeqCst);
        }
    }
}

/// The head of an HTTP request, byte by byte, so that nothing after it is taken.
fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

/// Copies until the flag is up; then swallows what comes, and keeps both sockets.
fn forward(mut from: TcpStream, mut to: TcpStream, stuck: Arc<AtomicBool>) {
    thread::spawn(move || {
        let mut piece = [0; 16384];
        while let Ok(count @ 1..) = from.read(&mut piece) {
            if !stuck.load(Ordering::SeqCst) && to.write_all(&piece[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}
