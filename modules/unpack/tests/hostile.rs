//! Bombs, lies and noise.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::io::{Cursor, Read};

use gumshoe_unpack::{
    Anomaly, Budget, Flow, Interrupt, Limits, Reason, WalkError, WalkOptions, fuzz, walk_archive,
};
use proptest::prelude::*;
use support::{ZipMember, find, gzip, names, tar_of, walk, walk_with, zip_from, zip_of};

#[test]
fn overlapping_members_are_read_once() {
    let kernel = ZipMember::new("0", &vec![0; 1 << 20]);
    let copies = (1..200).map(|i| ZipMember {
        name: i.to_string().into(),
        reuse: Some(0),
        ..kernel.clone()
    });
    let zip = zip_from(&[kernel.clone()].into_iter().chain(copies).collect::<Vec<_>>());
    let (members, summary) = walk(&zip);
    assert_eq!(members.len(), 200);
    assert_eq!(
        members.iter().filter(|member| member.content.is_some()).count(),
        1
    );
    assert!(summary.output_bytes <= 1 << 20);
    let overlaps = summary
        .gaps
        .iter()
        .filter(|gap| matches!(gap.reason, Reason::Overlap { .. }));
    assert_eq!(overlaps.count(), 199);
    // Each member also has another name in its local header than in the directory.
    let name = Anomaly::HeaderMismatch { field: "name" };
    assert!(find(&members, "7").anomalies.contains(&name));
}

#[test]
fn a_zip_of_zips_of_zips_stops_at_the_file_limit() {
    let mut zip = zip_of(&[("zeros", &vec![0; 8 << 20])]);
    for _ in 0..3 {
        let members: Vec<_> = (0..16).map(|i| (i.to_string(), &zip)).collect();
        let members: Vec<_> = members.iter().map(|(name, zip)| (&name[..], &zip[..])).collect();
        zip = zip_of(&members);
    }
    let limits = Limits {
        file_output_bytes: 32 << 20,
        ..Limits::default()
    };
    let (_, summary) = walk_with(&zip, limits, WalkOptions::default());
    assert!(summary.output_bytes <= 33 << 20, "{}", summary.output_bytes);
    let last = &summary.gaps.last().unwrap().reason;
    assert!(
        matches!(
            last,
            Reason::FileOutput {
                limit: 0x200_0000,
                ..
            }
        ),
        "{last}"
    );
}

#[test]
fn nesting_ends_at_the_depth_limit_in_every_mixture() {
    type Wrap = fn(&[u8]) -> Vec<u8>;
    let wraps: [(Wrap, usize); 3] = [
        (|inner| zip_of(&[("z", inner)]), 4),
        (|inner| gzip(&tar_of(&[("t", inner)])), 4),
        (|inner| tar_of(&[("z.zip", &zip_of(&[("z", inner)])[..])]), 4),
    ];
    for (wrap, depth) in wraps {
        let bytes = (0..8).fold(b"core".to_vec(), |inner, _| wrap(&inner));
        let (members, summary) = walk(&bytes);
        let deepest = members.iter().map(|member| member.path.split('!').count()).max();
        assert_eq!(deepest, Some(depth));
        let [gap] = &summary.gaps[..] else {
            panic!("{:?}", summary.gaps)
        };
        assert_eq!(gap.reason, Reason::Depth { limit: 4, seen: 5 });
        assert_eq!(gap.path.len(), depth);
    }
    let bytes = (0..8).fold(b"core".to_vec(), |inner, _| gzip(&inner));
    let (members, summary) = walk(&bytes);
    assert!(members.is_empty());
    assert_eq!(summary.gaps[0].reason, Reason::Depth { limit: 4, seen: 5 });
}

