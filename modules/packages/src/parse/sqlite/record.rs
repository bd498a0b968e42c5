//! SQLite: one row, as a record.
//!
//! Source: <https://sqlite.org/fileformat2.html>, section 2.1.

/// A value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'r> {
    /// A whole number.
    Integer(i64),
    /// Text or bytes.
    Bytes(&'r [u8]),
    /// Nothing, or a number with a fraction, which nobody asks for.
    Other,
}

/// A row, as a record (2.1).
#[derive(Debug)]
pub struct Row<'r> {
    types: &'r [u8],
    values: &'r [u8],
}

impl<'r> Row<'r> {
    pub(super) fn parse(record: &'r [u8]) -> Option<Self> {
        let (header, used) = varint(record)?;
        let header = usize::try_from(header).ok()?;
        Some(Self {
            types: record.get(used..header)?,
            values: record.get(header..)?,
        })
    }

    /// The value in a column; none when there is no such column.
    #[must_use]
    pub fn column(&self, column: usize) -> Option<Value<'r>> {
        let (mut types, mut offset) = (self.types, 0_usize);
        for index in 0.. {
            let (kind, used) = varint(types)?;
            types = types.get(used..)?;
            let length = value_bytes(kind)?;
            let end = offset.checked_add(length)?;
            if index == column {
                return value(kind, self.values.get(offset..end)?);
            }
            offset = end;
        }
        None
    }
}

/// How many bytes a value of a type has.
fn value_bytes(kind: u64) -> Option<usize> {
    Some(match kind {
        0 | 8 | 9 => 0,
        1..=4 => usize::try_from(kind).ok()?,
        5 => 6,
        6 | 7 => 8,
        10 | 11 => return None,
        _ => usize::try_from((kind - 12) / 2).ok()?,
    })
}

fn value(kind: u64, bytes: &[u8]) -> Option<Value<'_>> {
    Some(match kind {
        1..=6 => {
            let negative = bytes.first()? & 0x80 != 0;
            let start = if negative { -1 } else { 0 };
            Value::Integer(
                bytes
                    .iter()
                    .fold(start, |number, &byte| number << 8 | i64::from(byte)),
            )
        }
        8 => Value::Integer(0),
        9 => Value::Integer(1),
        0 | 7 => Value::Other,
        _ => Value::Bytes(bytes),
    })
}

/// A number of one to nine bytes, seven bits in each but the last (1.6); and how many bytes it has.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut number = 0;
    for (index, &byte) in bytes.iter().take(9).enumerate() {
        if index == 8 {
            return Some((number << 8 | u64::from(byte), 9));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((number, index + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_all_lengths() {
        for (bytes, expected) in [
            (&[0x7f][..], Some((127, 1))),
            (&[0x81, 0x00], Some((128, 2))),
            (&[0xff; 9], Some((u64::MAX, 9))),
            (&[0xff; 8], None),
            (&[], None),
        ] {
            assert_eq!(varint(bytes), expected);
        }
        assert_eq!(value(2, &[0xff, 0xfe]), Some(Value::Integer(-2)));
        assert_eq!(value(3, &[1, 0, 0]), Some(Value::Integer(65_536)));
    }

    #[test]
    fn columns_are_found_by_their_types() {
        // NULL, a text of 2 bytes, the number 1, a blob of 3 bytes
        let record = [5, 0, 17, 9, 18, b'h', b'i', 1, 2, 3];
        let row = Row::parse(&record).unwrap();
        let columns: Vec<_> = (0..5).map(|column| row.column(column)).collect();
        assert_eq!(
            columns,
            [
                Some(Value::Other),
                Some(Value::Bytes(b"hi")),
                Some(Value::Integer(1)),
                Some(Value::Bytes(&[1, 2, 3])),
                None
            ]
        );
    }
}
