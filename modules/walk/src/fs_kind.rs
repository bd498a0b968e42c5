//! Which file systems are local, remote or views of kernel state.

/// What reading a file system costs and means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FsKind {
    /// Files on this host.
    Local,
    /// Files behind a network or an unknown FUSE server, which may be slow or never answer.
    Remote,
    /// Kernel state shown as files; reading may block or have effects.
    Pseudo,
}

/// Kernel file systems that are served over a network or by a hypervisor.
const REMOTE: &[&str] = &[
    "9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "gfs", "gfs2", "gpfs", "ibrix", "kafs", "lustre",
    "macfuse", "mfs", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "osxfuse", "panfs", "prl_fs", "pvfs2",
    "smb2", "smb3", "smbfs", "snfs", "vboxsf", "vmhgfs", "webdav", "afpfs",
];

/// File systems that show the kernel's or another program's state. `devtmpfs` is not among them: ordinary files can be
/// hidden in it, and device nodes are not opened by anybody who asks for regular files.
const PSEUDO: &[&str] = &[
    "anon_inodefs",
    "autofs",
    "bdev",
    "binder",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "cpuset",
    "debugfs",
    "devfs",
    "devpts",
    "dax",
    "dlmfs",
    "efivarfs",
    "functionfs",
    "fuse.lxcfs",
    "fuse.portal",
    "fusectl",
    "mqueue",
    "nfsd",
    "nsfs",
    "nullfs",
    "openpromfs",
    "pidfs",
    "pipefs",
    "proc",
    "procfs",
    "pstore",
    "resctrl",
    "rpc_pipefs",
    "secretmem",
    "securityfs",
    "selinuxfs",
    "smackfs",
    "sockfs",
    "spufs",
    "sysfs",
    "tracefs",
    "usbfs",
    "xenfs",
    "zonefs",
];

/// FUSE file systems whose files lie on this host.
const LOCAL_FUSE: &[&str] = &[
    "fuse.apfs-fuse",
    "fuse.bindfs",
    "fuse.cryfs",
    "fuse.encfs",
    "fuse.exfat",
    "fuse.fuse-ext2",
    "fuse.fuse-overlayfs",
    "fuse.gocryptfs",
    "fuse.mergerfs",
    "fuse.mhddfs",
    "fuse.ntfs-3g",
    "fuse.snapfuse",
    "fuse.squashfuse",
    "fuse.squashfuse_ll",
    "fuse.unionfs",
    "fuse.unionfs-fuse",
    "fuse.zfs-fuse",
    "fuseblk",
];

/// Classifies a file system by the name that the mount table gives it.
///
/// Unknown kernel file systems are local. Unknown FUSE ones count as remote, because their server may never answer.
pub fn classify_fs(name: &str) -> FsKind {
    if PSEUDO.contains(&name) {
        FsKind::Pseudo
    } else if LOCAL_FUSE.contains(&name) {
        FsKind::Local
    } else if REMOTE.contains(&name) || name.starts_with("fuse") || name.contains("fuse.") {
        FsKind::Remote
    } else {
        FsKind::Local
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_classified() {
        let cases = [
            ("ext4", FsKind::Local),
            ("devtmpfs", FsKind::Local),
            ("fuseblk", FsKind::Local),
            ("nfs4", FsKind::Remote),
            ("fuse.sshfs", FsKind::Remote),
            ("fuse", FsKind::Remote),
            ("proc", FsKind::Pseudo),
            ("autofs", FsKind::Pseudo),
        ];
        for (name, kind) in cases {
            assert_eq!(classify_fs(name), kind, "{name}");
        }
    }
}
