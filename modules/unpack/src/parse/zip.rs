//! zip's records (PKWARE APPNOTE.TXT 6.3.10; section numbers below are its). All numbers are little-endian.

/// Length of the end record without its comment (4.3.16).
pub(crate) const END_BYTES: usize = 22;
/// Length of the pointer to the zip64 end record (4.3.15).
pub(crate) const LOCATOR_BYTES: usize = 20;
/// Length of the fixed part of the zip64 end record (4.3.14).
pub(crate) const END64_BYTES: usize = 56;
/// Length of the fixed part of a local header (4.3.7).
pub(crate) const LOCAL_BYTES: usize = 30;
/// Length of the fixed part of a central header (4.3.12).
pub(crate) const CENTRAL_BYTES: usize = 46;
/// Longest comment behind the end record.
pub(crate) const MAX_COMMENT_BYTES: usize = 0xffff;

const END_MAGIC: &[u8; 4] = b"PK\x05\x06";
const LOCATOR_MAGIC: &[u8; 4] = b"PK\x06\x07";
const END64_MAGIC: &[u8; 4] = b"PK\x06\x06";
const LOCAL_MAGIC: &[u8; 4] = b"PK\x03\x04";
/// Starts each central header.
pub(crate) const CENTRAL_MAGIC: &[u8; 4] = b"PK\x01\x02";

/// General purpose bits (4.4.4).
const FLAG_ENCRYPTED: u16 = 1;
const FLAG_DESCRIPTOR: u16 = 1 << 3;
const FLAG_PATCH: u16 = 1 << 5;
const FLAG_STRONG_ENCRYPTION: u16 = 1 << 6;
const FLAG_MASKED_HEADER: u16 = 1 << 13;
/// Method 99: AES (WinZip).
pub(crate) const METHOD_AES: u16 = 99;

/// Ids of extra fields (4.5.2, 4.6.1; the Unix ones from Info-ZIP's `extrafld.txt`).
const EXTRA_ZIP64: u16 = 0x0001;
const EXTRA_TIMES: u16 = 0x5455;
const EXTRA_IDS: u16 = 0x7875;

/// Where the central directory is and how large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) entries: u64,
    pub(crate) directory_bytes: u64,
    pub(crate) directory_offset: u64,
    /// Some field says "look into the zip64 record".
    pub(crate) wants_zip64: bool,
    /// Bytes behind the record and its comment; not part of the record.
    pub(crate) appended: u64,
}

/// A central or local header, zip64 sizes resolved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Header {
    pub(crate) name: Vec<u8>,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) crc: u32,
    pub(crate) compressed: u64,
    pub(crate) size: u64,
    /// Of the local header; zero in a local header.
    pub(crate) offset: u64,
    pub(crate) mtime_s: Option<i64>,
    pub(crate) mode: Option<u32>,
    pub(crate) uid: Option<u64>,
    pub(crate) gid: Option<u64>,
    pub(crate) many_disks: bool,
}

impl Header {
    pub(crate) fn is_encrypted(&self) -> bool {
        self.flags & (FLAG_ENCRYPTED | FLAG_STRONG_ENCRYPTION | FLAG_MASKED_HEADER) != 0
            || self.method == METHOD_AES
    }

    pub(crate) fn is_patch(&self) -> bool {
        self.flags & FLAG_PATCH != 0
    }

