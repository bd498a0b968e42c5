use super::*;
use crate::{Limits, PatternError};
use proptest::prelude::*;
use regex::bytes::RegexBuilder;
use std::sync::Arc;

const ADDRESS: u64 = 0x7fff_0000_0ff0;
const MAX_MATCH: usize = 8;

/// Regexes whose matches are at most [`MAX_MATCH`] bytes long.
const REGEXES: &[&str] = &[
    "foo",
    "foobar",
    "aa",
    "aaaaaaaa",
    "(?i)FooBar",
    "[ab]{2,4}c",
    r"\bfoo",
    r"foo\b",
    "^foo",
    "bar$",
    "(?m)^b",
    r"fo+b?",
    r"x?foo",
    r"[a-z]{0,3}bar",
    r"\x00{2,4}",
    "é",
    r"[0-9][a-z]",
    r"(foo|bar){2}",
    r"a|b|c",
    r"(?s).a.",
    r"\xff\xfe",
    r"[^\x00]{3}o",
    r"(?u)\bb",
    "f.{2,4}r",
];
const HEXES: &[&str] = &[
    "66 6f 6f",
    "6? 6f",
    "?? 6f 6f ??",
    "00 00",
    "00000001",
    "ff ??",
    "?1 ?2",
];

/// The slow obvious twin: all leftmost, non-overlapping matches in the whole segment.
fn slow(pattern: &str, is_hex: bool, segment: &[u8]) -> Vec<(u64, usize)> {
    let regex = if is_hex {
        hex_regex(pattern)
    } else {
        pattern.to_owned()
    };
    let regex = RegexBuilder::new(&regex).unicode(false).build().unwrap();
    regex
        .find_iter(segment)
        .map(|found| (ADDRESS + found.start() as u64, found.len()))
        .collect()
}

fn hex_regex(pattern: &str) -> String {
    let digits: Vec<char> = pattern.chars().filter(|c| *c != ' ').collect();
    let byte = |pair: &[char]| match (pair[0], pair[1]) {
        ('?', '?') => "(?s-u:.)".to_owned(),
        ('?', low) => format!(
            "[{}]",
            (0..16)
                .map(|high| format!(r"\x{high:x}{low}"))
                .collect::<String>()
        ),
        (high, '?') => format!(r"[\x{high}0-\x{high}f]"),
        (high, low) => format!(r"\x{high}{low}"),
    };
    digits.chunks(2).map(byte).collect()
}

fn patterns() -> (Vec<Pattern<'static>>, Vec<(&'static str, bool)>) {
    let sources = REGEXES
        .iter()
        .map(|text| (*text, false))
        .chain(HEXES.iter().map(|text| (*text, true)));
    let pattern = |(text, is_hex): (&'static str, bool)| {
        if is_hex {
            Pattern::hex(text)
        } else {
            Pattern::regex(text)
        }
    };
    (
        sources
            .clone()
            .map(|source| pattern(source).max_matches(10_000))
            .collect(),
        sources.collect(),
    )
}

fn scan_in_chunks(scan: &mut ByteScan, segment: &[u8], mut cuts: impl Iterator<Item = usize>) -> Vec<Match> {
    let mut matches = Vec::new();
    scan.segment(ADDRESS, &mut matches);
    let mut rest = segment;
    while !rest.is_empty() {
        let count = cuts.next().unwrap_or(usize::MAX).min(rest.len());
        scan.space(count + 3)[..count].copy_from_slice(&rest[..count]);
        scan.filled(count, &mut matches);
        rest = &rest[count..];
    }
    scan.end_segment(&mut matches);
    matches
}

fn of_pattern(matches: &[Match], pattern: usize) -> Vec<(u64, usize)> {
    let found = matches.iter().filter(|found| found.pattern == pattern);
    found.map(|found| (found.address, found.length)).collect()
}

