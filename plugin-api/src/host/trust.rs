//! Whether a plugin file is one that only the host's owner can have put there.
//!
//! The file and every folder above it must belong to root (or to the user who runs the agent, when
//! that is not root: such an agent can do no more than its user) and be writable by nobody else. A
//! folder that anybody may write to is accepted above the file when its restricted-deletion bit is
//! set (as for `/tmp`) and it belongs to root, because then what root put there stays.

use rustix::fs::{Mode, OFlags, Stat, openat};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// Why a file is not trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// It cannot be opened.
    #[error("failed to open the plugin `{path}`")]
    Open {
        /// File or folder.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// Not a regular file.
    #[error("the plugin `{path}` is not a regular file")]
    Kind {
        /// The file.
        path: PathBuf,
    },
    /// It belongs to somebody else.
    #[error(
        "`{path}` belongs to user {found}, but must belong to {}",
        allowed_names(allowed)
    )]
    Owner {
        /// File or folder.
        path: PathBuf,
        /// The owner's user id.
        found: u32,
        /// User ids that would be accepted.
        allowed: Vec<u32>,
    },
    /// Others may write to it.
    #[error("`{path}` has mode {found:04o}: group or others may write to it; `chmod go-w` it")]
    Mode {
        /// File or folder.
        path: PathBuf,
        /// Its permission bits.
        found: u32,
    },
}

impl TrustError {
    /// A stable code to search for.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open { .. } => "plugin-unreadable",
            Self::Kind { .. } => "plugin-format",
            Self::Owner { .. } => "plugin-owner",
            Self::Mode { .. } => "plugin-mode",
        }
    }
}

/// Opens a plugin file for reading if it can be trusted; returns it with its resolved path.
///
/// Symbolic links in `path` are resolved first; then every component is opened relative to the one
/// above it without following links, and judged by what was opened, so that nothing can be swapped
/// in between.
///
/// # Errors
///
/// [`TrustError`], naming the file or folder and the values compared.
pub fn open(path: &Path) -> Result<(File, PathBuf), TrustError> {
    let failed = |path: &Path, source| TrustError::Open {
        path: path.to_owned(),
        source,
    };
    let resolved = path.canonicalize().map_err(|e| failed(path, e))?;
    let mut at = PathBuf::from("/");
    let mut folder = open_part(None, Path::new("/"), FOLDER).map_err(|e| failed(&at, e))?;
    judge(&folder, &at, Part::Folder)?;
    let names: Vec<&std::ffi::OsStr> = resolved
        .components()
        .filter_map(|c| {
            if let Component::Normal(name) = c {
                Some(name)
            } else {
                None
            }
        })
        .collect();
    for (index, name) in names.iter().enumerate() {
        at.push(name);
        let last = index + 1 == names.len();
        let opened = open_part(Some(&folder), Path::new(name), if last { FILE } else { FOLDER });
        folder = opened.map_err(|e| failed(&at, e))?;
        judge(&folder, &at, if last { Part::File } else { Part::Folder })?;
    }
    Ok((File::from(folder), resolved))
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Folder,
    File,
}

// O_NONBLOCK: a FIFO in the plugin's place must not hold up the agent before it is refused.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK);
const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC)
    .union(OFlags::DIRECTORY);

fn open_part(parent: Option<&OwnedFd>, name: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    // A folder that may be searched but not listed opens with O_PATH, which Linux has.
    #[cfg(target_os = "linux")]
    let flags = if flags.contains(OFlags::DIRECTORY) {
        flags.union(OFlags::PATH)
    } else {
        flags
    };
    let base = parent.map_or(rustix::fs::CWD, AsFd::as_fd);
    Ok(openat(base, name, flags, Mode::empty())?)
}

fn judge(opened: &OwnedFd, path: &Path, part: Part) -> Result<(), TrustError> {
    let stat = rustix::fs::fstat(opened).map_err(|e| TrustError::Open {
        path: path.to_owned(),
        source: e.into(),
    })?;
    let kind = rustix::fs::FileType::from_raw_mode(stat.st_mode);
    if part == Part::File && !kind.is_file() {
        return Err(TrustError::Kind {
            path: path.to_owned(),
        });
    }
    let allowed = allowed_owners();
    if !allowed.contains(&stat.st_uid) {
        return Err(TrustError::Owner {
            path: path.to_owned(),
            found: stat.st_uid,
            allowed,
        });
    }
    if writable_by_others(&stat) && !(part == Part::Folder && is_restricted(&stat)) {
        return Err(TrustError::Mode {
            path: path.to_owned(),
            found: permissions(&stat),
        });
    }
    Ok(())
}

/// Root, and the agent's own user when that is somebody else.
fn allowed_owners() -> Vec<u32> {
    match rustix::process::geteuid().as_raw() {
        0 => vec![0],
        own => vec![0, own],
    }
}

#[allow(
    clippy::unnecessary_cast,
    clippy::useless_conversion,
    reason = "st_mode is u16 on macOS"
)]
fn permissions(stat: &Stat) -> u32 {
    u32::from(stat.st_mode) & 0o7777
}

fn writable_by_others(stat: &Stat) -> bool {
    permissions(stat) & 0o022 != 0
}

/// A shared folder of root's in which nobody can rename or remove what belongs to others.
fn is_restricted(stat: &Stat) -> bool {
    stat.st_uid == 0 && permissions(stat) & 0o1000 != 0
}

fn allowed_names(ids: &[u32]) -> String {
    let names: Vec<String> = ids
        .iter()
        .map(|id| {
            if *id == 0 {
                "root".to_owned()
            } else {
                format!("user {id}")
            }
        })
        .collect();
    names.join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn fixture() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let file = folder.path().join("plugin.so");
        fs::write(&file, "x").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        (folder, file)
    }

    #[test]
    fn a_file_of_ones_own_below_tmp_is_trusted_also_through_a_link() {
        let (folder, file) = fixture();
        assert!(open(&file).is_ok());
        let link = folder.path().join("link.so");
        symlink(&file, &link).unwrap();
        assert_eq!(open(&link).unwrap().1, file.canonicalize().unwrap());
    }

    #[test]
    fn a_file_or_folder_that_others_may_write_to_is_refused() {
        let (folder, file) = fixture();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).unwrap();
        assert_eq!(open(&file).unwrap_err().code(), "plugin-mode");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let error = open(&file).unwrap_err();
        assert_eq!(error.code(), "plugin-mode");
        assert!(error.to_string().contains("0777"), "{error}");
    }

    #[test]
    fn folders_fifos_and_missing_files_are_refused_at_once() {
        let (folder, file) = fixture();
        assert_eq!(open(folder.path()).unwrap_err().code(), "plugin-format");
        assert_eq!(
            open(&folder.path().join("absent")).unwrap_err().code(),
            "plugin-unreadable"
        );
        fs::remove_file(&file).unwrap();
        nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRUSR).unwrap();
        assert_eq!(open(&file).unwrap_err().code(), "plugin-format");
    }
}
