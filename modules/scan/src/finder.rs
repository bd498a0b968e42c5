//! One searcher for one or many literals, the fastest for the machine and their number.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind, packed};
use memchr::memmem;

/// Literals that one vectorised searcher takes before its buckets fill up and it slows down.
pub(crate) const MAX_PACKED_LITERALS: usize = 64;

/// Where a literal was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    /// Index of the literal. Of several that start here it is one of them, not all.
    pub literal: usize,
    /// Offset of its first byte.
    pub start: usize,
}

/// Finds the leftmost occurrence of any of its literals.
///
/// * one literal: `memmem`, a rare-byte-pair search with AVX2 or NEON;
/// * up to [`MAX_PACKED_LITERALS`]: Teddy, where the CPU has SSSE3, AVX2 or NEON;
/// * otherwise an Aho-Corasick automaton.
#[derive(Debug)]
pub(crate) enum Finder {
    One(Box<memmem::Finder<'static>>),
    Packed(Box<packed::Searcher>),
    Automaton(Box<AhoCorasick>),
}

impl Finder {
    /// A searcher for `literals`, none of which may be empty; none when they are too many for any automaton.
    pub(crate) fn new<L: AsRef<[u8]>>(literals: &[L]) -> Option<Finder> {
        if let [only] = literals {
            return Some(Finder::One(Box::new(
                memmem::Finder::new(only.as_ref()).into_owned(),
            )));
        }
        if literals.len() <= MAX_PACKED_LITERALS
            && let Some(searcher) = packed::Config::new().builder().extend(literals).build()
        {
            return Some(Finder::Packed(Box::new(searcher)));
        }
        AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(literals.iter().map(AsRef::as_ref))
            .ok()
            .map(|automaton| Finder::Automaton(Box::new(automaton)))
    }

    /// The leftmost occurrence that starts at `at` or later.
    #[inline]
    pub(crate) fn find(&self, haystack: &[u8], at: usize) -> Option<Hit> {
        match self {
            Finder::One(finder) => {
                let start = finder.find(haystack.get(at..)?)? + at;
                Some(Hit { literal: 0, start })
            }
            Finder::Packed(searcher) => {
                if at > haystack.len() {
                    return None;
                }
                let found = searcher.find_in(haystack, (at..haystack.len()).into())?;
                Some(Hit {
                    literal: found.pattern().as_usize(),
                    start: found.start(),
                })
            }
            Finder::Automaton(automaton) => {
                let input = aho_corasick::Input::new(haystack).range(at.min(haystack.len())..);
                let found = automaton.find(input)?;
                Some(Hit {
                    literal: found.pattern().as_usize(),
                    start: found.start(),
                })
            }
        }
    }
}

/// For each literal, all the literals that may start where it was found: itself, its prefixes and its extensions.
///
/// A leftmost search names one literal per offset; the others that start there are all in this list.
pub(crate) fn companions<L: AsRef<[u8]>>(literals: &[L]) -> Vec<Vec<usize>> {
    let related = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
    literals
        .iter()
        .map(|one| {
            (0..literals.len())
                .filter(|&i| related(one.as_ref(), literals[i].as_ref()))
                .collect()
        })
        .collect()
}
