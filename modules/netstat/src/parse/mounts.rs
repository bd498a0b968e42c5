//! Network namespaces among mounts.

use super::links;
use gumshoe_process::parse::escape::unescaped;

/// A network namespace that is mounted somewhere, so that it lives on without a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mounted {
    /// The namespace's number.
    pub inode: u64,
    /// Where it is mounted.
    pub path: Vec<u8>,
}

/// The network namespaces in the text of `/proc/PID/mountinfo`; other lines are left out.
///
/// Source: `proc_pid_mountinfo(5)`, `namespaces(7)`: a namespace is mounted as a file of type `nsfs` whose root is
/// the link text `net:[NUMBER]`.
pub fn net_namespaces(text: &[u8]) -> impl Iterator<Item = Mounted> {
    text.split(|&byte| byte == b'\n').filter_map(line)
}

/// `ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [TAG…] - TYPE SOURCE OPTIONS`
fn line(line: &[u8]) -> Option<Mounted> {
    let mut fields = line.split(|&byte| byte == b' ');
    let root = fields.nth(3)?;
    let path = fields.next()?;
    let inode = links::net_namespace(root)?;
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
    (kind == b"nsfs").then(|| Mounted {
        inode,
        path: unescaped(path),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn namespaces_are_told_from_other_mounts() {
        let text = b"21 1 0:4 net:[4026532201] /run/netns/blue rw shared:4 - nsfs nsfs rw\n\
            22 1 0:4 net:[5] /run/a\\040b\\\\ rw - nsfs nsfs rw\n\
            23 1 0:4 mnt:[6] /run/mnt rw - nsfs nsfs rw\n\
            24 1 8:1 net:[7] /mnt rw - ext4 /dev/sda1 rw\n\
            25 1 8:1 / /net:[7] rw - nsfs nsfs rw\n26 1\n";
        let found: Vec<(u64, Vec<u8>)> = net_namespaces(text).map(|one| (one.inode, one.path)).collect();
        let expected = [
            (4_026_532_201, b"/run/netns/blue".to_vec()),
            (5, b"/run/a b\\\\".to_vec()),
        ];
        assert_eq!(found, expected);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text: Vec<u8>) {
            let _ = net_namespaces(&text).count();
        }
    }
}
