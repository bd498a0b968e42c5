//! The mutable part of compiled patterns: one cache per engine and thread, made when first needed.

use crate::automaton::Automaton;
use regex_automata::{hybrid, meta};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Hands out places for caches, one per engine.
#[derive(Debug, Default)]
pub(crate) struct Slots(AtomicUsize);

/// An engine that needs a cache, and the cache's place in each thread's [`Caches`].
#[derive(Debug, Clone)]
pub(crate) struct Cached<E> {
    pub engine: E,
    slot: usize,
}

/// The caches of one thread.
#[derive(Debug, Default)]
pub(crate) struct Caches {
    regexes: Vec<Option<Box<meta::Cache>>>,
    automata: Vec<Option<Box<hybrid::dfa::Cache>>>,
}

impl<E> Cached<E> {
    pub(crate) fn new(engine: E, slots: &Slots) -> Cached<E> {
        Cached {
            engine,
            slot: slots.0.fetch_add(1, Ordering::Relaxed),
        }
    }
}

impl Caches {
    pub(crate) fn regex(&mut self, cached: &Cached<meta::Regex>) -> &mut meta::Cache {
        place(&mut self.regexes, cached.slot).get_or_insert_with(|| Box::new(cached.engine.create_cache()))
    }

    pub(crate) fn automaton(&mut self, cached: &Cached<Automaton>) -> &mut hybrid::dfa::Cache {
        place(&mut self.automata, cached.slot).get_or_insert_with(|| Box::new(cached.engine.create_cache()))
    }
}

fn place<C>(places: &mut Vec<Option<C>>, slot: usize) -> &mut Option<C> {
    if places.len() <= slot {
        places.resize_with(slot + 1, || None);
    }
    &mut places[slot]
}
