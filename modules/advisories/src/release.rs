//! Releases of distributions, in the words of `os-release`.

/// A release of a distribution.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    /// `ID` of `os-release`.
    pub id: &'static str,
    /// `VERSION_ID`, or its first parts; empty for any.
    pub version: String,
}

/// Names of distributions as advisories write them, their `ID`, and whether minor releases are told apart.
const DISTRIBUTIONS: [(&str, &str, Parts); 15] = [
    ("red hat enterprise linux", "rhel", Parts::Major),
    ("red hat", "rhel", Parts::Major),
    ("debian gnu/linux", "debian", Parts::Major),
    ("debian", "debian", Parts::Major),
    ("ubuntu", "ubuntu", Parts::Both),
    ("alpine", "alpine", Parts::Both),
    ("rocky linux", "rocky", Parts::Major),
    ("almalinux", "almalinux", Parts::Major),
    ("oracle linux", "ol", Parts::Major),
    ("opensuse leap", "opensuse-leap", Parts::Both),
    ("opensuse:leap", "opensuse-leap", Parts::Both),
    ("suse linux enterprise server", "sles", Parts::Both),
    ("amazon linux", "amzn", Parts::Major),
    ("fedora", "fedora", Parts::Major),
    ("mageia", "mageia", Parts::Major),
];

/// How much of a version tells one release from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parts {
    Major,
    Both,
}

impl Release {
    /// Finds name and version in what an advisory says, such as `Debian:12`, `Ubuntu 22.04 LTS`,
    /// `Red Hat:enterprise_linux:9::appstream`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.trim().to_lowercase();
        let (rest, id, parts) = DISTRIBUTIONS
            .iter()
            .find_map(|&(name, id, parts)| Some((lower.strip_prefix(name)?, id, parts)))?;
        let starts = |word: &&str| {
            word.trim_start_matches('v')
                .starts_with(|c: char| c.is_ascii_digit())
        };
        let word = rest.split([' ', ':', '(', ',']).find(starts).unwrap_or_default();
        Some(Self {
            id,
            version: first_parts(word.trim_start_matches('v'), parts),
        })
    }

    /// Reads a CPE name of Red Hat's, such as `cpe:/a:redhat:enterprise_linux:9::appstream`.
    #[must_use]
    pub fn from_cpe(cpe: &str) -> Option<Self> {
        let fields: Vec<&str> = cpe.strip_prefix("cpe:/")?.split(':').collect();
        let (vendor, product, version) = (*fields.get(1)?, *fields.get(2)?, *fields.get(3)?);
        let known = vendor == "redhat"
            && ["enterprise_linux", "rhel_eus", "rhel_aus", "rhel_tus", "rhel_e4s"].contains(&product);
        known.then(|| Self {
            id: "rhel",
            version: first_parts(version, Parts::Major),
        })
    }
}

fn first_parts(version: &str, parts: Parts) -> String {
    let digits_and_dots = |c: char| c.is_ascii_digit() || c == '.';
    let version: String = version.chars().take_while(|&c| digits_and_dots(c)).collect();
    let count = match parts {
        Parts::Major => 1,
        Parts::Both => 2,
    };
    version
        .split('.')
        .filter(|part| !part.is_empty())
        .take(count)
        .collect::<Vec<_>>()
        .join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_as_vendors_write_them() {
        for (text, id, version) in [
            ("Debian:12", "debian", "12"),
            ("Debian GNU/Linux 11", "debian", "11"),
            ("Ubuntu:22.04:LTS", "ubuntu", "22.04"),
            ("Ubuntu:Pro:16.04:LTS", "ubuntu", "16.04"),
            ("Ubuntu 20.04 LTS", "ubuntu", "20.04"),
            ("Alpine:v3.18", "alpine", "3.18"),
            ("Red Hat:enterprise_linux:9::appstream", "rhel", "9"),
            ("Red Hat Enterprise Linux 8", "rhel", "8"),
            ("Rocky Linux:9", "rocky", "9"),
            ("openSUSE:Leap 15.5", "opensuse-leap", "15.5"),
            ("Debian", "debian", ""),
        ] {
            assert_eq!(
                Release::parse(text),
                Some(Release {
                    id,
                    version: version.into()
                }),
                "{text}"
            );
        }
        assert_eq!(Release::parse("PyPI"), None);
        let cpe = Release::from_cpe("cpe:/o:redhat:rhel_eus:9.2::baseos");
        assert_eq!(
            cpe,
            Some(Release {
                id: "rhel",
                version: "9".into()
            })
        );
    }
}
