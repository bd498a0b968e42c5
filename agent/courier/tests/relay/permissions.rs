//! What one agent's credential reaches: its own queue and its own routing keys, and nothing else.

use std::sync::OnceLock;

use gumshoe_link::{Login, Secret, ToCourier};
use gumshoe_protocol::{AgentId, relay};
use gumshoe_test_services::rabbitmq::User;
use lapin::{
    BasicProperties, Channel, ExchangeKind,
    options::{
        BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, ExchangeDeclareOptions, QueueBindOptions,
        QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions,
    },
    types::FieldTable,
};

use crate::support::{Courier, Server, agent, broker, configuration, plain};

/// Two agents with credentials of their own, and the server's; made once, as the broker's tool is slow.
struct Fleet {
    mallory: AgentId,
    alice: AgentId,
}

fn user(name: &str, permissions: &relay::Permissions) -> User {
    let user =
        User::new(name, "secret").permissions(&permissions.configure, &permissions.write, &permissions.read);
    permissions.topics.iter().fold(user, |user, topic| {
        user.topic(topic.exchange, &topic.write, &topic.read)
    })
}

/// The fleet, whose agents have connected once.
fn fleet() -> &'static Fleet {
    static FLEET: OnceLock<Fleet> = OnceLock::new();
    FLEET.get_or_init(|| {
        let fleet = Fleet {
            mallory: agent().parse().unwrap(),
            alice: agent().parse().unwrap(),
        };
        let users = [
            user(
                &fleet.mallory.to_string(),
                &relay::agent_permissions(&fleet.mallory),
            ),
            user(&fleet.alice.to_string(), &relay::agent_permissions(&fleet.alice)),
            user("server", &relay::server_permissions()),
        ];
        broker().add_users(&users).unwrap();
        make_server_side();
        for agent in [&fleet.mallory, &fleet.alice] {
            Courier::connected(&own_configuration(agent)).stop();
        }
        fleet
    })
}

/// What a server makes when it starts, with a server's credential.
fn make_server_side() {
    let server = Server::connect(&broker().url_for("server", "secret")).unwrap();
    let durable = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    let queue = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    let channel = &server.channel;
    server
        .block_on(async {
            for exchange in [relay::ACTIONS, relay::REPORTS, relay::EVENTS] {
                let topic = ExchangeKind::Topic;
                channel
                    .exchange_declare(exchange.into(), topic, durable, FieldTable::default())
                    .await?;
            }
            for (name, key) in [
                (relay::REPORTS_QUEUE, "report.*"),
                (relay::HEARTBEATS_QUEUE, "heartbeat.*"),
            ] {
                channel
                    .queue_declare(name.into(), queue, FieldTable::default())
                    .await?;
                bind(channel, name, relay::REPORTS, key).await?;
            }
            lapin::Result::Ok(())
        })
        .unwrap();
}

