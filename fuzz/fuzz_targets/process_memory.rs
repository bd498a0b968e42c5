//! What the system and object files say of a process's memory; the first byte chooses the format.
#![no_main]

use gumshoe_module_memory::parse::{auxv, elf::Image, maps, pagemap, status};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [selector, data @ ..] = bytes else { return };
    match selector % 5 {
        0 => drop(data.split(|&byte| byte == b'\n').filter_map(maps::line).count()),
        1 => pagemap::runs(data, 0x7000_0000_0000, 4096, &mut Vec::new()),
        2 => drop(auxv::entry_point(data)),
        3 => drop(status::own_bytes(data)),
        _ => {
            if let Some(image) = Image::parse(data) {
                let _ = (image.notes().count(), image.build_id(data), image.dynamic());
                for table in image.code_relocations(data) {
                    let _ = image.changed(data, table.is_rela);
                }
            }
        }
    }
});
