//! Names of users and groups.

use std::collections::HashMap;

/// Names by number, from `/etc/passwd` or `/etc/group`. Of several entries for one number the first counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(HashMap<u32, String>);

impl Names {
    /// Parses lines `NAME:…:NUMBER:…`; others are left out.
    ///
    /// Source: `passwd(5)`, `group(5)`.
    #[must_use]
    pub fn parse(text: &[u8]) -> Names {
        let mut names = HashMap::new();
        for line in text.split(|&byte| byte == b'\n') {
            let fields: Vec<&[u8]> = line.splitn(4, |&byte| byte == b':').collect();
            if let [name, _, number, _] = fields[..]
                && let Some(number) = std::str::from_utf8(number)
                    .ok()
                    .and_then(|number| number.parse().ok())
            {
                names.entry(number).or_insert_with(|| crate::shown(name));
            }
        }
        Names(names)
    }

    /// The name for `number`.
    #[must_use]
    pub fn of(&self, number: u32) -> Option<&str> {
        self.0.get(&number).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_name_counts() {
        let names =
            Names::parse(b"root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nbad:x:z:\nshort:x:5\nlast:x:7:");
        assert_eq!(
            [0, 5, 7, 9].map(|number| names.of(number)),
            [Some("root"), None, Some("last"), None]
        );
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text: Vec<u8>) {
            let _ = Names::parse(&text);
        }
    }
}
