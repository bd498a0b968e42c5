//! Actions: what was asked, by whom, and how far it is.

mod list;

pub use list::ActionFilter;

use crate::database::Store;
use crate::error::StoreError;
use crate::events::{self, NewEvent};
use crate::sql::{Columns, Statement, json, words};
use gumshoe_protocol::{Action, ActionId, ContentDigest, Timestamp};
use serde::Serialize;
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

words! {
    /// How far an action is.
    ActionState {
        /// Stored, not to be sent yet.
        Draft = "draft",
        /// To be sent.
        Queued = "queued",
        /// Sent to a few hosts first.
        Canary = "canary",
        /// Sent, or being sent.
        Running = "running",
        /// No longer sent, because too many hosts failed or somebody said so; what runs goes on.
        Stopped = "stopped",
        /// Called back by a signed cancellation.
        Cancelled = "cancelled",
        /// Its window ended before every host had answered.
        Expired = "expired",
        /// Every host has answered.
        Done = "done",
    }
}

words! {
    /// Which signed envelope of an action.
    EnvelopeKind {
        /// The action itself.
        Action = "action",
        /// The wish to stop it.
        Cancel = "cancel",
    }
}

impl ActionState {
    /// Whether nothing more happens to the action, apart from answers that come late.
    #[must_use]
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Stopped | Self::Cancelled | Self::Expired | Self::Done)
    }
}

/// An action to store, whose signatures have been verified.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAction {
    /// What is asked.
    pub action: Action,
    /// Digest of the payload.
    pub digest: ContentDigest,
    /// The whole envelope, as it is published.
    pub envelope: Vec<u8>,
    /// Whose signatures it carries.
    pub signers: Vec<Signer>,
    /// Who brought it: a token's subject.
    pub submitted_by: String,
    /// How it is to be sent (canary, caps); the scheduler's own.
    pub options: Value,
    /// [`ActionState::Draft`] or [`ActionState::Queued`].
    pub state: ActionState,
    /// Now.
    pub created: Timestamp,
}

/// Whose signature an action carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signer {
    /// Name, from the policy.
    pub name: String,
    /// Fingerprint of the key, in uppercase hexadecimal digits.
    pub fingerprint: String,
}

/// What became of an action that was to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionAdded {
    /// It is stored.
    New,
    /// It was there already, byte for byte what is signed.
    Known,
    /// Another action with this identifier is there. Nothing was stored.
    Conflict,
}

/// An action as it is stored, without its envelope.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredAction {
    /// Its identifier.
    pub id: ActionId,
    /// Digest of the payload.
    pub digest: ContentDigest,
    /// What people call it.
    pub name: String,
    /// Which hosts it is for.
    pub target: String,
    /// Modules that it asks, in order of its operations.
    pub modules: Vec<String>,
    /// How many operations it has.
    pub operations: u32,
    /// Begin of its window.
    pub not_before: Timestamp,
    /// End of its window.
    pub expires: Timestamp,
    /// Who brought it.
    pub submitted_by: String,
    /// How it is to be sent.
    pub options: Value,
    /// How far it is.
    pub state: ActionState,
    /// Why it is in this state, where that needs saying.
    pub note: String,
    /// When it was stored.
    pub created: Timestamp,
    /// When its sending began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// A change of an action's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionChange {
    /// The states from which it is a change; in others nothing happens.
    pub from: Vec<ActionState>,
    /// The new state.
    pub to: ActionState,
    /// Why, where that needs saying.
    pub note: String,
    /// Now.
    pub time: Timestamp,
}

