//! RubyGems: the specification of one gem, a Ruby program that is not run.
//!
//! Source: RubyGems' `Gem::Specification#to_ruby` and `Gem::StubSpecification`: the comment `# stub: NAME VERSION
//! PLATFORM PATHS` in one of the first lines, and assignments `s.name = "…"`.

use super::bytes::{lines, lossy, trim};
use crate::{Kind, Package};

/// Lines in which the stub is looked for.
const STUB_LINES: usize = 8;

/// The gem that a specification describes; none when it has neither a stub nor assignments that are plain texts.
#[must_use]
pub fn parse(text: &[u8]) -> Option<Package> {
    lines(text)
        .take(STUB_LINES)
        .find_map(stub)
        .or_else(|| assignments(text))
}

fn stub(line: &[u8]) -> Option<Package> {
    let line = line.strip_prefix(b"# stub: ")?;
    let mut words = line.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
    let (name, version) = (words.next()?, words.next()?);
    Some(gem(name, version, words.next()))
}

fn assignments(text: &[u8]) -> Option<Package> {
    let (mut name, mut version, mut platform) = (None, None, None);
    for line in lines(text) {
        let Some((left, right)) = assignment(line) else {
            continue;
        };
        let place = match left {
            b"name" => &mut name,
            b"version" => &mut version,
            b"platform" => &mut platform,
            _ => continue,
        };
        *place = place.or(literal(right));
    }
    Some(gem(name?, version?, platform))
}

/// `name` and the right side of `s.name = …`.
fn assignment(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = memchr::memchr(b'=', line)?;
    let (left, right) = (trim(&line[..equals]), trim(&line[equals + 1..]));
    let dot = memchr::memchr(b'.', left)?;
    Some((&left[dot + 1..], right))
}

/// The first quoted text: `"1.0"`, `"1.0".freeze`, `Gem::Version.new("1.0")`.
fn literal(value: &[u8]) -> Option<&[u8]> {
    let start = value.iter().position(|byte| matches!(byte, b'"' | b'\''))?;
    let rest = &value[start + 1..];
    let end = memchr::memchr(value[start], rest)?;
    Some(&rest[..end])
}

fn gem(name: &[u8], version: &[u8], platform: Option<&[u8]>) -> Package {
    Package {
        // `ruby` stands for any platform.
        arch: platform.filter(|&platform| platform != b"ruby").map(lossy),
        ..Package::new(Kind::Gem, lossy(name), lossy(version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_stub_comes_before_the_assignments() {
        for (text, expected) in [
            (
                "# -*- encoding: utf-8 -*-\n# stub: rake 13.0.6 ruby lib\n",
                Some(("rake", "13.0.6", None)),
            ),
            (
                "# stub: ffi 1.16 x86_64-linux lib\ns.name = \"other\"",
                Some(("ffi", "1.16", Some("x86_64-linux"))),
            ),
            (
                "Gem::Specification.new do |s|\n  s.name = \"bundler\".freeze\n  s.version = Gem::Version.new('2.3')\n",
                Some(("bundler", "2.3", None)),
            ),
            ("s.name = NAME\ns.version = \"1\"", None),
            ("", None),
        ] {
            let gem = parse(text.as_bytes());
            let gem = gem
                .as_ref()
                .map(|gem| (gem.name.as_str(), gem.version.as_str(), gem.arch.as_deref()));
            assert_eq!(gem, expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text: Vec<u8>, value in ".{0,9}") {
            let _ = parse(&text);
            let _ = parse(format!("s.name = {value}\ns.version = '{value}'").as_bytes());
        }
    }
}
