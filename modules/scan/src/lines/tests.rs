use super::*;
use proptest::prelude::*;
use regex::bytes::{Regex, RegexBuilder};
use std::sync::Arc;

/// The slow obvious twin: split into lines, run each regex on each.
fn slow(patterns: &[&str], stream: &[u8]) -> (Vec<bool>, Vec<bool>) {
    let mut lines: Vec<&[u8]> = stream.split(|&byte| byte == b'\n').collect();
    if lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    let lines: Vec<&[u8]> = lines
        .iter()
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .collect();
    let regexes: Vec<Regex> = patterns
        .iter()
        .map(|pattern| RegexBuilder::new(pattern).unicode(false).build().unwrap())
        .collect();
    (
        regexes
            .iter()
            .map(|regex| lines.iter().any(|line| regex.is_match(line)))
            .collect(),
        regexes
            .iter()
            .map(|regex| lines.iter().all(|line| regex.is_match(line)))
            .collect(),
    )
}

struct Sizes {
    buffer: usize,
    max_line: usize,
    overlap: usize,
    read: usize,
}

const NORMAL: Sizes = Sizes {
    buffer: 128 << 10,
    max_line: MAX_LINE_BYTES,
    overlap: OVERLAP_BYTES,
    read: usize::MAX,
};

/// What a scan that reads `sizes.read` bytes at a time answers, and the number of long lines.
fn fast(patterns: &[&str], stream: &[u8], sizes: &Sizes) -> (Vec<bool>, Vec<bool>, u64) {
    let set = Arc::new(LineSet::new(patterns).unwrap());
    let all: Vec<usize> = (0..patterns.len()).collect();
    let selection = Arc::new(set.select(&all, &all));
    let mut scan = LineScan::with_sizes(&set, sizes.buffer, sizes.max_line, sizes.overlap);
    // Twice: the second stream must not see anything of the first.
    for _ in 0..2 {
        scan.begin(&selection);
        let mut rest = stream;
        while !rest.is_empty() {
            let space = scan.space();
            let count = rest.len().min(space.len()).min(sizes.read);
            space[..count].copy_from_slice(&rest[..count]);
            assert_eq!(scan.filled(count), &rest[..count]);
            rest = &rest[count..];
        }
        scan.finish();
    }
    (
        all.iter().map(|&p| scan.any(p)).collect(),
        all.iter().map(|&p| scan.every(p)).collect(),
        scan.long_lines(),
    )
}

#[track_caller]
fn agree(patterns: &[&str], stream: &[u8], sizes: &Sizes) {
    let (any, every, _) = fast(patterns, stream, sizes);
    assert_eq!(
        (any, every),
        slow(patterns, stream),
        "{patterns:?} in {:?}",
        stream.escape_ascii().to_string()
    );
}

const PATTERNS: &[&str] = &[
    "foobar",
    "^foo",
    "bar$",
    "^$",
    "",
    r"^\s*foo",
    r"\bfoo\b",
    r"o\s",
    r"[^a]$",
    r"a\z",
    r"\Aa",
    "(?i)FOOBAR",
    "(?m)^b$",
    r"(?s)a.b",
    r"a\nb",
    r"\r",
    r"o.",
    r"(?R)(?m)o$",
    r"(?R)(?m)^b",
    r"foo|bar|a{3}",
    r"[a-c]{2,5}",
    r"\x00",
    r"é",
    r"\B",
    r"x*",
    r"(foo){2}",
    r"f.*r",
    r"\r$",
    r"(?u)\bo",
    r"(?u).{3}$",
    r"(^|a)b",
    r"o($|a)",
];

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just(&b"\n"[..]),
        2 => Just(&b"\r\n"[..]),
        1 => Just(&b"\r"[..]),
        3 => prop::sample::select(vec![
            &b"a"[..], b"b", b" ", b"foo", b"bar", b"foobar", b"FooBar", b"\x00", b"\xff", "é".as_bytes(), b"o", b"x",
        ]),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn same_as_line_by_line(stream in stream(), some in prop::sample::subsequence(PATTERNS, 1..8), read in 1usize..20) {
        agree(&some, &stream, &NORMAL);
        agree(&some, &stream, &Sizes { buffer: 2, max_line: 1 << 20, overlap: 1 << 10, read });
        agree(&[some[0]], &stream, &NORMAL);
    }

    #[test]
    fn long_lines_in_parts_find_short_matches(stream in stream(), read in 1usize..20) {
        // Matches of these are at most 6 bytes long.
        let short = ["foobar", "^foo", "bar$", r"\bfoo\b", "^$", "(?i)FOOBAR", "^a", "b$", r"a\z", r"\x00", r"o\s"];
        agree(&short, &stream, &Sizes { buffer: 4, max_line: 8, overlap: 6, read });
    }
}

