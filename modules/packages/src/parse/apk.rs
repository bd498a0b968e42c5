//! apk: the text of `installed`.
//!
//! Shape: paragraphs of lines `LETTER:VALUE`. Source: `apk-package(5)` and `apk`'s `src/database.c`.

use super::bytes::{lines, lossy};
use crate::{Kind, Package};

/// The packages that the text describes, in its order.
pub fn packages(text: &[u8]) -> impl Iterator<Item = Package> + '_ {
    let mut lines = lines(text);
    std::iter::from_fn(move || {
        let mut package = Package::new(Kind::Apk, "", "");
        loop {
            match lines.next() {
                Some(line) if !line.is_empty() => field(&mut package, line),
                _ if !package.name.is_empty() => return Some(package),
                Some(_) => package = Package::new(Kind::Apk, "", ""),
                None => return None,
            }
        }
    })
}

fn field(package: &mut Package, line: &[u8]) {
    match line {
        [b'P', b':', value @ ..] => package.name = lossy(value),
        [b'V', b':', value @ ..] => package.version = lossy(value),
        [b'A', b':', value @ ..] => package.arch = Some(lossy(value)),
        [b'o', b':', value @ ..] => package.source = Some(lossy(value)),
        // What files the package has is after this, in lines of the same letters as any.
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paragraphs_become_packages() {
        let text = b"C:Q1x=\nP:musl\nV:1.2.4-r2\nA:x86_64\no:musl-src\nF:lib\nR:ld.so\n\nX:1\n\nP:b\nV:2";
        let packages: Vec<Package> = packages(text).collect();
        assert_eq!(packages.len(), 2);
        assert_eq!(
            (packages[0].name.as_str(), packages[0].version.as_str()),
            ("musl", "1.2.4-r2")
        );
        assert_eq!(packages[0].source.as_deref(), Some("musl-src"));
        assert_eq!(packages[0].arch.as_deref(), Some("x86_64"));
        assert_eq!(
            (packages[1].name.as_str(), packages[1].version.as_str()),
            ("b", "2")
        );
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text: Vec<u8>) {
            prop_assert!(packages(&text).count() <= text.len());
        }
    }
}