#[test]
fn a_zip_that_lies_about_sizes_is_read_to_its_real_end() {
    let honest = ZipMember::new("m", b"0123456789");
    let short = ZipMember {
        size: 3,
        ..honest.clone()
    };
    let (members, summary) = walk(&zip_from(&[short]));
    assert_eq!(members[0].partial, b"0123456789");
    assert_eq!(
        summary.gaps[0].reason,
        Reason::Size {
            declared: 3,
            seen: 10
        }
    );
    let huge = ZipMember {
        size: u32::MAX - 1,
        ..honest.clone()
    };
    let (members, _) = walk(&zip_from(&[huge]));
    assert_eq!(members[0].partial, b"0123456789");
    let wrong = ZipMember { crc: 1, ..honest };
    let (members, summary) = walk(&zip_from(&[wrong]));
    assert_eq!(members[0].partial, b"0123456789");
    assert!(matches!(summary.gaps[0].reason, Reason::Corrupt { .. }));
}

#[test]
fn odd_zip_members_are_shown_with_what_is_odd() {
    let member = |name: &str| ZipMember::new(name, b"content");
    let hidden = ZipMember {
        local_name: b"evil.exe".to_vec(),
        ..member("readme.txt")
    };
    let encrypted = ZipMember {
        flags: 1,
        ..member("secret")
    };
    let unknown = ZipMember {
        method: 9,
        ..member("deflate64")
    };
    let zip = zip_from(&[
        hidden,
        encrypted,
        unknown,
        member("../../etc/cron.d/x"),
        member("same"),
        member("same"),
    ]);
    let (members, summary) = walk(&zip);
    assert_eq!(members.len(), 6);
    let anomalies = |path| &find(&members, path).anomalies[..];
    assert_eq!(
        anomalies("readme.txt"),
        [Anomaly::HeaderMismatch { field: "name" }]
    );
    assert_eq!(anomalies("../../etc/cron.d/x"), [Anomaly::UnsafeName]);
    assert_eq!(members[5].anomalies, [Anomaly::DuplicateName]);
    assert_eq!(members[5].content.as_deref(), Some(&b"content"[..]));
    assert_eq!(find(&members, "secret").failure, Some(Reason::Encrypted));
    let unsupported = find(&members, "deflate64").failure.as_ref();
    assert!(matches!(unsupported, Some(Reason::Unsupported { .. })));
    assert_eq!(summary.gaps.len(), 2);
    assert_eq!(summary.anomalies.len(), 3);
}

#[test]
fn hidden_bytes_between_zip_members_are_counted() {
    let mut first = ZipMember::stored("a", b"seen");
    first.data.extend([b'h'; 1000]);
    let (members, summary) = walk(&zip_from(&[first, ZipMember::new("b", b"seen too")]));
    assert_eq!(names(&members), ["a", "b"]);
    assert_eq!(
        summary.anomalies,
        [(Vec::new(), Anomaly::Unreferenced { bytes: 1000 })]
    );
}

#[test]
fn too_many_members_and_long_names_are_named_with_numbers() {
    let limits = Limits {
        archive_members: 10,
        name_bytes: 20,
        ..Limits::default()
    };
    let long = "n".repeat(50);
    let mut members: Vec<(&str, &[u8])> = vec![(&long, b"x")];
    members.extend([("m", &b"y"[..]); 14]);
    for bytes in [zip_of(&members), tar_of(&members), gzip(&tar_of(&members))] {
        let (shown, summary) = walk_with(&bytes, limits, WalkOptions::default());
        assert_eq!(shown.len(), 10);
        assert_eq!(shown[0].path, &long[..20]);
        assert_eq!(shown[0].content.as_deref(), Some(&b"x"[..]));
        assert_eq!(summary.gaps[0].reason, Reason::Name { limit: 20, seen: 50 });
        let Reason::Members { limit: 10, seen } = summary.gaps[1].reason else {
            panic!("{:?}", summary.gaps);
        };
        assert!(seen == 11 || seen == 15);
    }
}

#[test]
fn huge_tar_headers_are_not_read_into_memory() {
    for kind in [b'x', b'g', b'L', b'K'] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::new(kind));
        header.set_size(1 << 40);
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend([b'a'; 4096]);
        let (members, summary) = walk(&bytes);
        assert!(members.is_empty());
        let named = summary.gaps.iter().any(|gap| match gap.reason {
            Reason::Header { seen, .. } => seen == 1 << 40,
            Reason::Name { seen, .. } => seen == (1 << 40) - 1,
            Reason::Truncated { .. } => true,
            _ => false,
        });
        assert!(named && !summary.complete(), "{:?}", summary.gaps);
    }
}

