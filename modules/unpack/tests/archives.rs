//! Archives made by real tools are walked like those tools list and unpack them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use gumshoe_unpack::{Anomaly, Budget, Container, Flow, Limits, MemberKind, Reason, WalkOptions};
use support::{Shown, find, gzip, names, python, shell, walk, walk_with, zip_of};

#[test]
fn a_tar_gz_by_tar_shows_names_content_and_metadata() {
    let folder = tempfile::tempdir().unwrap();
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(200));
    let script = format!(
        "mkdir -p {dir} && echo hello > a.txt && chmod 640 a.txt && touch -d @1700000000 a.txt \
         && echo long > {long} && ln -s a.txt link && ln a.txt hard \
         && tar --format=FORMAT -czf FORMAT.tgz a.txt hard link {dir}",
        dir = "d".repeat(120),
    );
    for format in ["gnu", "pax"] {
        let script = script
            .replace("FORMAT", format)
            .replace("ln -s", "ln -sf")
            .replace("ln a", "ln -f a");
        shell(folder.path(), &script);
        let bytes = std::fs::read(folder.path().join(format!("{format}.tgz"))).unwrap();
        let (members, summary) = walk(&bytes);
        assert!(summary.complete(), "{format}: {summary:?}");
        let a = find(&members, "a.txt");
        assert_eq!(a.content.as_deref(), Some(&b"hello\n"[..]));
        assert_eq!((a.mode, a.mtime_s), (Some(0o640), Some(1_700_000_000)));
        assert_eq!(find(&members, &long).content.as_deref(), Some(&b"long\n"[..]));
        let kinds = [("hard", MemberKind::Hardlink), ("link", MemberKind::Symlink)];
        for (name, kind) in kinds {
            assert_eq!(find(&members, name).kind, kind);
            assert_eq!(find(&members, name).link.as_deref(), Some(&b"a.txt"[..]));
        }
    }
}

#[test]
fn sparse_files_of_each_tar_format_have_their_holes() {
    let folder = tempfile::tempdir().unwrap();
    shell(
        folder.path(),
        "truncate -s 3M s && printf start | dd of=s conv=notrunc status=none \
         && for i in 300 600 900 1200 1500 1800 2100; do printf part$i | \
            dd of=s bs=1k seek=$i conv=notrunc status=none; done && echo tail >> s && echo next > n",
    );
    let expected = std::fs::read(folder.path().join("s")).unwrap();
    for options in [
        "--format=gnu",
        "--format=pax --sparse-version=0.1",
        "--format=pax --sparse-version=1.0",
    ] {
        shell(folder.path(), &format!("tar {options} -S -cf s.tar s n"));
        let bytes = std::fs::read(folder.path().join("s.tar")).unwrap();
        assert!(bytes.len() < 1 << 20, "tar stored the holes: {options}");
        let (members, summary) = walk(&bytes);
        assert!(summary.complete(), "{options}: {summary:?}");
        assert!(
            find(&members, "s").content.as_deref() == Some(&expected[..]),
            "{options}"
        );
        assert_eq!(find(&members, "n").content.as_deref(), Some(&b"next\n"[..]));
    }
}

#[test]
fn members_of_every_zip_method_are_decoded() {
    let folder = tempfile::tempdir().unwrap();
    python(
        folder.path(),
        "import zipfile\n\
         with zipfile.ZipFile('m.zip', 'w') as z:\n\
         \x20for n, m in (('s', 0), ('d', 8), ('b', 12), ('l', 14)):\n\
         \x20 z.writestr(zipfile.ZipInfo(n, (2024, 2, 29, 12, 34, 56)), n * 5000, m)\n",
    );
    let bytes = std::fs::read(folder.path().join("m.zip")).unwrap();
    let (members, summary) = walk(&bytes);
    for name in ["s", "d", "b"] {
        let member = find(&members, name);
        assert_eq!(member.content, Some(name.repeat(5000).into_bytes()), "{name}");
        assert_eq!(member.mtime_s, Some(1_709_210_096));
        assert_eq!(member.size_hint, Some(5000));
    }
    // LZMA inside zip is named as a gap, with the member.
    assert_eq!(summary.gaps.len(), 1);
    assert_eq!(summary.gaps[0].path, [b"l".to_vec()]);
    assert!(matches!(summary.gaps[0].reason, Reason::Unsupported { .. }));
}

#[test]
fn streamed_and_zip64_zips_are_read() {
    let folder = tempfile::tempdir().unwrap();
    python(
        folder.path(),
        "import zipfile\n\
         class Pipe:\n\
         \x20def __init__(s, f): s.f = f\n\
         \x20def write(s, b): return s.f.write(b)\n\
         \x20def flush(s): s.f.flush()\n\
         with open('p.zip', 'wb') as f:\n\
         \x20with zipfile.ZipFile(Pipe(f), 'w', 8) as z:\n\
         \x20 with z.open('one', 'w', force_zip64=True) as m: m.write(b'x' * 70000)\n\
         \x20 z.writestr('two', 'second')\n\
         with zipfile.ZipFile('many.zip', 'w') as z:\n\
         \x20for i in range(66000): z.writestr(str(i), '')\n",
    );
    let (members, summary) = walk(&std::fs::read(folder.path().join("p.zip")).unwrap());
    assert!(summary.complete() && summary.anomalies.is_empty(), "{summary:?}");
    assert_eq!(names(&members), ["one", "two"]);
    assert_eq!(members[0].content, Some(vec![b'x'; 70000]));
    let (members, summary) = walk(&std::fs::read(folder.path().join("many.zip")).unwrap());
    assert!(summary.complete() && summary.anomalies.is_empty(), "{summary:?}");
    assert_eq!(members.len(), 66000);
}

