//! Package URLs: names of packages across managers, as advisories and SBOMs have them.
//!
//! Source: the purl specification, version 1.0 (ECMA-427), and its descriptions of the types.

use std::fmt::Write;

use crate::{Distro, Kind, Package};

/// The package URL of a package of a tree with this distribution; none where the name or the version is not known.
///
/// Snaps, Flatpaks, casks and receipts have no type of their own in the specification; they are `generic`.
#[must_use]
pub fn purl(package: &Package, distro: &Distro) -> Option<String> {
    if package.name.is_empty() {
        return None;
    }
    let parts = Parts::of(package, distro);
    let mut url = format!("pkg:{}/", parts.kind);
    for segment in parts.namespace.split('/').filter(|segment| !segment.is_empty()) {
        encode(&mut url, segment);
        url.push('/');
    }
    encode(&mut url, &parts.name);
    if !parts.version.is_empty() {
        url.push('@');
        encode(&mut url, parts.version);
    }
    let mut separator = '?';
    // In the order of their names, as the canonical form has them.
    for (key, value) in parts.qualifiers.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = write!(url, "{separator}{key}=");
        encode(&mut url, value);
        separator = '&';
    }
    Some(url)
}

struct Parts<'a> {
    kind: &'static str,
    namespace: String,
    name: String,
    version: &'a str,
    qualifiers: Vec<(&'static str, String)>,
}

impl<'a> Parts<'a> {
    fn of(package: &'a Package, distro: &Distro) -> Self {
        let arch = || package.arch.clone().unwrap_or_default();
        let plain = |kind| Self {
            kind,
            namespace: String::new(),
            name: package.name.clone(),
            version: &package.version,
            qualifiers: Vec::new(),
        };
        let distributed = |kind, default: &str| Self {
            namespace: namespace(distro, default),
            qualifiers: vec![("arch", arch()), ("distro", distro_qualifier(distro))],
            ..plain(kind)
        };
        match package.kind {
            Kind::Dpkg => Self::lower_case(distributed("deb", "")),
            Kind::Rpm => Self::rpm(distributed("rpm", "")),
            Kind::Apk => Self::lower_case(distributed("apk", "alpine")),
            Kind::Pacman => Self::lower_case(distributed("alpm", "arch")),
            Kind::Brew => plain("brew"),
            Kind::Pip => {
                let name = package.name.to_ascii_lowercase().replace('_', "-");
                Self {
                    name,
                    ..plain("pypi")
                }
            }
            Kind::Npm => Self::npm(plain("npm")),
            Kind::Gem => Self {
                qualifiers: vec![("platform", arch())],
                ..plain("gem")
            },
            Kind::Cargo => plain("cargo"),
            Kind::Snap | Kind::Flatpak | Kind::Cask | Kind::Receipt => Self {
                qualifiers: vec![("arch", arch())],
                ..plain("generic")
            },
        }
    }

    fn lower_case(mut self) -> Self {
        self.name.make_ascii_lowercase();
        self
    }

    /// The epoch is a qualifier of its own.
    fn rpm(mut self) -> Self {
        if let Some((epoch, version)) = self.version.split_once(':') {
            self.version = version;
            self.qualifiers.push(("epoch", epoch.to_owned()));
        }
        self
    }

    /// The scope is the namespace.
    fn npm(mut self) -> Self {
        if let Some((scope, name)) = self.name.split_once('/') {
            (self.namespace, self.name) = (scope.to_owned(), name.to_owned());
        }
        self
    }
}

/// The vendor, which is not always what a distribution calls itself.
fn namespace(distro: &Distro, default: &str) -> String {
    match distro.id.as_str() {
        "" => default.to_owned(),
        "rhel" => "redhat".to_owned(),
        id if id.starts_with("opensuse-") => "opensuse".to_owned(),
        id => id.to_ascii_lowercase(),
    }
}

fn distro_qualifier(distro: &Distro) -> String {
    match (distro.id.as_str(), distro.version_id.as_str()) {
        ("", _) => String::new(),
        (id, "") => id.to_owned(),
        (id, version) => format!("{id}-{version}"),
    }
}

/// Appends text, everything but letters, digits, `.`, `-`, `_`, `~` and `:` in percent encoding.
fn encode(url: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte) {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kind, name, version, architecture, distribution and its version, package URL; the examples of the
    /// specification, and what needs encoding.
    const EXAMPLES: &str = "
        dpkg|curl|7.50.3-1+b1|i386|debian|12|pkg:deb/debian/curl@7.50.3-1%2Bb1?arch=i386&distro=debian-12
        dpkg|dpkg|1:1.19.0~x||||pkg:deb/dpkg@1:1.19.0~x
        rpm|curl|1:7.50.3-1.fc25|x86_64|fedora|25|pkg:rpm/fedora/curl@7.50.3-1.fc25?arch=x86_64&distro=fedora-25&epoch=1
        rpm|bash|5-1|noarch|rhel|9.4|pkg:rpm/redhat/bash@5-1?arch=noarch&distro=rhel-9.4
        apk|Curl|7.83.0-r0|x86|||pkg:apk/alpine/curl@7.83.0-r0?arch=x86
        pacman|pacman|6.0.1-1|x86_64|arch||pkg:alpm/arch/pacman@6.0.1-1?arch=x86_64&distro=arch
        pip|Django_All|1.11.1||debian|12|pkg:pypi/django-all@1.11.1
        npm|@angular/animation|12.3.1||||pkg:npm/%40angular/animation@12.3.1
        gem|jruby-launcher|1.1.2|java|||pkg:gem/jruby-launcher@1.1.2?platform=java
        cargo|rand|0.7.2||||pkg:cargo/rand@0.7.2
        flatpak|org.gnome.Maps|||||pkg:generic/org.gnome.Maps
        cask|a b/c|1,2||||pkg:generic/a%20b%2Fc@1%2C2";

    #[test]
    fn urls_are_those_of_the_specification() {
        for line in EXAMPLES.lines().skip(1) {
            let fields: Vec<&str> = line.trim_start().split('|').collect();
            let [kind, name, version, arch, id, version_id, url] = fields[..] else {
                panic!("{line}");
            };
            let kind = Kind::ALL.into_iter().find(|known| known.name() == kind).unwrap();
            let package = Package {
                arch: (!arch.is_empty()).then(|| arch.to_owned()),
                ..Package::new(kind, name, version)
            };
            let distro = Distro {
                id: id.to_owned(),
                version_id: version_id.to_owned(),
            };
            assert_eq!(purl(&package, &distro).as_deref(), Some(url));
        }
        assert_eq!(purl(&Package::new(Kind::Gem, "", "1"), &Distro::default()), None);
    }
}
