//! The walk as a whole: options, threads, shared state.

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::AtomicUsize},
    thread,
};

use crate::{
    Base, Root, Skip, SkipReason, Visitor,
    cover::{Cover, Member},
    dir::Place,
    fs_kind::FsKind,
    plan::{FileSystems, Guards, Plan, Start, plan},
    pool::Pool,
    skip::SkipPlace,
    visited::Visited,
    worker::{Job, Worker},
};

/// How much a visitor does for each entry: decides when a directory is worth sharing between threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EntryWork {
    /// Less than a few microseconds, such as matching names.
    #[default]
    Light,
    /// More, such as reading files: even the entries of a small directory are shared with an idle thread.
    Heavy,
}

/// How a walk goes about its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What the visitors do for each entry.
    pub work: EntryWork,
    /// How many directories are held open for the sake of their unread children. Beyond it children are
    /// opened by way of all their parents, which takes longer. Each thread holds one more for itself.
    pub max_open_dirs: usize,
}

impl Default for Options {
    /// Light work and 128 open directories.
    fn default() -> Self {
        Self {
            work: EntryWork::Light,
            max_open_dirs: 128,
        }
    }
}

/// What all threads of a walk share.
pub(crate) struct Shared<'a> {
    pub base: &'a Base,
    pub options: &'a Options,
    pub stop: &'a (dyn Fn() -> bool + Sync),
    pub starts: Vec<Start>,
    pub guards: Guards,
    pub systems: FileSystems,
    pub visited: Visited,
    pub pool: Pool<Job>,
    pub open_dirs: Arc<AtomicUsize>,
}

/// Visits every directory below `roots` once, with one thread per visitor, and returns the visitors.
///
/// The calling thread works too, so one visitor needs no further thread. `stop` is asked before every directory and
/// after every 64 entries; once it returns true the walk ends. When the system grants fewer threads
/// than asked for, the walk goes on with those it has. Nothing is walked when `visitors` is empty.
///
/// A directory that several roots cover is shown under the path of the one that it was reached from.
/// With bind mounts, a directory that can be reached at several depths is visited at the one that came first.
pub fn walk<V: Visitor>(
    base: &Base,
    roots: &[Root],
    options: &Options,
    mut visitors: Vec<V>,
    stop: &(dyn Fn() -> bool + Sync),
) -> Vec<V> {
    let Some(first) = visitors.first_mut() else {
        return visitors;
    };
    let systems = FileSystems::default();
    let Plan {
        starts,
        guards,
        failures,
    } = plan(base, roots, &systems);
    report_failures(first, roots, failures);
    let visited = Visited::default();
    for start in starts.iter().filter(|start| start.file.is_none()) {
        visited.claim(start.id.0, start.id.1, &start.cover);
    }
    let jobs = (0..starts.len()).rev().map(Job::Start).collect();
    let reserve = isize::from(options.work == EntryWork::Heavy && visitors.len() > 1);
    let pool = Pool::new(visitors.len(), reserve, jobs);
    let open_dirs = Arc::default();
    run(
        &Shared {
            base,
            options,
            stop,
            starts,
            guards,
            systems,
            visited,
            pool,
            open_dirs,
        },
        visitors,
    )
}

fn report_failures<V: Visitor>(visitor: &mut V, roots: &[Root], failures: Vec<(usize, SkipReason)>) {
    for (index, reason) in failures {
        let Some(root) = roots.get(index) else {
            continue;
        };
        let member = Member::new(index, root, 0, FsKind::Local);
        let Some(cover) = Cover::new(vec![member]) else {
            continue;
        };
        let path = Place::name_of(&root.path);
        visitor.skipped(&Skip::new(reason, SkipPlace::Root(&path), &cover, 0));
    }
}

fn run<V: Visitor>(shared: &Shared<'_>, visitors: Vec<V>) -> Vec<V> {
    let finished = Mutex::new(Vec::with_capacity(visitors.len()));
    let keep = |visitor| {
        finished
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(visitor)
    };
    let mut visitors = visitors.into_iter();
    let own = visitors.next();
    // A thread takes its visitor from here, so that it is not lost when there is no thread.
    let waiting = Mutex::new(visitors.collect::<Vec<V>>());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let others = waiting.lock().unwrap_or_else(PoisonError::into_inner).len();
    thread::scope(|scope| {
        for _ in 0..others {
            let work = || {
                let _member = shared.pool.join();
                next().map(|visitor| Worker::new(shared, visitor).run()).map(keep)
            };
            if thread::Builder::new()
                .name("walk".into())
                .spawn_scoped(scope, work)
                .is_err()
            {
                shared.pool.leave();
            }
        }
        let _member = shared.pool.join();
        own.map(|visitor| Worker::new(shared, visitor).run()).map(keep);
    });
    let mut all = finished.into_inner().unwrap_or_else(PoisonError::into_inner);
    all.extend(waiting.into_inner().unwrap_or_else(PoisonError::into_inner));
    all
}
