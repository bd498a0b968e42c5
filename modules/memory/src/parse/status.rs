//! `/proc/PID/status`.

/// Bytes of memory that a process has of its own, in memory or swapped out.
///
/// Source: `proc_pid_status(5)`: lines `RssAnon:` and `VmSwap:`, in kB, which may lag behind by some pages per thread.
#[must_use]
pub fn own_bytes(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let kilobytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let sum = kilobytes("RssAnon:")?.checked_add(kilobytes("VmSwap:").unwrap_or(0))?;
    sum.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_numbers_are_added() {
        assert_eq!(
            own_bytes(b"Name:\tx\nRssAnon:\t  10 kB\nRssFile:\t 7 kB\nVmSwap:\t 2 kB\n"),
            Some(12 << 10)
        );
        assert_eq!(own_bytes(b"RssAnon: 10 kB\n"), Some(10 << 10));
        assert_eq!(own_bytes(b"VmSwap: 10 kB\n"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text: Vec<u8>, number: u64) {
            let _ = own_bytes(&text);
            let _ = own_bytes(format!("RssAnon: {number} kB").as_bytes());
        }
    }
}
