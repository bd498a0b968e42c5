//! Plan and context to findings: the host's files first, then those of containers.

use std::{
    path::Path,
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use gumshoe_plugin_api::{Context, Failure, Skipped};
use gumshoe_process::{Host, Names};
use gumshoe_walk::{Base, Devices, EntryWork, MountTable, Options, RemoteFs, Root, walk};

use crate::{
    condition::Surroundings,
    engine::{Engine, SearchRoot, Statistics, Tally},
    finding::Container,
    links::is_remote,
    os,
    parse::age::Nanoseconds,
    plan::{Plan, Search},
    visit::FileVisitor,
};

/// Threads that read files when nobody says how many.
const READING_THREADS: usize = 8;
/// Most threads that look at names alone when nobody says how many: one per processor.
const MAX_WALKING_THREADS: usize = 8;
/// Most of `/etc/passwd` and `/etc/group` that is read.
const MAX_ACCOUNT_BYTES: u64 = 16 << 20;

/// Runs a plan.
///
/// # Errors
///
/// When the root folder cannot be opened.
pub fn run(plan: &Plan, context: &Context) -> Result<Statistics, Failure> {
    let tally = Tally::new(plan);
    let base = Base::host(context.root())?;
    let mut statistics = walk_base(plan, context, &tally, &base, None, |_| true);
    if plan.searches.iter().any(|search| search.options.containers) {
        let roots = Host::new(context.root()).roots(context.own_processes());
        for unseen in roots.unseen {
            context.skipped(Skipped::one("root of a process", unseen.why).example(unseen.example));
        }
        for root in roots.found {
            let inside = walk_base(
                plan,
                context,
                &tally,
                &Base::new(root.dir, MountTable::parse(&root.mountinfo)),
                Some(root.container),
                |search| search.options.containers,
            );
            statistics.add(&inside);
            statistics.containers += 1;
        }
    }
    tally.finish(context);
    Ok(statistics)
}

/// Walks the files of the host or of one container.
fn walk_base(
    plan: &Plan,
    context: &Context,
    tally: &Tally,
    base: &Base,
    container: Option<Container>,
    wants: impl Fn(&Search) -> bool,
) -> Statistics {
    let (mut walked, mut roots) = (Vec::new(), Vec::new());
    for (index, search) in plan
        .searches
        .iter()
        .enumerate()
        .filter(|(_, search)| wants(search))
    {
        for path in &search.paths {
            walked.push(walk_root(search, path));
            roots.push(SearchRoot {
                search: index,
                real_path: real_path(base, search, path),
            });
        }
    }
    let work = if plan.searches.iter().any(Search::reads_content) {
        EntryWork::Heavy
    } else {
        EntryWork::Light
    };
    let threads = threads(plan, context, work);
    let engine = Engine {
        plan,
        context,
        tally,
        base,
        surroundings: surroundings(base),
        container,
        threads,
        roots,
    };
    let options = Options {
        work,
        ..Options::default()
    };
    let visitors = (0..threads).map(|_| FileVisitor::new(&engine)).collect();
    let visitors = walk(base, &walked, &options, visitors, &|| engine.is_stopped());
    let mut statistics = Statistics::default();
    for visitor in visitors {
        statistics.add(&visitor.finish());
    }
    statistics
}

fn walk_root(search: &Search, path: &Path) -> Root {
    Root {
        path: path.to_owned(),
        max_depth: search.options.maxdepth,
        devices: if search.options.xdev {
            Devices::Same
        } else {
            Devices::All
        },
        remote: if search.options.remotefs {
            RemoteFs::Walk
        } else {
            RemoteFs::Skip
        },
    }
}

/// Where a path really lies, for links to be compared with.
fn real_path(base: &Base, search: &Search, path: &Path) -> Option<std::path::PathBuf> {
    let may_resolve = search.kinds.follow_links() && (search.options.remotefs || !is_remote(base, path));
    may_resolve.then(|| os::real_path(base, path).ok()).flatten()
}

fn surroundings(base: &Base) -> Surroundings {
    // Without the files, numbers are shown instead of names; the findings say as much.
    let names =
        |path: &str| os::read_below(base, Path::new(path), MAX_ACCOUNT_BYTES).map(|text| Names::parse(&text));
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Surroundings {
        now: Nanoseconds::try_from(since_1970.as_nanos()).unwrap_or(Nanoseconds::MAX),
        users: names("/etc/passwd").unwrap_or_default(),
        groups: names("/etc/group").unwrap_or_default(),
    }
}

/// Reading waits for disks more than for processors, so it is worth having more threads than these.
fn threads(plan: &Plan, context: &Context, work: EntryWork) -> usize {
    let number = |threads: u32| usize::try_from(threads).ok().filter(|&threads| threads > 0);
    let asked = plan
        .searches
        .iter()
        .filter_map(|search| number(search.options.threads))
        .max();
    let suited = || match work {
        EntryWork::Heavy => READING_THREADS,
        EntryWork::Light => thread::available_parallelism()
            .map_or(1, usize::from)
            .min(MAX_WALKING_THREADS),
    };
    let allowed = number(context.limits().threads).unwrap_or(usize::MAX);
    asked.unwrap_or_else(suited).min(allowed)
}
