//! Kinds of memory.

use crate::anomalies;
use crate::memory::{
    PAGE, PRIVATE, READ_WRITE, anonymous, fork_and_wait, huge, map, memfd, own_mounts, page_out, poke,
    protect, put, put_part,
};
use crate::text::{TEXT_BYTES, byte};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;

const HALF: usize = TEXT_BYTES / 2;
const GIB: usize = 1 << 30;
const NO_RESERVE: i32 = PRIVATE | libc::MAP_NORESERVE;

/// Prepares a scene and returns the addresses of its texts. What must stay alive goes to `held`.
pub fn prepare(name: &str, path: &str, seed: u64, held: &mut Vec<Vec<u8>>) -> Option<Vec<usize>> {
    Some(match name {
        "none" | "execs" => Vec::new(),
        "anon" => vec![put(anonymous(3 * PAGE) + 100, seed)],
        "heap" => {
            held.push(vec![0; 1000]);
            vec![put(held.last()?.as_ptr() as usize + 100, seed)]
        }
        "wide" => wide(seed),
        "huge" => huge_pages(seed),
        "protnone" => protected(seed, libc::PROT_NONE),
        "execonly" => protected(seed, libc::PROT_EXEC),
        "sharedanon" => vec![put(
            map(
                0,
                PAGE,
                READ_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                None,
                0,
            ),
            seed,
        )],
        "swapped" => swapped(seed),
        "sparse" => vec![put(
            map(0, 8 * GIB, READ_WRITE, NO_RESERVE, None, 0) + 5 * GIB,
            seed,
        )],
        "reserved" => reserved(seed),
        "boundaries" => boundaries(seed),
        "holes" => holes(seed),
        "clean" => vec![map(
            0,
            PAGE,
            libc::PROT_READ,
            libc::MAP_PRIVATE,
            Some(&open(path)),
            0,
        )],
        "whole" => whole_file(path, 0),
        "lastpage" => whole_file(path, 15 * PAGE),
        "sharedfile" => vec![map(0, PAGE, READ_WRITE, libc::MAP_SHARED, Some(&open(path)), 0)],
        "dirty" => vec![put(
            map(0, 3 * PAGE, READ_WRITE, libc::MAP_PRIVATE, Some(&open(path)), 0) + PAGE,
            seed,
        )],
        "patchwork" => patchwork(path),
        "seams" => seams(path, seed),
        "mixture" => crate::mixture::prepare(&open(path), seed),
        "deleted" => {
            let address = map(0, PAGE, libc::PROT_READ, libc::MAP_PRIVATE, Some(&open(path)), 0);
            let _ = std::fs::remove_file(path);
            vec![address]
        }
        "memfd" => vec![in_memfd(seed)],
        "namespace" => namespace(path, seed),
        "beyond" => beyond(path),
        "truncate" => truncated(path, seed),
        "forks" => {
            std::thread::spawn(|| {
                loop {
                    fork_and_wait()
                }
            });
            Vec::new()
        }
        "anonexec" | "writeexec" | "memfdexec" | "modified" | "mismatch" => anomalies::prepare(name),
        _ => return None,
    })
}

/// The text on the stack.
pub fn on_stack(seed: u64) -> [u8; TEXT_BYTES] {
    let mut text = [0; TEXT_BYTES];
    if std::env::var_os("ON_STACK").is_some() {
        (0..TEXT_BYTES).for_each(|index| text[index] = byte(seed, index));
    }
    std::hint::black_box(text)
}

fn open(path: &str) -> File {
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap_or_else(|error| {
            eprintln!("{path}: {error}");
            std::process::exit(3)
        })
}

/// From `offset` to its end.
fn whole_file(path: &str, offset: usize) -> Vec<usize> {
    let file = open(path);
    let bytes = file
        .metadata()
        .ok()
        .and_then(|metadata| usize::try_from(metadata.len()).ok())
        .unwrap_or(offset);
    vec![map(
        0,
        bytes - offset,
        libc::PROT_READ,
        libc::MAP_PRIVATE,
        Some(&file),
        offset,
    )]
}

fn wide(seed: u64) -> Vec<usize> {
    let address = anonymous(PAGE) + 200;
    (0..TEXT_BYTES).for_each(|index| poke(address + 2 * index, byte(seed, index)));
    vec![address]
}

/// In the middle of memory that the kernel backs with huge pages where it can.
fn huge_pages(seed: u64) -> Vec<usize> {
    let bytes = 8 << 20;
    let address = anonymous(bytes);
    huge(address, bytes);
    (0..bytes).step_by(PAGE).for_each(|at| poke(address + at, 1));
    vec![put(address + (4 << 20) - HALF, seed)]
}

fn protected(seed: u64, protection: i32) -> Vec<usize> {
    let address = put(anonymous(PAGE), seed);
    protect(address, PAGE, protection);
    vec![address]
}

/// Swapped out, on a machine that has where to.
fn swapped(seed: u64) -> Vec<usize> {
    let address = put(anonymous(PAGE), seed);
    page_out(address, PAGE);
    vec![address]
}

/// As runtimes do it: terabytes reserved, one page of them in use.
fn reserved(seed: u64) -> Vec<usize> {
    let start = map(0, 16 * 1024 * GIB, libc::PROT_NONE, NO_RESERVE, None, 0);
    let address = start + 3 * 1024 * GIB;
    protect(address, PAGE, READ_WRITE);
    vec![put(address + 8, seed)]
}

