//! The action: the signed question, and the signed wish to stop it.

use crate::bounds::{
    DESCRIPTION_BYTES, MODULE_NAME_BYTES, NAME_BYTES, OPERATIONS, REFERENCE_BYTES, REFERENCES,
};
use crate::ids::ActionId;
use crate::{PROTOCOL, Timestamp};
use gumshoe_plugin_api::json;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A question to hosts, as it is signed.
///
/// Units: times are RFC 3339 in UTC. Limits: see [`crate::bounds`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// Version of the protocol: 1.
    pub protocol: u32,
    /// 128 random bits; an agent runs an identifier once.
    pub id: ActionId,
    /// What people call it; one line.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Which hosts it is for: a CEL expression over the host's facts.
    pub target: String,
    /// When it begins to be valid.
    pub not_before: Timestamp,
    /// When it ends to be valid.
    pub expires: Timestamp,
    /// What is asked, in order; they may run at the same time.
    pub operations: Vec<Operation>,
    /// How far each operation may go; the host's policy may say less.
    #[serde(default, skip_serializing_if = "RequestedLimits::is_empty")]
    pub limits: RequestedLimits,
    /// Tickets, links, sources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
}

/// One call of one module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// Name of the module.
    pub module: String,
    /// Its parameters: a JSON object of the module's schema.
    pub params: Value,
    /// Limits of this operation, in place of the action's.
    #[serde(default, skip_serializing_if = "RequestedLimits::is_empty")]
    pub limits: RequestedLimits,
}

/// Limits that an investigator asks for; what is absent is left to the host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RequestedLimits {
    /// Wall time in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Private memory of the module's process, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Share of one processor, in percent; 200 is two processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<u32>,
    /// Findings per operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<u64>,
    /// Bytes of all findings of an operation together, as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report_bytes: Option<u64>,
}

impl RequestedLimits {
    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These, and those of `base` where nothing is said.
    #[must_use]
    pub fn or(&self, base: &Self) -> Self {
        Self {
            timeout_ms: self.timeout_ms.or(base.timeout_ms),
            memory_bytes: self.memory_bytes.or(base.memory_bytes),
            cpu_percent: self.cpu_percent.or(base.cpu_percent),
            findings: self.findings.or(base.findings),
            report_bytes: self.report_bytes.or(base.report_bytes),
        }
    }

    fn has_zero(&self) -> bool {
        let zero = |value: Option<u64>| value == Some(0);
        zero(self.timeout_ms)
            || zero(self.memory_bytes)
            || zero(self.cpu_percent.map(u64::from))
            || zero(self.findings)
            || zero(self.report_bytes)
    }
}

/// The wish to stop an action that is on its way or running, as it is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// Version of the protocol: 1.
    pub protocol: u32,
    /// The action to stop.
    pub action: ActionId,
    /// When this was asked for.
    pub made: Timestamp,
    /// Why; one line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Why a payload is not an action.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActionError {
    /// Not strict JSON: duplicate keys, depth, numbers, UTF-8.
    #[error("the payload is not acceptable JSON")]
    Json(#[source] json::StrictError),
    /// JSON of another shape.
    #[error("the payload does not have the form of this payload type: {0}")]
    Form(String),
    /// Written for another version of the protocol.
    #[error("the payload is written for protocol {found}, this is protocol {PROTOCOL}")]
    Protocol {
        /// The version found.
        found: u32,
    },
    /// A field has a value that makes no sense.
    #[error("`{field}` {message}")]
    Field {
        /// Where it stands.
        field: String,
        /// What is wrong with it.
        message: String,
    },
    /// The window ends before it begins.
    #[error("`expires` ({expires}) is not after `not_before` ({not_before})")]
    Window {
        /// Its beginning.
        not_before: Timestamp,
        /// Its end.
        expires: Timestamp,
    },
}

impl Action {
    /// Reads an action from a payload.
    ///
    /// # Errors
    ///
    /// [`ActionError`].
    pub fn parse(payload: &[u8]) -> Result<Self, ActionError> {
        let action: Self = parse_payload(payload)?;
        action.check()?;
        Ok(action)
    }