#[test]
fn many_patterns_agree() {
    let stream = b"alpha\nbeta foo\r\ngamma\n\n  foo bar\nx\xffy";
    agree(PATTERNS, stream, &NORMAL);
    agree(PATTERNS, b"", &NORMAL);
    agree(PATTERNS, b"\n", &NORMAL);
    let words: Vec<String> = (0..300).map(|i| format!("word{i}x")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    agree(&words, b"word7x\nword299x word30xword31x", &NORMAL);
}

#[test]
fn frequent_literals_agree() {
    let mut stream = "foo bax\n".repeat(5000).into_bytes();
    stream.extend(b"foo bay\nfoo baz");
    agree(
        &["foo ba[yz]", "foo baz$", "foo bay$", "foo$", "absent"],
        &stream,
        &NORMAL,
    );
}

#[test]
fn everything_is_found_after_a_long_line() {
    let mut stream = vec![b'a'; 3 << 20];
    stream.extend(b"needle\r\nafter\nlast");
    let (any, every, long) = fast(
        &["needle$", "^after$", "last", "^a", "^needle", "e"],
        &stream,
        &NORMAL,
    );
    assert_eq!(any, [true, true, true, true, false, true]);
    assert_eq!(every, [false, false, false, false, false, false]);
    assert_eq!(long, 1);
}

#[test]
fn a_scan_is_settled_as_soon_as_all_is_known() {
    let set = Arc::new(LineSet::new(&["a", "b", r"c\n"]).unwrap());
    let mut scan = LineScan::new(&set);
    let feed = |scan: &mut LineScan, text: &[u8]| {
        scan.space()[..text.len()].copy_from_slice(text);
        scan.filled(text.len());
        scan.settled()
    };
    scan.begin(&Arc::new(set.select(&[0, 2, 99], &[])));
    assert!(!feed(&mut scan, b"x\n"));
    assert!(feed(&mut scan, b"a\n"), "a is found, and c\\n can never be");
    scan.begin(&Arc::new(set.select(&[], &[1])));
    assert!(!feed(&mut scan, b"b\n"));
    assert!(feed(&mut scan, b"x\n"), "a line without b decides");
    assert!(!scan.every(1));
    scan.begin(&Arc::new(set.select(&[], &[])));
    assert!(scan.settled(), "nothing is looked for");
}

#[test]
fn parts_and_merged_scans_answer_for_all_of_them() {
    let patterns = ["^a$", "b", "c", "[abc]"];
    let set = Arc::new(LineSet::new(&patterns).unwrap());
    let all = [0, 1, 2, 3];
    let selection = Arc::new(set.select(&all, &all));
    let scan_parts = |parts: &[&[u8]]| {
        let mut scan = LineScan::new(&set);
        scan.begin(&selection);
        for part in parts {
            scan.space()[..part.len()].copy_from_slice(part);
            scan.filled(part.len());
            scan.finish();
            scan.next_part();
        }
        scan
    };
    let mut one = scan_parts(&[b"a\na", b"b\n"]);
    assert_eq!(
        all.map(|p| (one.any(p), one.every(p))),
        [(true, false), (true, false), (false, false), (true, true)]
    );
    one.merge(&scan_parts(&[b"c\n\n"]));
    assert_eq!(
        all.map(|p| (one.any(p), one.every(p))),
        [(true, false), (true, false), (true, false), (true, false)]
    );
    assert!(one.settled());
}
