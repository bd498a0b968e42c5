//! One automaton over several patterns, which tells where any of them matches first.

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{self, NFA, WhichCaptures};
use regex_automata::{Input, MatchKind};
use regex_syntax::hir::Hir;
use std::ops::Range;

/// Bytes of states that a thread keeps per automaton before it starts anew.
const CACHE_BYTES: usize = 1 << 20;
/// Bytes that one automaton over several patterns may have, as a multiple of what one pattern may have.
const COMBINED_FACTOR: usize = 4;

/// A lazily built DFA: states are made as bytes lead to them, in a bounded cache.
#[derive(Debug)]
pub(crate) struct Automaton {
    dfa: Box<DFA>,
}

/// The automaton cannot tell: its states do not fit their cache, or it met a byte it cannot handle (Unicode word
/// boundaries next to non-ASCII). The patterns have to be searched one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GaveUp;

/// Patterns that are searched together, by numbers of the caller's.
#[derive(Debug)]
pub(crate) enum Together {
    /// A pattern alone, which needs no automaton of this kind.
    One(usize),
    /// Several, and the automaton over them.
    Several(Automaton, Vec<usize>),
}

/// As few automata over `patterns` as fit, in their order: none has more than [`COMBINED_FACTOR`] times `limit` bytes.
pub(crate) fn together<'h>(
    patterns: &[usize],
    hir: &impl Fn(usize) -> &'h Hir,
    limit: usize,
) -> Vec<Together> {
    match patterns {
        [] => return Vec::new(),
        [only] => return vec![Together::One(*only)],
        _ => {}
    }
    let hirs: Vec<&Hir> = patterns.iter().map(|&pattern| hir(pattern)).collect();
    if let Some(automaton) = Automaton::new(&hirs, limit * COMBINED_FACTOR) {
        return vec![Together::Several(automaton, patterns.to_vec())];
    }
    let (left, right) = patterns.split_at(patterns.len() / 2);
    let mut halves = together(left, hir, limit);
    halves.extend(together(right, hir, limit));
    halves
}

impl Automaton {
    /// An automaton over `hirs`; none when it would exceed `limit` bytes.
    pub(crate) fn new(hirs: &[&Hir], limit: usize) -> Option<Automaton> {
        let nfa = thompson::Compiler::new()
            .configure(
                thompson::Config::new()
                    .utf8(false)
                    .nfa_size_limit(Some(limit))
                    .which_captures(WhichCaptures::None),
            )
            .build_many_from_hir(hirs)
            .ok()?;
        Automaton::from_nfa(nfa)
    }

    fn from_nfa(nfa: NFA) -> Option<Automaton> {
        let config = DFA::config()
            .match_kind(MatchKind::LeftmostFirst)
            .unicode_word_boundary(true)
            .cache_capacity(CACHE_BYTES)
            .minimum_cache_clear_count(Some(8))
            .minimum_bytes_per_state(Some(16));
        DFA::builder()
            .configure(config)
            .build_from_nfa(nfa)
            .ok()
            .map(|dfa| Automaton { dfa: Box::new(dfa) })
    }

    /// A cache for one thread.
    pub(crate) fn create_cache(&self) -> Cache {
        self.dfa.create_cache()
    }

    /// End of the match within `span` that ends first.
    pub(crate) fn first_end(
        &self,
        cache: &mut Cache,
        haystack: &[u8],
        span: Range<usize>,
    ) -> Result<Option<usize>, GaveUp> {
        let input = Input::new(haystack).span(span).earliest(true);
        let found = self.dfa.try_search_fwd(cache, &input).map_err(|_| GaveUp)?;
        Ok(found.map(|found| found.offset()))
    }
}
