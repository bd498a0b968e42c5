//! The mount table: which file system lies where.

use std::{
    collections::HashSet,
    ffi::OsString,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

use gumshoe_process::parse::escape::unescaped;

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Major and minor device number of its files.
    pub device: (u32, u32),
    /// Where it is mounted, absolute.
    pub point: PathBuf,
    /// Name of the file system, such as `ext4` or `fuse.sshfs`.
    pub fs: String,
}

/// The mounts of one mount namespace, in mount order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MountTable {
    mounts: Vec<Mount>,
}

impl MountTable {
    /// Parses the text of `/proc/PID/mountinfo`; lines that are not understood are left out.
    ///
    /// Source: `proc_pid_mountinfo(5)`.
    pub fn parse(text: &[u8]) -> Self {
        Self {
            mounts: text.split(|&byte| byte == b'\n').filter_map(parse_line).collect(),
        }
    }

    /// All mounts, in mount order.
    pub fn mounts(&self) -> &[Mount] {
        &self.mounts
    }

    /// The file system of a device.
    pub fn fs_of_device(&self, major: u32, minor: u32) -> Option<&str> {
        self.mounts
            .iter()
            .find(|mount| mount.device == (major, minor))
            .map(|mount| mount.fs.as_str())
    }

    /// The mount that a path lies on, by its text alone. Of two mounts on one point the later one counts.
    pub fn covering(&self, path: &Path) -> Option<&Mount> {
        self.mounts
            .iter()
            .filter(|mount| path.starts_with(&mount.point))
            .max_by_key(|mount| mount.point.components().count())
    }

    /// The table as seen from a root directory: mounts outside of it are left out, the one it lies on comes first.
    pub fn below(&self, root: &Path) -> Self {
        let covering = self.covering(root).map(|mount| Mount {
            point: "/".into(),
            ..mount.clone()
        });
        let inner = self.mounts.iter().filter_map(|mount| {
            let rest = mount
                .point
                .strip_prefix(root)
                .ok()
                .filter(|rest| !rest.as_os_str().is_empty())?;
            Some(Mount {
                point: Path::new("/").join(rest),
                ..mount.clone()
            })
        });
        Self {
            mounts: covering.into_iter().chain(inner).collect(),
        }
    }

    /// The mounts that are on top at their point.
    pub(crate) fn topmost(&self) -> impl Iterator<Item = &Mount> {
        let mut seen = HashSet::new();
        self.mounts
            .iter()
            .rev()
            .filter(move |mount| seen.insert(mount.point.as_path()))
    }
}

/// One line: `ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [FIELDS…] - FS SOURCE SUPEROPTIONS`.
fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|&byte| byte == b' ');
    let device = std::str::from_utf8(fields.nth(2)?).ok()?;
    let (major, minor) = device.split_once(':')?;
    let point = unescaped(fields.nth(1)?);
    fields.find(|field| *field == b"-")?;
    let fs = String::from_utf8_lossy(&unescaped(fields.next()?)).into_owned();
    Some(Mount {
        device: (major.parse().ok()?, minor.parse().ok()?),
        point: OsString::from_vec(point).into(),
        fs,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TABLE: &[u8] = b"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw\n\
        23 22 0:21 / /proc rw shared:5 - proc proc rw\n\
        40 22 0:50 /export /mnt/with\\040space rw - nfs4 host:/export rw\n\
        41 22 0:51 / /mnt/auto rw - autofs systemd-1 rw\n\
        42 22 254:1 / /mnt/auto rw shared:7 master:1 - xfs /dev/vdb rw\n\
        broken line\n";

    #[test]
    fn lines_are_read_and_unescaped() {
        let table = MountTable::parse(TABLE);
        assert_eq!(table.mounts().len(), 5);
        assert_eq!(table.mounts()[2].point, Path::new("/mnt/with space"));
        assert_eq!(table.fs_of_device(0, 50), Some("nfs4"));
        assert_eq!(table.fs_of_device(9, 9), None);
    }

    #[test]
    fn the_longest_and_latest_mount_covers_a_path() {
        let table = MountTable::parse(TABLE);
        let fs = |path: &str| table.covering(Path::new(path)).map(|mount| mount.fs.clone());
        assert_eq!(fs("/mnt/with space/x").as_deref(), Some("nfs4"));
        assert_eq!(fs("/mnt/with spaces").as_deref(), Some("ext4"));
        assert_eq!(fs("/mnt/auto").as_deref(), Some("xfs"));
        assert!(table.topmost().all(|mount| mount.fs != "autofs"));
    }

    #[test]
    fn a_table_can_be_seen_from_a_root() {
        let table = MountTable::parse(TABLE).below(Path::new("/mnt"));
        let points: Vec<_> = table
            .mounts()
            .iter()
            .map(|mount| mount.point.to_string_lossy().into_owned())
            .collect();
        assert_eq!(points, ["/", "/with space", "/auto", "/auto"]);
        assert_eq!(table.mounts()[0].fs, "ext4");
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            MountTable::parse(&text);
        }
    }
}