fn segment() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&[u8]> = vec![
        b"foo",
        b"bar",
        b"foobar",
        b"FOObar",
        b"a",
        b"a",
        b"aaaa",
        b"b",
        b"c",
        b"\n",
        b" ",
        b"\0",
        b"\0\0\0",
        b"\x01",
        b"\xff",
        b"\xff\xfe",
        "é".as_bytes(),
        b"1x",
        b"x",
        b"o",
        b"r",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_pattern_is_survived(text in r"[\\QEpxbdw()\[\]{}|*+?^$.,:0-9a-f é-]{0,30}", wide: bool) {
        let limits = Limits::default();
        let _ = Pattern::regex(&text).also_wide(wide).check(&limits);
        let _ = Pattern::hex(&text).check(&limits);
        let _ = crate::lines::LineSet::new(&[text]);
    }

    #[test]
    fn same_as_a_search_of_the_whole(
        segment in segment(),
        chosen in prop::sample::subsequence((0..REGEXES.len() + HEXES.len()).collect::<Vec<_>>(), 1..10),
        cuts in prop::collection::vec(1usize..40, 0..40),
    ) {
        let (patterns, sources) = patterns();
        let set = Arc::new(ByteSet::with_limits(&patterns, Limits::default(), MAX_MATCH).unwrap());
        let mut scan = ByteScan::new(&set);
        for chosen in [&chosen[..], &chosen[..1]] {
            scan.begin(&set.select(chosen));
            let matches = scan_in_chunks(&mut scan, &segment, cuts.iter().copied());
            for &number in chosen {
                let (text, is_hex) = sources[number];
                prop_assert_eq!(of_pattern(&matches, number), slow(text, is_hex, &segment), "{} in chunks", text);
            }
            scan.begin(&set.select(chosen));
            let mut matches = Vec::new();
            prop_assert_eq!(scan.slice(ADDRESS, &segment, &mut matches, &mut || true), segment.len());
            for &number in chosen {
                let (text, is_hex) = sources[number];
                prop_assert_eq!(of_pattern(&matches, number), slow(text, is_hex, &segment), "{} in place", text);
            }
        }
    }
}

#[test]
fn needles_at_every_kind_of_boundary_are_found_once() {
    const PAGE: usize = 4096;
    const CHUNK: usize = 64 << 10;
    let needles = [
        "gumshoe-needle",
        "(?i)GUMSHOE-needle",
        r"gum[a-z]{4}-\w+le",
        r"[g]umshoe.needle",
        r"\w{3}shoe-needle",
    ];
    let mut patterns: Vec<Pattern<'_>> = needles.iter().map(|text| Pattern::regex(text)).collect();
    patterns.push(Pattern::hex("67 75 ?? 73 6? 6f 65 2d"));
    let set = Arc::new(ByteSet::new(&patterns).unwrap());
    let mut scan = ByteScan::new(&set);
    let all = set.select(&[0, 1, 2, 3, 4, 5]);
    let text = b"gumshoe-needle";
    for boundary in [0, PAGE, CHUNK - MAX_MATCH_BYTES, CHUNK, 2 * CHUNK, 3 * CHUNK] {
        for shift in (0..=text.len() + 1).chain([MAX_MATCH_BYTES, MAX_MATCH_BYTES + 1]) {
            let Some(at) = boundary.checked_sub(shift).or((boundary == 0).then_some(shift)) else {
                continue;
            };
            let mut segment = vec![0u8; 3 * CHUNK];
            let Some(place) = segment.get_mut(at..at + text.len()) else {
                continue;
            };
            place.copy_from_slice(text);
            scan.begin(&all);
            let matches = scan_in_chunks(&mut scan, &segment, std::iter::repeat(CHUNK));
            for pattern in 0..set.len() {
                let found: Vec<u64> = of_pattern(&matches, pattern)
                    .iter()
                    .map(|found| found.0)
                    .collect();
                assert_eq!(found, [ADDRESS + at as u64], "pattern {pattern} at {at}");
            }
        }
    }
}

#[test]
fn nothing_joins_bytes_that_are_not_adjacent() {
    let set = Arc::new(ByteSet::new(&[Pattern::literal(b"needle"), Pattern::regex("^le$")]).unwrap());
    let mut scan = ByteScan::new(&set);
    scan.begin(&set.select(&[0, 1]));
    let mut matches = Vec::new();
    // Both segments in one space, as they come from one read of several ranges, and bytes between them that could not be read.
    scan.space(9).copy_from_slice(b"need???le");
    scan.segment(0x1000, &mut matches);
    scan.filled(4, &mut matches);
    scan.skip(3, &mut matches);
    scan.segment(0x2000, &mut matches);
    scan.filled(2, &mut matches);
    scan.end_segment(&mut matches);
    assert_eq!(
        matches,
        [Match {
            pattern: 1,
            address: 0x2000,
            length: 2,
            wide: false
        }]
    );
}

