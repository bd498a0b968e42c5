//! File capabilities: the extended attribute `security.capability`.

/// Names of the capabilities by number. Source: `linux/capability.h`, Linux 6.x.
const NAMES: [&str; 41] = [
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
];

/// Longest attribute that is meaningful, in bytes: revision 3 has 24.
pub const MAX_BYTES: usize = 64;

/// The capabilities in the attribute, one text each, such as `cap_net_raw=ep`: `p` permitted, `i` inheritable, `e` when
/// the effective bit is set. Ordered by number. `None` when the attribute is malformed or of an unknown revision.
///
/// Source: `struct vfs_cap_data` in `linux/capability.h`; `capabilities(7)`. Revision 1 has one pair of 32-bit
/// sets, revisions 2 and 3 have two; 3 adds the user id of a namespace's root, which is not shown.
#[must_use]
pub fn parse(attribute: &[u8]) -> Option<Vec<String>> {
    let words: Vec<u32> = attribute
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&word| u32::from_le_bytes(word))
        .collect();
    let (magic, sets) = words.split_first()?;
    let pairs = match magic >> 24 {
        1 => 1,
        2 | 3 => 2,
        _ => return None,
    };
    let sets = sets.get(..pairs * 2)?;
    let effective = magic & 1 == 1;
    let half = |at: usize, shift: u32| sets.get(at).map_or(0, |&set| u64::from(set) << shift);
    let (permitted, inheritable) = (half(0, 0) | half(2, 32), half(1, 0) | half(3, 32));
    let capabilities = (0..64_usize).filter(|number| (permitted | inheritable) >> number & 1 == 1);
    Some(
        capabilities
            .map(|number| one(number, effective, permitted, inheritable))
            .collect(),
    )
}

fn one(number: usize, effective: bool, permitted: u64, inheritable: u64) -> String {
    let has = |set: u64| set >> number & 1 == 1;
    let name = NAMES
        .get(number)
        .map_or_else(|| number.to_string(), |&name| name.to_owned());
    let flags = [(effective, 'e'), (has(inheritable), 'i'), (has(permitted), 'p')];
    let flags: String = flags
        .iter()
        .filter(|(set, _)| *set)
        .map(|(_, letter)| letter)
        .collect();
    format!("{name}={flags}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn attribute(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn revisions_are_read() {
        let ping = attribute(&[0x0200_0001, 1 << 13, 0, 0, 0]);
        assert_eq!(parse(&ping).unwrap(), ["cap_net_raw=ep"]);
        let two = attribute(&[0x0300_0000, 1, 2, 1 << (39 - 32), 0, 1000]);
        assert_eq!(
            parse(&two).unwrap(),
            ["cap_chown=p", "cap_dac_override=i", "cap_bpf=p"]
        );
        let old = attribute(&[0x0100_0001, 1 << 21, 1 << 21]);
        assert_eq!(parse(&old).unwrap(), ["cap_sys_admin=eip"]);
        assert_eq!(
            parse(&attribute(&[0x0200_0001, 0, 0, 1 << 31, 0])).unwrap(),
            ["63=ep"]
        );
    }

    #[test]
    fn malformed_attributes_are_refused() {
        for bytes in [
            &[][..],
            &[1, 2, 3],
            &attribute(&[0x0200_0001, 1, 0]),
            &attribute(&[0x0900_0000, 0, 0, 0, 0]),
        ] {
            assert_eq!(parse(bytes), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in any::<Vec<u8>>()) {
            let _ = parse(&bytes);
        }
    }
}
