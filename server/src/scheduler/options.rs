//! How an action is to be sent: what an investigator may ask of the scheduler. Not signed: it can only make things slower.

use gumshoe_protocol::Timestamp;
use gumshoe_store::StoredAction;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

/// How long canaries are waited for unless something else is said.
const CANARY_WAIT_S: u32 = 300;

/// How an action is to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SendOptions {
    /// So many hosts first; the rest when these have answered and not too many failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100_000)]
    pub canary_hosts: Option<u32>,
    /// So large a share of the hosts first, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100)]
    pub canary_percent: Option<u8>,
    /// Seconds that canaries are waited for; those that have not answered then count as failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 86_400)]
    pub canary_wait_s: Option<u32>,
    /// At most so many hosts are sent to per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100_000)]
    pub hosts_per_second: Option<u32>,
    /// At most so many hosts have it without having answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub hosts_at_once: Option<u32>,
    /// Share of failing hosts, in percent, at which nothing more is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100)]
    pub failure_percent: Option<u8>,
}

/// What the scheduler keeps of an action beside its state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plan {
    /// How it is to be sent.
    pub send: SendOptions,
    /// When its cancellation was given to the relay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_sent: Option<Timestamp>,
}

impl Plan {
    /// The plan of a stored action. What a later version wrote and this one does not understand is left out.
    #[must_use]
    pub fn of(action: &StoredAction) -> Self {
        serde_json::from_value(action.options.clone()).unwrap_or_default()
    }

    /// As it is stored.
    #[must_use]
    pub fn to_value(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// Why options are not accepted.
#[derive(Debug, thiserror::Error)]
#[error("`{field}` is {found}, {least} to {most} is accepted")]
pub struct OptionsError {
    field: &'static str,
    found: u64,
    least: u64,
    most: u64,
}

impl SendOptions {
    /// Checks every field's range.
    ///
    /// # Errors
    ///
    /// [`OptionsError`], naming the field.
    pub fn check(&self) -> Result<(), OptionsError> {
        let wide = |number: Option<u32>| number.map(u64::from);
        let percent = |number: Option<u8>| number.map(u64::from);
        for (field, found, most) in [
            ("canary_hosts", wide(self.canary_hosts), 100_000),
            ("canary_percent", percent(self.canary_percent), 100),
            ("canary_wait_s", wide(self.canary_wait_s), 86_400),
            ("hosts_per_second", wide(self.hosts_per_second), 100_000),
            ("hosts_at_once", wide(self.hosts_at_once), 1_000_000),
            ("failure_percent", percent(self.failure_percent), 100),
        ] {
            if let Some(found) = found
                && !(1..=most).contains(&found)
            {
                let least = 1;
                return Err(OptionsError {
                    field,
                    found,
                    least,
                    most,
                });
            }
        }
        Ok(())
    }

    /// How many of so many hosts are canaries; 0 where none are asked for.
    #[must_use]
    pub fn canaries(&self, hosts: u64) -> u64 {
        let share = self
            .canary_percent
            .map(|percent| (hosts * u64::from(percent)).div_ceil(100));
        share
            .max(self.canary_hosts.map(u64::from))
            .unwrap_or(0)
            .min(hosts)
    }

    /// How long canaries are waited for.
    #[must_use]
    pub fn canary_wait(&self) -> Duration {
        Duration::from_secs(self.canary_wait_s.unwrap_or(CANARY_WAIT_S).into())
    }

    /// Whether hosts are sent to one by one because somebody asked for it.
    #[must_use]
    pub fn is_paced(&self) -> bool {
        self.hosts_per_second.is_some() || self.hosts_at_once.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canaries_are_a_number_or_a_share_and_never_more_than_there_are() {
        let options = |hosts, percent| SendOptions {
            canary_hosts: hosts,
            canary_percent: percent,
            ..SendOptions::default()
        };
        assert_eq!(options(None, None).canaries(100), 0);
        assert_eq!(options(Some(5), None).canaries(100), 5);
        assert_eq!(options(Some(5), None).canaries(3), 3);
        assert_eq!(options(None, Some(1)).canaries(150), 2);
        assert_eq!(options(Some(5), Some(10)).canaries(100), 10);
    }

    #[test]
    fn a_field_out_of_range_is_named() {
        let options = SendOptions {
            canary_percent: Some(101),
            ..SendOptions::default()
        };
        assert_eq!(
            options.check().unwrap_err().to_string(),
            "`canary_percent` is 101, 1 to 100 is accepted"
        );
        assert!(SendOptions::default().check().is_ok());
    }
}
