//! What a file system says about a file, and how that is shown.

use std::fmt::Write;

use crate::{params::FileKind, parse::age::Nanoseconds};

/// What a file system, or an archive, says about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Kind.
    pub kind: FileKind,
    /// Size in bytes.
    pub size: u64,
    /// Permission bits with set-user-id, set-group-id and sticky: the lower twelve bits.
    pub mode: u16,
    /// Owner's number; archives may not have it.
    pub uid: Option<u32>,
    /// Group's number; archives may not have it.
    pub gid: Option<u32>,
    /// Change of the content.
    pub mtime: Option<Nanoseconds>,
    /// Change of content or metadata.
    pub ctime: Option<Nanoseconds>,
    /// Creation.
    pub btime: Option<Nanoseconds>,
    /// Device and inode; zero for members of archives.
    pub id: (u64, u64),
    /// Bytes that are stored; fewer than the size where the file has holes.
    pub stored_bytes: u64,
}

impl Metadata {
    /// The mode as `ls -l` shows it, such as `-rwsr-xr-x`.
    #[must_use]
    pub fn mode_ls(&self) -> String {
        let mut letters = [b'-'; 10];
        letters[0] = match self.kind {
            FileKind::File => b'-',
            FileKind::Folder => b'd',
            FileKind::Link => b'l',
            FileKind::Pipe => b'p',
            FileKind::Socket => b's',
            FileKind::BlockDevice => b'b',
            FileKind::CharacterDevice => b'c',
        };
        self.permissions(&mut letters[1..]);
        for (bit, at, letter) in [(0o4000, 3, b's'), (0o2000, 6, b's'), (0o1000, 9, b't')] {
            if self.mode & bit != 0 {
                letters[at] = if letters[at] == b'x' {
                    letter
                } else {
                    letter.to_ascii_uppercase()
                };
            }
        }
        String::from_utf8_lossy(&letters).into_owned()
    }

    /// The mode as Go's `os.FileMode` shows it, which MIG uses, such as `urwxr-xr-x`.
    #[must_use]
    pub fn mode_go(&self) -> String {
        let kind = match self.kind {
            FileKind::File => "",
            FileKind::Folder => "d",
            FileKind::Link => "L",
            FileKind::Pipe => "p",
            FileKind::Socket => "S",
            FileKind::BlockDevice => "D",
            FileKind::CharacterDevice => "D",
        };
        let mut text = kind.to_owned();
        for (bit, letter) in [(0o4000, 'u'), (0o2000, 'g')] {
            if self.mode & bit != 0 {
                text.push(letter);
            }
        }
        // Go orders its letters by bit: the one for character devices stands between those for g and t.
        if self.kind == FileKind::CharacterDevice {
            text.push('c');
        }
        if self.mode & 0o1000 != 0 {
            text.push('t');
        }
        if text.is_empty() {
            text.push('-');
        }
        let mut letters = [b'-'; 9];
        self.permissions(&mut letters);
        text.push_str(&String::from_utf8_lossy(&letters));
        text
    }

    /// The mode in octal, at least four digits, such as `4755` and `0644`.
    #[must_use]
    pub fn mode_octal(&self) -> String {
        format!("{:04o}", self.mode)
    }

    fn permissions(&self, letters: &mut [u8]) {
        for (index, letter) in letters.iter_mut().take(9).enumerate() {
            if self.mode >> (8 - index) & 1 == 1 {
                *letter = b"rwx"[index % 3];
            }
        }
    }
}

/// A point in time as RFC 3339 shows it, in UTC, with nanoseconds.
///
/// Years before 0 and after 9999, which RFC 3339 does not have, get a sign and as many digits as they need (ISO 8601).
#[must_use]
pub fn rfc3339(time: Nanoseconds) -> String {
    const SECOND: Nanoseconds = 1_000_000_000;
    const DAY_SECONDS: i128 = 24 * 60 * 60;
    let (seconds, nanoseconds) = (time.div_euclid(SECOND), time.rem_euclid(SECOND));
    let (days, second) = (seconds.div_euclid(DAY_SECONDS), seconds.rem_euclid(DAY_SECONDS));
    let (year, month, day) = date(days);
    let mut text = if (0..=9999).contains(&year) {
        format!("{year:04}")
    } else {
        format!("{year:+05}")
    };
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanoseconds:09}Z"
    );
    text
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
///
/// Years are taken to begin in March, so that the leap day comes last; 400 years have 146,097 days.
fn date(days_since_1970: i128) -> (i128, i128, i128) {
    const DAYS_FROM_MARCH_0000_TO_1970: i128 = 719_468;
    let days = days_since_1970 + DAYS_FROM_MARCH_0000_TO_1970;
    let (cycle, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_cycle = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (
        cycle * 400 + year_of_cycle + i128::from(month <= 2),
        month,
        day_of_month,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(kind: FileKind, mode: u16) -> Metadata {
        Metadata {
            kind,
            size: 0,
            mode,
            uid: None,
            gid: None,
            mtime: None,
            ctime: None,
            btime: None,
            id: (0, 0),
            stored_bytes: 0,
        }
    }

    #[test]
    fn modes_have_three_forms() {
        let cases = [
            (FileKind::File, 0o644, "-rw-r--r--", "-rw-r--r--", "0644"),
            (FileKind::File, 0o4755, "-rwsr-xr-x", "urwxr-xr-x", "4755"),
            (FileKind::File, 0o6644, "-rwSr-Sr--", "ugrw-r--r--", "6644"),
            (FileKind::Folder, 0o1777, "drwxrwxrwt", "dtrwxrwxrwx", "1777"),
            (FileKind::Folder, 0o1770, "drwxrwx--T", "dtrwxrwx---", "1770"),
            (FileKind::Link, 0o777, "lrwxrwxrwx", "Lrwxrwxrwx", "0777"),
            (
                FileKind::CharacterDevice,
                0o620,
                "crw--w----",
                "Dcrw--w----",
                "0620",
            ),
            (FileKind::BlockDevice, 0o660, "brw-rw----", "Drw-rw----", "0660"),
            (FileKind::Pipe, 0o600, "prw-------", "prw-------", "0600"),
            (FileKind::Socket, 0o755, "srwxr-xr-x", "Srwxr-xr-x", "0755"),
        ];
        for (kind, mode, ls, go, octal) in cases {
            let metadata = with(kind, mode);
            assert_eq!(
                (metadata.mode_ls().as_str(), metadata.mode_go().as_str()),
                (ls, go)
            );
            assert_eq!(metadata.mode_octal(), octal);
        }
    }

    #[test]
    fn times_are_shown_in_utc() {
        // Seconds by `date -u -d TEXT +%s`.
        let cases = [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_827_696, "2000-02-29T12:34:56.000000000Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000000Z"),
            (-1, "1969-12-31T23:59:59.000000000Z"),
            (253_402_300_799, "9999-12-31T23:59:59.000000000Z"),
            (253_402_300_800, "+10000-01-01T00:00:00.000000000Z"),
            (-62_167_219_201, "-0001-12-31T23:59:59.000000000Z"),
        ];
        for (seconds, text) in cases {
            assert_eq!(rfc3339(seconds * 1_000_000_000), text);
        }
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59.999999999Z");
        let _ = rfc3339(Nanoseconds::from(i64::MAX) * 1_000_000_000);
        let _ = rfc3339(Nanoseconds::from(i64::MIN) * 1_000_000_000);
    }
}
