//! The manifest: what a plugin says about itself before any of its code runs.
//!
//! It lies in a section of its own, `.gumshoe` in ELF, `__DATA,__gumshoe` in Mach-O:
//!
//! | offset | bytes | what |
//! | --- | --- | --- |
//! | 0 | 8 | magic `GUMSHOE\0` |
//! | 8 | 2 | version of this format, little endian, now 1 |
//! | 10 | 2 | ABI major version |
//! | 12 | 2 | ABI minor version |
//! | 14 | 2 | zero |
//! | 16 | 4 | length of the text |
//! | 20 | … | the text: a JSON object |
//!
//! The text names the module: `name`, `version`, `summary`, `os`, `privileges` (empty strings in
//! the lists are padding of the macro that writes them and are dropped).

use gumshoe_plugin_abi::{ABI_MAJOR, ABI_MINOR};
use serde::{Deserialize, Serialize};

/// The first bytes of every manifest.
pub const MAGIC: [u8; 8] = *b"GUMSHOE\0";
/// Version of the binary header.
pub const FORMAT: u16 = 1;
/// Length of the binary header.
pub const HEADER_BYTES: usize = 20;
/// How long the text may be.
pub const MAX_TEXT_BYTES: usize = 4096;
/// Name of the section in ELF files.
pub const ELF_SECTION: &str = ".gumshoe";
/// Segment and name of the section in Mach-O files.
pub const MACHO_SECTION: (&str, &str) = ("__DATA", "__gumshoe");

/// What a plugin says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// ABI version that the plugin was built for: major, minor.
    pub abi: (u16, u16),
    /// What investigators call the module.
    pub name: String,
    /// The module's version.
    pub version: String,
    /// One line.
    pub summary: String,
    /// Operating systems: `linux`, `macos`.
    pub os: Vec<String>,
    /// What the runner has to keep for the module.
    pub privileges: Vec<Privilege>,
}

/// Something that a module needs beyond what any process may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Privilege {
    /// Read every file (`CAP_DAC_READ_SEARCH`).
    ReadFiles,
    /// Look into other processes (`CAP_SYS_PTRACE`).
    ReadProcesses,
    /// Enter other namespaces and query the network stack (`CAP_SYS_ADMIN`, `CAP_NET_ADMIN`).
    EnterNamespaces,
}

/// Why bytes are not a manifest that this version understands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Fewer bytes than the header or the announced text.
    #[error("the manifest is cut short: {have} bytes where {need} are needed")]
    Short {
        /// Bytes that are there.
        have: usize,
        /// Bytes that are needed.
        need: usize,
    },
    /// Not a manifest at all.
    #[error("the manifest does not start with the magic `GUMSHOE\\0`")]
    Magic,
    /// A header of another version.
    #[error("the manifest has format {found}, this agent reads format {FORMAT}")]
    Format {
        /// The version found.
        found: u16,
    },
    /// A text longer than [`MAX_TEXT_BYTES`].
    #[error("the manifest's text has {found} bytes, at most {MAX_TEXT_BYTES} are allowed")]
    Long {
        /// The length announced.
        found: usize,
    },
    /// The text is not the JSON object that it should be.
    #[error("the manifest's text is not understood: {message}")]
    Text {
        /// What the parser says.
        message: String,
    },
    /// A field has a value that is not allowed.
    #[error("the manifest's `{field}` is not acceptable: {message}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
}

impl Manifest {
    /// Reads a manifest from the bytes of its section. Total: never panics, never reads past the end.
    ///
    /// # Errors
    ///
    /// [`ManifestError`], naming what was found and what was expected.
    pub fn parse(section: &[u8]) -> Result<Self, ManifestError> {
        let short = |need| ManifestError::Short {
            have: section.len(),
            need,
        };
        let header: &[u8; HEADER_BYTES] = section.first_chunk().ok_or(short(HEADER_BYTES))?;
        if header[..8] != MAGIC {
            return Err(ManifestError::Magic);
        }
        let u16_at = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        if u16_at(8) != FORMAT {
            return Err(ManifestError::Format { found: u16_at(8) });
        }
        let length = u32::from_le_bytes([header[16], header[17], header[18], header[19]]) as usize;
        if length > MAX_TEXT_BYTES {
            return Err(ManifestError::Long { found: length });
        }
        let text = section
            .get(HEADER_BYTES..HEADER_BYTES + length)
            .ok_or(short(HEADER_BYTES + length))?;
        Text::parse(text)?.checked((u16_at(10), u16_at(12)))
    }

    /// Whether the plugin runs on the operating system that this was compiled for.
    #[must_use]
    pub fn runs_here(&self) -> bool {
        self.os.iter().any(|os| os == std::env::consts::OS)
    }
}

/// The text as it is written.
#[derive(Deserialize)]
struct Text {
    name: String,
    version: String,
    summary: String,
    #[serde(default)]
    os: Vec<String>,
    #[serde(default)]
    privileges: Vec<String>,
}

