//! Paths with `*` and `?` in their components.

use std::{
    os::unix::ffi::OsStrExt,
    path::{Component, Path, PathBuf},
};

use gumshoe_plugin_api::Skipped;

use crate::host::Host;

/// Most paths that one pattern stands for.
pub(crate) const MAX_PATHS: usize = 10_000;

/// All paths that match. Names that begin with a dot match only a component that begins with one.
pub(crate) fn expand(host: &Host<'_>, pattern: &str) -> Vec<PathBuf> {
    let mut paths = vec![PathBuf::from("/")];
    for component in Path::new(pattern).components() {
        let Component::Normal(component) = component else {
            continue;
        };
        let bytes = component.as_bytes();
        if !bytes.contains(&b'*') && !bytes.contains(&b'?') {
            paths.iter_mut().for_each(|path| path.push(component));
            continue;
        }
        let mut next = Vec::new();
        for path in &paths {
            let names = host.names(path).into_iter();
            next.extend(
                names
                    .filter(|name| matches(bytes, name.as_bytes()))
                    .map(|name| path.join(name)),
            );
        }
        if next.len() > MAX_PATHS {
            let why = format!("limit reached: {MAX_PATHS} paths of one pattern");
            let left_out = u64::try_from(next.len() - MAX_PATHS).unwrap_or(u64::MAX);
            host.context
                .skipped(Skipped::one("path", why).count(left_out).example(pattern));
            next.truncate(MAX_PATHS);
        }
        paths = next;
    }
    paths
}

/// Whether a name matches a component; time is at most the product of both lengths.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    let (mut at, mut from) = (0, 0);
    // After the last asterisk: where the pattern goes on, and where in the name it was last tried.
    let mut retry: Option<(usize, usize)> = None;
    while from < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                at += 1;
                retry = Some((at, from));
            }
            Some(byte) if *byte == b'?' || Some(byte) == name.get(from) => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((after, tried)) = retry else { return false };
                retry = Some((after, tried + 1));
                (at, from) = (after, tried + 1);
            }
        }
    }
    pattern.iter().skip(at).all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The obvious way.
    fn slow(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => {
                slow(rest, name) || name.split_first().is_some_and(|(_, after)| slow(pattern, after))
            }
            (Some((byte, rest)), Some((first, after))) => {
                (*byte == b'?' || byte == first) && slow(rest, after)
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn matching_is_what_it_should_be(pattern in "[ab*?]{0,7}", name in "[ab]{0,9}") {
            prop_assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), slow(pattern.as_bytes(), name.as_bytes()));
        }
    }

    #[test]
    fn hidden_names_have_to_be_meant() {
        assert!(!matches(b"*", b".git") && matches(b".*", b".git"));
        assert!(!matches(&b"*a".repeat(1000), &b"a".repeat(999)));
    }
}
