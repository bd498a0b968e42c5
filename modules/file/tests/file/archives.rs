//! Looking into archives.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use serde_json::json;

use crate::support::{found, gaps, paths, search, tree};

/// A tar with these files: ustar headers, as POSIX.1-1988 lays them out.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, content) in files {
        let mut header = [0; 512];
        let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
        put(0, name);
        put(100, "0004755\0");
        put(108, "0000007\0");
        put(116, "0000010\0");
        put(124, &format!("{:011o}\0", content.len()));
        put(136, &format!("{:011o}\0", 1_700_000_000));
        put(148, "        ");
        put(156, "0");
        put(257, "ustar\x0000");
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        tar.extend_from_slice(&header);
        tar.extend_from_slice(content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

/// A zip with these files, stored, as APPNOTE 6.3 lays them out.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut zip, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let offset = zip.len() as u32;
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        for number in [
            crc32fast::hash(content),
            content.len() as u32,
            content.len() as u32,
        ] {
            common.extend_from_slice(&number.to_le_bytes());
        }
        common.extend_from_slice(&(name.len() as u32).to_le_bytes());
        zip.extend_from_slice(b"PK\x03\x04");
        zip.extend_from_slice(&common);
        zip.extend_from_slice(name.as_bytes());
        zip.extend_from_slice(content);
        directory.extend_from_slice(b"PK\x01\x02\x14\x00");
        directory.extend_from_slice(&common);
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
    }
    let (count, offset, size) = (files.len() as u16, zip.len() as u32, directory.len() as u32);
    zip.extend_from_slice(&directory);
    zip.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    zip.extend_from_slice(&count.to_le_bytes());
    zip.extend_from_slice(&count.to_le_bytes());
    zip.extend_from_slice(&size.to_le_bytes());
    zip.extend_from_slice(&offset.to_le_bytes());
    zip.extend_from_slice(&[0; 2]);
    zip
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory is writable");
    encoder.finish().expect("memory is writable")
}

#[test]
fn members_are_tested_as_files_are() {
    let jar = zip(&[("org/JndiLookup.class", b"needle\n"), ("META-INF/", b"")]);
    let war = zip(&[("WEB-INF/lib/log.jar", &jar), ("index.html", b"hay\n")]);
    let files = tar(&[("app/web.war", &war), ("app/run", b"#!/bin/sh\nneedle\n")]);
    let script = [b"#!/bin/sh\nexec java\n".to_vec(), jar.clone()].concat();
    let top = tree(&[
        ("app.tar.gz", gzip(&files)),
        ("log.jar", jar),
        ("self", script),
        ("plain", b"needle\n".to_vec()),
    ]);
    let archives = json!({ "archives": true });
    assert_eq!(
        found(
            top.path(),
            json!({ "names": ["^JndiLookup"], "options": archives })
        ),
        [
            "app.tar.gz!app/web.war!WEB-INF/lib/log.jar!org/JndiLookup.class",
            "log.jar!org/JndiLookup.class",
            "self!org/JndiLookup.class",
        ]
    );
    assert_eq!(
        found(
            top.path(),
            json!({ "names": ["run|plain"], "contents": ["^needle$"], "options": archives })
        ),
        ["app.tar.gz!app/run", "plain"]
    );
    assert_eq!(found(top.path(), json!({ "names": ["^JndiLookup"] })), [""; 0]);
    // `printf 'needle\n' | sha256sum`
    let report = search(
        top.path(),
        json!({ "names": ["run"], "modes": ["^-rws"], "sizes": ["17"], "owners": ["7"],
        "options": { "archives": true, "returnsha256": true } }),
    );
    assert_eq!(paths(&report, top.path()), ["app.tar.gz!app/run"]);
    let finding = &report.findings[0];
    assert_eq!(
        (&finding["uid"], &finding["gid"], &finding["mtime"]),
        (&json!(7), &json!(8), &json!("2023-11-14T22:13:20.000000000Z"))
    );
    assert!(finding["sha256"].is_string() && finding.get("ctime").is_none());
    assert!(report.coverage.complete, "{:?}", report.coverage);
}

#[test]
fn compressed_members_are_decoded_when_asked() {
    let files = tar(&[("log.1.gz", &gzip(b"needle\n")), ("log", b"needle\n")]);
    let top = tree(&[("logs.tar", files)]);
    let of = |options| {
        found(
            top.path(),
            json!({ "names": ["^log"], "contents": ["^needle$"], "options": options }),
        )
    };
    assert_eq!(of(json!({ "archives": true })), ["logs.tar!log"]);
    assert_eq!(
        of(json!({ "archives": true, "decompress": true })),
        ["logs.tar!log", "logs.tar!log.1.gz"]
    );
    let names = json!({ "names": ["^log"], "options": { "archives": true, "decompress": true } });
    assert_eq!(
        found(top.path(), names),
        ["logs.tar", "logs.tar!log", "logs.tar!log.1.gz"]
    );
}

#[test]
fn nesting_and_damage_end_in_coverage() {
    let mut nested = zip(&[("needle", b"x")]);
    for _ in 0..6 {
        nested = zip(&[("inner.zip", &nested)]);
    }
    let mut cut = tar(&[("one", b"needle\n"), ("two", &[b'x'; 5000])]);
    cut.truncate(3000);
    let top = tree(&[("nested.zip", nested), ("cut.tar", cut)]);
    let report = search(
        top.path(),
        json!({ "names": ["^(needle|one|two)$"], "options": { "archives": true } }),
    );
    assert_eq!(paths(&report, top.path()), ["cut.tar!one", "cut.tar!two"]);
    let gaps = gaps(&report);
    assert!(
        gaps.contains(&"archive member: limit reached: nesting = 4 = 1".to_owned()),
        "{gaps:?}"
    );
    assert!(
        gaps.contains(&"archive member: truncated tar data = 1".to_owned()),
        "{gaps:?}"
    );
    assert!(!report.coverage.complete);
}

#[test]
fn bombs_in_archives_end_in_coverage_and_hide_nothing_else() {
    let zeros = vec![0; 64 << 20];
    let packed = gzip(&zeros);
    let top = tree(&[
        (
            "inner.zip",
            zip(&[("before", b"needle"), ("bomb.gz", &packed), ("after", b"needle")]),
        ),
        (
            "inner.tar",
            tar(&[
                ("bomb.tar.gz", &gzip(&tar(&[("zeros", &zeros)]))),
                ("after", b"needle"),
            ]),
        ),
    ]);
    let options = json!({ "archives": true, "decompress": true });
    let report = search(
        top.path(),
        json!({ "contents": ["^needle$"], "options": options }),
    );
    assert_eq!(
        paths(&report, top.path()),
        ["inner.tar!after", "inner.zip!after", "inner.zip!before"]
    );
    let gaps = gaps(&report);
    assert!(
        gaps.iter().any(|gap| gap.contains("expansion = 200 times")),
        "{gaps:?}"
    );
    assert!(!report.coverage.complete);
}
