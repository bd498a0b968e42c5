//! `login` and `logout`: a signature for a token that is soon over.

use super::setting::Setting;
use crate::api::{Challenge, Session};
use crate::cli::SigningOptions;
use crate::config::StoredToken;
use crate::exit::Exit;
use crate::show::time;
use crate::signing;
use crate::terminal::one_line;
use gumshoe_protocol::Timestamp;
use serde_json::json;
use serde_json::value::RawValue;

/// What is signed to log in.
const LOGIN_TYPE: &str = "application/vnd.gumshoe.login.v1+json";
/// How long a nonce may be.
const MAX_NONCE_CHARS: usize = 256;

/// Signs the server's challenge, and keeps the token that it gives.
pub fn login(setting: &Setting, signing: &SigningOptions) -> anyhow::Result<Exit> {
    let origin = setting.origin()?;
    let server = setting.server_with(origin.clone(), None)?;
    let challenge: Challenge = server.post("login/challenge", &json!({}))?;
    check(&challenge, &origin.to_string(), chrono::Utc::now())?;
    let payload = serde_json::to_vec(&challenge)?;
    let envelope = signing::seal(&setting.gpg(signing)?, LOGIN_TYPE, payload)?;
    let envelope = RawValue::from_string(envelope.to_json())?;
    let session: Session = server.post("login", &json!({"envelope": envelope}))?;
    let told = format!(
        "{} is logged in to {origin} until {} (role {})",
        session.name,
        time(session.expires),
        session.role
    );
    let token = StoredToken {
        token: session.token,
        expires: Some(session.expires),
        name: Some(session.name),
    };
    setting.tokens()?.put(&origin.to_string(), token)?;
    eprintln!("{}", one_line(&told));
    Ok(Exit::Found)
}

/// A signature over another server's challenge would log that server's owner in there: the challenge has to be this server's.
fn check(challenge: &Challenge, origin: &str, now: Timestamp) -> anyhow::Result<()> {
    anyhow::ensure!(
        challenge.origin.trim_end_matches('/') == origin,
        "the server at {origin} calls itself {:?}: its `origin` has to be the address that you use (nothing was signed)",
        challenge.origin
    );
    anyhow::ensure!(
        challenge.expires > now,
        "the server's challenge is over already: is the clock of this machine right?"
    );
    let plain = |nonce: &str| nonce.len() <= MAX_NONCE_CHARS && nonce.chars().all(|c| c.is_ascii_graphic());
    anyhow::ensure!(
        plain(&challenge.nonce),
        "the server's challenge is not acceptable"
    );
    Ok(())
}

/// Gives the token back, and forgets it even where the server cannot be told.
pub fn logout(setting: &Setting) -> anyhow::Result<Exit> {
    let origin = setting.origin()?.to_string();
    let mut tokens = setting.tokens()?;
    let Some(stored) = tokens.get(&origin).cloned() else {
        eprintln!("you are not logged in to {origin}");
        return Ok(Exit::Found);
    };
    let server = setting.server_with(setting.origin()?, Some(stored.token))?;
    let told = server.post_empty("logout");
    tokens.remove(&origin)?;
    match told {
        // A token that the server does not know any more is as good as given back.
        Ok(()) | Err(crate::api::RequestError::Unauthorised { .. }) => Ok(Exit::Found),
        Err(error) => {
            Err(anyhow::Error::from(error)
                .context("the token is forgotten here, but the server was not told"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_of_another_server_is_not_signed() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let challenge = |origin: &str, nonce: &str, seconds| Challenge {
            origin: origin.to_owned(),
            nonce: nonce.to_owned(),
            expires: now + chrono::TimeDelta::seconds(seconds),
        };
        let told = |challenge| check(&challenge, "https://a", now).map_err(|error| error.to_string());
        assert!(told(challenge("https://a", "0f", 60)).is_ok());
        assert!(told(challenge("https://a/", "0f", 60)).is_ok());
        assert!(
            told(challenge("https://b", "0f", 60))
                .unwrap_err()
                .contains("nothing was signed")
        );
        assert!(
            told(challenge("https://a", "0f", 0))
                .unwrap_err()
                .contains("clock")
        );
        assert!(told(challenge("https://a", "0 f", 60)).is_err());
    }
}
