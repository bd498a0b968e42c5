//! Linux: all of it is in files.

use super::{Reader, System};
use gumshoe_plugin_api::text::assignments;
use std::collections::BTreeMap;

/// Reads what the operating system says. Sources: `proc(5)`, `os-release(5)`, `machine-id(5)`.
pub fn read(reader: &mut Reader<'_>) -> System {
    let os_release = reader
        .text("etc/os-release")
        .or_else(|| reader.text("usr/lib/os-release"));
    let machine = reader
        .text("etc/machine-id")
        .or_else(|| reader.text("var/lib/dbus/machine-id"));
    System {
        hostname: reader.required("proc/sys/kernel/hostname"),
        kernel: reader.required("proc/sys/kernel/osrelease"),
        cpus: count_cpus(&reader.required("sys/devices/system/cpu/online")),
        memory_bytes: memory_bytes(&reader.required("proc/meminfo")),
        os_release: os_release.map(|text| parse_os_release(&text)).unwrap_or_default(),
        machine: machine.filter(|text| is_machine_id(text)),
    }
}

/// 32 hexadecimal digits; an image that was prepared for copying says `uninitialized` or nothing.
fn is_machine_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Counts the processors in a kernel list: `0-3,8,10-11`. 0 if it is not one.
fn count_cpus(list: &str) -> u64 {
    let count = |range: &str| -> Option<u64> {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        last.checked_sub(first)?.checked_add(1)
    };
    list.split(',')
        .map(|range| count(range.trim()))
        .sum::<Option<u64>>()
        .unwrap_or_default()
}

/// `MemTotal` of `/proc/meminfo`, which is in KiB.
fn memory_bytes(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kibibytes
        .and_then(|kibibytes| kibibytes.checked_mul(1024))
        .unwrap_or_default()
}

/// Assignments, with the keys in lowercase.
fn parse_os_release(text: &str) -> BTreeMap<String, String> {
    assignments(text)
        .map(|(key, value)| (key.to_ascii_lowercase(), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn processors_are_counted_in_kernel_lists() {
        for (list, count) in [
            ("0", 1),
            ("0-3", 4),
            ("0-3,8,10-11", 7),
            ("", 0),
            ("3-0", 0),
            ("x", 0),
            ("0-18446744073709551615", 0),
        ] {
            assert_eq!(count_cpus(list), count, "{list}");
        }
    }

    #[test]
    fn os_release_is_read_as_a_shell_does() {
        let text = "# a comment\nID=debian\nVERSION_ID=\"12\"\nNAME='It''s'\nPRETTY_NAME=\"A \\\"B\\\" \\$C\"\nnot a line\n=x\nEMPTY=\n";
        let read = parse_os_release(text);
        assert_eq!(read["id"], "debian");
        assert_eq!(read["version_id"], "12");
        assert_eq!(read["pretty_name"], "A \"B\" $C");
        assert_eq!(read["empty"], "");
        assert_eq!(read.len(), 5);
    }

    #[test]
    fn images_have_no_machine_id() {
        assert!(is_machine_id("0123456789abcdef0123456789abcdef"));
        for none in ["", "uninitialized", "0123456789abcdef0123456789abcdeg", "0123"] {
            assert!(!is_machine_id(none), "{none}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_a_surprise(text in "\\PC{0,60}|[0-9,-]{0,20}|MemTotal: *[0-9]{0,22} kB|[A-Z]=[\"'\\\\a]{0,6}") {
            count_cpus(&text);
            memory_bytes(&text);
            parse_os_release(&text);
        }
    }
}
