//! dpkg: `/var/lib/dpkg`.

use std::{
    collections::{BTreeMap, HashMap},
    ffi::OsString,
    ops::ControlFlow,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::Path,
};

use super::{DATABASE, MAX_DATABASE_BYTES, MAX_PARAGRAPH_BYTES, MAX_RECORD_BYTES, RECORD};
use crate::{
    Reason,
    parse::dpkg::{Paragraph, paragraphs},
    reader::Reader,
    tree::Folder,
};

/// Changes that dpkg has not yet merged into `status`, as numbered files (`dpkg`'s `lib/dpkg/dbmodify.c`).
const UPDATES: &str = "/var/lib/dpkg/updates";
/// Files of changes that are read; dpkg merges them when there are 250.
const MAX_UPDATES: usize = 300;
/// Most of one of them. They are held in memory together.
const MAX_UPDATE_BYTES: u64 = 256 << 10;
/// Lists of files; written when a package is unpacked.
const INFO: &str = "/var/lib/dpkg/info";
/// One paragraph per file: how images without dpkg itself keep them.
const STATUS_D: &str = "/var/lib/dpkg/status.d";

pub(crate) fn read(reader: &mut Reader<'_>) -> ControlFlow<()> {
    read_status(reader)?;
    read_status_d(reader)
}

fn read_status(reader: &mut Reader<'_>) -> ControlFlow<()> {
    let status = Path::new("/var/lib/dpkg/status");
    let file = reader.tree.open(status);
    let Some(file) = reader.or_gap(DATABASE, status, file) else {
        return ControlFlow::Continue(());
    };
    let info = reader.tree.folder(Path::new(INFO));
    let info = reader.or_gap("list of install times", Path::new(INFO), info);
    let updates = updates(reader);
    let mut newer = updates_by_package(&updates);
    let read = file.blocks(MAX_DATABASE_BYTES, MAX_PARAGRAPH_BYTES, |block| {
        paragraphs(block).try_for_each(|paragraph| {
            let changed = if newer.is_empty() {
                None
            } else {
                newer.remove(&key(&paragraph))
            };
            offer(reader, &changed.unwrap_or(paragraph), info.as_ref())
        })
    });
    reader
        .or_gap(DATABASE, status, read.map(Some))
        .unwrap_or(ControlFlow::Continue(()))?;
    // What is not in `status` at all yet.
    let rest: BTreeMap<Key, Paragraph<'_>> = newer.into_iter().collect();
    rest.values()
        .try_for_each(|paragraph| offer(reader, paragraph, info.as_ref()))
}

/// What a package is known by: name and architecture.
type Key = (Vec<u8>, Vec<u8>);

fn key(paragraph: &Paragraph<'_>) -> Key {
    (paragraph.package.to_vec(), paragraph.architecture.to_vec())
}

/// The texts of the pending changes, oldest first.
fn updates(reader: &mut Reader<'_>) -> Vec<Vec<u8>> {
    let mut names = reader.names(Path::new(UPDATES));
    names.retain(|name| name.as_bytes().iter().all(u8::is_ascii_digit));
    if names.len() > MAX_UPDATES {
        let (limit, of) = (MAX_UPDATES, "files");
        reader.gap(DATABASE, Path::new(UPDATES), Reason::TooMany { limit, of });
    }
    names
        .iter()
        .take(MAX_UPDATES)
        .filter_map(|name| reader.text(DATABASE, &Path::new(UPDATES).join(name), MAX_UPDATE_BYTES))
        .collect()
}

fn updates_by_package(texts: &[Vec<u8>]) -> HashMap<Key, Paragraph<'_>> {
    let all = texts.iter().flat_map(|text| paragraphs(text));
    all.map(|paragraph| (key(&paragraph), paragraph)).collect()
}

fn read_status_d(reader: &mut Reader<'_>) -> ControlFlow<()> {
    for name in reader.names(Path::new(STATUS_D)) {
        let path = Path::new(STATUS_D).join(&name);
        if path.extension().is_some_and(|extension| extension == "md5sums") {
            continue;
        }
        let Some(text) = reader.text(RECORD, &path, MAX_RECORD_BYTES) else {
            continue;
        };
        for paragraph in paragraphs(&text) {
            offer(reader, &paragraph, None)?;
        }
    }
    ControlFlow::Continue(())
}

fn offer(reader: &mut Reader<'_>, paragraph: &Paragraph<'_>, info: Option<&Folder>) -> ControlFlow<()> {
    let Some(status) = paragraph.state() else {
        return reader.go_on();
    };
    // Most packages are not wanted: they are judged before anything is copied.
    let text = String::from_utf8_lossy;
    let arch = text(paragraph.architecture);
    let arch = Some(arch.as_ref()).filter(|arch| !arch.is_empty());
    if !reader.wants(&text(paragraph.package), arch, &text(paragraph.version)) {
        return reader.go_on();
    }
    let mut package = paragraph.to_package(status);
    let list = OsString::from_vec(paragraph.list_name());
    // A name with a slash would lead elsewhere.
    let is_name = !list.as_bytes().contains(&b'/');
    package.install_time = info.filter(|_| is_name).and_then(|info| info.modified(&list));
    reader.take(package)
}