impl Store {
    /// Stores an action with its envelope and signers.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn add_action(&self, new: &NewAction) -> Result<ActionAdded, StoreError> {
        let doing = StoreError::doing("store an action");
        let mut transaction = self.begin("store an action").await?;
        let added = insertion(new)
            .execute(&mut transaction, "store an action")
            .await?;
        if added == 0 {
            let there = sqlx::query("SELECT digest FROM actions WHERE id = $1")
                .bind(new.action.id.as_bytes().to_vec())
                .fetch_one(&mut *transaction)
                .await
                .map_err(doing)?;
            let same = there.digest("digest")? == new.digest;
            return Ok(if same {
                ActionAdded::Known
            } else {
                ActionAdded::Conflict
            });
        }
        add_envelope(
            &mut transaction,
            new.action.id,
            EnvelopeKind::Action,
            &new.envelope,
        )
        .await?;
        for signer in &new.signers {
            let mut statement =
                Statement::new("INSERT INTO action_signers (action, fingerprint, name) VALUES ");
            statement.list([
                new.action.id.into(),
                (&signer.fingerprint).into(),
                (&signer.name).into(),
            ]);
            statement.push(" ON CONFLICT DO NOTHING");
            statement
                .execute(&mut transaction, "store an action's signers")
                .await?;
        }
        events::add(
            &mut transaction,
            &[state_event(new.action.id, new.state, "", new.created)],
        )
        .await?;
        transaction.commit().await.map_err(doing)?;
        Ok(ActionAdded::New)
    }

    /// One action.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn action(&self, id: ActionId) -> Result<Option<StoredAction>, StoreError> {
        let row = sqlx::query("SELECT * FROM actions WHERE id = $1")
            .bind(id.as_bytes().to_vec())
            .fetch_optional(self.reader())
            .await
            .map_err(StoreError::doing("read an action"))?;
        row.as_ref().map(stored_action).transpose()
    }

    /// Whose signatures an action carries, by name.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn action_signers(&self, id: ActionId) -> Result<Vec<Signer>, StoreError> {
        let rows = sqlx::query(
            "SELECT name, fingerprint FROM action_signers WHERE action = $1 ORDER BY name, fingerprint",
        )
        .bind(id.as_bytes().to_vec())
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::doing("read an action's signers"))?;
        rows.iter()
            .map(|row| {
                Ok(Signer {
                    name: row.text("name")?,
                    fingerprint: row.text("fingerprint")?,
                })
            })
            .collect()
    }

    /// A signed envelope of an action, byte for byte.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn action_envelope(
        &self,
        id: ActionId,
        kind: EnvelopeKind,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let row = sqlx::query("SELECT envelope FROM action_envelopes WHERE action = $1 AND kind = $2")
            .bind(id.as_bytes().to_vec())
            .bind(kind.as_str())
            .fetch_optional(self.reader())
            .await
            .map_err(StoreError::doing("read an action's envelope"))?;
        row.map(|row| row.bytes("envelope")).transpose()
    }

    /// Changes an action's state if it is in one of the states expected; says whether it was.
    ///
    /// Several schedulers may try the same change: one of them is told `true`. Workers are told: the event `action-state`.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn change_action(&self, id: ActionId, change: &ActionChange) -> Result<bool, StoreError> {
        let mut transaction = self.begin("change an action's state").await?;
        let changed = apply(&mut transaction, id, change).await?;
        let doing = StoreError::doing("change an action's state");
        transaction.commit().await.map_err(doing)?;
        Ok(changed)
    }

    /// Stores the signed wish to stop an action and changes its state to cancelled, in one transaction; says whether the
    /// action was in one of the states from which it can be cancelled (all but the ended ones, and stopped).
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn cancel_action(
        &self,
        id: ActionId,
        envelope: &[u8],
        note: &str,
        time: Timestamp,
    ) -> Result<bool, StoreError> {
        use ActionState::{Canary, Cancelled, Draft, Queued, Running, Stopped};
        let change = ActionChange {
            from: vec![Draft, Queued, Canary, Running, Stopped],
            to: Cancelled,
            note: note.to_owned(),
            time,
        };
        let mut transaction = self.begin("cancel an action").await?;
        let changed = apply(&mut transaction, id, &change).await?;
        if changed {
            add_envelope(&mut transaction, id, EnvelopeKind::Cancel, envelope).await?;
        }
        let doing = StoreError::doing("cancel an action");
        transaction.commit().await.map_err(doing)?;
        Ok(changed)
    }

    /// Replaces how an action is to be sent; says whether there is such an action.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn set_action_options(&self, id: ActionId, options: &Value) -> Result<bool, StoreError> {
        let mut statement = Statement::new("UPDATE actions SET options = ");
        statement.bind(options.to_string()).push(" WHERE id = ").bind(id);
        self.changed(statement, "change how an action is sent").await
    }
}

