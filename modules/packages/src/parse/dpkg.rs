//! dpkg: the paragraphs of `status` and `status.d`.
//!
//! Source: `deb-control(5)`, `dpkg-query(1)` on states, Debian Policy 5.1 (syntax of control files).

use super::bytes::{lines, lossy, trim};
use crate::{Kind, Package, Status};

/// What one paragraph says of a package. Fields that it lacks are empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Paragraph<'a> {
    /// `Package`.
    pub package: &'a [u8],
    /// `Version`.
    pub version: &'a [u8],
    /// `Architecture`.
    pub architecture: &'a [u8],
    /// `Source`, the version in brackets included.
    pub source: &'a [u8],
    /// `Status`: want, flag and state.
    pub status: &'a [u8],
    /// `Multi-Arch`.
    pub multi_arch: &'a [u8],
}

/// The paragraphs of a file that name a package, in their order.
pub fn paragraphs(text: &[u8]) -> impl Iterator<Item = Paragraph<'_>> {
    let mut lines = lines(text);
    std::iter::from_fn(move || {
        let mut paragraph = Paragraph::default();
        loop {
            match lines.next() {
                Some(line) if !line.trim_ascii_start().is_empty() => paragraph.field(line),
                _ if !paragraph.package.is_empty() => return Some(paragraph),
                Some(_) => paragraph = Paragraph::default(),
                None => return None,
            }
        }
    })
}

impl<'a> Paragraph<'a> {
    /// Takes a line, if it begins a field of interest. Continuation lines begin with white space.
    fn field(&mut self, line: &'a [u8]) {
        let place = match line.first().map(u8::to_ascii_lowercase) {
            Some(b'p' | b'v' | b'a' | b's' | b'm') => self.place(line),
            _ => None,
        };
        if let Some((place, value)) = place {
            *place = trim(value);
        }
    }

    fn place(&mut self, line: &'a [u8]) -> Option<(&mut &'a [u8], &'a [u8])> {
        let colon = line.iter().position(|&byte| byte == b':')?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let place = match name.len() {
            7 if is("package") => &mut self.package,
            7 if is("version") => &mut self.version,
            12 if is("architecture") => &mut self.architecture,
            6 if is("source") => &mut self.source,
            6 if is("status") => &mut self.status,
            10 if is("multi-arch") => &mut self.multi_arch,
            _ => return None,
        };
        Some((place, value))
    }

    /// How far the installation has come; none when nothing of the package is there. A paragraph without a status is
    /// one of `status.d`, where only installed packages are.
    #[must_use]
    pub fn state(&self) -> Option<Status> {
        if self.status.is_empty() {
            return Some(Status::Installed);
        }
        let mut words = self.status.split(u8::is_ascii_whitespace);
        Some(match words.next_back() {
            Some(b"not-installed") => return None,
            Some(b"installed") => Status::Installed,
            Some(b"config-files") => Status::ConfigFiles,
            Some(b"half-installed") => Status::HalfInstalled,
            Some(b"unpacked") => Status::Unpacked,
            Some(b"half-configured") => Status::HalfConfigured,
            Some(b"triggers-awaited") => Status::TriggersAwaited,
            Some(b"triggers-pending") => Status::TriggersPending,
            _ => Status::Unknown,
        })
    }

    /// The package, with a status that [`Paragraph::state`] gave.
    #[must_use]
    pub fn to_package(&self, status: Status) -> Package {
        let source = self.source.split(|&byte| byte == b' ' || byte == b'(').next();
        Package {
            arch: text(self.architecture),
            source: source.and_then(text),
            status,
            ..Package::new(Kind::Dpkg, lossy(self.package), lossy(self.version))
        }
    }

    /// The name of the file with the package's list of files: `NAME.list`, or `NAME:ARCH.list` where the package can
    /// be installed for several architectures at once.
    #[must_use]
    pub fn list_name(&self) -> Vec<u8> {
        if self.multi_arch.eq_ignore_ascii_case(b"same") {
            [self.package, b":", self.architecture, b".list"].concat()
        } else {
            [self.package, b".list"].concat()
        }
    }
}

fn text(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| lossy(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STATUS: &[u8] = b"Package: libssl3\n\
Status: install ok installed\n\
Architecture: amd64\n\
Multi-Arch: same\n\
Source: openssl (3.0.11)\n\
Version: 1:3.0.11-1~deb12u2\n\
Description: library\n Package: not-this\n .\n\tVersion: 9\n\
\n\
Package: gone\nStatus: deinstall ok config-files\nversion: 2\n\n\n\
Package: never\nStatus: unknown ok not-installed\n\
\n\
Version: 7\n\n\
Package: last\nStatus: install reinstreq half-installed\nVersion: 3";

    #[test]
    fn paragraphs_become_packages() {
        let packages: Vec<Package> = paragraphs(STATUS)
            .filter_map(|p| Some(p.to_package(p.state()?)))
            .collect();
        let shown: Vec<(&str, &str, Status)> = packages
            .iter()
            .map(|package| (package.name.as_str(), package.version.as_str(), package.status))
            .collect();
        assert_eq!(
            shown,
            [
                ("libssl3", "1:3.0.11-1~deb12u2", Status::Installed),
                ("gone", "2", Status::ConfigFiles),
                ("last", "3", Status::HalfInstalled),
            ]
        );
        assert_eq!(packages[0].source.as_deref(), Some("openssl"));
        assert_eq!(packages[0].arch.as_deref(), Some("amd64"));
        assert_eq!(packages[1].arch, None);
        let lists: Vec<Vec<u8>> = paragraphs(STATUS).map(|p| p.list_name()).collect();
        assert_eq!(lists[0], b"libssl3:amd64.list");
        assert_eq!(lists[1], b"gone.list");
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text: Vec<u8>) {
            let names: usize = paragraphs(&text).map(|p| p.list_name().len()).sum();
            prop_assert!(names <= text.len() * 2 + 16 * text.len());
        }

        #[test]
        fn the_same_packages_as_by_splitting_into_paragraphs(
            text in "((Package|Version|X): ?[a-z]{0,2}\n|\n| x\n){0,12}"
        ) {
            let field = |paragraph: &str, name: &str| -> String {
                let value = paragraph.lines().rev().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
                value.unwrap_or_default().trim().to_owned()
            };
            // A line of white space alone would separate as well; the texts have none.
            let slow: Vec<(String, String)> = text
                .split("\n\n")
                .map(|paragraph| (field(paragraph, "Package"), field(paragraph, "Version")))
                .filter(|(name, _)| !name.is_empty())
                .collect();
            let fast: Vec<(String, String)> =
                paragraphs(text.as_bytes()).map(|p| (lossy(p.package), lossy(p.version))).collect();
            prop_assert_eq!(fast, slow);
        }
    }
}
