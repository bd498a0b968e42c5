//! For agents and clients: finding out what a plugin is, refusing it, and loading it.
//!
//! The order is fixed: [`trust::open`] opens the file and judges its owner and mode along the whole
//! path, [`object::manifest`] reads what the plugin says about itself without executing it, and only
//! then [`Loaded::open`] maps it, through the very file descriptor that was judged.
//!
//! **Invariant:** listing, checking and refusing plugins never executes them.

mod load;
pub mod object;
pub mod trust;

pub use load::{LoadError, Loaded, loadable_path};

use crate::manifest::{Manifest, is_module_name};
use memmap2::Mmap;
use sha2::{Digest, Sha256};
use std::cell::OnceCell;
use std::fs::File;
use std::path::{Path, PathBuf};

/// How large a plugin file may be.
pub const MAX_PLUGIN_BYTES: u64 = 256 << 20;

/// A plugin file that was opened and judged, and not executed.
#[derive(Debug)]
pub struct Candidate {
    /// The file, open for reading: what is loaded later is this.
    pub file: File,
    /// Its path with every symbolic link resolved.
    pub path: PathBuf,
    /// What it says about itself.
    pub manifest: Manifest,
    bytes: Mmap,
    sha256: OnceCell<String>,
}

/// Why a plugin was refused before any of its code ran.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefusedPlugin {
    /// Owner or mode of the file or of a folder above it.
    #[error(transparent)]
    Trust(#[from] trust::TrustError),
    /// Format, architecture or manifest.
    #[error("`{path}` is not a plugin for this agent")]
    Object {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: object::ObjectError,
    },
    /// The file could not be read.
    #[error("failed to read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// More than [`MAX_PLUGIN_BYTES`].
    #[error("`{path}` has more than {MAX_PLUGIN_BYTES} bytes")]
    Size {
        /// The file.
        path: PathBuf,
    },
    /// The file is not the one that was pinned.
    #[error("`{path}` has SHA-256 {found}, but {pinned} is pinned")]
    Hash {
        /// The file.
        path: PathBuf,
        /// What it hashes to.
        found: String,
        /// What the configuration demands.
        pinned: String,
    },
}

impl RefusedPlugin {
    /// A stable code to search for.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Trust(error) => error.code(),
            Self::Object { source, .. } => source.code(),
            Self::Read { .. } => "plugin-unreadable",
            Self::Size { .. } => "plugin-size",
            Self::Hash { .. } => "plugin-hash",
        }
    }
}

impl Candidate {
    /// Opens and judges a plugin file; with `pinned`, its SHA-256 must be that.
    ///
    /// Only the parts of the file that say what it is are read; all of it when it is pinned.
    ///
    /// # Errors
    ///
    /// [`RefusedPlugin`], naming the check that failed and the two values compared.
    pub fn open(path: &Path, pinned: Option<&str>) -> Result<Self, RefusedPlugin> {
        let (file, path) = trust::open(path)?;
        let bytes = map(&file, &path)?;
        if let Some(pinned) = pinned {
            let found = hex(&Sha256::digest(&bytes));
            if !pinned.eq_ignore_ascii_case(&found) {
                return Err(RefusedPlugin::Hash {
                    path,
                    found,
                    pinned: pinned.to_owned(),
                });
            }
        }
        match object::manifest(&bytes) {
            Ok(manifest) => Ok(Self {
                file,
                path,
                manifest,
                bytes,
                sha256: OnceCell::new(),
            }),
            Err(source) => Err(RefusedPlugin::Object { path, source }),
        }
    }

    /// SHA-256 of the file's bytes, lower-case hexadecimal; computed when it is first asked for.
    pub fn sha256(&self) -> &str {
        self.sha256.get_or_init(|| hex(&Sha256::digest(&self.bytes)))
    }
}

/// The file name under which a module's plugin is looked for: `libgumshoe_module_NAME.so`.
///
/// A dash in the name is an underscore in the file name, as Cargo writes it.
#[must_use]
pub fn plugin_file_name(module: &str) -> String {
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    format!("{prefix}gumshoe_module_{}{suffix}", module.replace('-', "_"))
}

/// The module that a plugin file is named after, if it is named as [`plugin_file_name`] says.
#[must_use]
pub fn module_of_file_name(file: &str) -> Option<String> {
    let stem = file
        .strip_prefix(std::env::consts::DLL_PREFIX)?
        .strip_suffix(std::env::consts::DLL_SUFFIX)?;
    let name = stem.strip_prefix("gumshoe_module_")?.replace('_', "-");
    is_module_name(&name).then_some(name)
}

/// The file in memory, without reading what nobody looks at.
#[allow(
    unsafe_code,
    reason = "a file that shrinks while it is mapped ends the process: only its owner can do that"
)]
fn map(file: &File, path: &Path) -> Result<Mmap, RefusedPlugin> {
    let failed = |source| RefusedPlugin::Read {
        path: path.to_owned(),
        source,
    };
    if file.metadata().map_err(failed)?.len() > MAX_PLUGIN_BYTES {
        return Err(RefusedPlugin::Size {
            path: path.to_owned(),
        });
    }
    // SAFETY: `trust::open` found that nobody but the host's owner may write to the file; the same
    // file is mapped as code a moment later.
    unsafe { Mmap::map(file) }.map_err(failed)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}"); // writing to a String cannot fail
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_and_module_names_translate_both_ways() {
        let file = plugin_file_name("net-stat");
        assert!(file.contains("gumshoe_module_net_stat"));
        assert_eq!(module_of_file_name(&file).as_deref(), Some("net-stat"));
        for other in [
            "libc.so.6",
            "libgumshoe_module_.so",
            "libgumshoe_module_X.so",
            "gumshoe_module_x",
        ] {
            assert_eq!(module_of_file_name(other), None, "{other}");
        }
    }
}
