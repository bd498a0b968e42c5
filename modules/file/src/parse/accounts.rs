//! Names of users and groups from `/etc/passwd` and `/etc/group`.

use std::collections::HashMap;

/// Names by id. Of two entries with one id the first counts, as it does for the system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(HashMap<u32, String>);

impl Names {
    /// Parses the text of `/etc/passwd` or `/etc/group`; lines that are not understood are left out.
    ///
    /// Source: `passwd(5)`, `group(5)`: `NAME:PASSWORD:ID:…`.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let mut names = HashMap::new();
        for line in text.split(|&byte| byte == b'\n') {
            let mut fields = line.split(|&byte| byte == b':');
            if let (Some(name), Some(_), Some(id)) = (fields.next(), fields.next(), fields.next())
                && let Some(id) = std::str::from_utf8(id).ok().and_then(|id| id.parse().ok())
            {
                names
                    .entry(id)
                    .or_insert_with(|| String::from_utf8_lossy(name).into_owned());
            }
        }
        Self(names)
    }

    /// The name that belongs to an id.
    #[must_use]
    pub fn of(&self, id: u32) -> Option<&str> {
        self.0.get(&id).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_found_by_id() {
        let names = Names::parse(b"root:x:0:0::/:/bin/sh\n# note\nother:x:0\nbad:x:no\nx:y\nlast:x:7");
        assert_eq!(
            (names.of(0), names.of(7), names.of(8)),
            (Some("root"), Some("last"), None)
        );
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in any::<Vec<u8>>()) {
            let _ = Names::parse(&text);
        }
    }
}
