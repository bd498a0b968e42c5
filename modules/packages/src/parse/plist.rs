//! Property lists, in XML or binary form: texts and dates in the outermost dictionary.
//!
//! Nothing deeper is looked at. Readers that build the whole value follow a shared object as often as it is named,
//! and nest as deep as the file says: a few bytes could keep them busy for ever.
//!
//! Source: Apple's `PropertyList-1.0.dtd`; `CFBinaryPList.c` of Core Foundation.

use super::bytes::{array, lossy};

const MAGIC: &[u8] = b"bplist00";
const TRAILER_BYTES: usize = 32;
/// Dates count from 2001-01-01, this many seconds after 1970-01-01.
const EPOCH_2001: i64 = 978_307_200;

/// A value of the outermost dictionary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A point in time, in seconds since 1970.
    Date(i64),
}

/// The values of some keys; none when the bytes are not a property list with a dictionary. A value of another type is
/// left out.
#[must_use]
pub fn values<const N: usize>(bytes: &[u8], keys: [&str; N]) -> Option<[Option<Value>; N]> {
    if bytes.starts_with(MAGIC) {
        let list = Binary::open(bytes)?;
        let (count, references) = list.dictionary()?;
        return Some(keys.map(|key| list.value(count, references, key)));
    }
    xml(bytes, keys)
}

/// A binary property list.
struct Binary<'a> {
    bytes: &'a [u8],
    offset_bytes: usize,
    reference_bytes: usize,
    top: usize,
    table: usize,
}

impl<'a> Binary<'a> {
    fn open(bytes: &'a [u8]) -> Option<Self> {
        let trailer = bytes.get(bytes.len().checked_sub(TRAILER_BYTES)?..)?;
        let long = |offset| usize::try_from(u64::from_be_bytes(array(trailer, offset)?)).ok();
        let size = |offset: usize| Some(usize::from(trailer[offset])).filter(|size| (1..=8).contains(size));
        Some(Self {
            bytes,
            offset_bytes: size(6)?,
            reference_bytes: size(7)?,
            top: long(16)?,
            table: long(24)?,
        })
    }

    /// An object and what comes after it.
    fn object(&self, index: usize) -> Option<&'a [u8]> {
        let place = self.table.checked_add(index.checked_mul(self.offset_bytes)?)?;
        let offset = self.bytes.get(place..place.checked_add(self.offset_bytes)?)?;
        self.bytes.get(number(offset)?..)
    }

    /// How many entries the outermost dictionary has, and its references: all keys, then all values.
    fn dictionary(&self) -> Option<(usize, &'a [u8])> {
        let (kind, count, rest) = counted(self.object(self.top)?)?;
        let bytes = count.checked_mul(2)?.checked_mul(self.reference_bytes)?;
        (kind == 0xd0).then_some(())?;
        Some((count, rest.get(..bytes)?))
    }

    fn value(&self, count: usize, references: &[u8], key: &str) -> Option<Value> {
        let (keys, values) = references.split_at_checked(count * self.reference_bytes)?;
        let is_it = |reference: &&[u8]| {
            let found = number(reference).and_then(|index| counted(self.object(index)?));
            // Keys that are asked for are ASCII.
            found.is_some_and(|(kind, length, text)| {
                kind == 0x50 && text.get(..length) == Some(key.as_bytes())
            })
        };
        let mut pairs = keys
            .chunks_exact(self.reference_bytes)
            .zip(values.chunks_exact(self.reference_bytes));
        let (_, value) = pairs.find(|(key, _)| is_it(key))?;
        let object = self.object(number(value)?)?;
        if let [0x33, date @ ..] = object {
            return date_since_2001(f64::from_be_bytes(array(date, 0)?)).map(Value::Date);
        }
        match counted(object)? {
            (0x50, length, text) => text.get(..length).map(|text| Value::Text(lossy(text))),
            (0x60, length, text) => {
                let units = text.get(..length.checked_mul(2)?)?.chunks_exact(2);
                let units: Vec<u16> = units.map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
                Some(Value::Text(String::from_utf16_lossy(&units)))
            }
            _ => None,
        }
    }
}

/// Type, number of elements, and what follows, of an object that has elements.
fn counted(object: &[u8]) -> Option<(u8, usize, &[u8])> {
    let (&marker, rest) = object.split_first()?;
    let (kind, count) = (marker & 0xf0, marker & 0x0f);
    if count < 0x0f {
        return Some((kind, usize::from(count), rest));
    }
    // A number object with the count comes first.
    let (&size, rest) = rest.split_first()?;
    let bytes = 1_usize << (size & 0x0f);
    let (count, rest) = rest.split_at_checked(bytes)?;
    (size & 0xf0 == 0x10).then_some((kind, number(count)?, rest))
}

/// A number, most significant byte first.
fn number(bytes: &[u8]) -> Option<usize> {
    let value = bytes.iter().try_fold(0_u64, |value, &byte| {
        Some(value.checked_mul(256)? | u64::from(byte))
    });
    usize::try_from(value?).ok()
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "a number that is too large becomes the largest"
)]
fn date_since_2001(seconds: f64) -> Option<i64> {
    seconds
        .is_finite()
        .then(|| (seconds.floor() as i64).saturating_add(EPOCH_2001))
}

/// Depth of what is in the outermost dictionary: in it, in `plist`.
const VALUE_DEPTH: usize = 3;

