//! Events into a file, one JSON object per line: for log collectors.

use crate::relay::{Handler, Message, Outcome};
use std::io;
use std::path::{Path, PathBuf};
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Mutex;

/// Appends events to a file.
///
/// At least once: after a crash the last events can be there twice, with the same `number`.
pub struct Export {
    path: PathBuf,
    file: Mutex<Option<File>>,
}

impl Export {
    /// Appends to this file; it is made when the first event comes.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            file: Mutex::new(None),
        }
    }

    async fn append(&self, lines: &[u8]) -> io::Result<()> {
        let mut current = self.file.lock().await;
        let mut file = match current.take() {
            // A collector may have moved it away.
            Some(file) if is_same(&file, &self.path).await => file,
            _ => {
                let mut options = OpenOptions::new();
                options.create(true).append(true).mode(0o640);
                options.open(&self.path).await?
            }
        };
        file.write_all(lines).await?;
        file.sync_data().await?;
        *current = Some(file);
        Ok(())
    }
}

impl Handler for Export {
    async fn handle(&self, batch: Vec<Message>) -> Outcome {
        let mut lines = Vec::new();
        for message in &batch {
            // The server wrote it on one line; a message of somebody else's does not break the file.
            lines.extend(message.body.iter().copied().filter(|byte| *byte != b'\n'));
            lines.push(b'\n');
        }
        match self.append(&lines).await {
            Ok(()) => Outcome::Done,
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "events not exported; trying again");
                Outcome::Again
            }
        }
    }
}

async fn is_same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let (Ok(open), Ok(there)) = (file.metadata().await, tokio::fs::metadata(path).await) else {
        return false;
    };
    (open.dev(), open.ino()) == (there.dev(), there.ino())
}