#[test]
fn a_sparse_tar_bomb_stops_at_the_ratio() {
    let mut header = tar::Header::new_gnu();
    header.set_path("bomb").unwrap();
    header.set_entry_type(tar::EntryType::GNUSparse);
    header.set_size(0);
    header
        .as_gnu_mut()
        .unwrap()
        .realsize
        .copy_from_slice(b"77777777777\0");
    header.set_cksum();
    let (members, summary) = walk(header.as_bytes());
    assert!(members[0].partial.len() <= 17 << 20);
    assert!(
        matches!(summary.gaps[0].reason, Reason::Ratio { .. }),
        "{:?}",
        summary.gaps
    );
}

#[test]
fn members_behind_a_tar_end_mark_are_seen_and_noise_there_is_told() {
    let two = [tar_of(&[("a", b"1")]), tar_of(&[("b", b"2")])].concat();
    let (members, summary) = walk(&two);
    assert_eq!(names(&members), ["a", "b"]);
    assert!(summary.complete());
    let noise = [tar_of(&[("a", b"1")]), vec![b'n'; 2048]].concat();
    let (_, summary) = walk(&noise);
    assert!(matches!(summary.gaps[0].reason, Reason::Trailing { .. }));
}

#[test]
fn cut_archives_show_what_is_left_and_say_so() {
    let tar = tar_of(&[("a", &[b'a'; 3000]), ("b", &[b'b'; 3000]), ("c", b"c")]);
    let cut = &tar[..6000];
    for bytes in [cut.to_vec(), gzip(cut)] {
        let (members, summary) = walk(&bytes);
        assert_eq!(names(&members), ["a", "b"]);
        assert_eq!(members[1].partial.len(), 6000 - 512 - 3072 - 512);
        let [gap] = &summary.gaps[..] else {
            panic!("{:?}", summary.gaps)
        };
        assert!(
            matches!(gap.reason, Reason::Truncated { offset: 6000, .. }),
            "{gap:?}"
        );
    }
    let zip = zip_of(&[("a", b"1")]);
    let (members, summary) = walk(&zip[..zip.len() - 5]);
    assert!(members.is_empty() && !summary.complete());
}

