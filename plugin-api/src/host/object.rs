//! Reads a plugin's manifest from its object file. Nothing of the plugin is executed or mapped as code.
//!
//! Source: System V gABI (ELF), `<mach-o/loader.h>` (Mach-O); parsed by `goblin`.

use crate::manifest::{ELF_SECTION, MACHO_SECTION, Manifest, ManifestError};
use goblin::container::{Container, Ctx};
use goblin::elf::{self, Elf, SectionHeader};
use goblin::mach::{self, Mach, MachO};
use goblin::strtab::Strtab;
use gumshoe_plugin_abi::ABI_MAJOR;

/// Why a file is not a plugin for this agent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// Neither ELF nor Mach-O, or a damaged one.
    #[error("not a {expected} shared library: {message}")]
    Format {
        /// The format that this system loads.
        expected: &'static str,
        /// What was found instead.
        message: String,
    },
    /// Built for another processor.
    #[error("built for processor {found}, this agent runs on {expected}")]
    Architecture {
        /// The processor of the file.
        found: String,
        /// The processor of the agent.
        expected: &'static str,
    },
    /// A shared library without a manifest section.
    #[error(
        "no manifest section `{ELF_SECTION}`: not a Gumshoe module, or not exported with `export_module!`"
    )]
    Missing,
    /// The manifest section is not understood.
    #[error("the manifest is refused")]
    Manifest(#[source] ManifestError),
    /// Built for another major version of the ABI.
    #[error("built for plugin ABI {found}, this agent offers {ABI_MAJOR}")]
    Abi {
        /// The plugin's major version.
        found: u16,
    },
    /// Not for this operating system.
    #[error("made for {found}, this is {}", std::env::consts::OS)]
    System {
        /// What the manifest lists.
        found: String,
    },
}

impl ObjectError {
    /// A stable code to search for.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Format { .. } => "plugin-format",
            Self::Architecture { .. } => "plugin-architecture",
            Self::Missing | Self::Manifest(_) => "plugin-manifest",
            Self::Abi { .. } => "plugin-abi",
            Self::System { .. } => "plugin-os",
        }
    }
}

/// The object format of the system that this was compiled for.
const FORMAT: &str = if cfg!(target_os = "macos") {
    "Mach-O"
} else {
    "ELF"
};

/// Reads and judges the manifest of a plugin: format, processor, ABI version, operating system.
///
/// # Errors
///
/// [`ObjectError`], naming the check that failed and the values compared.
pub fn manifest(bytes: &[u8]) -> Result<Manifest, ObjectError> {
    let section = section(bytes)?;
    let manifest = Manifest::parse(section).map_err(ObjectError::Manifest)?;
    if manifest.abi.0 != ABI_MAJOR {
        return Err(ObjectError::Abi {
            found: manifest.abi.0,
        });
    }
    if !manifest.runs_here() {
        return Err(ObjectError::System {
            found: manifest.os.join(", "),
        });
    }
    Ok(manifest)
}

/// The bytes of the manifest section, of either object format.
///
/// # Errors
///
/// As [`manifest`], as far as the object format and the processor are concerned.
pub fn section(bytes: &[u8]) -> Result<&[u8], ObjectError> {
    match bytes.first_chunk::<4>() {
        Some(magic) if magic == elf::header::ELFMAG => elf_section(bytes),
        Some(_) if mach::peek(bytes, 0).is_ok_and(is_mach_magic) => mach_section(bytes),
        _ => Err(malformed("it starts with none of the known magic numbers")),
    }
}

fn malformed(message: impl ToString) -> ObjectError {
    ObjectError::Format {
        expected: FORMAT,
        message: message.to_string(),
    }
}

/// ELF: header, section headers and their names only; symbols and relocations stay unread.
fn elf_section(bytes: &[u8]) -> Result<&[u8], ObjectError> {
    let header = Elf::parse_header(bytes).map_err(malformed)?;
    if header.e_type != elf::header::ET_DYN {
        return Err(malformed(format_args!(
            "ELF type {}",
            elf::header::et_to_str(header.e_type)
        )));
    }
    if header.e_machine != HERE.elf {
        let found = elf::header::machine_to_str(header.e_machine).to_owned();
        return Err(ObjectError::Architecture {
            found,
            expected: std::env::consts::ARCH,
        });
    }
    let container = header.container().map_err(malformed)?;
    let endianness = header.endianness().map_err(malformed)?;
    if container != Container::default() {
        return Err(malformed("the word size is another"));
    }
    let context = Ctx::new(container, endianness);
    let offset = usize::try_from(header.e_shoff).map_err(malformed)?;
    let headers = SectionHeader::parse(bytes, offset, header.e_shnum.into(), context).map_err(malformed)?;
    let range = |section: &SectionHeader| section.file_range().and_then(|range| bytes.get(range));
    let names = headers
        .get(usize::from(header.e_shstrndx))
        .and_then(range)
        .unwrap_or_default();
    let names = Strtab::parse(names, 0, names.len(), 0).map_err(malformed)?;
    headers
        .iter()
        .find(|section| names.get_at(section.sh_name) == Some(ELF_SECTION))
        .and_then(range)
        .ok_or(ObjectError::Missing)
}

