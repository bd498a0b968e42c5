//! What is needed of an ELF file: its build id, and which bytes of its code the loader changes.
//!
//! Files are not read as a whole: [`Image::parse`] takes the first bytes and says which ranges of the file hold what.

use goblin::container::{Container, Ctx};
use goblin::elf::dynamic::{
    DF_TEXTREL, DT_FLAGS, DT_JMPREL, DT_NULL, DT_PLTREL, DT_PLTRELSZ, DT_REL, DT_RELA, DT_RELASZ, DT_RELSZ,
    DT_TEXTREL,
};
use goblin::elf::note::{NT_GNU_BUILD_ID, NoteDataIterator};
use goblin::elf::program_header::{PT_DYNAMIC, PT_LOAD, PT_NOTE};
use goblin::elf::reloc::RelocSection;
use goblin::elf::{Elf, ProgramHeader};
use std::collections::HashMap;
use std::ops::Range;

/// Bytes from the start of a file that hold the program headers of all files that linkers make.
pub const HEAD_BYTES: u64 = 16 << 10;
/// Bytes of one table of notes, dynamic entries or relocations that are read at most.
pub const MAX_TABLE_BYTES: u64 = 4 << 20;
/// Bytes that one relocation may change.
const RELOCATED_BYTES: u64 = 8;

/// An ELF file's segments.
#[derive(Debug)]
pub struct Image {
    segments: Vec<ProgramHeader>,
    ctx: Ctx,
}

/// A table of relocations in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Where it lies in the file.
    pub range: Range<u64>,
    /// Whether its entries carry an addend.
    pub is_rela: bool,
}

impl Image {
    /// Reads the headers from the first bytes of a file; none when it is not ELF.
    #[must_use]
    pub fn parse(head: &[u8]) -> Option<Image> {
        let header = Elf::parse_header(head).ok()?;
        let ctx = Ctx::new(header.container().ok()?, header.endianness().ok()?);
        let offset = usize::try_from(header.e_phoff)
            .ok()
            .filter(|&offset| offset <= head.len())?;
        let segments = ProgramHeader::parse(head, offset, usize::from(header.e_phnum), ctx).ok()?;
        Some(Image { segments, ctx })
    }

    /// Ranges of the file that hold notes.
    pub fn notes(&self) -> impl Iterator<Item = Range<u64>> {
        self.of_type(PT_NOTE)
    }

