//! The policy as it is written, in TOML, and the checks that turn it into a [`Policy`].

use super::{ANY_MODULE, Investigator, Permission, Policy};
use crate::action::{RequestedLimits, is_module_name};
use crate::bounds::{INVESTIGATORS, POLICY_BYTES};
use crate::units::{Bytes, Duration};
use chrono::TimeDelta;
use gumshoe_expression::Expression;
use gumshoe_openpgp::{Certificate, Fingerprint};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

/// How long an action's window may be unless the policy says otherwise: 30 days.
const LONGEST_WINDOW: TimeDelta = TimeDelta::days(30);
/// How far clocks may differ unless the policy says otherwise.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);
/// How far clocks can be allowed to differ.
const MOST_TOLERANCE: TimeDelta = TimeDelta::hours(24);

/// Why a document is not a policy: everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// At least one, in the order of the document.
    pub problems: Vec<PolicyProblem>,
}

/// One thing that is wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyProblem {
    /// Where, such as `investigators[3].key`; empty for the whole document.
    pub place: String,
    /// What, and what to do.
    pub message: String,
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" => f.write_str(&self.message),
            place => write!(f, "{place}: {}", self.message),
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{problem}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyError {}

/// The document as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    investigators: Vec<InvestigatorTable>,
    #[serde(default)]
    permissions: Vec<PermissionTable>,
    #[serde(default)]
    limits: LimitsTable,
    #[serde(default)]
    window: WindowTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InvestigatorTable {
    name: String,
    fingerprint: String,
    key: String,
    #[serde(default = "one")]
    weight: u32,
    groups: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PermissionTable {
    name: Option<String>,
    group: String,
    modules: Vec<String>,
    #[serde(default = "one")]
    threshold: u32,
    condition: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsTable {
    timeout: Option<Duration>,
    memory: Option<Bytes>,
    cpu_percent: Option<u32>,
    findings: Option<u64>,
    report: Option<Bytes>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WindowTable {
    longest: Option<Duration>,
    tolerance: Option<Duration>,
}

fn one() -> u32 {
    1
}

/// Reads the file that a `key` names, relative to the policy; or says why it cannot.
type KeyFiles<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, String>;

/// Collects what is wrong.
#[derive(Default)]
struct Problems(Vec<PolicyProblem>);

impl Problems {
    fn add(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.0.push(PolicyProblem {
            place: place.into(),
            message: message.into(),
        });
    }
}

impl Policy {
    /// Reads a policy. `key_file` reads the files that keys lie in, by the names that the document gives them.
    ///
    /// Limits: [`POLICY_BYTES`], [`INVESTIGATORS`].
    ///
    /// # Errors
    ///
    /// [`PolicyError`] with everything that is wrong.
    pub fn parse(text: &str, key_file: KeyFiles<'_>) -> Result<Self, PolicyError> {
        let mut problems = Problems::default();
        let document = read(text, &mut problems);
        let policy = document.map(|document| document.checked(key_file, &mut problems));
        match policy {
            Some(policy) if problems.0.is_empty() => Ok(policy),
            _ => Err(PolicyError { problems: problems.0 }),
        }
    }
}

fn read(text: &str, problems: &mut Problems) -> Option<Document> {
    if text.len() > POLICY_BYTES {
        let message = format!("has {} bytes, at most {POLICY_BYTES} are accepted", text.len());
        problems.add("", message);
        return None;
    }
    match toml::from_str::<Document>(text) {
        Ok(document) => Some(document),
        Err(error) => {
            problems.add("", error.to_string().trim_end());
            None
        }
    }
}

impl Document {
    fn checked(self, key_file: KeyFiles<'_>, problems: &mut Problems) -> Policy {
        let investigators = investigators(&self.investigators, key_file, problems);
        let weights = weights(&self.investigators);
        let permissions = (self.permissions.into_iter().enumerate())
            .map(|(index, table)| table.checked(index, &weights, problems))
            .collect();
        Policy {
            investigators,
            permissions,
            caps: self.limits.checked(problems),
            longest_window: span(self.window.longest, LONGEST_WINDOW),
            tolerance: self.window.tolerance(problems),
        }
    }
}

/// The weight of all members of each group together.
fn weights(tables: &[InvestigatorTable]) -> BTreeMap<String, u64> {
    let mut weights = BTreeMap::new();
    for table in tables {
        for group in &table.groups {
            *weights.entry(group.clone()).or_default() += u64::from(table.weight);
        }
    }
    weights
}

fn investigators(
    tables: &[InvestigatorTable],
    key_file: KeyFiles<'_>,
    problems: &mut Problems,
) -> Vec<Investigator> {
    if tables.len() > INVESTIGATORS {
        let message = format!(
            "has {} entries, at most {INVESTIGATORS} are accepted",
            tables.len()
        );
        problems.add("investigators", message);
        return Vec::new();
    }
    let mut known: Vec<Investigator> = Vec::with_capacity(tables.len());
    for (index, table) in tables.iter().enumerate() {
        let place = format!("investigators[{index}]");
        let Some(new) = table.checked(&place, key_file, problems) else {
            continue;
        };
        let same_key = |old: &&Investigator| old.certificate.fingerprint() == new.certificate.fingerprint();
        if known.iter().any(|old| old.name == new.name) {
            problems.add(format!("{place}.name"), format!("{:?} stands twice", new.name));
        } else if let Some(old) = known.iter().find(same_key) {
            let message = format!("is the key of {:?} too: one key counts once", old.name);
            problems.add(format!("{place}.key"), message);
        } else {
            known.push(new);
        }
    }
    known
}

impl InvestigatorTable {
    fn checked(&self, place: &str, key_file: KeyFiles<'_>, problems: &mut Problems) -> Option<Investigator> {
        if !is_label(&self.name) {
            problems.add(format!("{place}.name"), LABEL);
        }
        if self.weight == 0 {
            problems.add(
                format!("{place}.weight"),
                "is 0: leave the investigator out instead",
            );
        }
        for (index, group) in self.groups.iter().enumerate() {
            if !is_label(group) || self.groups[..index].contains(group) {
                problems.add(
                    format!("{place}.groups[{index}]"),
                    format!("{group:?}: {LABEL}, once"),
                );
            }
        }
        let certificate = match self.certificate(key_file) {
            Ok(certificate) => certificate,
            Err((field, message)) => {
                problems.add(format!("{place}.{field}"), message);
                return None;
            }
        };
        Some(Investigator {
            name: self.name.clone(),
            certificate,
            weight: self.weight,
            groups: self.groups.clone(),
        })
    }

    /// The key, which has to be the one with the fingerprint.
    fn certificate(&self, key_file: KeyFiles<'_>) -> Result<Certificate, (&'static str, String)> {
        let written = self.fingerprint.replace(' ', "").to_ascii_uppercase();
        let fingerprint: Fingerprint = written
            .parse()
            .map_err(|error| ("fingerprint", format!("{error}")))?;
        let bytes = if self.key.trim_start().starts_with("-----BEGIN") {
            self.key.clone().into_bytes()
        } else {
            key_file(&self.key).map_err(|message| ("key", message))?
        };
        let certificate = Certificate::parse(&bytes)
            .map_err(|error| ("key", format!("{:?}: {error}", short(&self.key))))?;
        if certificate.fingerprint() != &fingerprint {
            let found = certificate.fingerprint();
            let message = format!("is {fingerprint}, but the key has {found}: is it the right key?");
            return Err(("fingerprint", message));
        }
        Ok(certificate)
    }
}

impl PermissionTable {
    fn checked(self, index: usize, weights: &BTreeMap<String, u64>, problems: &mut Problems) -> Permission {
        let place = format!("permissions[{index}]");
        self.check_modules(&place, problems);
        self.check_threshold(&place, weights, problems);
        let condition = self.condition.as_deref().and_then(|text| {
            Expression::parse(text)
                .map_err(|error| problems.add(format!("{place}.condition"), error.to_string()))
                .ok()
        });
        Permission {
            name: self.name.unwrap_or(place),
            group: self.group,
            modules: self.modules,
            threshold: self.threshold,
            condition,
        }
    }

    fn check_modules(&self, place: &str, problems: &mut Problems) {
        if self.modules.is_empty() {
            problems.add(format!("{place}.modules"), "is empty: it would permit nothing");
        }
        if self.modules.len() > 1 && self.modules.iter().any(|name| name == ANY_MODULE) {
            problems.add(
                format!("{place}.modules"),
                "names modules beside \"*\", which are all modules already",
            );
        }
        for name in &self.modules {
            if name != ANY_MODULE && !is_module_name(name) {
                let message = format!("{name:?} is not a module's name, and not \"*\"");
                problems.add(format!("{place}.modules"), message);
            }
        }
    }

    fn check_threshold(&self, place: &str, weights: &BTreeMap<String, u64>, problems: &mut Problems) {
        let Some(&weight) = weights.get(&self.group) else {
            let known: Vec<_> = weights.keys().map(String::as_str).collect();
            let message = format!(
                "no investigator belongs to {:?}; the groups are: {}",
                self.group,
                known.join(", ")
            );
            return problems.add(format!("{place}.group"), message);
        };
        if self.threshold == 0 {
            problems.add(
                format!("{place}.threshold"),
                "is 0: unsigned actions are never obeyed",
            );
        } else if u64::from(self.threshold) > weight {
            let message = format!(
                "is {}, but all members of {:?} together weigh {weight}: nobody could use it",
                self.threshold, self.group
            );
            problems.add(format!("{place}.threshold"), message);
        }
    }
}

impl LimitsTable {
    fn checked(self, problems: &mut Problems) -> RequestedLimits {
        let zeros = [
            ("memory", self.memory.map(Bytes::count)),
            ("cpu_percent", self.cpu_percent.map(u64::from)),
            ("findings", self.findings),
            ("report", self.report.map(Bytes::count)),
        ];
        for (name, _) in zeros.iter().filter(|(_, value)| *value == Some(0)) {
            problems.add(
                format!("limits.{name}"),
                "is 0: nothing could be answered; leave it out for no cap",
            );
        }
        RequestedLimits {
            timeout_ms: self.timeout.map(Duration::milliseconds),
            memory_bytes: self.memory.map(Bytes::count),
            cpu_percent: self.cpu_percent,
            findings: self.findings,
            report_bytes: self.report.map(Bytes::count),
        }
    }
}

impl WindowTable {
    fn tolerance(&self, problems: &mut Problems) -> TimeDelta {
        let tolerance = span(self.tolerance, TOLERANCE);
        if tolerance > MOST_TOLERANCE {
            problems.add("window.tolerance", "is more than a day: set the clocks instead");
        }
        tolerance
    }
}

/// A time span of the document; one beyond what can be calculated with is as good as the longest.
fn span(written: Option<Duration>, default: TimeDelta) -> TimeDelta {
    const MOST_MS: u64 = 100 * 366 * 86_400_000;
    written.map_or(default, |duration| {
        TimeDelta::milliseconds(i64::try_from(duration.milliseconds().min(MOST_MS)).unwrap_or(i64::MAX))
    })
}

const LABEL: &str = "is not a name: 1 to 64 letters, digits, `-`, `_`, `.`, `@`";

fn is_label(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
    !text.is_empty() && text.len() <= 64 && text.chars().all(allowed)
}

fn short(text: &str) -> String {
    text.chars().take(64).collect()
}