fn own_configuration(agent: &AgentId) -> gumshoe_link::Configuration {
    let mut configuration = configuration(&agent.to_string(), &[plain(broker())]);
    configuration.topology.queue = relay::agent_queue(agent);
    configuration.login = Login::Password {
        user: agent.to_string(),
        password: Secret::new("secret"),
    };
    configuration
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> lapin::Result<()> {
    let options = QueueBindOptions::default();
    channel
        .queue_bind(
            queue.into(),
            exchange.into(),
            key.into(),
            options,
            FieldTable::default(),
        )
        .await
}

/// Does something with Mallory's credential, on a connection of its own, and expects that it is refused.
fn refused<F, T>(what: &str, act: F)
where
    F: AsyncFnOnce(Channel) -> lapin::Result<T>,
{
    let url = broker().url_for(&fleet().mallory.to_string(), "secret");
    let connection = Server::connect(&url).unwrap();
    let result = connection.block_on(act(connection.channel.clone()));
    let Err(error) = result else {
        panic!("{what} is possible")
    };
    assert!(error.to_string().contains("ACCESS_REFUSED"), "{what}: {error}");
}

#[test]
fn an_agent_can_do_its_work() {
    let fleet = fleet();
    let server = Server::connect(&broker().url_for("server", "secret")).unwrap();
    let mut courier = Courier::connected(&own_configuration(&fleet.alice));
    server.publish(&relay::agent_key(&fleet.alice), b"an action");
    let (tag, bytes) = courier.wait_for_delivery();
    assert_eq!(bytes, b"an action");
    courier.say(&ToCourier::Acknowledge { tag });
    courier.publish(1, &relay::report_key(&fleet.alice), b"");
    assert_eq!(courier.wait_for_fate(1), Ok(()));
    courier.publish(2, &relay::heartbeat_key(&fleet.alice), b"");
    assert_eq!(courier.wait_for_fate(2), Ok(()));
    // What it may not do costs that publish, not the connection.
    courier.publish(3, &relay::report_key(&fleet.mallory), b"");
    assert!(courier.wait_for_fate(3).unwrap_err().contains("ACCESS_REFUSED"));
    courier.publish(4, &relay::report_key(&fleet.alice), b"");
    assert_eq!(courier.wait_for_fate(4), Ok(()));
    courier.stop_undisturbed();
}

#[test]
fn another_agents_queue_cannot_be_read_changed_or_bound() {
    let queue = relay::agent_queue(&fleet().alice);
    let queue = queue.as_str();
    refused("consuming it", async |channel: Channel| {
        let options = BasicConsumeOptions::default();
        channel
            .basic_consume(queue.into(), "".into(), options, FieldTable::default())
            .await
            .map(drop)
    });
    refused("getting from it", async |channel: Channel| {
        channel.basic_get(queue.into(), BasicGetOptions::default()).await
    });
    refused("deleting it", async |channel: Channel| {
        channel
            .queue_delete(queue.into(), QueueDeleteOptions::default())
            .await
    });
    refused("purging it", async |channel: Channel| {
        channel
            .queue_purge(queue.into(), QueuePurgeOptions::default())
            .await
    });
    refused("binding it", async |channel: Channel| {
        bind(&channel, queue, relay::ACTIONS, relay::ALL).await
    });
    refused("unbinding it", async |channel: Channel| {
        channel
            .queue_unbind(
                queue.into(),
                relay::ACTIONS.into(),
                relay::ALL.into(),
                FieldTable::default(),
            )
            .await
    });
    refused("declaring it otherwise", async |channel: Channel| {
        channel
            .queue_declare(
                queue.into(),
                QueueDeclareOptions::default(),
                FieldTable::default(),
            )
            .await
    });
}

#[test]
fn other_agents_actions_and_reports_cannot_be_had() {
    let own = relay::agent_queue(&fleet().mallory);
    let own = own.as_str();
    let others = relay::agent_key(&fleet().alice);
    for key in ["#", "*", "agent.*", "agent.#", "*.*", &others] {
        refused(key, async |channel: Channel| {
            bind(&channel, own, relay::ACTIONS, key).await
        });
    }
    for exchange in [relay::REPORTS, relay::EVENTS, "amq.topic", "amq.fanout"] {
        refused(exchange, async |channel: Channel| {
            bind(&channel, own, exchange, "#").await
        });
    }
    for queue in [relay::REPORTS_QUEUE, relay::HEARTBEATS_QUEUE] {
        refused(queue, async |channel: Channel| {
            channel.basic_get(queue.into(), BasicGetOptions::default()).await
        });
    }
    refused("a queue of its own making", async |channel: Channel| {
        channel
            .queue_declare(
                "spy".into(),
                QueueDeclareOptions::default(),
                FieldTable::default(),
            )
            .await
    });
    refused("a queue without a name", async |channel: Channel| {
        let exclusive = QueueDeclareOptions {
            exclusive: true,
            ..QueueDeclareOptions::default()
        };
        channel
            .queue_declare("".into(), exclusive, FieldTable::default())
            .await
    });
}

#[test]
fn nobody_publishes_as_another() {
    let fleet = fleet();
    let others = [
        relay::report_key(&fleet.alice),
        relay::heartbeat_key(&fleet.alice),
    ];
    let publishes = [
        (relay::REPORTS, others[0].as_str()),
        (relay::REPORTS, others[1].as_str()),
        (relay::REPORTS, "report.x"),
        (relay::ACTIONS, relay::ALL),
        (relay::EVENTS, "x"),
        ("", relay::REPORTS_QUEUE),
        ("amq.topic", "x"),
    ];
    for (exchange, key) in publishes {
        refused(key, async |channel: Channel| {
            let options = BasicPublishOptions::default();
            let properties = BasicProperties::default();
            channel
                .basic_publish(exchange.into(), key.into(), options, b"forged", properties)
                .await?
                .await
        });
    }
}
