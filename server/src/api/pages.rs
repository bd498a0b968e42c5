//! Lists come in pages.

use super::problem::Problem;
use gumshoe_store::{Cursor, Page, PageRequest};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Entries of a page unless something else is asked for.
const DEFAULT_LIMIT: u32 = 100;
/// Characters of a cursor.
const MAX_CURSOR_CHARS: usize = 4096;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// `next` of the page before; the first page when absent.
    pub cursor: Option<String>,
    /// Entries of the page.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct PageOf<T> {
    /// The entries, in the list's order.
    pub items: Vec<T>,
    /// What to ask the next page with; absent after the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<Cursor>,
}

/// The page that is asked for, checked.
pub fn page_request(cursor: Option<String>, limit: Option<u32>) -> Result<PageRequest, Problem> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=PageRequest::MOST).contains(&limit) {
        let detail = format!("`limit` is {limit}, 1 to {} is accepted", PageRequest::MOST);
        return Err(Problem::bad_request("invalid-limit", detail));
    }
    if cursor
        .as_ref()
        .is_some_and(|cursor| cursor.len() > MAX_CURSOR_CHARS)
    {
        let detail = "the cursor is not one that this list gave out";
        return Err(Problem::bad_request("invalid-cursor", detail));
    }
    Ok(PageRequest {
        after: cursor.map(Cursor::new),
        limit,
    })
}

impl PageQuery {
    /// The page that is asked for, checked.
    pub fn checked(self) -> Result<PageRequest, Problem> {
        page_request(self.cursor, self.limit)
    }
}

/// A page of what the store has, as the interface shows it.
pub fn page_of<S, T: From<S>>(page: Page<S>) -> PageOf<T> {
    PageOf {
        items: page.items.into_iter().map(T::from).collect(),
        next: page.next,
    }
}
