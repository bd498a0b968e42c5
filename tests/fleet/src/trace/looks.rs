//! Watching a folder from outside.

use std::path::Path;
use std::time::Instant;
use tokio::sync::mpsc::UnboundedReceiver;

/// Tells each time at which somebody opens the folder or what is in it.
///
/// Source: inotify(7). Descriptors that are opened only to name a file (`O_PATH`) do not count: the view of files of a
/// runner is made of such.
#[cfg(target_os = "linux")]
pub fn watch(folder: &Path) -> anyhow::Result<UnboundedReceiver<Instant>> {
    use anyhow::Context as _;
    use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
    use std::io::Read as _;

    let watch = init(CreateFlags::CLOEXEC).context("failed to use inotify")?;
    add_watch(&watch, folder, WatchFlags::OPEN | WatchFlags::ONLYDIR)
        .with_context(|| format!("failed to watch `{}`", folder.display()))?;
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let mut watch = std::fs::File::from(watch);
        let mut events = [0; 4096];
        while watch.read(&mut events).is_ok() && sender.send(Instant::now()).is_ok() {}
    });
    Ok(receiver)
}

/// There is no inotify.
#[cfg(not(target_os = "linux"))]
pub fn watch(folder: &Path) -> anyhow::Result<UnboundedReceiver<Instant>> {
    anyhow::bail!("`{}` cannot be watched on this system", folder.display())
}
