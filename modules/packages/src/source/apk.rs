//! apk: `/lib/apk/db/installed`, since apk 3 also below `/usr`.

use std::{ops::ControlFlow, path::Path};

use super::{DATABASE, MAX_DATABASE_BYTES, MAX_PARAGRAPH_BYTES};
use crate::{parse::apk, reader::Reader};

const PATHS: [&str; 2] = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];

pub(crate) fn read(reader: &mut Reader<'_>) -> ControlFlow<()> {
    let mut seen = Vec::new();
    for path in PATHS.map(Path::new) {
        let file = reader.tree.open(path);
        let Some(file) = reader.or_gap(DATABASE, path, file) else {
            continue;
        };
        // `/lib` may be a link to `/usr/lib`.
        if seen.contains(&file.id()) {
            continue;
        }
        seen.push(file.id());
        let read = file.blocks(MAX_DATABASE_BYTES, MAX_PARAGRAPH_BYTES, |block| {
            apk::packages(block).try_for_each(|package| reader.offer(package))
        });
        reader
            .or_gap(DATABASE, path, read.map(Some))
            .unwrap_or(ControlFlow::Continue(()))?;
    }
    ControlFlow::Continue(())
}
