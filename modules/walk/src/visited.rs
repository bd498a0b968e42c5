//! Which directories were visited, and for which roots.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Mutex, PoisonError},
};

use crate::cover::Cover;

/// What a walker may do with a directory that it reached.
#[derive(Debug)]
pub(crate) enum Claim {
    /// Nobody was there; it belongs to the walker that asked.
    New,
    /// It was visited for all roots that want it.
    Covered,
    /// It was visited, but not for these roots.
    Partly(Cover),
}

/// All directories that were claimed so far, by device and inode.
///
/// One directory costs about 20 bytes: sets of roots are kept once and named by number.
#[derive(Debug, Default)]
pub(crate) struct Visited {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    devices: HashMap<u64, HashMap<u64, u32>>,
    sets: Vec<Box<[u32]>>,
    numbers: HashMap<Box<[u32]>, u32>,
}

impl Visited {
    /// Claims a directory for the roots of `cover`.
    pub fn claim(&self, device: u64, inode: u64, cover: &Cover) -> Claim {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = &mut *inner;
        match inner.devices.entry(device).or_default().entry(inode) {
            Entry::Vacant(slot) => {
                slot.insert(number(&mut inner.sets, &mut inner.numbers, roots(cover)));
                Claim::New
            }
            Entry::Occupied(mut slot) => {
                let had = inner.sets.get(*slot.get() as usize).cloned().unwrap_or_default();
                let (missing, _) = cover.split(|member| !had.contains(&member.root));
                let Some(missing) = missing else {
                    return Claim::Covered;
                };
                let mut union = had.into_vec();
                union.extend(missing.members().iter().map(|member| member.root));
                union.sort_unstable();
                slot.insert(number(&mut inner.sets, &mut inner.numbers, union));
                Claim::Partly(missing)
            }
        }
    }
}

fn roots(cover: &Cover) -> Vec<u32> {
    cover.members().iter().map(|member| member.root).collect()
}

/// The number of a set of roots, which is made known if it was not.
fn number(sets: &mut Vec<Box<[u32]>>, numbers: &mut HashMap<Box<[u32]>, u32>, set: Vec<u32>) -> u32 {
    if let Some(&known) = numbers.get(set.as_slice()) {
        return known;
    }
    let set = set.into_boxed_slice();
    let new = u32::try_from(sets.len()).unwrap_or(u32::MAX);
    sets.push(set.clone());
    numbers.insert(set, new);
    new
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FsKind, Root, cover::Member};

    fn cover(roots: &[usize]) -> Cover {
        let root = Root::new("/");
        let members = roots
            .iter()
            .map(|&index| Member::new(index, &root, 1, FsKind::Local))
            .collect();
        Cover::new(members).expect("a root")
    }

    #[test]
    fn a_directory_is_claimed_once_per_root() {
        let visited = Visited::default();
        assert!(matches!(visited.claim(1, 7, &cover(&[0, 2])), Claim::New));
        assert!(matches!(visited.claim(2, 7, &cover(&[0])), Claim::New));
        assert!(matches!(visited.claim(1, 7, &cover(&[2])), Claim::Covered));
        let Claim::Partly(rest) = visited.claim(1, 7, &cover(&[1, 2])) else {
            panic!("root 1 is missing")
        };
        assert_eq!(roots(&rest), [1]);
        assert!(matches!(visited.claim(1, 7, &cover(&[0, 1, 2])), Claim::Covered));
    }
}