/// Goes through the elements once.
fn xml<const N: usize>(bytes: &[u8], keys: [&str; N]) -> Option<[Option<Value>; N]> {
    let text = String::from_utf8_lossy(bytes);
    let mut found = [const { None }; N];
    let (mut depth, mut key, mut is_list) = (0_usize, None, false);
    let mut rest: &str = &text;
    while let Some((content, after)) = rest.split_once('<') {
        let (tag, after) = tag(after)?;
        rest = after;
        let name = tag
            .trim_start_matches('/')
            .split([' ', '\t', '\r', '\n', '/'])
            .next()
            .unwrap_or_default();
        is_list |= depth == 1 && name == "dict";
        if tag.starts_with('/') {
            match (depth, name) {
                (VALUE_DEPTH, "key") => key = Some(unescaped(content)),
                (VALUE_DEPTH, _) => take(&mut found, keys, key.take(), name, content),
                _ => {}
            }
            depth = depth.saturating_sub(1);
        } else if !tag.ends_with('/') && !tag.starts_with(['?', '!']) {
            depth += 1;
        }
    }
    is_list.then_some(found)
}

/// A tag, comment or declaration without its brackets, and what follows.
fn tag(rest: &str) -> Option<(&str, &str)> {
    let end = if rest.starts_with("!--") { "-->" } else { ">" };
    rest.split_once(end)
}

/// Keeps a value if its key is asked for.
fn take<const N: usize>(
    found: &mut [Option<Value>; N],
    keys: [&str; N],
    key: Option<String>,
    name: &str,
    content: &str,
) {
    let Some(place) = key.and_then(|key| keys.iter().position(|asked| **asked == *key)) else {
        return;
    };
    found[place] = match name {
        "string" => Some(Value::Text(unescaped(content))),
        "date" => rfc3339_seconds(content.trim()).map(Value::Date),
        _ => None,
    };
}

/// Text with the five entities that XML itself has replaced.
fn unescaped(text: &str) -> String {
    const ENTITIES: [(&str, &str); 5] = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ];
    ENTITIES.iter().fold(text.to_owned(), |text, (entity, letter)| {
        text.replace(entity, letter)
    })
}

/// Seconds since 1970 of a time such as `2024-03-01T00:00:00Z`.
fn rfc3339_seconds(text: &str) -> Option<i64> {
    let field = |start: usize, length: usize| text.get(start..start + length)?.parse::<i64>().ok();
    let separators = [
        (4, b'-'),
        (7, b'-'),
        (10, b'T'),
        (13, b':'),
        (16, b':'),
        (19, b'Z'),
    ];
    let bytes = text.as_bytes();
    if bytes.len() != 20 || separators.iter().any(|&(place, byte)| bytes[place] != byte) {
        return None;
    }
    let days = days(field(0, 4)?, field(5, 2)?, field(8, 2)?)?;
    Some(days * 86_400 + field(11, 2)? * 3600 + field(14, 2)? * 60 + field(17, 2)?)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar. Counts years from March, so that the leap day comes last.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    const DAYS_TO_1970: i64 = 719_468;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - DAYS_TO_1970)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::{Duration, UNIX_EPOCH};

    /// A list made by a library, in both forms.
    fn both(text: &str, seconds: u64) -> [Vec<u8>; 2] {
        let mut dictionary = plist::Dictionary::new();
        let date = plist::Date::from(UNIX_EPOCH + Duration::from_secs(seconds));
        dictionary.insert("nested".to_owned(), plist::Value::Array(vec!["text".into()]));
        dictionary.insert("text".to_owned(), text.into());
        dictionary.insert("when".to_owned(), date.into());
        dictionary.insert("a key of more than fourteen letters".to_owned(), 7.into());
        let value = plist::Value::Dictionary(dictionary);
        let (mut xml, mut binary) = (Vec::new(), Vec::new());
        value.to_writer_xml(&mut xml).unwrap();
        value.to_writer_binary(&mut binary).unwrap();
        [xml, binary]
    }

    proptest! {
        #[test]
        fn what_a_library_writes_is_read(text in "[a-zA-Z0-9&<>'\"é漢🎉 ._-]{1,40}", seconds in 0_u64..4_000_000_000) {
            for bytes in both(&text, seconds) {
                let found = values(&bytes, ["text", "when", "nested", "none"]);
                let expected = [Some(Value::Text(text.clone())), Some(Value::Date(seconds as i64)), None, None];
                prop_assert_eq!(found, Some(expected));
            }
        }

        #[test]
        fn damaged_lists_are_survived(places in prop::collection::vec((any::<usize>(), any::<u8>()), 0..9), cut: usize) {
            for mut bytes in both("text", 7) {
                for &(place, byte) in &places {
                    let length = bytes.len();
                    bytes[place % length] = byte;
                    let _ = values(&bytes, ["text", "when"]);
                }
                let _ = values(&bytes[..cut % bytes.len()], ["text", "when"]);
            }
        }
    }

    #[test]
    fn what_is_nested_does_not_count_and_depth_is_no_burden() {
        let deep = "<array>".repeat(200_000);
        let text = format!("<plist><dict><key>a</key><dict><key>b</key><string>x</string></dict>{deep}");
        assert_eq!(values(text.as_bytes(), ["a", "b"]), Some([None, None]));
        assert_eq!(values(b"<html><body/></html>", ["a"]), None);
        assert_eq!(
            values(b"<!-- <plist><dict> --><plist><dict/></plist>", ["a"]),
            Some([None])
        );
    }
}
