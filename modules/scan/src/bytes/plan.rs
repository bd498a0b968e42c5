//! The choice of how to search for some of the patterns.

use super::set::ByteSet;
use crate::automaton::{Automaton, Together, together};
use crate::caches::Cached;
use crate::group::{self, Group};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Plans kept for what remains of a selection after patterns have settled.
const MAX_PLANS: usize = 64;

/// Which patterns are looked for in a target, and how.
#[derive(Debug)]
pub struct ByteSelection {
    /// Numbers of the patterns, in order.
    pub(super) patterns: Vec<usize>,
    pub(super) groups: Vec<Group>,
    pub(super) automata: Vec<Combined>,
}

/// Needles without literals that share an automaton, or a single one without.
#[derive(Debug)]
pub(super) struct Combined {
    pub(super) automaton: Option<Cached<Automaton>>,
    pub(super) needles: Vec<usize>,
}

/// Plans for what remains of selections, shared by all threads.
#[derive(Debug, Default)]
pub(super) struct Plans(Mutex<HashMap<Vec<usize>, Arc<ByteSelection>>>);

impl ByteSelection {
    /// The plan for `patterns`. This is where the way of searching is chosen:
    /// * needles that require literals share vectorised searchers of at most 64 literals, the longest and rarest that each
    ///   has; a needle alone gets a `memmem` of its whole literal;
    /// * other needles share one automaton that tells where any of them matches, or have one each where together they
    ///   would be too big;
    /// * a needle that can never match is not looked for.
    pub(super) fn new(set: &ByteSet, patterns: &[usize]) -> ByteSelection {
        let mut patterns: Vec<usize> = patterns
            .iter()
            .copied()
            .filter(|&pattern| pattern < set.len())
            .collect();
        patterns.sort_unstable();
        patterns.dedup();
        let chosen = |needle: &usize| patterns.binary_search(&set.needles[*needle].pattern).is_ok();
        let needles: Vec<usize> = (0..set.needles.len()).filter(chosen).collect();
        let (groups, without) = group::of_required(&needles, |needle| set.needles[needle].required.as_ref());
        let hir = |needle: usize| &set.needles[needle].hir;
        let automata = together(&without, &hir, set.limits.max_automaton_bytes)
            .into_iter()
            .map(|one| match one {
                Together::One(needle) => Combined {
                    automaton: None,
                    needles: vec![needle],
                },
                Together::Several(automaton, needles) => Combined {
                    automaton: Some(Cached::new(automaton, &set.slots)),
                    needles,
                },
            });
        ByteSelection {
            patterns,
            groups,
            automata: automata.collect(),
        }
    }

    /// Numbers of the patterns, ascending.
    #[must_use]
    pub fn patterns(&self) -> &[usize] {
        &self.patterns
    }
}

impl Plans {
    /// The plan for `patterns` of `set`; none when there are too many different ones already.
    pub(super) fn get(&self, set: &ByteSet, patterns: Vec<usize>) -> Option<Arc<ByteSelection>> {
        let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = plans.get(&patterns) {
            return Some(Arc::clone(plan));
        }
        if plans.len() >= MAX_PLANS {
            return None;
        }
        let plan = Arc::new(ByteSelection::new(set, &patterns));
        plans.insert(patterns, Arc::clone(&plan));
        Some(plan)
    }
}
