//! What publishing says of each message, where some of them have no queue.

use crate::harness::relay_url;
use anyhow::Result;
use gumshoe_protocol::relay::ACTIONS;
use gumshoe_server::cli::Overrides;
use gumshoe_server::config::Config;
use gumshoe_server::relay::{Publication, PublishError, Publisher, Relay, declare};
use lapin::options::{QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;

#[tokio::test]
async fn messages_that_nobody_takes_are_told_from_those_that_wait() -> Result<()> {
    let overrides = Overrides {
        relay: vec![relay_url()?],
        ..Overrides::default()
    };
    let empty = tempfile::NamedTempFile::new()?;
    let config = Config::load(empty.path(), &overrides)?;
    let relay = Relay::new(&config.relay)?;
    let connection = relay.connect("test").await?;
    let channel = connection.create_channel().await?;
    declare(&channel).await?;
    let temporary = QueueDeclareOptions {
        exclusive: true,
        ..QueueDeclareOptions::default()
    };
    let queue = channel
        .queue_declare("".into(), temporary, FieldTable::default())
        .await?;
    let keys: Vec<String> = (0..200)
        .map(|number| format!("agent.publishing-{number}"))
        .collect();
    let is_bound = |index: usize| index.is_multiple_of(3);
    for (_, key) in keys.iter().enumerate().filter(|(index, _)| is_bound(*index)) {
        let (name, exchange) = (queue.name().clone(), ACTIONS.into());
        channel
            .queue_bind(
                name,
                exchange,
                key.as_str().into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await?;
    }
    let publisher = Publisher::new(relay, "test publisher");
    let message = |key: &String| Publication {
        exchange: ACTIONS,
        key: key.clone(),
        body: b"{}",
        time_to_live: None,
        mandatory: true,
    };
    let results = publisher.publish_all(keys.iter().map(message).collect()).await;
    for (index, (result, key)) in results.iter().zip(&keys).enumerate() {
        match result {
            Ok(()) => assert!(is_bound(index), "{key} has no queue"),
            Err(PublishError::Unroutable { key: told }) => assert!(told == key && !is_bound(index), "{key}"),
            Err(error) => anyhow::bail!("{key}: {error}"),
        }
    }
    Ok(())
}