/// Texts over the ends of pages, of buffers, and of regions with other permissions.
fn boundaries(seed: u64) -> Vec<usize> {
    let bytes = 2 << 20;
    let address = anonymous(bytes);
    let mut texts = vec![put(address, seed), put(address + bytes - TEXT_BYTES, seed)];
    for end in [PAGE, 2 * PAGE, 16 * PAGE, 256 << 10, 512 << 10, 1 << 20] {
        texts.push(put(address + end - HALF, seed));
    }
    for shift in 1..TEXT_BYTES {
        texts.push(put(address + (300 << 10) + shift * PAGE - shift, seed));
    }
    let between = address + (1 << 20) + 64 * PAGE;
    texts.push(put(between - HALF, seed));
    protect(between, PAGE, libc::PROT_READ);
    texts.sort_unstable();
    texts
}

/// Halves of the text at the edges of a page that was never touched, which are not adjacent, and a whole text behind.
fn holes(seed: u64) -> Vec<usize> {
    let address = anonymous(4 * PAGE);
    put_part(address + PAGE - HALF, seed, 0, HALF);
    put_part(address + 2 * PAGE - HALF, seed, HALF, TEXT_BYTES);
    vec![put(address + 3 * PAGE, seed)]
}

/// Texts half in a page that is the same as in the file and half in one that is the process's own, both ways, and half
/// in anonymous memory behind. The file, of five pages, has the halves that are looked for there.
fn seams(path: &str, seed: u64) -> Vec<usize> {
    let address = anonymous(8 * PAGE);
    let file = open(path);
    map(
        address,
        5 * PAGE,
        READ_WRITE,
        libc::MAP_PRIVATE | libc::MAP_FIXED,
        Some(&file),
        0,
    );
    // Page 0 is clean and ends with the first half, page 1 becomes the process's own.
    put_part(address + PAGE - HALF, seed, HALF, TEXT_BYTES);
    // Page 2 begins with the second half and stays clean.
    put_part(address + 2 * PAGE - HALF, seed, 0, HALF);
    // Page 4 ends with the first half and stays clean; behind it lies anonymous memory, then the file once more.
    put_part(address + 5 * PAGE - HALF, seed, HALF, TEXT_BYTES);
    // Two mappings of the file that are adjacent in memory but not in the file: pages 4 and 2 of it.
    let flags = libc::MAP_PRIVATE | libc::MAP_FIXED;
    map(
        address + 6 * PAGE,
        PAGE,
        libc::PROT_READ,
        flags,
        Some(&file),
        4 * PAGE,
    );
    map(
        address + 7 * PAGE,
        PAGE,
        libc::PROT_READ,
        flags,
        Some(&file),
        2 * PAGE,
    );
    [1, 2, 5, 7]
        .iter()
        .map(|page| address + page * PAGE - HALF)
        .collect()
}

/// A private file of which every other page was changed. The file has texts over the ends of its first page and of its last
/// but one.
fn patchwork(path: &str) -> Vec<usize> {
    let file = open(path);
    let pages = file
        .metadata()
        .ok()
        .and_then(|metadata| usize::try_from(metadata.len()).ok())
        .unwrap_or(0)
        / PAGE;
    let address = map(0, pages * PAGE, READ_WRITE, libc::MAP_PRIVATE, Some(&file), 0);
    for page in (0..pages).step_by(2) {
        poke(address + page * PAGE + PAGE / 2, b'!');
    }
    vec![address + PAGE - HALF, address + (pages - 1) * PAGE - HALF]
}

fn in_memfd(seed: u64) -> usize {
    let file = memfd("scene");
    let _ = file.set_len(PAGE as u64);
    put(
        map(0, PAGE, READ_WRITE, libc::MAP_SHARED, Some(&file), 0) + 50,
        seed,
    )
}

/// In a file that only this process's mount namespace has, where the host has another one.
fn namespace(folder: &str, seed: u64) -> Vec<usize> {
    own_mounts(folder);
    let path = format!("{folder}/library");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path);
    let Ok(file) = file else { std::process::exit(3) };
    let _ = file.set_len(PAGE as u64);
    for index in 0..TEXT_BYTES {
        let _ = file.write_at(&[byte(seed, index)], 40 + index as u64);
    }
    vec![map(0, PAGE, libc::PROT_READ, libc::MAP_PRIVATE, Some(&file), 0) + 40]
}

/// More of a file than it has: the pages behind its end cannot be read.
fn beyond(path: &str) -> Vec<usize> {
    vec![map(
        0,
        16 * PAGE,
        libc::PROT_READ,
        libc::MAP_SHARED,
        Some(&open(path)),
        0,
    )]
}

/// A file that was longer when it was mapped, and anonymous memory behind it.
fn truncated(path: &str, seed: u64) -> Vec<usize> {
    let address = anonymous(5 * PAGE);
    let file = open(path);
    map(
        address,
        4 * PAGE,
        libc::PROT_READ,
        libc::MAP_SHARED | libc::MAP_FIXED,
        Some(&file),
        0,
    );
    let _ = file.set_len(PAGE as u64);
    vec![address, put(address + 4 * PAGE, seed)]
}
