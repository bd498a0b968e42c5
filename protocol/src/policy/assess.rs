//! Whether signers may ask for an operation, and what is missing otherwise.

use super::{Investigator, Permission, Policy};
use crate::action::{Action, Operation};
use crate::refusal::{Refusal, codes};
use gumshoe_expression::Variables;
use serde_json::{Map, Value, json};

/// How one permission bears on one operation.
#[derive(Debug)]
pub struct Assessment<'a> {
    /// The permission.
    pub permission: &'a Permission,
    /// What the weights of its members among the signers add up to.
    pub weight: u64,
    /// What came of it.
    pub outcome: Outcome,
}

/// What a permission says about an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It permits the operation.
    Granted,
    /// It is about other modules, or the same group has a permission that names this module.
    OtherModule,
    /// More weight is needed.
    Threshold,
    /// Its condition does not hold.
    ConditionFalse,
    /// Its condition cannot be evaluated for these parameters: code and message.
    ConditionFailed(String),
}

impl Policy {
    /// How every permission bears on an operation of `action`, in the order of the document.
    #[must_use]
    pub fn assess<'a>(
        &'a self,
        action: &Action,
        operation: &Operation,
        signers: &[&Investigator],
    ) -> Vec<Assessment<'a>> {
        let variables = variables(action, operation);
        let assess = |permission: &'a Permission| Assessment {
            permission,
            weight: weight(permission, signers),
            outcome: self.outcome(permission, operation, signers, &variables),
        };
        self.permissions.iter().map(assess).collect()
    }

    /// Whether the signers may ask for an operation of `action`.
    ///
    /// # Errors
    ///
    /// A refusal that says what comes nearest and what is missing.
    pub fn permit(
        &self,
        action: &Action,
        operation: &Operation,
        signers: &[&Investigator],
    ) -> Result<(), Refusal> {
        let assessments = self.assess(action, operation, signers);
        if assessments.iter().any(|one| one.outcome == Outcome::Granted) {
            return Ok(());
        }
        Err(nearest(&assessments, &operation.module))
    }

    fn outcome(
        &self,
        permission: &Permission,
        operation: &Operation,
        signers: &[&Investigator],
        variables: &Result<Variables, String>,
    ) -> Outcome {
        if !self.covers(permission, &operation.module) {
            return Outcome::OtherModule;
        }
        let condition = permission.condition.as_ref();
        match (condition, variables) {
            (None, _) => {}
            (Some(_), Err(message)) => return Outcome::ConditionFailed(message.clone()),
            (Some(condition), Ok(variables)) => match condition.evaluate(variables) {
                Ok(true) => {}
                Ok(false) => return Outcome::ConditionFalse,
                Err(error) => return Outcome::ConditionFailed(format!("[{}] {error}", error.code())),
            },
        }
        if weight(permission, signers) < u64::from(permission.threshold) {
            return Outcome::Threshold;
        }
        Outcome::Granted
    }

    /// A permission that names a module takes the place of the same group's permission for all modules, so that
    /// "everything, but memory only with two signers" can be said.
    fn covers(&self, permission: &Permission, module: &str) -> bool {
        let more_precise = |other: &Permission| other.group == permission.group && other.names(module);
        permission.names(module) || (permission.is_for_any() && !self.permissions.iter().any(more_precise))
    }
}

/// One investigator counts once; that signers are distinct was seen to before.
fn weight(permission: &Permission, signers: &[&Investigator]) -> u64 {
    (signers.iter())
        .filter(|signer| signer.groups.contains(&permission.group))
        .map(|signer| u64::from(signer.weight))
        .sum()
}

fn variables(action: &Action, operation: &Operation) -> Result<Variables, String> {
    let modules: Vec<&str> = action.operations.iter().map(|one| one.module.as_str()).collect();
    let mut values = Map::new();
    values.insert("module".to_owned(), Value::from(operation.module.as_str()));
    values.insert("params".to_owned(), operation.params.clone());
    values.insert(
        "action".to_owned(),
        json!({
            "id": action.id.to_string(),
            "name": action.name,
            "target": action.target,
            "modules": modules,
            "references": action.references,
        }),
    );
    Variables::new(values).map_err(|error| error.to_string())
}

/// The refusal that brings the signers furthest: of the permissions that one of them has, a signature short, then a
/// condition; otherwise who has one.
fn nearest(assessments: &[Assessment<'_>], module: &str) -> Refusal {
    let theirs = || assessments.iter().filter(|one| one.weight > 0);
    if let Some(one) = theirs().find(|one| one.outcome == Outcome::Threshold) {
        return short_of_weight(one, module);
    }
    theirs()
        .find_map(condition_unmet)
        .unwrap_or_else(|| not_permitted(assessments, module))
}

fn short_of_weight(one: &Assessment<'_>, module: &str) -> Refusal {
    let (permission, weight) = (one.permission, one.weight);
    let message = format!(
        "the module `{module}` needs signatures of the group `{}` with a weight of {} together, and has {weight} \
         (permission `{}`)",
        permission.group, permission.threshold, permission.name
    );
    Refusal::new(codes::THRESHOLD, message)
}

fn condition_unmet(one: &Assessment<'_>) -> Option<Refusal> {
    let why = match &one.outcome {
        Outcome::ConditionFalse => "does not hold".to_owned(),
        Outcome::ConditionFailed(error) => format!("cannot be evaluated: {error}"),
        _ => return None,
    };
    let condition = one.permission.condition.as_ref()?.text().trim();
    let message = format!(
        "the condition of the permission `{}` {why}; it is: {condition}",
        one.permission.name
    );
    Some(Refusal::new(codes::CONDITION, message))
}

fn not_permitted(assessments: &[Assessment<'_>], module: &str) -> Refusal {
    let mut groups: Vec<&str> = (assessments.iter())
        .filter(|one| one.outcome != Outcome::OtherModule)
        .map(|one| one.permission.group.as_str())
        .collect();
    groups.sort_unstable();
    groups.dedup();
    let who = if groups.is_empty() {
        "nobody may ask this host for it".to_owned()
    } else {
        format!("who may ask for it: {}", groups.join(", "))
    };
    let message = format!("no permission covers the module `{module}` for those who signed; {who}");
    Refusal::new(codes::NOT_PERMITTED, message)
}