async fn apply(
    transaction: &mut Transaction<'_, Any>,
    id: ActionId,
    change: &ActionChange,
) -> Result<bool, StoreError> {
    let sends = matches!(change.to, ActionState::Canary | ActionState::Running).then_some(change.time);
    let ends = change.to.has_ended().then_some(change.time);
    let mut statement = Statement::new("UPDATE actions SET state = ");
    statement.bind(change.to).push(", note = ").bind(&change.note);
    statement.push(", started = COALESCE(started, ").bind(sends);
    statement.push("), ended = ").bind(ends);
    statement.push(" WHERE id = ").bind(id).push(" AND state IN ");
    statement.list(change.from.iter().map(|state| (*state).into()));
    let changed = statement.execute(transaction, "change an action's state").await? > 0;
    if changed {
        events::add(
            transaction,
            &[state_event(id, change.to, &change.note, change.time)],
        )
        .await?;
    }
    Ok(changed)
}

fn state_event(id: ActionId, state: ActionState, note: &str, time: Timestamp) -> NewEvent {
    NewEvent {
        time,
        kind: "action-state".to_owned(),
        body: serde_json::json!({ "action": id, "state": state, "note": note }),
    }
}

fn insertion(new: &NewAction) -> Statement {
    let action = &new.action;
    let modules: Vec<&str> = action.operations.iter().map(|one| one.module.as_str()).collect();
    let mut statement = Statement::new(
        "INSERT INTO actions (id, digest, name, target, modules, operations, not_before, expires, submitted_by,
         options, state, note, created, ordinal) VALUES ",
    );
    statement.list([
        action.id.into(),
        new.digest.into(),
        (&action.name).into(),
        (&action.target).into(),
        json(&modules).into(),
        action.operations.len().into(),
        action.not_before.into(),
        action.expires.into(),
        (&new.submitted_by).into(),
        new.options.to_string().into(),
        new.state.into(),
        "".into(),
        new.created.into(),
        0_i64.into(),
    ]);
    statement.push(" ON CONFLICT DO NOTHING");
    statement
}

async fn add_envelope(
    transaction: &mut Transaction<'_, Any>,
    id: ActionId,
    kind: EnvelopeKind,
    envelope: &[u8],
) -> Result<(), StoreError> {
    let mut statement = Statement::new("INSERT INTO action_envelopes (action, kind, envelope) VALUES ");
    statement.list([id.into(), kind.into(), envelope.into()]);
    statement.push(" ON CONFLICT DO NOTHING");
    statement
        .execute(transaction, "store an action's envelope")
        .await
        .map(drop)
}

/// Gives out `count` ordinals and locks the action until the transaction ends, so that what is written with them becomes
/// visible in their order. Returns the last of them; `None` if there is no such action.
pub(crate) async fn take_ordinals(
    transaction: &mut Transaction<'_, Any>,
    id: ActionId,
    count: usize,
) -> Result<Option<i64>, StoreError> {
    let doing = StoreError::doing("lock an action");
    let row = sqlx::query("UPDATE actions SET ordinal = ordinal + $1 WHERE id = $2 RETURNING ordinal")
        .bind(crate::sql::signed(count as u64))
        .bind(id.as_bytes().to_vec())
        .fetch_optional(&mut **transaction)
        .await
        .map_err(doing)?;
    row.map(|row| row.try_get(0).map_err(doing)).transpose()
}

fn stored_action(row: &AnyRow) -> Result<StoredAction, StoreError> {
    Ok(StoredAction {
        id: row.action("id")?,
        digest: row.digest("digest")?,
        name: row.text("name")?,
        target: row.text("target")?,
        modules: row.json("modules")?,
        operations: row.small("operations")?,
        not_before: row.time("not_before")?,
        expires: row.time("expires")?,
        submitted_by: row.text("submitted_by")?,
        options: row.json("options")?,
        state: row.word("state")?,
        note: row.text("note")?,
        created: row.time("created")?,
        started: row.maybe_time("started")?,
        ended: row.maybe_time("ended")?,
    })
}
