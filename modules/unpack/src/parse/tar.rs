//! The 512-byte tar header: v7, POSIX ustar and GNU (POSIX.1-2017 `pax`, GNU tar manual "Basic Tar Format").

/// Size of a header and unit of padding.
pub(crate) const BLOCK_BYTES: usize = 512;

/// Fields of one header, as stored; extended headers may override them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) name: Vec<u8>,
    pub(crate) link: Vec<u8>,
    pub(crate) type_flag: u8,
    pub(crate) size: u64,
    pub(crate) mode: Option<u32>,
    pub(crate) mtime_s: Option<i64>,
    pub(crate) uid: Option<u64>,
    pub(crate) gid: Option<u64>,
}

/// Why 512 bytes are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoHeader {
    /// All zero: the archive's end.
    Zero,
    /// The checksum is wrong.
    Checksum,
    /// The size is not a number.
    Size,
}

/// Reads one header block.
pub(crate) fn parse_header(block: &[u8; BLOCK_BYTES]) -> Result<Header, NoHeader> {
    if block.iter().all(|byte| *byte == 0) {
        return Err(NoHeader::Zero);
    }
    if !checksum_matches(block) {
        return Err(NoHeader::Checksum);
    }
    let size = number(&block[124..136]).ok_or(NoHeader::Size)?;
    Ok(Header {
        name: full_name(block),
        link: text(&block[157..257]).to_vec(),
        type_flag: block[156],
        size: u64::try_from(size).map_err(|_| NoHeader::Size)?,
        mode: number(&block[100..108]).and_then(|mode| u32::try_from(mode).ok()),
        mtime_s: number(&block[136..148]),
        uid: number(&block[108..116]).and_then(|id| u64::try_from(id).ok()),
        gid: number(&block[116..124]).and_then(|id| u64::try_from(id).ok()),
    })
}

/// True for a first block that can only be tar's: by magic, or for v7 by its checksum.
pub(crate) fn looks_like_tar(head: &[u8]) -> bool {
    let Some(block) = head.first_chunk::<BLOCK_BYTES>() else {
        return false;
    };
    let magic = block[257..].starts_with(b"ustar\0") || block[257..].starts_with(b"ustar ");
    magic || (block[0] != 0 && checksum_matches(block))
}

/// Only POSIX's magic has the `prefix` field; GNU keeps other things there.
fn full_name(block: &[u8; BLOCK_BYTES]) -> Vec<u8> {
    let name = text(&block[..100]);
    let prefix = text(&block[345..500]);
    if prefix.is_empty() || !block[257..].starts_with(b"ustar\0") {
        return name.to_vec();
    }
    [prefix, b"/", name].concat()
}

/// The sum of all bytes, the checksum field counted as spaces. Some old tars summed signed bytes.
fn checksum_matches(block: &[u8; BLOCK_BYTES]) -> bool {
    let field = 148..156;
    let Some(stated) = number(&block[field.clone()]) else {
        return false;
    };
    let spaces = 8 * i64::from(b' ');
    let others = || block[..field.start].iter().chain(&block[field.end..]);
    let unsigned: i64 = others().map(|byte| i64::from(*byte)).sum();
    let signed: i64 = others().map(|byte| i64::from(byte.cast_signed())).sum();
    stated == unsigned + spaces || stated == signed + spaces
}

/// Up to the first NUL.
pub(crate) fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Octal digits between spaces and NULs, or GNU's big-endian binary when the first bit is set.
pub(crate) fn number(field: &[u8]) -> Option<i64> {
    match field.first()? {
        first if first & 0x80 != 0 => binary(field),
        _ => octal(field),
    }
}

fn octal(field: &[u8]) -> Option<i64> {
    let digits = text(field).trim_ascii();
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_i64, |value, digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(i64::from(digit - b'0')),
        _ => None,
    })
}

/// Two's complement over all bits but the first, which only marks the form.
fn binary(field: &[u8]) -> Option<i64> {
    let negative = field[0] & 0x40 != 0;
    let first = if negative { field[0] } else { field[0] & 0x7f };
    let start = i128::from(if negative { first.cast_signed() } else { 0 });
    let start = if negative { start } else { i128::from(first) };
    let value = field[1..].iter().try_fold(start, |value, byte| {
        value.checked_mul(256)?.checked_add(i128::from(*byte))
    })?;
    i64::try_from(value).ok()
}
