//! In which order an action's hosts are sent to, and to which of them it has been sent.

use crate::actions::take_ordinals;
use crate::database::Store;
use crate::error::StoreError;
use crate::page::{Page, PageRequest};
use crate::sql::{Columns, ROWS_PER_STATEMENT, Statement};
use gumshoe_protocol::{ActionId, AgentId, Timestamp};
use sha2::{Digest as _, Sha256};

/// The list's name in cursors.
const LIST: &str = "sending";

/// Where a host stands in the order in which an action's hosts are sent to: the first 64 bits of SHA-256 over both
/// identifiers.
///
/// The hosts that come first are a sample that nobody chose and that is another one for each action, and every scheduler
/// that looks finds the same.
pub(super) fn place(action: ActionId, agent: AgentId) -> i64 {
    let mut hasher = Sha256::new();
    hasher.update(action.as_bytes());
    hasher.update(agent.as_bytes());
    let digest: [u8; 32] = hasher.finalize().into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

impl Store {
    /// One page of the hosts that an action selected and was not sent to, in the order of sending: at random, and the same
    /// for everybody who asks.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; [`StoreError::Cursor`].
    pub async fn targets_to_send(
        &self,
        action: ActionId,
        page: &PageRequest,
    ) -> Result<Page<AgentId>, StoreError> {
        // Word for word the condition of the index, so that it is used.
        let mut statement = Statement::new(
            "SELECT place, agent FROM targets WHERE published IS NULL AND selected = 1 AND action = ",
        );
        statement.bind(action);
        if let Some((place, agent)) = page.place::<(i64, AgentId)>(LIST)? {
            statement.push(" AND (place, agent) > (").bind(place);
            statement.push(", ").bind(agent).push(")");
        }
        statement.push(" ORDER BY place, agent LIMIT ").bind(page.rows());
        let rows = self.fetch(statement, "list whom to send to").await?;
        let places = rows
            .iter()
            .map(|row| Ok((row.int("place")?, row.agent("agent")?)));
        let places: Vec<(i64, AgentId)> = places.collect::<Result<_, StoreError>>()?;
        let Page { items, next } = Page::new(places, page, LIST, |place| *place);
        let items = items.into_iter().map(|(_, agent)| agent).collect();
        Ok(Page { items, next })
    }

    /// How many hosts an action was sent to after `since`.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn sent_since(&self, action: ActionId, since: Timestamp) -> Result<u64, StoreError> {
        let mut statement = Statement::new("SELECT COUNT(*) AS hosts FROM targets WHERE action = ");
        statement.bind(action).push(" AND published > ").bind(since);
        let rows = self.fetch(statement, "count whom it was sent to").await?;
        rows.first().map_or(Ok(0), |row| row.count("hosts"))
    }

    /// Notes that the relay has the action for these targets: that it was sent to them.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn mark_published(
        &self,
        action: ActionId,
        agents: &[AgentId],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let doing = StoreError::doing("mark an action's targets");
        let mut transaction = self.begin("mark an action's targets").await?;
        // Whoever writes an action's targets holds the action: nobody waits in a circle.
        take_ordinals(&mut transaction, action, 0).await?;
        for chunk in agents.chunks(ROWS_PER_STATEMENT) {
            let mut statement = Statement::new("UPDATE targets SET published = ");
            statement
                .bind(now)
                .push(" WHERE published IS NULL AND action = ")
                .bind(action);
            statement
                .push(" AND agent IN ")
                .list(chunk.iter().map(|agent| (*agent).into()));
            statement
                .execute(&mut transaction, "mark an action's targets")
                .await?;
        }
        transaction.commit().await.map_err(doing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: `printf '%s%s' 00…01 00…02 | xxd -r -p | sha256sum`, read as a signed number.
    #[test]
    fn a_place_is_a_digest_of_both_identifiers() {
        let (mut action, mut agent) = ([0; ActionId::BYTES], [0; AgentId::BYTES]);
        action[15] = 1;
        agent[15] = 2;
        let (action, agent) = (ActionId::from_bytes(action), AgentId::from_bytes(agent));
        assert_eq!(place(action, agent), 8_707_295_509_107_917_372);
        assert_ne!(
            place(action, agent),
            place(ActionId::from_bytes([3; ActionId::BYTES]), agent)
        );
    }
}
