//! How much of everything is accepted. Past a bound there is a refusal with the numbers.

/// Bytes of an envelope with an action (large scribe documents are real).
pub const ENVELOPE_BYTES: usize = 16 << 20;
/// Bytes of an envelope with a report: 8 MiB of findings in base64, and what stands around them.
pub const REPORT_ENVELOPE_BYTES: usize = 12 << 20;
/// Bytes of an envelope with a heartbeat.
pub const HEARTBEAT_ENVELOPE_BYTES: usize = 512 << 10;
/// Signatures on one envelope.
pub const SIGNATURES: usize = 16;
/// Bytes of one signature, decoded.
pub const SIGNATURE_BYTES: usize = 16 << 10;
/// Bytes of the hint which key a signature is by.
pub const KEY_ID_BYTES: usize = 128;
/// Bytes of a payload type.
pub const PAYLOAD_TYPE_BYTES: usize = 128;
/// Operations in one action.
pub const OPERATIONS: usize = 64;
/// Bytes of an action's name.
pub const NAME_BYTES: usize = 256;
/// Bytes of an action's description.
pub const DESCRIPTION_BYTES: usize = 8 << 10;
/// References (tickets, links) in one action, and bytes of each.
pub const REFERENCES: usize = 32;
/// Bytes of a reference.
pub const REFERENCE_BYTES: usize = 1024;
/// Bytes of a module's name.
pub const MODULE_NAME_BYTES: usize = 64;
/// Bytes of a policy document.
pub const POLICY_BYTES: usize = 4 << 20;
/// Investigators in a policy.
pub const INVESTIGATORS: usize = 1024;
