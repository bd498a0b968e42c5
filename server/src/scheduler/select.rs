//! Which agents an action concerns: its target, evaluated over stored facts.

use futures_util::TryStreamExt as _;
use gumshoe_expression::{Expression, ExpressionError, Variables};
use gumshoe_protocol::AgentId;
use gumshoe_store::{AgentFacts, Store, StoreError};
use std::sync::Arc;
use tokio::task::JoinError;

/// Agents whose facts are evaluated in one go.
const PORTION: usize = 1000;

/// Why no agents could be selected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// The target is not an expression.
    #[error("the target is not acceptable")]
    Target(#[from] ExpressionError),
    /// The facts could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The evaluation was ended from outside.
    #[error("the evaluation was interrupted")]
    Interrupted(#[source] JoinError),
}

/// What a target means for the fleet.
#[derive(Debug, Default)]
pub struct Selection {
    /// Approved agents.
    pub approved: u64,
    /// Those that are meant.
    pub meant: Vec<Host>,
    /// Those whose facts the target cannot be evaluated over: they are not meant.
    pub failed: Vec<(Host, String)>,
    /// How many these are; of the list only the first are kept.
    pub failed_count: u64,
}

/// An agent, by the names that people know.
#[derive(Debug, Clone)]
pub struct Host {
    /// The agent.
    pub id: AgentId,
    /// Its host's name.
    pub hostname: String,
    /// Whether its heartbeats come in time.
    pub online: bool,
}

/// Failures that are kept with their reasons.
const KEPT_FAILURES: usize = 20;

/// Evaluates a target over the facts of all approved agents.
///
/// # Errors
///
/// [`SelectError`].
pub async fn select(store: &Store, target: &str) -> Result<Selection, SelectError> {
    let expression = Arc::new(Expression::parse(target)?);
    let mut portions = Box::pin(store.approved_facts()).try_ready_chunks(PORTION);
    let mut selection = Selection::default();
    loop {
        let portion = match portions.try_next().await {
            Ok(Some(portion)) => portion,
            Ok(None) => return Ok(selection),
            Err(error) => return Err(SelectError::Store(error.1)),
        };
        let expression = Arc::clone(&expression);
        let evaluated = tokio::task::spawn_blocking(move || {
            let judge = |agent: &AgentFacts| (host(agent), evaluate(&expression, agent));
            portion.iter().map(judge).collect::<Vec<_>>()
        });
        for (host, verdict) in evaluated.await.map_err(SelectError::Interrupted)? {
            selection.add(host, verdict);
        }
    }
}

impl Selection {
    fn add(&mut self, host: Host, verdict: Result<bool, String>) {
        self.approved += 1;
        match verdict {
            Ok(true) => self.meant.push(host),
            Ok(false) => {}
            Err(reason) => {
                self.failed_count += 1;
                if self.failed.len() < KEPT_FAILURES {
                    self.failed.push((host, reason));
                }
            }
        }
    }
}

fn host(agent: &AgentFacts) -> Host {
    Host {
        id: agent.id,
        hostname: agent.facts.hostname.clone(),
        online: crate::api::is_online(agent.last_seen, agent.interval_s),
    }
}

fn evaluate(expression: &Expression, agent: &AgentFacts) -> Result<bool, String> {
    let variables = Variables::new(agent.facts.to_variables()).map_err(|error| crate::chain(&error))?;
    expression
        .evaluate(&variables)
        .map_err(|error| crate::chain(&error))
}
