//! Lists come in pages; where a page ends is a cursor that means nothing to others.

use crate::error::StoreError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a page of a list ends. Opaque; valid as long as the list is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    /// A cursor as it was given out. It is looked at when it is used.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Its text: letters, digits, `-` and `_`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The cursor of the list `list` behind `place`.
    pub(crate) fn at<T: Serialize>(list: &str, place: &T) -> Self {
        Self(URL_SAFE_NO_PAD.encode(serde_json::to_vec(&(list, place)).unwrap_or_default()))
    }

    /// The place in the list `list`.
    pub(crate) fn place<T: DeserializeOwned>(&self, list: &str) -> Result<T, StoreError> {
        let bytes = URL_SAFE_NO_PAD.decode(&self.0).map_err(|_| StoreError::Cursor)?;
        let (own, place) = serde_json::from_slice::<(String, T)>(&bytes).map_err(|_| StoreError::Cursor)?;
        (own == list).then_some(place).ok_or(StoreError::Cursor)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which page of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Where the page before it ended; `None` for the first.
    pub after: Option<Cursor>,
    /// How many entries at most; at least 1 and at most [`PageRequest::MOST`] are given.
    pub limit: u32,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self {
            after: None,
            limit: 100,
        }
    }
}

impl PageRequest {
    /// How many entries a page has at most.
    pub const MOST: u32 = 1000;

    /// The first page of `limit` entries.
    #[must_use]
    pub fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }

    /// The place behind which the page begins.
    pub(crate) fn place<T: DeserializeOwned>(&self, list: &str) -> Result<Option<T>, StoreError> {
        self.after.as_ref().map(|cursor| cursor.place(list)).transpose()
    }

    fn entries(&self) -> u32 {
        self.limit.clamp(1, Self::MOST)
    }

    /// How many rows to ask the database for: one more than are given, to know whether there are more.
    pub(crate) fn rows(&self) -> u32 {
        self.entries() + 1
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// The entries, in the list's order.
    pub items: Vec<T>,
    /// Where to go on; `None` when this was the last page.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// A page of `items`, of which there is one more than asked for if the list goes on.
    pub(crate) fn new<P: Serialize>(
        mut items: Vec<T>,
        request: &PageRequest,
        list: &str,
        place: impl Fn(&T) -> P,
    ) -> Self {
        let entries = request.entries() as usize;
        let goes_on = items.len() > entries;
        items.truncate(entries);
        let last = items.last().filter(|_| goes_on);
        let next = last.map(|item| Cursor::at(list, &place(item)));
        Self { items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_belongs_to_its_list() {
        let cursor = Cursor::at("agents", &("web1".to_owned(), 7));
        assert_eq!(
            cursor.place::<(String, u32)>("agents").unwrap(),
            ("web1".to_owned(), 7)
        );
        assert!(matches!(
            cursor.place::<(String, u32)>("actions"),
            Err(StoreError::Cursor)
        ));
        assert!(matches!(cursor.place::<u32>("agents"), Err(StoreError::Cursor)));
        for text in ["", "!", "AAAA", "W10", &"A".repeat(100_000)] {
            assert!(matches!(
                Cursor::new(text).place::<u32>("agents"),
                Err(StoreError::Cursor)
            ));
        }
    }

    #[test]
    fn a_page_goes_on_only_where_there_is_more() {
        let page = |items: Vec<u32>, limit| Page::new(items, &PageRequest::first(limit), "x", |item| *item);
        assert_eq!(page(vec![1, 2], 2).next, None);
        let first = page(vec![1, 2, 3], 2);
        assert_eq!(
            (first.items, first.next.unwrap().place::<u32>("x").unwrap()),
            (vec![1, 2], 2)
        );
        assert_eq!(PageRequest::first(0).rows(), 2);
        assert_eq!(PageRequest::first(u32::MAX).rows(), PageRequest::MOST + 1);
    }
}
