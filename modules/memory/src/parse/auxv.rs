//! `/proc/PID/auxv`: what the kernel told the program when it started.

/// Tag of the program's entry point (`AT_ENTRY`, `elf.h`).
const ENTRY: u64 = 9;

/// Address of the program's entry point; none when the table does not say. The table has the word size of the program.
///
/// Source: `getauxval(3)`, `proc_pid_auxv(5)`.
#[must_use]
pub fn entry_point(table: &[u8]) -> Option<u64> {
    let wide = table.as_chunks::<16>().0.iter().map(|pair| {
        let (tag, value) = pair.split_at(8);
        (word(tag), word(value))
    });
    let narrow = table.as_chunks::<8>().0.iter().map(|pair| {
        let (tag, value) = pair.split_at(4);
        (word(tag), word(value))
    });
    // A table of the other word size ends at once or has tags that no table has.
    let found = |pairs: &mut dyn Iterator<Item = (u64, u64)>| {
        pairs
            .take_while(|&(tag, _)| tag != 0 && tag < 1000)
            .find(|&(tag, _)| tag == ENTRY)
            .map(|(_, value)| value)
    };
    found(&mut { wide }).or_else(|| found(&mut { narrow }))
}

fn word(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |value, &byte| value << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_word_sizes_are_read() {
        let table = [(33_u64, 0x7ffd_0000), (6, 4096), (9, 0x5555_0040), (0, 0)];
        let wide: Vec<u8> = table
            .iter()
            .flat_map(|(a, b): &(u64, u64)| [a.to_le_bytes(), b.to_le_bytes()].concat())
            .collect();
        let narrow: Vec<u8> = table
            .iter()
            .flat_map(|&(a, b)| [(a as u32).to_le_bytes(), (b as u32).to_le_bytes()].concat())
            .collect();
        assert_eq!(entry_point(&wide), Some(0x5555_0040));
        assert_eq!(entry_point(&narrow), Some(0x5555_0040));
        assert_eq!(entry_point(&wide[..40]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            let _ = entry_point(&bytes);
        }
    }
}
