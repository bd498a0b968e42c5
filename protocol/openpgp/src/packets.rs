//! The frames that OpenPGP data consists of.
use crate::error::FormatError;

/// Types of packets; RFC 9580, section 5.
pub(crate) mod tag {
    pub(crate) const SIGNATURE: u8 = 2;
    pub(crate) const ONE_PASS_SIGNATURE: u8 = 4;
    pub(crate) const SECRET_KEY: u8 = 5;
    pub(crate) const PUBLIC_KEY: u8 = 6;
    pub(crate) const SECRET_SUBKEY: u8 = 7;
    pub(crate) const COMPRESSED_DATA: u8 = 8;
    pub(crate) const LITERAL_DATA: u8 = 11;
    pub(crate) const USER_ID: u8 = 13;
    pub(crate) const PUBLIC_SUBKEY: u8 = 14;
    pub(crate) const USER_ATTRIBUTE: u8 = 17;
}

/// One packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packet<'a> {
    pub(crate) tag: u8,
    pub(crate) body: &'a [u8],
}

/// Splits bytes into packets, up to the first error.
///
/// Both formats of headers are read (GnuPG writes the old one). Lengths are definite: keys and signatures may have
/// no other ones; RFC 9580, section 4.2.1.4.
pub(crate) fn split(bytes: &[u8]) -> impl Iterator<Item = Result<Packet<'_>, FormatError>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let offset = bytes.len() - rest.len();
        let packet = next(rest, offset);
        rest = packet.as_ref().map_or(&[], |(_, behind)| behind);
        Some(packet.map(|(packet, _)| packet))
    })
}

/// The type of the first packet, if there is one.
pub(crate) fn first_tag(bytes: &[u8]) -> Option<u8> {
    match *bytes.first()? {
        first @ 0xC0.. => Some(first & 0x3F),
        first @ 0x80.. => Some(first >> 2 & 0x0F),
        _ => None,
    }
}

fn next(bytes: &[u8], offset: usize) -> Result<(Packet<'_>, &[u8]), FormatError> {
    let (&first, rest) = bytes.split_first().ok_or(FormatError::Truncated { offset })?;
    let tag = first_tag(bytes).ok_or(FormatError::NotAPacket { offset })?;
    let (length, rest) = match first {
        0xC0.. => length(rest, offset)?,
        _ => legacy_length(first & 3, rest, offset)?,
    };
    let (body, behind) = rest
        .split_at_checked(length)
        .ok_or(FormatError::Truncated { offset })?;
    Ok((Packet { tag, body }, behind))
}

/// The length of a body, and what is behind it; RFC 9580, section 4.2.1.
fn length(bytes: &[u8], offset: usize) -> Result<(usize, &[u8]), FormatError> {
    match *bytes {
        [one @ ..192, ref rest @ ..] => Ok((one.into(), rest)),
        [one @ 192..224, two, ref rest @ ..] => {
            Ok((((usize::from(one) - 192) << 8) + usize::from(two) + 192, rest))
        }
        [224..=254, ..] => Err(FormatError::PartialLength { offset }),
        [255, ref rest @ ..] => number(rest, 4, offset),
        _ => Err(FormatError::Truncated { offset }),
    }
}

/// The same for the old format; RFC 9580, section 4.2.2.
fn legacy_length(kind: u8, bytes: &[u8], offset: usize) -> Result<(usize, &[u8]), FormatError> {
    match kind {
        0 => number(bytes, 1, offset),
        1 => number(bytes, 2, offset),
        2 => number(bytes, 4, offset),
        _ => Err(FormatError::IndeterminateLength { offset }),
    }
}

/// A big-endian number, which fits into 32 bits, and what is behind it.
fn number(bytes: &[u8], width: usize, offset: usize) -> Result<(usize, &[u8]), FormatError> {
    let (digits, rest) = bytes
        .split_at_checked(width)
        .ok_or(FormatError::Truncated { offset })?;
    Ok((
        digits
            .iter()
            .fold(0, |number, &digit| number << 8 | usize::from(digit)),
        rest,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(bytes: &[u8]) -> Result<Vec<(u8, usize)>, &'static str> {
        split(bytes)
            .map(|packet| {
                packet
                    .map(|packet| (packet.tag, packet.body.len()))
                    .map_err(|e| e.code())
            })
            .collect()
    }

    fn with_body(header: &[u8], length: usize) -> Vec<u8> {
        [header, &vec![0; length]].concat()
    }

    #[test]
    fn all_definite_lengths() {
        for (header, tag, length) in [
            (&[0xC2, 0][..], 2, 0),
            (&[0xC2, 191], 2, 191),
            (&[0xC6, 192, 0], 6, 192),
            (&[0xD1, 223, 255], 17, 8383),
            (&[0xC2, 255, 0, 0, 1, 0], 2, 256),
            (&[0x88, 5], 2, 5),
            (&[0x99, 1, 0], 6, 256),
            (&[0xB6, 0, 0, 0, 3], 13, 3),
        ] {
            assert_eq!(
                lengths(&with_body(header, length)),
                Ok(vec![(tag, length)]),
                "{header:?}"
            );
        }
        assert_eq!(lengths(&[0xC2, 1, 0, 0xC6, 0]), Ok(vec![(2, 1), (6, 0)]));
    }

    #[test]
    fn refusals() {
        for (bytes, code) in [
            (&[0xC2][..], "truncated"),
            (&[0xC2, 1], "truncated"),
            (&[0xC2, 192], "truncated"),
            (&[0xC2, 255, 255, 255, 255, 255, 0], "truncated"),
            (&[0x89, 0], "truncated"),
            (&[0xC2, 224, 0], "partial-length"),
            (&[0x8B, 0, 0], "indeterminate-length"),
            (&[0xC2, 0, 0x20], "not-a-packet"),
        ] {
            assert_eq!(lengths(bytes), Err(code), "{bytes:?}");
        }
    }
}
