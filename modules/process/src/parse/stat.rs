//! `/proc/PID/stat` and what goes with it.

/// What is used of `/proc/PID/stat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// The process's name, which may contain anything.
    pub comm: Vec<u8>,
    /// One letter, such as `Z` for a zombie.
    pub state: u8,
    /// Whether it is a thread of the kernel.
    pub is_kernel: bool,
    /// Start, in clock ticks since the host started.
    pub start_ticks: u64,
}

/// Flag of a kernel thread (`PF_KTHREAD`, `include/linux/sched.h`).
const KERNEL_THREAD: u64 = 0x0020_0000;
/// Fields behind the name, counted from the state as 0; `proc_pid_stat(5)` counts it as 3.
const FLAGS_FIELD: usize = 6;
const START_FIELD: usize = 19;

/// Parses the text of `/proc/PID/stat`; none when it is not understood.
///
/// Source: `proc_pid_stat(5)`. The name stands in parentheses and may contain some itself; the last one counts.
#[must_use]
pub fn stat(text: &[u8]) -> Option<Stat> {
    let open = text.iter().position(|&byte| byte == b'(')?;
    let close = text
        .iter()
        .rposition(|&byte| byte == b')')
        .filter(|&close| close > open)?;
    let rest = std::str::from_utf8(&text[close + 1..]).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |field: usize| fields.get(field)?.parse::<u64>().ok();
    Some(Stat {
        comm: text[open + 1..close].to_vec(),
        state: *fields.first()?.as_bytes().first()?,
        is_kernel: number(FLAGS_FIELD)? & KERNEL_THREAD != 0,
        start_ticks: number(START_FIELD)?,
    })
}

/// The effective user from the text of `/proc/PID/status`: `Uid: REAL EFFECTIVE SAVED FILESYSTEM`.
#[must_use]
pub fn effective_uid(status: &[u8]) -> Option<u32> {
    let line = status
        .split(|&byte| byte == b'\n')
        .find_map(|line| line.strip_prefix(b"Uid:"))?;
    std::str::from_utf8(line)
        .ok()?
        .split_ascii_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

/// When the host started, in seconds since 1970, from the text of `/proc/stat`.
#[must_use]
pub fn boot_seconds(stat: &[u8]) -> Option<i64> {
    let line = stat
        .split(|&byte| byte == b'\n')
        .find_map(|line| line.strip_prefix(b"btime "))?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hostile_names_do_not_confuse() {
        let text = b"42 (a) R 1 (\n) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1000 200 18446744073709551615 1\n";
        let parsed = stat(text).unwrap();
        assert_eq!(
            parsed,
            Stat {
                comm: b"a) R 1 (\n".to_vec(),
                state: b'S',
                is_kernel: false,
                start_ticks: 98765
            }
        );
        let kernel = b"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 7 0 0";
        assert!(stat(kernel).unwrap().is_kernel);
    }

    #[test]
    fn users_and_boot_time_are_read() {
        assert_eq!(
            effective_uid(b"Name:\tx\nUid:\t1000\t0\t0\t0\nGid:\t5\n"),
            Some(0)
        );
        assert_eq!(
            boot_seconds(b"cpu 1 2\nbtime 1700000000\nprocesses 5\n"),
            Some(1_700_000_000)
        );
        assert_eq!((effective_uid(b"Uid: 1"), boot_seconds(b"btime x")), (None, None));
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text: Vec<u8>) {
            let _ = (stat(&text), effective_uid(&text), boot_seconds(&text));
        }

        #[test]
        fn every_truncation_is_survived(end in 0usize..120) {
            let text = b"42 (name) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1000 200 1 1 1 1 1";
            let _ = stat(&text[..end.min(text.len())]);
        }
    }
}
