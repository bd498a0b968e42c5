//! Home folders, and places that are described by patterns.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

/// Homes that are looked at in one tree.
pub(crate) const MAX_HOMES: usize = 10_000;

/// Homes that people and programs have where `/etc/passwd` does not list them, as patterns.
pub(crate) const USUAL_HOMES: [&str; 4] = ["/root", "/home/*", "/Users/*", "/var/root"];

/// Homes in the text of a `passwd(5)`: absolute, not `/` itself, each once.
pub(crate) fn in_passwd(text: &[u8]) -> impl Iterator<Item = PathBuf> + '_ {
    text.split(|&byte| byte == b'\n').filter_map(|line| {
        let home = line.split(|&byte| byte == b':').nth(5)?;
        (home.starts_with(b"/") && home.iter().any(|&byte| byte != b'/'))
            .then(|| PathBuf::from(OsStr::from_bytes(home)))
    })
}

/// Whether a name fits a pattern with at most one `*`.
pub(crate) fn fits(pattern: &str, name: &OsStr) -> bool {
    let name = name.as_bytes();
    match pattern.split_once('*') {
        None => name == pattern.as_bytes(),
        Some((before, after)) => {
            name.len() >= before.len() + after.len()
                && name.starts_with(before.as_bytes())
                && name.ends_with(after.as_bytes())
        }
    }
}

/// All paths below `start` that fit a pattern, whose components may have one `*` each. `list` gives the names in a
/// folder. What comes after the last `*` need not exist.
pub(crate) fn expand(
    start: &Path,
    pattern: &str,
    list: &mut impl FnMut(&Path) -> Vec<OsString>,
) -> Vec<PathBuf> {
    let mut paths = vec![start.to_owned()];
    for component in pattern.split('/').filter(|component| !component.is_empty()) {
        match component {
            literal if !literal.contains('*') => paths.iter_mut().for_each(|path| path.push(literal)),
            pattern => {
                paths = paths
                    .iter()
                    .flat_map(|path| {
                        let names = list(path).into_iter();
                        names
                            .filter(|name| fits(pattern, name))
                            .map(|name| path.join(name))
                            .collect::<Vec<_>>()
                    })
                    .collect();
            }
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_expanded_folder_by_folder() {
        let mut listed = Vec::new();
        let mut list = |path: &Path| {
            listed.push(path.to_owned());
            let names: &[&str] = match path.to_str() {
                Some("/usr/lib") => &["python3", "python3.11", "perl"],
                Some("/home") => &["ada", "bob"],
                _ => &[],
            };
            names.iter().map(OsString::from).collect()
        };
        let expanded = expand(Path::new("/"), "/usr/lib/python3*/dist-packages", &mut list);
        assert_eq!(
            expanded,
            [
                "/usr/lib/python3/dist-packages",
                "/usr/lib/python3.11/dist-packages"
            ]
            .map(PathBuf::from)
        );
        assert_eq!(
            expand(Path::new("/home"), "*/.x/*/y", &mut list),
            Vec::<PathBuf>::new()
        );
        assert_eq!(
            expand(Path::new("/pl*n"), "path", &mut list),
            [PathBuf::from("/pl*n/path")]
        );
    }

    #[test]
    fn homes_come_from_the_sixth_field() {
        let text =
            b"root:x:0:0::/root:/bin/sh\nbad\nn:x:1:1::/:/x\nj:x:2:2:J,,:/srv/j:/bin/sh\n\xff:::::/\xff:";
        let homes: Vec<PathBuf> = in_passwd(text).collect();
        assert_eq!(homes.len(), 3);
        assert_eq!(homes[1], Path::new("/srv/j"));
    }
}
