//! Package URLs, as far as advisories of distributions use them.
//!
//! Source: the purl specification: `pkg:TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS`.

/// A package URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Purl {
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub version: Option<String>,
    qualifiers: Vec<(String, String)>,
}

impl Purl {
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("pkg:")?;
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let (rest, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
        let (path, version) = match rest.rsplit_once('@') {
            Some((path, version)) if !version.contains('/') => (path, Some(decoded(version))),
            _ => (rest, None),
        };
        let (kind, path) = path.split_once('/')?;
        let (namespace, name) = path.rsplit_once('/').unwrap_or(("", path));
        let pairs = qualifiers.split('&').filter_map(|pair| pair.split_once('='));
        Some(Self {
            kind: kind.to_lowercase(),
            namespace: decoded(namespace),
            name: decoded(name),
            version,
            qualifiers: pairs
                .map(|(key, value)| (key.to_owned(), decoded(value)))
                .collect(),
        })
    }

    /// The value of a qualifier.
    pub fn qualifier(&self, key: &str) -> Option<&str> {
        self.qualifiers
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// The version with its epoch, which rpm's URLs have as a qualifier.
    pub fn full_version(&self) -> Option<String> {
        let version = self.version.as_ref()?;
        Some(match self.qualifier("epoch") {
            Some(epoch) if epoch != "0" => format!("{epoch}:{version}"),
            _ => version.clone(),
        })
    }
}

/// Replaces `%XX`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = (first == b'%').then(|| after.get(..2)).flatten();
        let number =
            escaped.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match number {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_and_escapes() {
        let purl = Purl::parse("pkg:rpm/redhat/libstdc%2B%2B@11.3.1-4.el9?arch=x86_64&epoch=1").unwrap();
        assert_eq!(
            (purl.kind.as_str(), purl.namespace.as_str(), purl.name.as_str()),
            ("rpm", "redhat", "libstdc++")
        );
        assert_eq!(purl.full_version().as_deref(), Some("1:11.3.1-4.el9"));
        assert_eq!(purl.qualifier("arch"), Some("x86_64"));
        assert_eq!(Purl::parse("pkg:npm/%40a/b").unwrap().version, None);
        assert_eq!(Purl::parse("npm/a"), None);
    }
}