    /// The payload to sign.
    ///
    /// # Panics
    ///
    /// Never: every value of this type can be written as JSON.
    #[must_use]
    pub fn to_payload(&self) -> Vec<u8> {
        written(self)
    }

    /// Checks what the types cannot: bounds, and that the window is one.
    ///
    /// # Errors
    ///
    /// [`ActionError`], naming the field.
    pub fn check(&self) -> Result<(), ActionError> {
        if self.protocol != PROTOCOL {
            return Err(ActionError::Protocol { found: self.protocol });
        }
        line("name", &self.name, NAME_BYTES)?;
        at_most("description", self.description.len(), DESCRIPTION_BYTES, "bytes")?;
        at_most("references", self.references.len(), REFERENCES, "entries")?;
        for (index, reference) in self.references.iter().enumerate() {
            line(&format!("references[{index}]"), reference, REFERENCE_BYTES)?;
        }
        if self.expires <= self.not_before {
            return Err(ActionError::Window {
                not_before: self.not_before,
                expires: self.expires,
            });
        }
        at_most("operations", self.operations.len(), OPERATIONS, "entries")?;
        if self.operations.is_empty() {
            return Err(field("operations", "is empty: an action asks at least one thing"));
        }
        limits("limits", &self.limits)?;
        for (index, operation) in self.operations.iter().enumerate() {
            operation.check(&format!("operations[{index}]"))?;
        }
        Ok(())
    }
}

impl Operation {
    fn check(&self, place: &str) -> Result<(), ActionError> {
        if !is_module_name(&self.module) {
            return Err(field(
                &format!("{place}.module"),
                "is not a module's name: lowercase letters, digits, `-` and `_`",
            ));
        }
        if !self.params.is_object() {
            return Err(field(&format!("{place}.params"), "is not a JSON object"));
        }
        limits(&format!("{place}.limits"), &self.limits)
    }
}

impl Cancel {
    /// Reads a cancellation from a payload.
    ///
    /// # Errors
    ///
    /// [`ActionError`].
    pub fn parse(payload: &[u8]) -> Result<Self, ActionError> {
        let cancel: Self = parse_payload(payload)?;
        if cancel.protocol != PROTOCOL {
            return Err(ActionError::Protocol {
                found: cancel.protocol,
            });
        }
        at_most("reason", cancel.reason.len(), NAME_BYTES, "bytes")?;
        Ok(cancel)
    }

    /// The payload to sign.
    #[must_use]
    pub fn to_payload(&self) -> Vec<u8> {
        written(self)
    }
}

/// Whether this can be a module's name.
#[must_use]
pub fn is_module_name(name: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'_';
    !name.is_empty() && name.len() <= MODULE_NAME_BYTES && name.bytes().all(allowed)
}

/// Strict JSON first, so that nobody can read the payload differently; then the form.
pub(crate) fn parse_payload<T: serde::de::DeserializeOwned>(payload: &[u8]) -> Result<T, ActionError> {
    let value = json::parse(payload).map_err(ActionError::Json)?;
    serde_json::from_value(value).map_err(|error| ActionError::Form(error.to_string()))
}

/// JSON of a value whose keys are all text and whose numbers are all finite.
pub(crate) fn written<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

fn limits(place: &str, limits: &RequestedLimits) -> Result<(), ActionError> {
    if limits.has_zero() {
        return Err(field(place, "has a limit of 0: nothing could be answered"));
    }
    Ok(())
}

fn line(place: &str, text: &str, most: usize) -> Result<(), ActionError> {
    at_most(place, text.len(), most, "bytes")?;
    if text.is_empty() || text.contains(char::is_control) {
        return Err(field(place, "is not one line of text"));
    }
    Ok(())
}

fn at_most(place: &str, have: usize, most: usize, what: &str) -> Result<(), ActionError> {
    if have > most {
        return Err(field(
            place,
            &format!("has {have} {what}, at most {most} are accepted"),
        ));
    }
    Ok(())
}

fn field(place: &str, message: &str) -> ActionError {
    ActionError::Field {
        field: place.to_owned(),
        message: message.to_owned(),
    }
}