#[test]
fn matches_that_the_sink_refuses_do_not_count() {
    struct Even(Vec<u64>);
    impl Sink for Even {
        fn found(&mut self, found: &Match) -> bool {
            let is_even = found.address.is_multiple_of(2);
            self.0.extend(is_even.then_some(found.address));
            is_even
        }
    }
    let set = Arc::new(ByteSet::new(&[Pattern::literal(b"x").max_matches(3)]).unwrap());
    let mut scan = ByteScan::new(&set);
    let mut even = Even(Vec::new());
    scan.begin(&set.select(&[0]));
    scan.slice(1, &b"x".repeat(100), &mut even, &mut || true);
    assert_eq!(even.0, [2, 4, 6]);
}

#[test]
fn settled_patterns_are_dropped_and_the_others_go_on() {
    let patterns = [
        Pattern::regex("x"),
        Pattern::regex("[xy]").max_matches(3),
        Pattern::regex("[a-c]z"),
        Pattern::regex("needle"),
    ];
    let set = Arc::new(ByteSet::new(&patterns).unwrap());
    let mut scan = ByteScan::new(&set);
    let all = set.select(&[0, 1, 2, 3]);
    for _ in 0..3 {
        scan.begin(&all);
        let mut segment = b"x".repeat(1 << 20);
        segment.extend(b"bz needle");
        let matches = scan_in_chunks(&mut scan, &segment, std::iter::repeat(10_000));
        let counts: Vec<usize> = (0..4)
            .map(|pattern| of_pattern(&matches, pattern).len())
            .collect();
        assert_eq!(counts, [MAX_MATCHES, 3, 1, 1]);
        assert_eq!(
            [0, 1, 2, 3].map(|pattern| scan.has_settled(pattern)),
            [true, true, false, false]
        );
        assert!(!scan.is_settled());
    }
    scan.begin(&set.select(&[0]));
    assert_eq!(
        scan.slice(0, b"xxxxxxxxxxxxxxxxxxxxxxxxx", &mut Vec::new(), &mut || true),
        25
    );
    assert!(scan.is_settled());
}

#[test]
fn a_slice_stops_when_told() {
    let set = Arc::new(ByteSet::new(&[Pattern::literal(b"needle")]).unwrap());
    let mut scan = ByteScan::new(&set);
    scan.begin(&set.select(&[0]));
    let mut asked = 0;
    let searched = scan.slice(0, &vec![0; 1 << 20], &mut Vec::new(), &mut || {
        asked += 1;
        asked <= 2
    });
    assert_eq!(searched, 512 << 10);
}

#[test]
fn hostile_bytes_do_not_cost_more_than_linear_time() {
    let long = "a".repeat(8000) + "b";
    let hex = "61".repeat(200) + "??62";
    let patterns = [
        Pattern::regex("aaaaaaaaaaaaaaaaaaaaaaaab"),
        Pattern::regex(&long),
        Pattern::regex(r"(?s)aaaa.{1,100}b"),
        Pattern::hex(&hex),
        Pattern::regex(r"\w+aaaac"),
        Pattern::hex("61 61 ?? 61 62"),
        Pattern::regex("(a+)+[^a]"),
    ];
    let set = Arc::new(ByteSet::new(&patterns).unwrap());
    let mut scan = ByteScan::new(&set);
    scan.begin(&set.select(&[0, 1, 2, 3, 4, 5, 6]));
    // Quadratic behaviour would take minutes for this.
    let matches = scan_in_chunks(&mut scan, &vec![b'a'; 1 << 20], std::iter::repeat(256 << 10));
    assert_eq!(matches, []);
}

#[test]
fn patterns_that_match_everything_are_refused() {
    for pattern in [
        Pattern::regex("a*"),
        Pattern::regex(""),
        Pattern::hex("?? ??"),
        Pattern::literal(b""),
        Pattern::regex(r"\b"),
    ] {
        assert_eq!(
            ByteSet::new(&[pattern]).unwrap_err(),
            PatternError::MatchesEverything { index: 0 }
        );
    }
    let wide = ByteSet::new(&[Pattern::regex("a"), Pattern::regex("a.b").also_wide(true)]);
    assert_eq!(wide.unwrap_err(), PatternError::NoWideForm { index: 1 });
}

#[test]
fn wide_forms_are_found_beside_the_pattern() {
    let set = Arc::new(ByteSet::new(&[Pattern::regex("(?i)Secret").also_wide(true)]).unwrap());
    let mut scan = ByteScan::new(&set);
    scan.begin(&set.select(&[0]));
    let matches = scan_in_chunks(&mut scan, b"..sEcret..S\0e\0c\0r\0e\0T\0", std::iter::repeat(7));
    let mut found = of_pattern(&matches, 0);
    found.sort_unstable();
    assert_eq!(found, [(ADDRESS + 2, 6), (ADDRESS + 10, 12)]);
}
