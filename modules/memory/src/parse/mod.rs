//! Texts and tables of the system and of object files as values: total, no I/O, no panic.

pub mod auxv;
pub mod elf;
pub mod maps;
pub mod pagemap;
pub mod status;