#[test]
fn a_zip_behind_a_script_is_found_and_its_prefix_reported() {
    let bytes = [
        b"#!/bin/sh\nexec java -jar $0\n".as_slice(),
        &zip_of(&[("a", b"content")]),
    ]
    .concat();
    let (members, summary) = walk(&bytes);
    assert_eq!(find(&members, "a").content.as_deref(), Some(&b"content"[..]));
    let prefix = (Vec::new(), Anomaly::Unreferenced { bytes: 28 });
    assert_eq!(summary.anomalies, [prefix]);
}

#[test]
fn nested_archives_show_their_path_and_their_own_bytes() {
    let inner = zip_of(&[("Inner.class", b"vulnerable")]);
    let tar = support::tar_of(&[("lib/inner.jar", &inner), ("notes.gz", &gzip(b"decoded notes"))]);
    let outer = zip_of(&[("app.tar.gz", &gzip(&tar)), ("plain", b"x")]);
    let (members, summary) = walk(&outer);
    assert!(summary.complete(), "{summary:?}");
    let class = find(&members, "app.tar.gz!lib/inner.jar!Inner.class");
    assert_eq!(class.content.as_deref(), Some(&b"vulnerable"[..]));
    assert_eq!(class.container, Some(Container::Zip));
    let jar = find(&members, "app.tar.gz!lib/inner.jar");
    assert_eq!(jar.content, Some(inner));
    let notes: Vec<&Shown> = members
        .iter()
        .filter(|m| m.path == "app.tar.gz!notes.gz")
        .collect();
    assert_eq!(notes.len(), 2);
    assert_eq!(notes[1].content.as_deref(), Some(&b"decoded notes"[..]));
    assert!(notes[1].decoded && !notes[0].decoded);
}

#[test]
fn options_keep_the_walk_on_the_outside() {
    let outer = zip_of(&[("in.zip", &zip_of(&[("deep", b"1")])), ("t.gz", &gzip(b"text"))]);
    let only = |nested, decompress| {
        let options = WalkOptions { nested, decompress };
        let (members, summary) = walk_with(&outer, Limits::default(), options);
        assert!(summary.complete());
        names(&members).join(" ")
    };
    assert_eq!(only(false, false), "in.zip t.gz");
    assert_eq!(only(true, false), "in.zip in.zip!deep t.gz");
    assert_eq!(only(false, true), "in.zip t.gz t.gz");
}

#[test]
fn a_visitor_that_reads_nothing_or_little_still_sees_every_name() {
    let inner = zip_of(&[("deep", &vec![7; 100_000])]);
    let tar = support::tar_of(&[("big", &vec![1; 300_000]), ("in.zip", &inner), ("last", b"z")]);
    for bytes in [tar.clone(), gzip(&tar)] {
        for take in [0, 10] {
            let mut seen = Vec::new();
            let budget = Budget::new(Limits::default());
            let summary = gumshoe_unpack::walk_archive(
                std::io::Cursor::new(&bytes),
                &budget,
                WalkOptions::default(),
                &mut |member, content| {
                    let mut some = vec![0; take];
                    content.read_exact(&mut some[..take.min(1)]).unwrap();
                    seen.push(support::joined(member.path));
                    Flow::Continue
                },
            );
            assert!(summary.unwrap().complete());
            assert_eq!(seen, ["big", "in.zip", "in.zip!deep", "last"]);
        }
    }
}

#[test]
fn skip_inside_and_stop_are_obeyed() {
    let outer = zip_of(&[("in.zip", &zip_of(&[("deep", b"1")])), ("b", b""), ("c", b"")]);
    let budget = Budget::new(Limits::default());
    let mut seen = Vec::new();
    let summary = gumshoe_unpack::walk_archive(
        std::io::Cursor::new(&outer),
        &budget,
        WalkOptions::default(),
        &mut |member, _| {
            seen.push(support::joined(member.path));
            if member.path[0] == b"b" {
                Flow::Stop
            } else {
                Flow::SkipInside
            }
        },
    )
    .unwrap();
    assert_eq!(seen, ["in.zip", "b"]);
    assert!(summary.stopped && !summary.complete());
}

#[test]
fn early_stop_in_a_seekable_archive_does_not_read_the_rest() {
    let tar = support::tar_of(&[("big", &vec![1; 8 << 20]), ("last", b"z")]);
    let zip = zip_of(&[("big", &vec![1; 8 << 20]), ("last", b"z")]);
    for bytes in [tar, zip] {
        let mut file = support::Counting::new(bytes);
        let budget = Budget::new(Limits::default());
        let mut count = 0;
        let summary =
            gumshoe_unpack::walk_archive(&mut file, &budget, WalkOptions::default(), &mut |_, _| {
                count += 1;
                Flow::Continue
            });
        assert!(summary.unwrap().complete());
        assert_eq!(count, 2);
        assert!(file.read_bytes < 1 << 20, "read {} bytes", file.read_bytes);
    }
}
