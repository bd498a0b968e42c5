//! Maps a plugin that was judged, compares the ABI's layout, and calls it.

use crate::sink::{self, Sink};
use crate::{Description, Occurrence, Rejection};
use gumshoe_plugin_abi::abi_stable::library::{AbiHeaderRef, LibraryError};
use gumshoe_plugin_abi::abi_stable::std_types::RSlice;
use gumshoe_plugin_abi::{Answer, PluginRef, SYMBOL};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use serde_json::Value;
use std::fs::File;
use std::path::PathBuf;

/// Why a plugin could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The dynamic linker refused it.
    #[error("the dynamic linker refuses the plugin")]
    Link(#[source] libloading::Error),
    /// It does not export the header.
    #[error("the plugin exports no `gumshoe_plugin_header`: it was not exported with `export_module!`")]
    Symbol(#[source] libloading::Error),
    /// Its tables are laid out differently.
    #[error("the plugin's ABI does not fit: {0}")]
    Layout(Box<LibraryError>),
    /// The open file has no path that can be loaded.
    #[error("the open plugin file cannot be loaded by path")]
    Path(#[source] std::io::Error),
}

/// A plugin in this process. It is never unloaded: the process that loads one ends with it.
#[derive(Clone, Copy)]
pub struct Loaded {
    plugin: PluginRef,
}

impl Loaded {
    /// Maps the plugin behind an open file, executing its initialisers, and checks the ABI's layout.
    ///
    /// # Errors
    ///
    /// [`LoadError`]: the dynamic linker's or abi_stable's message.
    #[allow(
        unsafe_code,
        reason = "mapping a plugin executes it: the caller has judged the file before"
    )]
    pub fn open(file: &File) -> Result<Self, LoadError> {
        let path = loadable_path(file).map_err(LoadError::Path)?;
        // SAFETY: the plugin's initialisers run here. The file was judged by `trust::open`; it comes
        // from the host's owner, who could run anything anyway.
        let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map_err(LoadError::Link)?;
        // SAFETY: a plugin exports a `LibHeader` under this name, which starts with the `AbiHeader`
        // that `upgrade` checks before anything else is believed.
        let header: AbiHeaderRef =
            unsafe { *library.get::<AbiHeaderRef>(SYMBOL).map_err(LoadError::Symbol)? };
        std::mem::forget(library);
        let plugin = gumshoe_plugin_abi::table(header).map_err(|error| LoadError::Layout(Box::new(error)))?;
        Ok(Self { plugin })
    }

    /// What the module says about itself.
    ///
    /// # Errors
    ///
    /// When the plugin's answer is not understood.
    pub fn describe(self) -> Result<Description, serde_json::Error> {
        serde_json::from_slice(&self.plugin.describe()())
    }

    /// JSON Schema of the parameters.
    ///
    /// # Errors
    ///
    /// When the plugin's answer is not JSON.
    pub fn schema(self) -> Result<Value, serde_json::Error> {
        serde_json::from_slice(&self.plugin.schema()())
    }

    /// Turns command-line flags into parameters (JSON).
    ///
    /// # Errors
    ///
    /// What is wrong with the flags.
    pub fn arguments(self, occurrences: &[Occurrence]) -> Result<Vec<u8>, Rejection> {
        let given = serde_json::to_vec(occurrences).unwrap_or_default();
        answer(self.plugin.arguments()(RSlice::from_slice(&given)))
    }

    /// Checks parameters without running anything.
    ///
    /// # Errors
    ///
    /// Every problem with the parameters.
    pub fn validate(self, params: &[u8]) -> Result<(), Rejection> {
        answer(self.plugin.validate()(RSlice::from_slice(params))).map(|_| ())
    }

    /// One finding as text for humans.
    ///
    /// # Errors
    ///
    /// When the plugin does not understand the finding.
    pub fn render(self, finding: &[u8]) -> Result<String, Rejection> {
        answer(self.plugin.render()(RSlice::from_slice(finding)))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Runs one operation to its end; findings and messages go to `sink`. Returns the statistics (JSON).
    ///
    /// # Errors
    ///
    /// What the module reports instead of a result.
    pub fn run<S: Sink>(self, params: &[u8], sink: &S) -> Result<Vec<u8>, Rejection> {
        answer(self.plugin.run()(
            RSlice::from_slice(params),
            sink::table::<S>(),
            sink::handle(sink),
        ))
    }
}

/// A path by which the dynamic linker opens the very file that is open here.
///
/// Linux: `/proc/self/fd/N` (proc(5)), which is the open file whatever its name means by now.
/// macOS: the file's current path (`F_GETPATH`); its folders were judged, so only root can swap it.
///
/// # Errors
///
/// When the system does not tell the path.
pub fn loadable_path(file: &File) -> std::io::Result<PathBuf> {
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd;
        Ok(PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd())))
    }
    #[cfg(target_os = "macos")]
    {
        use std::os::unix::ffi::OsStringExt;
        let path = rustix::fs::getpath(file)?;
        Ok(PathBuf::from(std::ffi::OsString::from_vec(path.into_bytes())))
    }
}

fn answer(answer: Answer) -> Result<Vec<u8>, Rejection> {
    match answer.into_result() {
        Ok(bytes) => Ok(bytes.into_vec()),
        Err(bytes) => Err(serde_json::from_slice(&bytes).unwrap_or_else(|error| Rejection {
            kind: crate::Kind::Other,
            message: format!("the plugin's error is not understood: {error}"),
            problems: crate::Problems::new(),
        })),
    }
}
