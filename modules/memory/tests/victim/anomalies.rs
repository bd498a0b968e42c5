//! Signs of injected or replaced code.

use crate::memory::{
    PAGE, PRIVATE, READ_WRITE, anonymous, auxiliary, map, memfd, peek, poke, protect, replace,
};

const READ_EXEC: i32 = libc::PROT_READ | libc::PROT_EXEC;

/// Prepares a sign and returns where it is.
pub fn prepare(name: &str) -> Vec<usize> {
    match name {
        "anonexec" => {
            let address = anonymous(PAGE);
            poke(address, 0xc3);
            protect(address, PAGE, READ_EXEC);
            vec![address]
        }
        "writeexec" => vec![map(0, PAGE, READ_WRITE | libc::PROT_EXEC, PRIVATE, None, 0)],
        "memfdexec" => {
            let file = memfd("code");
            let _ = file.set_len(PAGE as u64);
            vec![map(0, PAGE, READ_EXEC, libc::MAP_SHARED, Some(&file), 0)]
        }
        "modified" => modified(),
        _ => mismatch(),
    }
}

/// Changes the first bytes of a function that nobody calls.
fn modified() -> Vec<usize> {
    let address = unused as *const () as usize;
    let page = address / PAGE * PAGE;
    // Code of this function may lie in the same page, so that it must stay executable.
    protect(page, PAGE, READ_WRITE | libc::PROT_EXEC);
    poke(address, peek(address) ^ 0xff);
    poke(address + 1, peek(address + 1) ^ 0xff);
    protect(page, PAGE, READ_EXEC);
    vec![address]
}

#[inline(never)]
extern "C" fn unused() {
    println!("nobody calls this");
}

/// Puts a copy in memory without a file where the program's entry point is.
fn mismatch() -> Vec<usize> {
    let entry = auxiliary(libc::AT_ENTRY);
    let page = entry / PAGE * PAGE;
    let copy = anonymous(PAGE);
    for at in 0..PAGE {
        poke(copy + at, peek(page + at));
    }
    protect(copy, PAGE, READ_EXEC);
    replace(copy, page);
    vec![entry]
}
