//! Makes archives and collects what a walk shows.

#![allow(dead_code, reason = "each test program uses a part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    io::{self, Cursor, Read, Seek, SeekFrom, Write},
    path::Path,
    process::{Command, Stdio},
};

use gumshoe_unpack::{
    Anomaly, Budget, Container, Flow, Limits, MemberKind, Reason, Summary, WalkOptions, walk_archive,
};

/// A member as the visitor saw it.
#[derive(Debug)]
pub struct Shown {
    pub path: String,
    pub container: Option<Container>,
    pub kind: MemberKind,
    pub size_hint: Option<u64>,
    pub mtime_s: Option<i64>,
    pub mode: Option<u32>,
    pub link: Option<Vec<u8>>,
    pub decoded: bool,
    pub anomalies: Vec<Anomaly>,
    /// All bytes when reading ended well.
    pub content: Option<Vec<u8>>,
    /// What came before the failure.
    pub partial: Vec<u8>,
    pub failure: Option<Reason>,
}

/// Names with `!` between them.
pub fn joined(path: &[Vec<u8>]) -> String {
    let names: Vec<_> = path.iter().map(|name| String::from_utf8_lossy(name)).collect();
    names.join("!")
}

/// Reads everything that a walk offers.
pub fn walk(bytes: &[u8]) -> (Vec<Shown>, Summary) {
    walk_with(bytes, Limits::default(), WalkOptions::default())
}

/// [`walk`] with limits and options.
pub fn walk_with(bytes: &[u8], limits: Limits, options: WalkOptions) -> (Vec<Shown>, Summary) {
    let budget = Budget::new(limits);
    let mut members = Vec::new();
    let summary = walk_archive(Cursor::new(bytes), &budget, options, &mut |member, content| {
        let mut partial = Vec::new();
        let failure = content.read_to_end(&mut partial).err();
        members.push(Shown {
            path: joined(member.path),
            container: member.container,
            kind: member.kind,
            size_hint: member.size_hint,
            mtime_s: member.mtime_s,
            mode: member.mode,
            link: member.link.map(<[u8]>::to_vec),
            decoded: member.is_decoded(),
            anomalies: member.anomalies.to_vec(),
            content: failure.is_none().then(|| partial.clone()),
            failure: failure.map(|error| Reason::of(&error)),
            partial,
        });
        Flow::Continue
    });
    (members, summary.expect("an archive"))
}

pub fn names(members: &[Shown]) -> Vec<&str> {
    members.iter().map(|member| member.path.as_str()).collect()
}

pub fn find<'m>(members: &'m [Shown], path: &str) -> &'m Shown {
    let found = members
        .iter()
        .find(|member| member.path.trim_end_matches('/') == path);
    found.unwrap_or_else(|| panic!("no member {path} among {:?}", names(members)))
}

/// Runs a shell script in `folder`; its failure, or a missing tool, fails the test.
pub fn shell(folder: &Path, script: &str) {
    let status = Command::new("sh")
        .arg("-euc")
        .arg(script)
        .current_dir(folder)
        .status();
    assert!(
        status.expect("`sh` is needed").success(),
        "script failed: {script}"
    );
}

/// Runs Python in `folder`.
pub fn python(folder: &Path, script: &str) {
    let status = Command::new("python3")
        .arg("-c")
        .arg(script)
        .current_dir(folder)
        .status();
    assert!(
        status.expect("`python3` is needed; install it").success(),
        "script failed: {script}"
    );
}

/// What `tool ARGUMENTS` makes of `input`.
pub fn filter(tool: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let child = Command::new(tool)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = child.unwrap_or_else(|error| panic!("`{tool}` is needed; install it: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "{tool} failed");
    output.stdout
}

pub fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub fn tar_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// One member of a handmade zip; tests bend its fields.
#[derive(Clone)]
pub struct ZipMember {
    pub name: Vec<u8>,
    pub local_name: Vec<u8>,
    pub flags: u16,
    pub method: u16,
    pub crc: u32,
    pub size: u32,
    pub data: Vec<u8>,
    /// Uses the local header at this place and writes none.
    pub reuse: Option<u32>,
    /// Compressed size in the central directory.
    pub compressed: u32,
}

impl ZipMember {
    /// A deflated member.
    pub fn new(name: &str, content: &[u8]) -> Self {
        let data = deflate(content);
        Self {
            name: name.into(),
            local_name: name.into(),
            flags: 0,
            method: 8,
            crc: crc32fast::hash(content),
            size: content.len() as u32,
            compressed: data.len() as u32,
            data,
            reuse: None,
        }
    }

    /// A stored member.
    pub fn stored(name: &str, content: &[u8]) -> Self {
        Self {
            method: 0,
            data: content.to_vec(),
            compressed: content.len() as u32,
            ..Self::new(name, content)
        }
    }

    fn shared_fields(&self, name: &[u8]) -> Vec<u8> {
        let mut bytes = 20_u16.to_le_bytes().to_vec();
        bytes.extend(self.flags.to_le_bytes());
        bytes.extend(self.method.to_le_bytes());
        bytes.extend([0, 0, 0x21, 0x58]);
        bytes.extend(self.crc.to_le_bytes());
        bytes.extend(self.compressed.to_le_bytes());
        bytes.extend(self.size.to_le_bytes());
        bytes.extend((name.len() as u16).to_le_bytes());
        bytes.extend([0, 0]);
        bytes
    }
}

pub fn zip_from(members: &[ZipMember]) -> Vec<u8> {
    let mut zip = Vec::new();
    let mut directory = Vec::new();
    for member in members {
        let offset = member.reuse.unwrap_or(zip.len() as u32);
        if member.reuse.is_none() {
            zip.extend(b"PK\x03\x04");
            zip.extend(member.shared_fields(&member.local_name));
            zip.extend(&member.local_name);
            zip.extend(&member.data);
        }
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(member.shared_fields(&member.name));
        // No comment, disk 0, no internal attributes; then mode and place.
        directory.extend([0; 6]);
        directory.extend((0o100_644_u32 << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(&member.name);
    }
    let start = zip.len() as u32;
    zip.extend(&directory);
    zip.extend(b"PK\x05\x06\0\0\0\0");
    zip.extend((members.len() as u16).to_le_bytes());
    zip.extend((members.len() as u16).to_le_bytes());
    zip.extend((directory.len() as u32).to_le_bytes());
    zip.extend(start.to_le_bytes());
    zip.extend([0, 0]);
    zip
}

pub fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let members: Vec<_> = members
        .iter()
        .map(|(name, content)| ZipMember::new(name, content))
        .collect();
    zip_from(&members)
}

/// Counts what is read from it.
pub struct Counting {
    inner: Cursor<Vec<u8>>,
    pub read_bytes: u64,
}

impl Counting {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self {
            inner: Cursor::new(bytes),
            read_bytes: 0,
        }
    }
}

impl Read for Counting {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        self.read_bytes += count as u64;
        Ok(count)
    }
}

impl Seek for Counting {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}
