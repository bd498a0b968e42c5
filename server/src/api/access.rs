//! Who may do what: one table of all routes. What is not in the table is refused.

use clap::ValueEnum;
use serde::Serialize;
use std::str::FromStr;

use Access::{Admin, Open, Read, Submit};

/// What a route asks of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Nothing.
    Open,
    /// A token of any role.
    Read,
    /// A token of the role `submit` or `admin`.
    Submit,
    /// A token of the role `admin`.
    Admin,
}

/// What a token may do; each may also do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum TokenRole {
    /// See everything but tokens and the audit log.
    Read,
    /// Also submit, stop and cancel signed actions.
    Submit,
    /// Also approve agents, make tokens and read the audit log.
    Admin,
}

impl TokenRole {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Submit => "submit",
            Self::Admin => "admin",
        }
    }

    /// How far it reaches.
    #[must_use]
    pub fn access(self) -> Access {
        match self {
            Self::Read => Read,
            Self::Submit => Submit,
            Self::Admin => Admin,
        }
    }
}

impl FromStr for TokenRole {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Read, Self::Submit, Self::Admin];
        let found = all.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| "a role is one of read, submit, admin".to_owned())
    }
}

/// Every route: method, path as it is registered, what it asks.
pub const ROUTES: &[(&str, &str, Access)] = &[
    ("GET", "/healthz", Open),
    ("GET", "/readyz", Open),
    ("GET", "/openapi.json", Open),
    ("GET", "/metrics", Read),
    ("POST", "/api/v1/login/challenge", Open),
    ("POST", "/api/v1/login", Open),
    ("POST", "/api/v1/logout", Read),
    ("GET", "/api/v1/whoami", Read),
    ("GET", "/api/v1/actions", Read),
    ("POST", "/api/v1/actions", Submit),
    ("POST", "/api/v1/actions/preview", Read),
    ("GET", "/api/v1/actions/{id}", Read),
    ("GET", "/api/v1/actions/{id}/envelope", Read),
    ("GET", "/api/v1/actions/{id}/counters", Read),
    ("GET", "/api/v1/actions/{id}/targets", Read),
    ("GET", "/api/v1/actions/{id}/results", Read),
    ("GET", "/api/v1/actions/{id}/events", Read),
    ("POST", "/api/v1/actions/{id}/cancel", Submit),
    ("POST", "/api/v1/actions/{id}/stop", Submit),
    ("GET", "/api/v1/agents", Read),
    ("GET", "/api/v1/agents/{id}", Read),
    ("POST", "/api/v1/agents/{id}/approve", Admin),
    ("POST", "/api/v1/agents/{id}/reject", Admin),
    ("PUT", "/api/v1/agents/{id}/labels", Admin),
    ("DELETE", "/api/v1/agents/{id}", Admin),
    ("GET", "/api/v1/investigators", Read),
    ("GET", "/api/v1/tokens", Admin),
    ("POST", "/api/v1/tokens", Admin),
    ("DELETE", "/api/v1/tokens/{id}", Admin),
    ("GET", "/api/v1/audit", Admin),
    ("GET", "/api/v1/audit/verify", Admin),
];

/// What a route asks; `None` for a route that is not in the table.
#[must_use]
pub fn required(method: &str, path: &str) -> Option<Access> {
    // A HEAD request is a GET without the body (RFC 9110, section 9.3.2).
    let method = if method == "HEAD" { "GET" } else { method };
    let listed = ROUTES.iter().find(|(m, p, _)| *m == method && *p == path);
    listed.map(|(_, _, access)| *access)
}
