//! Literals of many patterns, grouped into as few searchers as run fast.

use crate::finder::{self, Finder, MAX_PACKED_LITERALS};
use crate::literals::{self, Required};

/// Bytes of a literal on which a searcher of many literals decides at first; the rest only confirms.
const DECIDING_BYTES: usize = 4;
/// Bytes of a literal that a searcher of many literals gets.
const ANCHOR_BYTES: usize = 8;
/// Fewer deciding bytes make the searcher faster by a third, and are taken while estimated hits per byte stay below this.
const MAX_SHORT_RATE: f64 = 1e-4;

/// A pattern, by a number of the caller's, and the literals of which each of its matches contains one.
#[derive(Debug, Clone, Copy)]
struct Member<'l> {
    id: usize,
    literals: &'l [Vec<u8>],
}

/// What it means that a literal was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The member that may match here.
    pub id: usize,
    /// Bytes of the member's literal in front of what was found.
    pub shift: usize,
}

/// One searcher for several members.
#[derive(Debug)]
pub(crate) struct Group {
    pub finder: Finder,
    /// Per literal of the searcher, everything that may match where it is found.
    pub owners: Vec<Vec<Owner>>,
    /// Identifiers of the members, each once.
    pub members: Vec<usize>,
    /// Length of the longest literal of the searcher.
    pub literal_bytes: usize,
}

/// Groups those of `ids` that require literals, in order; the second list names the others, and those that no searcher
/// takes. What never matches is in neither.
pub(crate) fn of_required<'r>(
    ids: &[usize],
    required: impl Fn(usize) -> Option<&'r Required>,
) -> (Vec<Group>, Vec<usize>) {
    let (with, mut without): (Vec<usize>, Vec<usize>) = ids.iter().partition(|&&id| required(id).is_some());
    let member = |id: usize| {
        let literals = required(id)?.literals.as_slice();
        Some(Member { id, literals })
    };
    let members: Vec<Member<'_>> = with.into_iter().filter_map(member).collect();
    let (groups, refused) = groups(&members);
    without.extend(refused);
    (groups, without)
}

/// Groups `members`, in order. Those without any literal, which never match, are in no group; the second list names
/// those that no searcher takes.
fn groups(members: &[Member<'_>]) -> (Vec<Group>, Vec<usize>) {
    // A short literal would make the searcher decide on as few bytes for all: those are kept apart.
    let is_short = |member: &Member<'_>| {
        member
            .literals
            .iter()
            .any(|literal| literal.len() < DECIDING_BYTES - 1)
    };
    let members = members
        .iter()
        .filter(|member| !member.literals.is_empty())
        .copied();
    let (short, long): (Vec<Member<'_>>, Vec<Member<'_>>) = members.partition(is_short);
    let mut batches = batches(&long);
    batches.extend(self::batches(&short));
    let mut refused = Vec::new();
    let groups = batches.iter().filter_map(|batch| {
        let group = Group::new(batch);
        if group.is_none() {
            refused.extend(batch.iter().map(|member| member.id));
        }
        group
    });
    (groups.collect(), refused)
}

/// Members of one literal each, up to which each is better searched by itself: two passes of `memmem` over a block in the
/// cache take less time than one of a searcher of many.
const MAX_SEPARATE: usize = 2;

/// Splits members so that no batch but that of one member alone has more literals than a fast searcher takes.
fn batches<'l>(members: &[Member<'l>]) -> Vec<Vec<Member<'l>>> {
    if members.len() <= MAX_SEPARATE && members.iter().all(|member| member.literals.len() == 1) {
        return members.iter().map(|member| vec![*member]).collect();
    }
    let mut batches: Vec<Vec<Member<'l>>> = Vec::new();
    let mut count = 0;
    for member in members {
        count += member.literals.len();
        match batches.last_mut() {
            Some(last) if count <= MAX_PACKED_LITERALS => last.push(*member),
            _ => {
                batches.push(vec![*member]);
                count = member.literals.len();
            }
        }
    }
    batches
}

impl Group {
    fn new(members: &[Member<'_>]) -> Option<Group> {
        let pairs: Vec<(usize, &[u8])> = members
            .iter()
            .flat_map(|m| m.literals.iter().map(|literal| (m.id, literal.as_slice())))
            .collect();
        let (literals, owners) = if let [(id, only)] = pairs[..] {
            (vec![only], vec![Owner { id, shift: 0 }])
        } else {
            anchors(&pairs)
        };
        let related = finder::companions(&literals);
        Some(Group {
            finder: Finder::new(&literals)?,
            owners: related
                .iter()
                .map(|list| list.iter().map(|&i| owners[i]).collect())
                .collect(),
            members: members.iter().map(|member| member.id).collect(),
            literal_bytes: literals.iter().map(|literal| literal.len()).max().unwrap_or(0),
        })
    }
}

/// The rarest piece of each literal, short enough for a searcher of many.
fn anchors<'l>(pairs: &[(usize, &'l [u8])]) -> (Vec<&'l [u8]>, Vec<Owner>) {
    let short: Vec<(usize, f64)> = pairs
        .iter()
        .map(|(_, literal)| rarest(literal, DECIDING_BYTES - 1))
        .collect();
    let is_rare = short.iter().map(|(_, rate)| rate).sum::<f64>() < MAX_SHORT_RATE;
    let place = |((id, literal), (short_at, _)): (&(usize, &'l [u8]), &(usize, f64))| {
        let (shift, length) = if is_rare {
            (*short_at, DECIDING_BYTES - 1)
        } else {
            (rarest(literal, DECIDING_BYTES).0, ANCHOR_BYTES)
        };
        (
            &literal[shift..literal.len().min(shift + length)],
            Owner { id: *id, shift },
        )
    };
    pairs.iter().zip(&short).map(place).unzip()
}

/// Where in `literal` the `length` bytes begin that ordinary data contains least often, and how often per byte.
fn rarest(literal: &[u8], length: usize) -> (usize, f64) {
    let rates = literal.windows(length).map(literals::rate_of).enumerate();
    rates
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap_or_else(|| (0, literals::rate_of(literal)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_literal_leads_to_its_owner() {
        let literals: Vec<Vec<Vec<u8>>> = (0..200)
            .map(|i| vec![format!("needle{i}").into_bytes(), vec![0, 0, 0, 0, i as u8, 7]])
            .collect();
        let members: Vec<Member<'_>> = literals
            .iter()
            .enumerate()
            .map(|(id, literals)| Member { id, literals })
            .collect();
        let (groups, refused) = groups(&members);
        assert!(refused.is_empty());
        for member in &members {
            for literal in member.literals {
                let found = groups.iter().any(|group| {
                    let hits = (0..literal.len()).filter_map(|at| group.finder.find(literal, at));
                    hits.into_iter().any(|hit| {
                        let owners = &group.owners[hit.literal];
                        owners
                            .iter()
                            .any(|owner| owner.id == member.id && owner.shift == hit.start)
                    })
                });
                assert!(found, "{:?}", literal.escape_ascii().to_string());
            }
        }
    }

    #[test]
    fn runs_of_zeros_are_no_anchor() {
        assert_eq!(rarest(b"\0\0\0\0MZ\x90\x7f\0\0", 4).0, 4);
        assert_eq!(rarest(b"ab", 4).0, 0);
    }
}