fn is_mach_magic(magic: u32) -> bool {
    use mach::{fat::FAT_MAGIC, header};
    matches!(
        magic,
        FAT_MAGIC | header::MH_MAGIC | header::MH_CIGAM | header::MH_MAGIC_64 | header::MH_CIGAM_64
    )
}

/// Mach-O, thin or universal; of a universal file, the part for this processor.
fn mach_section(bytes: &[u8]) -> Result<&[u8], ObjectError> {
    match Mach::parse_lossy(bytes).map_err(malformed)? {
        Mach::Binary(object) => thin_section(&object),
        Mach::Fat(universal) => {
            for arch in universal.iter_arches() {
                let arch = arch.map_err(malformed)?;
                if arch.cputype() == HERE.mach {
                    let object = MachO::parse_lossy(bytes, arch.offset as usize).map_err(malformed)?;
                    return thin_section(&object);
                }
            }
            Err(ObjectError::Architecture {
                found: "others".into(),
                expected: std::env::consts::ARCH,
            })
        }
    }
}

fn thin_section<'a>(object: &MachO<'a>) -> Result<&'a [u8], ObjectError> {
    let kind = object.header.filetype;
    if kind != mach::header::MH_DYLIB && kind != mach::header::MH_BUNDLE {
        return Err(malformed(format_args!(
            "Mach-O type {}",
            mach::header::filetype_to_str(kind)
        )));
    }
    if object.header.cputype() != HERE.mach {
        let found = format!("{:#x}", object.header.cputype());
        return Err(ObjectError::Architecture {
            found,
            expected: std::env::consts::ARCH,
        });
    }
    let sections = object.segments.iter().flat_map(|segment| segment.into_iter());
    for (section, data) in sections.filter_map(Result::ok) {
        let names = (
            section.segname().unwrap_or_default(),
            section.name().unwrap_or_default(),
        );
        if names == MACHO_SECTION {
            return Ok(data);
        }
    }
    Err(ObjectError::Missing)
}

/// The processor that this was compiled for, in the numbers of both formats.
struct Processor {
    elf: u16,
    mach: mach::cputype::CpuType,
}

const HERE: Processor = match std::env::consts::ARCH.as_bytes() {
    b"x86_64" => Processor {
        elf: elf::header::EM_X86_64,
        mach: mach::cputype::CPU_TYPE_X86_64,
    },
    b"aarch64" => Processor {
        elf: elf::header::EM_AARCH64,
        mach: mach::cputype::CPU_TYPE_ARM64,
    },
    b"riscv64" => Processor {
        elf: elf::header::EM_RISCV,
        mach: mach::cputype::CPU_TYPE_ANY,
    },
    _ => Processor {
        elf: elf::header::EM_NONE,
        mach: mach::cputype::CPU_TYPE_ANY,
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rubbish_is_refused_with_a_code() {
        for bytes in [
            &b""[..],
            b"\x7f",
            b"\x7fELF",
            b"#!/bin/sh\n",
            &[0xcf, 0xfa, 0xed, 0xfe, 0, 0],
            &[0xff; 4096],
        ] {
            let error = section(bytes).unwrap_err();
            assert_eq!(error.code(), "plugin-format", "{error}");
        }
    }

    #[test]
    fn a_program_or_an_ordinary_library_is_not_a_plugin() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let code = section(&own).unwrap_err().code();
        assert!(code == "plugin-manifest" || code == "plugin-format", "{code}");
    }

    #[test]
    fn a_damaged_object_file_never_panics() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        for _ in 0..2000 {
            let mut bytes = own[..4096.min(own.len())].to_vec();
            for _ in 0..8 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                let at = usize::try_from(seed >> 8).unwrap() % 64;
                bytes[at.max(4)] = seed.to_le_bytes()[0];
            }
            let _ = section(&bytes);
        }
    }
}