#[test]
fn a_nested_zip_too_large_for_memory_is_a_gap_but_its_bytes_are_shown() {
    let noise: Vec<u8> = (0..200_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let inner = zip_from(&[ZipMember::stored("deep", &noise)]);
    let limits = Limits {
        buffer_bytes: 100_000,
        ..Limits::default()
    };
    let (members, summary) = walk_with(&zip_of(&[("in.zip", &inner)]), limits, WalkOptions::default());
    assert_eq!(names(&members), ["in.zip"]);
    assert_eq!(members[0].content.as_ref(), Some(&inner));
    let seen = inner.len() as u64;
    assert_eq!(summary.gaps[0].reason, Reason::Buffer { limit: 100_000, seen });
    // A tar can be walked as a stream; its bytes as a whole cannot be shown as well then.
    let tar = tar_of(&[("deep", &noise)]);
    let (members, summary) = walk_with(&zip_of(&[("in.tar", &tar)]), limits, WalkOptions::default());
    assert_eq!(names(&members), ["in.tar", "in.tar!deep"]);
    assert_eq!(members[1].content.as_ref(), Some(&noise));
    assert_eq!(members[0].partial.len(), 100_000);
    assert!(matches!(
        summary.gaps[0].reason,
        Reason::Buffer { limit: 100_000, .. }
    ));
    // In a seekable tar nothing has to be kept.
    let (members, summary) = walk_with(&tar_of(&[("in.zip", &inner)]), limits, WalkOptions::default());
    assert_eq!(names(&members), ["in.zip", "in.zip!deep"]);
    assert!(summary.complete());
}

#[test]
fn an_interrupt_ends_the_walk() {
    let zip = zip_of(&[("a", &[1; 5000]), ("b", b"2")]);
    let poll = || Some(Interrupt::Cancelled);
    let budget = Budget::new(Limits::default()).with_poll(&poll);
    let mut count = 0;
    let summary = walk_archive(Cursor::new(&zip), &budget, WalkOptions::default(), &mut |_, _| {
        count += 1;
        Flow::Continue
    });
    let summary = summary.unwrap();
    assert_eq!(count, 0);
    assert_eq!(summary.gaps[0].reason, Reason::Interrupted(Interrupt::Cancelled));
}

#[test]
fn text_is_no_archive() {
    let budget = Budget::new(Limits::default());
    let mut visit = |_: &gumshoe_unpack::Member<'_>, _: &mut dyn Read| Flow::Continue;
    for bytes in [&b""[..], b"text", &[0; 2000]] {
        let result = walk_archive(Cursor::new(bytes), &budget, WalkOptions::default(), &mut visit);
        assert_eq!(result.unwrap_err(), WalkError::NotAnArchive);
    }
}

/// Valid archives and streams to start from.
fn seeds() -> Vec<Vec<u8>> {
    let text = b"some text, some more text, and text once more".repeat(20);
    let inner = zip_of(&[("deep", &text), ("x", b"")]);
    let tar = tar_of(&[
        ("in.zip", &inner),
        ("t.gz", &gzip(&text)),
        (&"n".repeat(150), b"long"),
    ]);
    let mut seeds = vec![
        zip_of(&[("t.tgz", &gzip(&tar)), ("d/", b""), ("s", &text)]),
        gzip(&tar),
        inner,
        tar,
    ];
    for (tool, arguments) in [
        ("bzip2", &["-c"][..]),
        ("xz", &["-c", "-0"]),
        ("zstd", &["-qc"]),
        ("lz4", &["-qc", "-BD", "-B4", "-BX"]),
        ("lz4", &["-qcl"]),
    ] {
        seeds.push(support::filter(tool, arguments, &text));
    }
    seeds
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_archives_never_panic(
        seed in 0_usize..9,
        selector: u8,
        cut in 0.0_f64..1.3,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        thread_local!(static SEEDS: Vec<Vec<u8>> = seeds());
        let mut bytes = SEEDS.with(|seeds| seeds[seed].clone());
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if cut < 1.0 {
            bytes.truncate((bytes.len() as f64 * cut) as usize);
        }
        fuzz::archive(selector, &bytes);
        fuzz::stream(selector, &bytes);
    }

    #[test]
    fn noise_behind_a_magic_never_panics(
        seed in 0_usize..9,
        keep in 4_usize..40,
        selector: u8,
        noise in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        thread_local!(static SEEDS: Vec<Vec<u8>> = seeds());
        let head = SEEDS.with(|seeds| seeds[seed][..keep].to_vec());
        let bytes = [head, noise].concat();
        fuzz::archive(selector, &bytes);
        for codec in 0..6 {
            fuzz::stream(codec, &bytes);
        }
    }

    #[test]
    fn tars_read_as_the_tar_crate_reads_them(
        members in prop::collection::vec(("[a-z/]{1,130}", prop::collection::vec(any::<u8>(), 0..2000)), 0..6),
    ) {
        let members: Vec<_> = members.into_iter().map(|(name, content)| (format!("m/{name}x"), content)).collect();
        let references: Vec<_> = members.iter().map(|(name, content)| (&name[..], &content[..])).collect();
        let bytes = tar_of(&references);
        prop_assume!(!members.is_empty());
        let options = WalkOptions { nested: false, decompress: false };
        let (shown, summary) = walk_with(&bytes, Limits::default(), options);
        prop_assert!(summary.complete());
        let mut archive = tar::Archive::new(&bytes[..]);
        let mut twin = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            twin.push((String::from_utf8(entry.path_bytes().to_vec()).unwrap(), content));
        }
        let shown: Vec<_> = shown.into_iter().map(|m| (m.path, m.content.unwrap())).collect();
        prop_assert_eq!(shown, twin);
    }
}
