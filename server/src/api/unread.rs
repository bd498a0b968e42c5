//! What is still being sent when the answer is known already.
//!
//! Some answers do not need the request's content: it is refused, or has none that matters. The HTTP library then closes the
//! connection as soon as the answer is written, without saying so in it (RFC 9112, section 9.6): a client that goes on in the same
//! connection loses its next request, and one that still sends may lose the answer. So the rest is read, within bounds.

use axum::body::{Body, BodyDataStream, HttpBody as _};
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::StreamExt as _;
use futures_util::stream::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::timeout;

/// How much is read after the answer is known.
const MAX_BYTES: usize = 64 << 10;
/// How long that is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers once the request has been read to its end; otherwise says that the connection closes.
pub async fn read_out(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let rest = Rest(Arc::new(Mutex::new(body.into_data_stream())));
    let handed = rest.clone();
    let body = Body::from_stream(poll_fn(move |context| handed.poll(context)));
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if !matches!(timeout(PATIENCE, rest.read_out()).await, Ok(true)) {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A request's content, of which the handler takes as much as it wants.
#[derive(Clone)]
struct Rest(Arc<Mutex<BodyDataStream>>);

impl Rest {
    fn poll(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<Option<<BodyDataStream as futures_util::Stream>::Item>> {
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stream.poll_next_unpin(context)
    }

    /// Whether the end was reached.
    async fn read_out(&self) -> bool {
        let mut left = poll_fn(|context| self.poll(context));
        let mut bytes = 0;
        while let Some(part) = left.next().await {
            bytes += part.map_or(MAX_BYTES, |part| part.len());
            if bytes >= MAX_BYTES {
                return false;
            }
        }
        true
    }
}
