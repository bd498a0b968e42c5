//! Who becomes part of the fleet without being asked about: agents that prove to know an enrolment token.

use crate::config::{ConfigError, EnrolmentConfig, read_text};
use crate::reload::Files;
use gumshoe_protocol::Heartbeat;
use gumshoe_protocol::seal::{PublicReportKey, enrolment_proof};
use gumshoe_store::AgentState;

/// Characters of a token; a shorter one could be guessed from a proof that was overheard.
const MIN_TOKEN_CHARS: usize = 20;

/// Why enrolment tokens are not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnrolmentError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] ConfigError),
    /// A token that could be guessed.
    #[error("the enrolment token in line {line} has less than {MIN_TOKEN_CHARS} characters")]
    Short {
        /// Its line, from 1.
        line: usize,
    },
}

/// The enrolment tokens. Has no `Debug`: they are secrets.
#[derive(Default)]
pub struct Enrolment {
    tokens: Vec<String>,
}

impl Enrolment {
    /// Reads the tokens that the configuration names, and notes their file in `files`; without any, every agent waits for
    /// approval.
    ///
    /// # Errors
    ///
    /// [`EnrolmentError`].
    pub fn load(config: &EnrolmentConfig, files: &Files) -> Result<Self, EnrolmentError> {
        let Some(path) = &config.token_file else {
            return Ok(Self::default());
        };
        files.note(path);
        Self::parse(&read_text(path)?)
    }

    fn parse(text: &str) -> Result<Self, EnrolmentError> {
        let mut tokens = Vec::new();
        for (index, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.chars().count() < MIN_TOKEN_CHARS {
                return Err(EnrolmentError::Short { line: index + 1 });
            }
            tokens.push(line.to_owned());
        }
        Ok(Self { tokens })
    }

    /// The state of an agent that is not known yet: approved if it proves to know a token.
    #[must_use]
    pub fn state(&self, heartbeat: &Heartbeat, key: &PublicReportKey) -> AgentState {
        let proven = heartbeat.enrolment.is_some_and(|proof| {
            // A proof is public once sent, so that comparing in constant time would protect nothing.
            self.tokens
                .iter()
                .any(|token| enrolment_proof(token, key) == proof)
        });
        if proven {
            AgentState::Approved
        } else {
            AgentState::Pending
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_stand_one_per_line_and_are_long() {
        let text = "# fleet 2026\n\n  abcdefghijklmnopqrstuvwxyz  \n";
        assert_eq!(
            Enrolment::parse(text).ok().unwrap().tokens,
            ["abcdefghijklmnopqrstuvwxyz"]
        );
        assert!(matches!(
            Enrolment::parse("#\nshort"),
            Err(EnrolmentError::Short { line: 2 })
        ));
    }
}
