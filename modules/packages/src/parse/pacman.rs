//! pacman: the `desc` of one package.
//!
//! Shape: `%KEY%`, then lines of values, then an empty line. Source: `alpm`'s `lib/libalpm/be_local.c`.

use super::bytes::{lines, lossy, number};
use crate::{Kind, Package};

/// The package that the text describes; none when it has no name.
#[must_use]
pub fn parse(text: &[u8]) -> Option<Package> {
    let mut package = Package::new(Kind::Pacman, "", "");
    let mut lines = lines(text);
    while let Some(line) = lines.next() {
        let place = match line {
            b"%NAME%" => &mut package.name,
            b"%VERSION%" => &mut package.version,
            b"%BASE%" => package.source.insert(String::new()),
            b"%ARCH%" => package.arch.insert(String::new()),
            b"%INSTALLDATE%" => {
                package.install_time = lines.next().and_then(number);
                continue;
            }
            _ => continue,
        };
        *place = lines.next().map(lossy).unwrap_or_default();
    }
    (!package.name.is_empty()).then_some(package)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_follow_their_keys() {
        let text = b"%NAME%\nzlib\n\n%VERSION%\n1:1.3-1\n\n%BASE%\nz\n\n%DESC%\n%NAME\n\n%ARCH%\nany\n\n%INSTALLDATE%\n99\n";
        let package = parse(text).unwrap();
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("zlib", "1:1.3-1")
        );
        assert_eq!(package.source.as_deref(), Some("z"));
        assert_eq!(package.arch.as_deref(), Some("any"));
        assert_eq!(package.install_time, Some(99));
        assert_eq!(parse(b"%NAME%"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text: Vec<u8>) {
            let _ = parse(&text);
        }
    }
}
