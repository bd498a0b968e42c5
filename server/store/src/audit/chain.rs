//! How an entry is chained to the one before it, and whether the chain holds.

use super::{AuditEntry, AuditHead, NewAuditEntry, entry, read_end};
use crate::database::Store;
use crate::error::StoreError;
use crate::sql::Statement;
use gumshoe_protocol::{ContentDigest, Timestamp};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use sqlx::{Any, Transaction};

/// Distinguishes these hashes from all others; a change of what is hashed changes it.
const CONTEXT: &[u8] = b"gumshoe-audit-v1";
/// How many entries are read at once.
const ROWS: u32 = 1000;

/// Whether the audit log is what was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum AuditVerdict {
    /// Every entry is there and unchanged.
    Intact {
        /// How many entries were looked at.
        entries: u64,
        /// The first of them; above 1 after retention has removed older ones.
        first: u64,
        /// The last.
        head: AuditHead,
    },
    /// Something was changed, removed or inserted.
    Broken {
        /// The first entry that does not fit.
        sequence: u64,
        /// Why.
        why: String,
    },
}

impl AuditEntry {
    /// The entry as an end of the log.
    pub(super) fn end(&self) -> AuditHead {
        AuditHead {
            sequence: self.sequence,
            hash: self.hash,
        }
    }

    /// What its hash should be: over its fields, each with its length, and the hash before it.
    fn expected_hash(&self) -> ContentDigest {
        let mut hasher = Sha256::new();
        let sequence = self.sequence.to_be_bytes();
        let time = self.time.timestamp_micros().to_be_bytes();
        let fields: [&[u8]; 7] = [
            CONTEXT,
            self.previous.as_bytes(),
            &sequence,
            &time,
            self.actor.as_bytes(),
            self.what.as_bytes(),
            self.details.as_bytes(),
        ];
        for field in fields {
            hasher.update((field.len() as u64).to_be_bytes());
            hasher.update(field);
        }
        ContentDigest::from_bytes(hasher.finalize().into())
    }

    /// Why it is not the entry that follows `before`; `None` if it is.
    fn problem(&self, before: AuditHead) -> Option<&'static str> {
        if self.sequence != before.sequence + 1 {
            return Some("entries before it are missing");
        }
        if self.previous != before.hash {
            return Some("it does not follow the entry before it");
        }
        (self.hash != self.expected_hash()).then_some("it was changed")
    }
}

/// The entry that follows `before`. The time is cut to what is stored: microseconds.
pub(super) fn link(new: &NewAuditEntry, before: AuditHead) -> AuditEntry {
    let micros = new.time.timestamp_micros();
    let mut entry = AuditEntry {
        sequence: before.sequence + 1,
        time: Timestamp::from_timestamp_micros(micros).unwrap_or(new.time),
        actor: new.actor.clone(),
        what: new.what.clone(),
        details: new.details.to_string(),
        previous: before.hash,
        hash: before.hash,
    };
    entry.hash = entry.expected_hash();
    entry
}

impl Store {
    /// Verifies the whole chain, in portions. With `known`, an earlier head, also that this one is still part of it.
    ///
    /// Everything is read as it is at one moment: what is appended or removed meanwhile by retention is not seen.
    ///
    /// # Errors
    ///
    /// [`StoreError`]. A broken chain is not an error of the store but a verdict.
    pub async fn verify_audit(&self, known: Option<AuditHead>) -> Result<AuditVerdict, StoreError> {
        let mut moment = self.begin_reading("verify the audit log").await?;
        let beginning = read_end(&mut moment, "first").await?;
        let head = read_end(&mut moment, "last").await?;
        let (mut last, mut entries, mut saw_known) =
            (beginning, 0, known.is_none_or(|known| known == beginning));
        loop {
            let portion = read_behind(&mut moment, last.sequence, head.sequence).await?;
            for entry in &portion {
                if let Some(why) = entry.problem(last) {
                    return Ok(broken(last.sequence + 1, why));
                }
                last = entry.end();
                saw_known |= known == Some(last);
                entries += 1;
            }
            if portion.is_empty() {
                break;
            }
        }
        if last != head {
            return Ok(broken(last.sequence + 1, "the last entries are missing"));
        }
        if let Some(known) = known.filter(|known| !saw_known && known.sequence >= beginning.sequence) {
            return Ok(broken(
                known.sequence,
                "it is not the entry that was known before",
            ));
        }
        Ok(AuditVerdict::Intact {
            entries,
            first: beginning.sequence + 1,
            head,
        })
    }
}

async fn read_behind(
    moment: &mut Transaction<'_, Any>,
    after: u64,
    last: u64,
) -> Result<Vec<AuditEntry>, StoreError> {
    let mut statement = Statement::new("SELECT * FROM audit WHERE sequence > ");
    statement.bind(after).push(" AND sequence <= ").bind(last);
    statement.push(" ORDER BY sequence LIMIT ").bind(ROWS);
    let rows = statement.fetch(moment, "read the audit log").await?;
    rows.iter().map(entry).collect()
}

fn broken(sequence: u64, why: &str) -> AuditVerdict {
    AuditVerdict::Broken {
        sequence,
        why: why.to_owned(),
    }
}
