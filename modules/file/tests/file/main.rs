//! The module on real files. One binary: linking is what takes the time.

mod archives;
mod contents;
mod declaration;
mod golden;
#[cfg(target_os = "linux")]
mod hostile;
mod limits;
mod metadata;
#[cfg(target_os = "linux")]
mod mounts;
mod peers;
mod support;
