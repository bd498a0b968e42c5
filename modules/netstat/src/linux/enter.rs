//! Looking into namespaces, one after the other.

use super::files::reason;
use super::namespaces::{Place, Way};
use super::tables;
use super::view::View;
use crate::namespace::{Namespace, Sources};
use gumshoe_plugin_api::Skipped;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::thread;

/// Where the tables of a thread's own namespace lie.
const OWN_TABLES: &str = "/proc/thread-self/net";

/// Shows each place to `each`, until that breaks off. Other namespaces than the agent's own are entered by a thread that
/// ends afterwards, so that no other code ever runs in them.
pub fn in_each(
    places: &[Place],
    root: &Path,
    sources: Sources,
    cover: &mut (dyn FnMut(Skipped) + Send),
    each: &mut (dyn FnMut(&Namespace, &mut View) -> ControlFlow<()> + Send),
) {
    let (own, others): (Vec<&Place>, Vec<&Place>) =
        places.iter().partition(|place| matches!(place.way, Way::Inside));
    for place in own {
        let tables = match sources {
            Sources::System => PathBuf::from(OWN_TABLES),
            Sources::Tables => root.join("proc/net"),
        };
        let mut view = View::new(sources, &tables, Some(root));
        if each(&place.namespace, &mut view).is_break() {
            return;
        }
    }
    if others.is_empty() {
        return;
    }
    let visit_others = || {
        for place in others {
            if visit(place, cover, each).is_break() {
                return;
            }
        }
    };
    thread::scope(|scope| {
        // A panic goes on in the thread that waits.
        if let Err(panic) = scope.spawn(visit_others).join() {
            std::panic::resume_unwind(panic);
        }
    });
}

/// Enters a namespace and shows it; or shows its tables.
fn visit(
    place: &Place,
    cover: &mut dyn FnMut(Skipped),
    each: &mut dyn FnMut(&Namespace, &mut View) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut view = match &place.way {
        Way::Inside => return ControlFlow::Continue(()),
        Way::Tables(tables) => View::new(Sources::Tables, tables, None),
        Way::Enter { fd, tables } => {
            match (
                move_into_link_name_space(fd.as_fd(), Some(LinkNameSpaceType::Network)),
                tables,
            ) {
                (Ok(()), _) => View::new(Sources::System, Path::new(OWN_TABLES), None),
                (Err(_), Some(tables)) if tables::text(&tables.join("protocols")).is_ok() => {
                    View::new(Sources::Tables, tables, None)
                }
                (Err(errno), _) => {
                    let skipped = Skipped::one("network namespace", reason(&errno.into()));
                    cover(skipped.example(place.namespace.words()));
                    return ControlFlow::Continue(());
                }
            }
        }
    };
    each(&place.namespace, &mut view)
}
