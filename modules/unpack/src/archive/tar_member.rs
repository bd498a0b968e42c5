//! A member of a tar: what its headers say of it, and its bytes.

use std::io::{self, Read};

use super::{input::Forward, member::MemberKind, tar::NAME, walker::Entry};
use crate::{
    Container,
    parse::{pax::Extended, tar::Header},
    reason::Reason,
};

/// Hard links carry no data, whatever their size says (as GNU tar has it).
pub(super) fn data_bytes(header: &Header, own: &Extended) -> u64 {
    match header.type_flag {
        b'1' => 0,
        _ => own.size.unwrap_or(header.size),
    }
}

/// The member that a header and the extended headers before it describe.
pub(super) fn entry_of(header: &Header, own: &Extended, global: &Extended) -> Entry {
    let name = [&own.sparse.name, &own.name, &global.name];
    let name = name.into_iter().flatten().next().unwrap_or(&header.name);
    let link = own.link.as_ref().unwrap_or(&header.link);
    let kind = kind_of(header.type_flag, name);
    let has_link = matches!(kind, MemberKind::Symlink | MemberKind::Hardlink);
    Entry {
        name: name.clone(),
        container: Container::Tar,
        kind,
        size_hint: Some(data_bytes(header, own)),
        mtime_s: own.mtime_s.or(global.mtime_s).or(header.mtime_s),
        mode: header.mode,
        uid: own.uid.or(global.uid).or(header.uid),
        gid: own.gid.or(global.gid).or(header.gid),
        link: has_link.then(|| link.clone()),
        anomalies: Vec::new(),
    }
}

/// POSIX.1-2017 `pax`, "typeflag"; v7 marks directories by a slash. Unknown types count as files.
fn kind_of(type_flag: u8, name: &[u8]) -> MemberKind {
    match type_flag {
        0 | b'0' if name.ends_with(b"/") => MemberKind::Directory,
        b'1' => MemberKind::Hardlink,
        b'2' => MemberKind::Symlink,
        b'3' | b'4' | b'6' => MemberKind::Other,
        b'5' | b'D' => MemberKind::Directory,
        _ => MemberKind::File,
    }
}

/// A member's bytes in an archive that is read from front to back.
pub(super) struct Data<'t, 'a> {
    input: &'t mut Forward<'a>,
    left: u64,
    /// An error was handed out; the walker below has reported it.
    pub failed: bool,
}

impl<'t, 'a> Data<'t, 'a> {
    /// The next `size` bytes.
    pub fn new(input: &'t mut Forward<'a>, size: u64) -> Self {
        Self {
            input,
            left: size,
            failed: false,
        }
    }
}

impl Read for Data<'_, '_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = out.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if length == 0 {
            return Ok(0);
        }
        let count = match self.input.read(&mut out[..length]) {
            Ok(0) => Err(Reason::Truncated {
                format: NAME,
                offset: self.input.position(),
            }
            .into_io()),
            other => other,
        };
        self.failed |= count.is_err();
        let count = count?;
        self.left -= count as u64;
        Ok(count)
    }
}
