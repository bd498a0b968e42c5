//! macOS: receipts of installed packages.

use std::{ops::ControlFlow, os::unix::ffi::OsStrExt, path::Path};

use super::{MAX_RECORD_BYTES, RECORD};
use crate::{Reason, parse::receipt, reader::Reader};

/// Where they lie; `/var` is a link to `/private/var`.
const FOLDER: &str = "/private/var/db/receipts";

pub(crate) fn read(reader: &mut Reader<'_>) -> ControlFlow<()> {
    for name in reader.names(Path::new(FOLDER)) {
        if !name.as_bytes().ends_with(b".plist") {
            continue;
        }
        let path = Path::new(FOLDER).join(name);
        let Some(bytes) = reader.text(RECORD, &path, MAX_RECORD_BYTES) else {
            continue;
        };
        match receipt::parse(&bytes) {
            Some(package) => reader.offer(package)?,
            None => reader.gap(RECORD, &path, Reason::Malformed("receipt")),
        }
    }
    ControlFlow::Continue(())
}
