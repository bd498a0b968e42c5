//! Ends servers whose tests were killed: a shell that waits for the end of a pipe.

use std::{
    io,
    path::Path,
    process::{Child, Command, Stdio},
};

/// Runs when the pipe ends: kills what the `*.pid` files of the folder name, if it still belongs to the folder.
///
/// A process belongs to the folder if its environment mentions it: a number that was given to somebody else since is
/// left alone.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
read -r _
for file in "$1"/*.pid; do
    pid=$(cat "$file" 2>/dev/null) && grep -qsF "$1" "/proc/$pid/environ" && kill -9 "$pid"
done
rm -rf "$1"
"#;

/// Watches over the servers of one folder; dropping it, or dying, ends them and removes the folder.
///
/// `Drop` alone would not do: a value in a `static` is never dropped, and a test that is interrupted drops nothing.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
}

impl Guard {
    /// Starts watching over the processes that `folder/*.pid` name.
    pub(crate) fn watch(folder: &Path) -> io::Result<Self> {
        let shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "guard"])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { shell })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
