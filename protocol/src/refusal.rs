//! Why something was not done, with a code to search for.

use serde::{Deserialize, Serialize};

/// Why an action was not obeyed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Stable code in kebab case; `docs/security.md` lists them.
    pub code: String,
    /// What was wrong, where, and what to do.
    pub message: String,
}

impl Refusal {
    /// A refusal with a code of [`codes`] or of the crates below.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
        }
    }

    /// A refusal by an error: its message and those of its causes.
    pub fn by(code: &'static str, error: &dyn std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        Self::new(code, message)
    }
}

/// The codes of this crate, in the order in which a decision can meet them.
pub mod codes {
    /// The message is longer than an envelope can be.
    pub const ENVELOPE_SIZE: &str = "envelope-size";
    /// The message is not a DSSE envelope, or has more signatures than are looked at.
    pub const ENVELOPE_FORM: &str = "envelope-form";
    /// The envelope holds something that agents are not asked.
    pub const PAYLOAD_TYPE: &str = "payload-type";
    /// A signature is by a key that the policy does not name.
    pub const UNKNOWN_SIGNER: &str = "unknown-signer";
    /// Two signatures are by keys of one investigator.
    pub const DUPLICATE_SIGNER: &str = "duplicate-signer";
    /// The payload is not strict JSON, or has not the form of an action.
    pub const ACTION_FORM: &str = "action-form";
    /// The payload is written for another version of the protocol.
    pub const PROTOCOL_VERSION: &str = "protocol-version";
    /// The window ends before it begins.
    pub const WINDOW: &str = "window";
    /// The window is longer than the policy allows.
    pub const WINDOW_TOO_LONG: &str = "window-too-long";
    /// The identifier was used before, with another content.
    pub const ID_REUSED: &str = "id-reused";
    /// The window has not begun.
    pub const NOT_YET_VALID: &str = "not-yet-valid";
    /// The window has ended.
    pub const EXPIRED: &str = "expired";
    /// The window ended within a time of which the agent has forgotten what it ran.
    pub const FORGOTTEN: &str = "forgotten";
    /// The target is not an expression, or cannot be evaluated on this host.
    pub const TARGET: &str = "target";
    /// No permission of the policy covers this module for any of the signers.
    pub const NOT_PERMITTED: &str = "not-permitted";
    /// A permission would cover it if more, or weightier, investigators had signed.
    pub const THRESHOLD: &str = "threshold";
    /// A permission would cover it if its condition held.
    pub const CONDITION: &str = "condition";

    /// All of them.
    pub const ALL: [&str; 17] = [
        ENVELOPE_SIZE,
        ENVELOPE_FORM,
        PAYLOAD_TYPE,
        UNKNOWN_SIGNER,
        DUPLICATE_SIGNER,
        ACTION_FORM,
        PROTOCOL_VERSION,
        WINDOW,
        WINDOW_TOO_LONG,
        ID_REUSED,
        NOT_YET_VALID,
        EXPIRED,
        FORGOTTEN,
        TARGET,
        NOT_PERMITTED,
        THRESHOLD,
        CONDITION,
    ];
}
