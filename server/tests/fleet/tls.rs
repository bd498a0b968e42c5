//! Everything in TLS: the way to the broker with a client certificate, and the API.

use crate::harness::{Fleet, Setup};
use anyhow::{Context as _, Result};
use gumshoe_protocol::relay::server_permissions;
use gumshoe_test_services::certificates::Authority;
use gumshoe_test_services::rabbitmq::{Broker, User};
use serde_json::json;
use std::fs;
use std::path::Path;

/// Writes a file and returns its path as TOML writes it.
fn write(folder: &Path, name: &str, text: &str) -> Result<String> {
    let path = folder.join(name);
    fs::write(&path, text)?;
    Ok(format!("{:?}", path.display().to_string()))
}

#[test]
fn relay_and_api_are_reached_in_tls_and_only_by_whom_the_configuration_trusts() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (authority, stranger) = (Authority::new("fleet")?, Authority::new("stranger")?);
    let (api, client) = (
        authority.server(&["127.0.0.1"])?,
        authority.client("gumshoe-server")?,
    );
    let (pem, strange) = (authority.pem(), stranger.pem());
    let file = |name: &str, text: &str| write(folder.path(), name, text);
    let config = |ca: &str| -> Result<String> {
        Ok(format!(
            "[workers]\nexport = \"FOLDER/events\"\n[relay]\nca = {ca}\ncertificate = {}\nkey = {}\n[api]\ncertificate = {}\nkey = {}\n",
            file("client.pem", &client.certificate)?,
            file("client.key", &client.key)?,
            file("api.pem", &api.certificate)?,
            file("api.key", &api.key)?,
        ))
    };
    let broker = Broker::builder().tls(authority).start()?;
    // What is generated for servers is enough for a server.
    let may = server_permissions();
    broker.add_users(&[User::external("gumshoe-server").permissions(
        &may.configure,
        &may.write,
        &may.read,
    )])?;
    let port = broker.tls_port().context("a TLS port")?;
    let setup = |config, ca| Setup {
        relay: Some((format!("amqps://127.0.0.1:{port}/%2f"), broker.url())),
        config,
        ca: Some(ca),
        ..Setup::default()
    };
    let trusting = config(&file("ca.pem", &pem)?)?;
    let fleet = Fleet::set_up(setup(&trusting, &pem))?;
    let mut agent = fleet.agent("web1")?;
    let action = fleet.action("true")?;
    fleet.submit(&action, &json!({}))?;
    assert_eq!(agent.receive_action()?.0.id, action.id);
    assert_eq!(fleet.ask("GET", "/readyz", None, None)?.0, 200);

    // A broker whose certificate somebody else signed is not spoken to.
    let mistaken = config(&file("stranger.pem", &strange)?)?;
    let refused = Fleet::set_up(setup(&mistaken, &pem)).err().context("refused")?;
    assert!(refused.to_string().contains("UnknownIssuer"), "{refused}");
    Ok(())
}
