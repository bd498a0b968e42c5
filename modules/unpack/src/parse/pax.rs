//! pax extended headers: `LENGTH KEY=VALUE\n` records (POSIX.1-2017, `pax`, "pax Extended Header").

use super::sparse::{self, Segment};

/// What extended headers say about the member behind them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Extended {
    pub(crate) name: Option<Vec<u8>>,
    pub(crate) link: Option<Vec<u8>>,
    pub(crate) size: Option<u64>,
    pub(crate) mtime_s: Option<i64>,
    pub(crate) uid: Option<u64>,
    pub(crate) gid: Option<u64>,
    pub(crate) sparse: Sparse,
}

/// GNU tar's sparse files in pax form (GNU tar manual, "Storing Sparse Files").
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sparse {
    /// Format 1.0: the map lies in front of the data.
    pub(crate) map_in_data: bool,
    /// Format 0.1: the map itself.
    pub(crate) map: Option<Vec<Segment>>,
    /// Format 0.0, whose records come once per segment; not supported.
    pub(crate) oldest: bool,
    pub(crate) real_size: Option<u64>,
    pub(crate) name: Option<Vec<u8>>,
}

/// A record that is not `LENGTH KEY=VALUE\n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadRecord;

impl Extended {
    /// Takes over the records of one header; later records win, unknown keys do not matter.
    pub(crate) fn add(&mut self, mut records: &[u8]) -> Result<(), BadRecord> {
        while !records.is_empty() && records[0] != 0 {
            let (key, value, rest) = split_record(records).ok_or(BadRecord)?;
            self.set(key, value).ok_or(BadRecord)?;
            records = rest;
        }
        Ok(())
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        match key {
            b"path" => self.name = Some(value.to_vec()),
            b"linkpath" => self.link = Some(value.to_vec()),
            b"size" => self.size = Some(decimal(value)?),
            b"mtime" => self.mtime_s = Some(seconds(value)?),
            b"uid" => self.uid = Some(decimal(value)?),
            b"gid" => self.gid = Some(decimal(value)?),
            b"GNU.sparse.major" => self.sparse.map_in_data = value == b"1",
            b"GNU.sparse.name" => self.sparse.name = Some(value.to_vec()),
            b"GNU.sparse.size" | b"GNU.sparse.realsize" => {
                self.sparse.real_size = Some(decimal(value)?);
            }
            b"GNU.sparse.map" => self.sparse.map = Some(sparse::parse_list(value)?),
            b"GNU.sparse.offset" | b"GNU.sparse.numbytes" => self.sparse.oldest = true,
            _ => {}
        }
        Some(())
    }
}

/// The first record's key and value, and what follows it.
fn split_record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = bytes.iter().take(20).position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(&bytes[..space])?).ok()?;
    let (record, rest) = bytes.split_at_checked(length)?;
    let body = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|byte| *byte == b'=')?;
    Some((&body[..equals], &body[equals + 1..], rest))
}

/// ASCII digits only.
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Whole seconds of a decimal time, rounded down.
fn seconds(value: &[u8]) -> Option<i64> {
    let mut parts = value.splitn(2, |byte| *byte == b'.');
    let whole: i64 = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
    let fraction = parts.next().unwrap_or_default();
    let below_zero = value.starts_with(b"-") && fraction.iter().any(|digit| *digit != b'0');
    whole.checked_sub(i64::from(below_zero))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_records_and_ignores_unknown_keys() {
        let mut extended = Extended::default();
        let records = b"12 path=a=b\n20 mtime=1700000.75\n13 foo.bar=1\n13 size=1234\n";
        extended.add(records).expect("valid records");
        assert_eq!(extended.name.as_deref(), Some(&b"a=b"[..]));
        assert_eq!(extended.mtime_s, Some(1_700_000));
        assert_eq!(extended.size, Some(1234));
    }

    #[test]
    fn times_before_1970_round_down() {
        assert_eq!(seconds(b"-1.5"), Some(-2));
        assert_eq!(seconds(b"-1.0"), Some(-1));
        assert_eq!(seconds(b"-0.5"), Some(-1));
    }

    #[test]
    fn refuses_wrong_lengths_and_numbers() {
        for bad in [
            &b"99 path=a\n"[..],
            b"3 a\n",
            b"x path=a\n",
            b"10 size=-1\n",
            b"184467440737095516160 a=b\n",
            b"0 =\n",
        ] {
            assert_eq!(Extended::default().add(bad), Err(BadRecord), "{bad:?}");
        }
    }
}