    /// The build id in hexadecimal, if `notes`, the bytes of one such range, has it.
    #[must_use]
    pub fn build_id(&self, notes: &[u8]) -> Option<String> {
        const ALIGNMENT: usize = 4;
        let mut all = NoteDataIterator {
            data: notes,
            size: notes.len(),
            offset: 0,
            ctx: (ALIGNMENT, self.ctx),
        };
        let note = all.find_map(|note| {
            note.ok()
                .filter(|note| note.n_type == NT_GNU_BUILD_ID && note.name == "GNU")
        })?;
        Some(note.desc.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The range of the file that holds the dynamic table.
    #[must_use]
    pub fn dynamic(&self) -> Option<Range<u64>> {
        self.of_type(PT_DYNAMIC).next()
    }

    /// The tables of relocations that change code, by the bytes of the dynamic table. Nearly all files have none: their
    /// code is position-independent.
    #[must_use]
    pub fn code_relocations(&self, dynamic: &[u8]) -> Vec<Table> {
        let entries = self.dynamic_entries(dynamic);
        let value = |tag: u64| entries.get(&tag).copied();
        let in_flags = value(DT_FLAGS).is_some_and(|flags| flags & DF_TEXTREL != 0);
        if !in_flags && value(DT_TEXTREL).is_none() {
            return Vec::new();
        }
        let plt_is_rela = value(DT_PLTREL) == Some(DT_RELA);
        [
            (DT_RELA, DT_RELASZ, true),
            (DT_REL, DT_RELSZ, false),
            (DT_JMPREL, DT_PLTRELSZ, plt_is_rela),
        ]
        .into_iter()
        .filter_map(|(address, bytes, is_rela)| {
            let start = self.file_offset(value(address)?)?;
            Some(Table {
                range: start..start.checked_add(value(bytes)?)?,
                is_rela,
            })
        })
        .collect()
    }

    /// Ranges of the file that the relocations of one table change, by the table's bytes.
    #[must_use]
    pub fn changed(&self, table: &[u8], is_rela: bool) -> Vec<Range<u64>> {
        let Ok(relocations) = RelocSection::parse(table, 0, table.len(), is_rela, self.ctx) else {
            return Vec::new();
        };
        let offsets = relocations
            .iter()
            .filter_map(|relocation| self.file_offset(relocation.r_offset));
        offsets
            .map(|offset| offset..offset.saturating_add(RELOCATED_BYTES))
            .collect()
    }

    fn of_type(&self, kind: u32) -> impl Iterator<Item = Range<u64>> {
        let of_type = self.segments.iter().filter(move |segment| segment.p_type == kind);
        of_type.filter_map(|segment| Some(segment.p_offset..segment.p_offset.checked_add(segment.p_filesz)?))
    }

    /// Offset in the file of what is loaded to `address`.
    fn file_offset(&self, address: u64) -> Option<u64> {
        let loaded = self.segments.iter().filter(|segment| segment.p_type == PT_LOAD);
        let mut offsets = loaded.filter_map(|segment| {
            let within = address
                .checked_sub(segment.p_vaddr)
                .filter(|&within| within < segment.p_filesz)?;
            segment.p_offset.checked_add(within)
        });
        offsets.next()
    }

    fn dynamic_entries(&self, table: &[u8]) -> HashMap<u64, u64> {
        let bytes = if self.ctx.container == Container::Big {
            8
        } else {
            4
        };
        let words: Vec<u64> = table.chunks_exact(bytes).map(|word| self.word(word)).collect();
        let pairs = words.as_chunks::<2>().0.iter().map(|&[tag, value]| (tag, value));
        pairs.take_while(|&(tag, _)| tag != DT_NULL).collect()
    }

    fn word(&self, bytes: &[u8]) -> u64 {
        let join = |value: u64, &byte: &u8| value << 8 | u64::from(byte);
        if self.ctx.is_little_endian() {
            bytes.iter().rev().fold(0, join)
        } else {
            bytes.iter().fold(0, join)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn own() -> Vec<u8> {
        std::fs::read(std::env::current_exe().unwrap()).unwrap()
    }

    fn of(file: &[u8], range: Range<u64>) -> &[u8] {
        &file[range.start as usize..range.end as usize]
    }

    #[test]
    fn the_tests_own_program_is_understood() {
        let file = own();
        let image = Image::parse(&file[..HEAD_BYTES as usize]).unwrap();
        let ids: Vec<String> = image
            .notes()
            .filter_map(|range| image.build_id(of(&file, range)))
            .collect();
        assert_eq!(ids.len(), 1, "{ids:?}");
        assert!(ids[0].len() >= 16 && ids[0].bytes().all(|byte| byte.is_ascii_hexdigit()));
        let dynamic = image.dynamic().unwrap();
        assert_eq!(
            image.code_relocations(of(&file, dynamic)),
            [],
            "code is position-independent"
        );
    }

    #[test]
    fn relocations_of_code_are_located() {
        let file = own();
        let image = Image::parse(&file).unwrap();
        let mut dynamic = of(&file, image.dynamic().unwrap()).to_vec();
        let end = dynamic.len() - 16;
        dynamic.copy_within(..end, 16);
        dynamic[..16].copy_from_slice(&[DT_TEXTREL.to_le_bytes(), [0; 8]].concat());
        let tables = image.code_relocations(&dynamic);
        let changed: Vec<Range<u64>> = tables
            .iter()
            .flat_map(|table| image.changed(of(&file, table.range.clone()), table.is_rela))
            .collect();
        assert!(changed.len() > 10);
        assert!(changed.iter().all(|range| range.end <= file.len() as u64));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(mut bytes: Vec<u8>, good_head: bool) {
            if good_head {
                let head: [u8; 20] = *b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0";
                bytes.splice(..0, head);
            }
            try_all(&bytes, &bytes);
        }

        #[test]
        fn flipped_bytes_are_survived(at in 0usize..1024, value: u8) {
            let mut file = own();
            file.truncate(64 << 10);
            file[at] = value;
            try_all(&file, &file[at..]);
        }
    }

    fn try_all(head: &[u8], table: &[u8]) {
        if let Some(image) = Image::parse(head) {
            let _ = (image.notes().count(), image.dynamic(), image.build_id(table));
            let _ = (
                image.code_relocations(table),
                image.changed(table, true),
                image.changed(table, false),
            );
        }
    }
}
