//! macOS: facts that lie in files.

use std::{io::Read, path::Path};

use gumshoe_document::{Fact, FactKind, SourceError};

use crate::{host::Host, parse::accounts};

/// Most of `/etc/passwd` that is read.
const MAX_TEXT_BYTES: u64 = 16 << 20;

/// Everything of one kind. Accounts are those of `/etc/passwd` only, not of the directory service.
///
/// # Errors
///
/// For what is not known on this system, and when it cannot be read.
pub(crate) fn facts(host: &Host<'_>, kind: FactKind) -> Result<Vec<Fact>, SourceError> {
    if kind != FactKind::User {
        return Err(SourceError(format!(
            "`{}` is not known on this system",
            kind.key()
        )));
    }
    let path = "/etc/passwd";
    let file = host
        .tree
        .file(Path::new(path))
        .map_err(|reason| SourceError(format!("{path}: {reason}")))?;
    let mut text = String::new();
    if let Some(file) = file {
        file.take(MAX_TEXT_BYTES)
            .read_to_string(&mut text)
            .map_err(|error| SourceError(format!("{path}: {error}")))?;
    }
    Ok(accounts::parse(&text))
}