impl Text {
    fn parse(text: &[u8]) -> Result<Self, ManifestError> {
        let message = |e: &dyn std::fmt::Display| ManifestError::Text {
            message: e.to_string(),
        };
        let value = crate::json::parse(text).map_err(|e| message(&e))?;
        serde_json::from_value(value).map_err(|e| message(&e))
    }

    fn checked(self, abi: (u16, u16)) -> Result<Manifest, ManifestError> {
        let field = |field, message: String| ManifestError::Field { field, message };
        if !is_module_name(&self.name) {
            return Err(field(
                "name",
                format!("{:?} does not match ^[a-z][a-z0-9-]{{0,31}}$", self.name),
            ));
        }
        let texts = [("version", &self.version, 32), ("summary", &self.summary, 200)];
        for (name, text, max) in texts {
            if text.is_empty() || text.len() > max || text.chars().any(char::is_control) {
                return Err(field(
                    name,
                    format!("{text:?} is empty, has control characters or is longer than {max} bytes"),
                ));
            }
        }
        let privileges = self.privileges.iter().filter(|p| !p.is_empty()).map(|word| {
            serde_json::from_value(serde_json::Value::from(word.as_str()))
                .map_err(|_| field("privileges", format!("this agent does not know {word:?}")))
        });
        Ok(Manifest {
            abi,
            privileges: privileges.collect::<Result<_, _>>()?,
            os: self.os.into_iter().filter(|os| !os.is_empty()).collect(),
            name: self.name,
            version: self.version,
            summary: self.summary,
        })
    }
}

/// Whether `name` matches `^[a-z][a-z0-9-]{0,31}$`.
#[must_use]
pub fn is_module_name(name: &str) -> bool {
    name.len() <= 32
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Puts the binary header before the text; at compile time, for the export macro.
#[must_use]
pub const fn frame<const N: usize>(text: &str) -> [u8; N] {
    assert!(N == HEADER_BYTES + text.len(), "the array has the wrong size");
    assert!(text.len() <= MAX_TEXT_BYTES, "the manifest is too long");
    let mut out = [0; N];
    let mut at = 0;
    while at < MAGIC.len() {
        out[at] = MAGIC[at];
        at += 1;
    }
    let (format, major, minor) = (
        FORMAT.to_le_bytes(),
        ABI_MAJOR.to_le_bytes(),
        ABI_MINOR.to_le_bytes(),
    );
    (out[8], out[9], out[10], out[11], out[12], out[13]) =
        (format[0], format[1], major[0], major[1], minor[0], minor[1]);
    #[allow(clippy::cast_possible_truncation, reason = "bounded by MAX_TEXT_BYTES above")]
    let length = (text.len() as u32).to_le_bytes();
    (out[16], out[17], out[18], out[19]) = (length[0], length[1], length[2], length[3]);
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        out[HEADER_BYTES + i] = bytes[i];
        i += 1;
    }
    out
}

/// Refuses, at compile time, texts that would need escaping inside a JSON string.
pub const fn assert_json_text(texts: &[&str]) {
    let mut t = 0;
    while t < texts.len() {
        let bytes = texts[t].as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            assert!(
                bytes[i] >= 0x20 && bytes[i] != b'"' && bytes[i] != b'\\',
                "quotes, backslashes and control characters are not allowed in a manifest"
            );
            i += 1;
        }
        t += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        r#"{"name":"x","version":"1.0","summary":"s","os":["","linux"],"privileges":["","read-files"]}"#;

    fn section() -> Vec<u8> {
        frame::<{ HEADER_BYTES + TEXT.len() }>(TEXT).to_vec()
    }

    #[test]
    fn what_the_macro_writes_is_read_back() {
        let manifest = Manifest::parse(&section()).unwrap();
        assert_eq!(manifest.abi, (ABI_MAJOR, ABI_MINOR));
        assert_eq!(
            (manifest.name.as_str(), manifest.os.as_slice()),
            ("x", &["linux".to_owned()][..])
        );
        assert_eq!(manifest.privileges, [Privilege::ReadFiles]);
    }

    #[test]
    fn every_truncation_and_every_flipped_byte_is_survived() {
        let good = section();
        for end in 0..good.len() {
            assert!(Manifest::parse(&good[..end]).is_err(), "cut at {end}");
        }
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                let _ = Manifest::parse(&bad); // must not panic; some flips are harmless
            }
        }
    }

    #[test]
    fn refusals_name_the_check_and_both_values() {
        let mut newer = section();
        newer[8] = 9;
        assert_eq!(Manifest::parse(&newer), Err(ManifestError::Format { found: 9 }));
        let mut long = section();
        long[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(Manifest::parse(&long), Err(ManifestError::Long { .. })));
        for name in ["", "Upper", "1x", "a_b", "../x", &"x".repeat(33)] {
            assert!(!is_module_name(name), "{name}");
        }
    }
}
