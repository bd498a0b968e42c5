//! A process that may open hardly any file; alone in its file, because the limit holds for the whole process.

mod support;

use gumshoe_walk::{Options, Root};
use rustix::process::{Resource, Rlimit, setrlimit};
use support::{deep_tree, host, see_with};

#[test]
fn nothing_is_lost_when_descriptors_run_out() {
    let top = tempfile::tempdir().expect("a temporary folder");
    deep_tree(top.path(), "n", 200);
    let base = host();
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(16),
            maximum: Some(16),
        },
    )
    .expect("limit is set");
    let seen = see_with(&base, &[Root::new(top.path())], &Options::default(), 2);
    assert_eq!((seen.entries.len(), seen.skipped.len()), (400, 0));
}
