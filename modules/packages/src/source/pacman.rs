//! pacman: `/var/lib/pacman/local/NAME-VERSION/desc`.

use std::{ops::ControlFlow, path::Path};

use super::{MAX_RECORD_BYTES, RECORD};
use crate::{Reason, parse::pacman, reader::Reader};

const LOCAL: &str = "/var/lib/pacman/local";

pub(crate) fn read(reader: &mut Reader<'_>) -> ControlFlow<()> {
    for name in reader.names(Path::new(LOCAL)) {
        // `ALPM_DB_VERSION` is a file among the folders.
        let path = Path::new(LOCAL).join(name).join("desc");
        let Some(text) = reader.text(RECORD, &path, MAX_RECORD_BYTES) else {
            continue;
        };
        match pacman::parse(&text) {
            Some(package) => reader.offer(package)?,
            None => reader.gap(RECORD, &path, Reason::Malformed("desc without a name")),
        }
    }
    ControlFlow::Continue(())
}
