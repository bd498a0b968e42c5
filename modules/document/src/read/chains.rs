//! Import chains end.

use super::{At, Reader};
use crate::{
    limits::MAX_CHAIN,
    plan::{Object, Source},
};

/// Refuses chains that lead back to themselves, or are longer than [`MAX_CHAIN`].
///
/// Each round takes away the objects whose chains lead to nothing that is left; what remains after [`MAX_CHAIN`]
/// rounds is part of a circle, leads into one or is too long.
pub(crate) fn check(reader: &mut Reader, objects: &[Object]) {
    if !reader.problems.is_empty() {
        // Objects that could not be read are missing, so that indices do not hold.
        return;
    }
    let mut ends = vec![false; objects.len()];
    let mut left: Vec<usize> = (0..objects.len()).collect();
    for _ in 0..MAX_CHAIN {
        let done: Vec<usize> = left
            .iter()
            .copied()
            .filter(|&at| chain(objects, at).iter().all(|&next| ends[next]))
            .collect();
        done.iter().for_each(|&at| ends[at] = true);
        left.retain(|&at| !ends[at]);
        if done.is_empty() || left.is_empty() {
            break;
        }
    }
    let top = At::TOP;
    let list = top.key("objects");
    for at in left {
        let (object, source) = (list.index(at), objects[at].id.as_str());
        let message = format!(
            "the import chain of {source:?} leads back to itself, or over more than {MAX_CHAIN} objects"
        );
        reader
            .problems
            .add(object.key("filecontent").key("import-chain"), message);
    }
}

fn chain(objects: &[Object], at: usize) -> &[usize] {
    match objects.get(at).map(|object| &object.source) {
        Some(Source::Content(query)) => &query.chain,
        _ => &[],
    }
}
