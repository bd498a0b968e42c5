//! The enrolment token: what an agent proves to know, so that the server takes it in without being asked.

use crate::config::Config;
use gumshoe_plugin_api::host::trust;
use gumshoe_protocol::ContentDigest;
use gumshoe_protocol::seal::{PublicReportKey, enrolment_proof};
use std::fmt;
use std::io::Read as _;
use std::path::Path;

/// How long the file may be; a token has one line.
const MAX_BYTES: u64 = 1024;

/// A token. It stays on the host: heartbeats carry a proof that is good for one key only.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// The token that the configuration names a file of, if it does.
    ///
    /// # Errors
    ///
    /// Why there is none, for people.
    pub fn read(config: &Config) -> Result<Option<Self>, String> {
        let Some(path) = &config.enrolment.token_file else {
            return Ok(None);
        };
        let failed = |why: String| format!("the enrolment token `{}` cannot be used: {why}", path.display());
        let text = read(path).map_err(failed)?;
        let token = text.trim();
        if token.is_empty() || token.contains(char::is_control) {
            return Err(failed("it is not one line of text".to_owned()));
        }
        Ok(Some(Self(token.to_owned())))
    }

    /// The proof, for this agent.
    #[must_use]
    pub fn proof(&self, key: &PublicReportKey) -> ContentDigest {
        enrolment_proof(&self.0, key)
    }
}

fn read(path: &Path) -> Result<String, String> {
    let (file, _) = trust::open(path).map_err(|error| crate::terminal::chain(&error))?;
    let mut text = String::new();
    file.take(MAX_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| error.to_string())?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use gumshoe_protocol::ReportKey;

    #[test]
    fn a_token_is_one_line_and_is_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(
            folder.path().join("agent.toml"),
            format!("[enrolment]\ntoken_file = {:?}\n", file),
        )
        .unwrap();
        let config = Config::load(folder.path()).unwrap();
        assert!(
            Token::read(&config).unwrap_err().contains("token"),
            "no such file"
        );
        for (text, is_good) in [("secret-token\n", true), ("\n", false), ("a\nb\n", false)] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(Token::read(&config).is_ok(), is_good, "{text:?}");
        }
        std::fs::write(&file, "secret-token\n").unwrap();
        let token = Token::read(&config).unwrap().unwrap();
        assert!(!format!("{token:?}").contains("secret"));
        let key = ReportKey::from_seed(&[3; 32]).public();
        assert_eq!(token.proof(&key), enrolment_proof("secret-token", &key));
    }
}