    /// Checksum and sizes follow the data; the local header may have zeros.
    pub(crate) fn has_descriptor(&self) -> bool {
        self.flags & FLAG_DESCRIPTOR != 0
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Finds the end record in the archive's last bytes: the last one whose comment reaches exactly to the
/// end, or else the last one at all (something was appended). Returns its position in `tail`.
pub(crate) fn find_end(tail: &[u8]) -> Option<usize> {
    let positions = || {
        let last = tail.len().checked_sub(END_BYTES)?;
        Some((0..=last).rev().filter(|at| tail[*at..].starts_with(END_MAGIC)))
    };
    let exact = |at: &usize| {
        let comment = u16_at(tail, at + 20).map(usize::from);
        comment == Some(tail.len() - at - END_BYTES)
    };
    positions()?.find(exact).or_else(|| positions()?.next())
}

/// Reads an end record.
pub(crate) fn parse_end(bytes: &[u8]) -> Option<End> {
    let entries = u16_at(bytes, 10)?;
    let directory_bytes = u32_at(bytes, 12)?;
    let directory_offset = u32_at(bytes, 16)?;
    Some(End {
        entries: entries.into(),
        directory_bytes: directory_bytes.into(),
        directory_offset: directory_offset.into(),
        wants_zip64: entries == u16::MAX || directory_bytes == u32::MAX || directory_offset == u32::MAX,
        appended: 0,
    })
}

/// Where the zip64 end record is said to be.
pub(crate) fn parse_locator(bytes: &[u8]) -> Option<u64> {
    bytes.starts_with(LOCATOR_MAGIC).then_some(())?;
    u64_at(bytes, 8)
}

/// Reads a zip64 end record.
pub(crate) fn parse_end64(bytes: &[u8]) -> Option<End> {
    bytes.starts_with(END64_MAGIC).then_some(())?;
    Some(End {
        entries: u64_at(bytes, 32)?,
        directory_bytes: u64_at(bytes, 40)?,
        directory_offset: u64_at(bytes, 48)?,
        wants_zip64: false,
        appended: 0,
    })
}

/// Reads the first central header and returns what follows it.
pub(crate) fn parse_central(bytes: &[u8]) -> Option<(Header, &[u8])> {
    bytes.starts_with(CENTRAL_MAGIC).then_some(())?;
    let (name_bytes, extra_bytes, comment_bytes) =
        (u16_at(bytes, 28)?, u16_at(bytes, 30)?, u16_at(bytes, 32)?);
    let rest = bytes.get(CENTRAL_BYTES..)?;
    let (name, rest) = rest.split_at_checked(name_bytes.into())?;
    let (extra, rest) = rest.split_at_checked(extra_bytes.into())?;
    let (_, rest) = rest.split_at_checked(comment_bytes.into())?;
    let unix_made = matches!(bytes[5], 3 | 19);
    let mut header = Header {
        name: name.to_vec(),
        flags: u16_at(bytes, 8)?,
        method: u16_at(bytes, 10)?,
        crc: u32_at(bytes, 16)?,
        compressed: u32_at(bytes, 20)?.into(),
        size: u32_at(bytes, 24)?.into(),
        offset: u32_at(bytes, 42)?.into(),
        mtime_s: dos_time(u16_at(bytes, 14)?, u16_at(bytes, 12)?),
        mode: unix_made.then_some(u32_at(bytes, 38)? >> 16),
        many_disks: u16_at(bytes, 34)? != 0,
        ..Header::default()
    };
    apply_extra(&mut header, extra);
    Some((header, rest))
}

/// Lengths of a local header's name and extra field, from its fixed part.
pub(crate) fn local_lengths(fixed: &[u8]) -> Option<(usize, usize)> {
    fixed.starts_with(LOCAL_MAGIC).then_some(())?;
    Some((u16_at(fixed, 26)?.into(), u16_at(fixed, 28)?.into()))
}

/// Reads a local header from its fixed part and what follows it.
pub(crate) fn parse_local(fixed: &[u8], variable: &[u8]) -> Option<Header> {
    let (name_bytes, extra_bytes) = local_lengths(fixed)?;
    let (name, rest) = variable.split_at_checked(name_bytes)?;
    let extra = rest.get(..extra_bytes)?;
    let mut header = Header {
        name: name.to_vec(),
        flags: u16_at(fixed, 6)?,
        method: u16_at(fixed, 8)?,
        crc: u32_at(fixed, 14)?,
        compressed: u32_at(fixed, 18)?.into(),
        size: u32_at(fixed, 22)?.into(),
        ..Header::default()
    };
    apply_extra(&mut header, extra);
    Some(header)
}

/// Applies the extra fields that matter; a malformed rest is ignored, as all tools do.
fn apply_extra(header: &mut Header, mut extra: &[u8]) {
    while let (Some(id), Some(length)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        let Some((body, rest)) = extra[4..].split_at_checked(length.into()) else {
            return;
        };
        match id {
            EXTRA_ZIP64 => apply_zip64(header, body),
            EXTRA_TIMES => apply_times(header, body),
            EXTRA_IDS => apply_ids(header, body),
            _ => {}
        }
        extra = rest;
    }
}

/// 4.5.3: only the saturated fields are there, in this order.
fn apply_zip64(header: &mut Header, mut body: &[u8]) {
    for field in [&mut header.size, &mut header.compressed, &mut header.offset] {
        if *field == u64::from(u32::MAX)
            && let Some((value, rest)) = body.split_first_chunk()
        {
            *field = u64::from_le_bytes(*value);
            body = rest;
        }
    }
}

/// A flag byte whose lowest bit says that the modification time comes first.
fn apply_times(header: &mut Header, body: &[u8]) {
    if let ([flags, ..], Some(seconds)) = (body, u32_at(body, 1))
        && flags & 1 != 0
    {
        header.mtime_s = Some(seconds.cast_signed().into());
    }
}

/// Version 1, then each id behind its length.
fn apply_ids(header: &mut Header, body: &[u8]) {
    let Some((1, rest)) = body.split_first() else {
        return;
    };
    if let Some((uid, rest)) = sized_number(rest) {
        header.uid = Some(uid);
        header.gid = sized_number(rest).map(|(gid, _)| gid);
    }
}

fn sized_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let (digits, rest) = rest.split_at_checked((*length).into())?;
    if digits.len() > 8 {
        return None;
    }
    let number = digits.iter().rev();
    Some((number.fold(0, |n, byte| n << 8 | u64::from(*byte)), rest))
}

/// MS-DOS date and time (4.4.6) as if they were UTC, in seconds since 1970.
fn dos_time(date: u16, time: u16) -> Option<i64> {
    let (year, month, day) = (1980 + i64::from(date >> 9), date >> 5 & 15, date & 31);
    if !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    let (hour, minute, second) = (time >> 11, time >> 5 & 63, 2 * (time & 31));
    let days = days_since_1970(year, month.into(), day.into());
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    Some(days * 86_400 + seconds)
}

/// Days of the Gregorian calendar, counted in years that begin in March, so that leap days come last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    let before_month = (153 * month + 2) / 5;
    // 719,468 days lie between 1 March of year 0 and 1 January 1970.
    365 * year + leap_days + before_month + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dos_times_are_utc_seconds() {
        // 2024-02-29 12:34:56
        let date = (44 << 9) | (2 << 5) | 29;
        let time = (12 << 11) | (34 << 5) | 28;
        assert_eq!(dos_time(date, time), Some(1_709_210_096));
        assert_eq!(dos_time((1 << 5) | 1, 0), Some(315_532_800));
        assert_eq!(dos_time(0, 0), None);
    }

    #[test]
    fn the_end_record_with_a_fitting_comment_wins() {
        let end = |comment: &[u8]| {
            let mut record = END_MAGIC.to_vec();
            record.resize(END_BYTES, 0);
            record[20] = u8::try_from(comment.len()).expect("short");
            [&record, comment].concat()
        };
        let inner = end(b"");
        // A comment that looks like an end record, with a length that does not fit.
        let mut fake = inner.clone();
        fake[20] = 9;
        let tail = end(&fake);
        assert_eq!(find_end(&tail), Some(0));
        assert_eq!(find_end(&[&tail[..], b"appended"].concat()), Some(END_BYTES));
        assert_eq!(find_end(b"PK\x05\x06"), None);
    }
}
