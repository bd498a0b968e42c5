//! Requests and their answers.

use super::connect::{ConnectError, Origin, http};
use super::events::Events;
use super::types::Page;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::BufReader;
use std::path::Path;
use ureq::http::Response;
use ureq::{Body, BodyReader};

/// How large an answer that is not a stream may be.
const MAX_ANSWER_BYTES: u64 = 64 << 20;
/// How large an answer about a problem may be.
const MAX_PROBLEM_BYTES: u64 = 64 << 10;

/// A server that one can ask.
pub struct Server {
    http: ureq::Agent,
    origin: Origin,
    token: Option<String>,
}

/// Why a request was not answered as wished.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The server cannot be reached, or not trusted.
    #[error("failed to ask {origin}")]
    Connection {
        /// The server.
        origin: Origin,
        /// Cause.
        source: Box<ureq::Error>,
    },
    /// The server does not know who asks.
    #[error("{origin} wants to know who you are ({detail}): run `gumshoe login`, or set GUMSHOE_TOKEN")]
    Unauthorised {
        /// The server.
        origin: Origin,
        /// What it says.
        detail: String,
    },
    /// The server refuses.
    #[error("the server refuses [{code}]: {detail}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Stable code.
        code: String,
        /// What is wrong, and what to do.
        detail: String,
    },
    /// It is no Gumshoe server, or another version.
    #[error("{origin} answered {what} with something unexpected: is it a Gumshoe server of this version?")]
    Answer {
        /// The server.
        origin: Origin,
        /// What was asked.
        what: String,
        /// Cause.
        source: serde_json::Error,
    },
    /// A value cannot be written as JSON.
    #[error("the request cannot be written")]
    Write(#[source] serde_json::Error),
}

/// Problem details (RFC 9457), as far as they are used.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    code: String,
    detail: String,
}

impl Server {
    /// The server at `origin`, which is shown `token` if there is one.
    ///
    /// # Errors
    ///
    /// [`ConnectError`].
    pub fn new(origin: Origin, ca: Option<&Path>, token: Option<String>) -> Result<Self, ConnectError> {
        Ok(Self {
            http: http(&origin, ca)?,
            origin,
            token,
        })
    }

    /// Which server it is.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Asks for something; `query` are names and values.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    pub fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, RequestError> {
        let response = self.call_get(path, query, &[])?;
        self.read(path, response)
    }

    /// All entries of a list, page by page.
    ///
    /// # Errors
    ///
    /// [`RequestError`], from the page where it happens; nothing after that.
    pub fn list<'a, T: DeserializeOwned + 'a>(
        &'a self,
        path: &'a str,
        query: &'a [(&'a str, &'a str)],
    ) -> impl Iterator<Item = Result<T, RequestError>> + 'a {
        let mut cursor = Some(None::<String>);
        let pages = std::iter::from_fn(move || {
            let mut query = query.to_vec();
            let after = cursor.take()?;
            query.extend(after.as_deref().map(|after| ("cursor", after)));
            let page: Result<Page<T>, _> = self.get(path, &query);
            if let Ok(page) = &page {
                cursor = page.next.clone().map(Some);
            }
            Some(page)
        });
        pages.flat_map(|page| match page {
            Ok(page) => page.items.into_iter().map(Ok).collect::<Vec<_>>(),
            Err(error) => vec![Err(error)],
        })
    }

    /// Sends something.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, RequestError> {
        let body = serde_json::to_vec(body).map_err(RequestError::Write)?;
        let request = self.http.post(self.url(path)).content_type("application/json");
        let response = self.checked(self.authorised(request).send(&body))?;
        self.read(path, response)
    }

    /// Puts something in place of what was there.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    pub fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, RequestError> {
        let body = serde_json::to_vec(body).map_err(RequestError::Write)?;
        let request = self.http.put(self.url(path)).content_type("application/json");
        let response = self.checked(self.authorised(request).send(&body))?;
        self.read(path, response)
    }

    /// Sends nothing, and expects nothing.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    pub fn post_empty(&self, path: &str) -> Result<(), RequestError> {
        let request = self.http.post(self.url(path));
        self.checked(self.authorised(request).send_empty()).map(drop)
    }

    /// Deletes something.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    pub fn delete(&self, path: &str) -> Result<(), RequestError> {
        let request = self.http.delete(self.url(path));
        self.checked(self.authorised(request).call()).map(drop)
    }

    /// An answer of any length, to be read line by line.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    pub fn stream(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<BufReader<BodyReader<'static>>, RequestError> {
        let response = self.call_get(path, query, &[])?;
        Ok(reader(response))
    }

    /// Server-sent events, behind the one with the identifier `after`.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    pub fn events(
        &self,
        path: &str,
        query: &[(&str, &str)],
        after: Option<&str>,
    ) -> Result<Events<BufReader<BodyReader<'static>>>, RequestError> {
        let mut headers = vec![("accept", "text/event-stream")];
        headers.extend(after.map(|after| ("last-event-id", after)));
        let response = self.call_get(path, query, &headers)?;
        Ok(Events::new(reader(response)))
    }

    fn call_get(
        &self,
        path: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Result<Response<Body>, RequestError> {
        let request = self.http.get(self.url(path));
        let request = query
            .iter()
            .fold(request, |request, (name, value)| request.query(*name, *value));
        let request = headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value));
        self.checked(self.authorised(request).call())
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/v1/{path}", self.origin)
    }

    fn authorised<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    /// The answer, unless it says that something is wrong.
    fn checked(&self, result: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>, RequestError> {
        let failed = |source| RequestError::Connection {
            origin: self.origin.clone(),
            source: Box::new(source),
        };
        let mut response = result.map_err(failed)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.body_mut().with_config().limit(MAX_PROBLEM_BYTES);
        let problem: Problem = body
            .read_to_vec()
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        let detail = if problem.detail.is_empty() {
            format!("it answered with the status {status}")
        } else {
            problem.detail
        };
        let code = if problem.code.is_empty() {
            status.as_u16().to_string()
        } else {
            problem.code
        };
        Err(match status.as_u16() {
            401 => RequestError::Unauthorised {
                origin: self.origin.clone(),
                detail,
            },
            status => RequestError::Refused { status, code, detail },
        })
    }

    fn read<T: DeserializeOwned>(&self, what: &str, mut response: Response<Body>) -> Result<T, RequestError> {
        let body = response.body_mut().with_config().limit(MAX_ANSWER_BYTES);
        let bytes = body.read_to_vec().map_err(|source| RequestError::Connection {
            origin: self.origin.clone(),
            source: Box::new(source),
        })?;
        serde_json::from_slice(&bytes).map_err(|source| RequestError::Answer {
            origin: self.origin.clone(),
            what: what.to_owned(),
            source,
        })
    }
}

/// The body without a limit of its own: whoever reads it has one per line.
fn reader(response: Response<Body>) -> BufReader<BodyReader<'static>> {
    BufReader::new(response.into_body().into_with_config().limit(u64::MAX).reader())
}

impl RequestError {
    /// Whether asking again may help: the way to the server is at fault, or the server for the moment.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Connection { source, .. } => {
                !matches!(**source, ureq::Error::Tls(_) | ureq::Error::BadUri(_))
            }
            Self::Refused { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }
}
