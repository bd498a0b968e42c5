//! The least that searching memory can cost: reads the populated pages of processes, and does nothing else with them, or
//! looks for one literal. What the module is measured against.
//!
//! `memory_peer [--search TEXT] PID…` prints the bytes read and the matches.

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<()> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
mod linux {
    use memchr::memmem::Finder;
    use nix::sys::uio::{RemoteIoVec, process_vm_readv};
    use nix::unistd::Pid;
    use std::fs::File;
    use std::io::{self, IoSliceMut};
    use std::os::unix::fs::FileExt;

    const BUFFER_BYTES: usize = 256 << 10;
    const PAGE_BYTES: u64 = 4096;
    /// Present, or swapped.
    const POPULATED: u64 = 3 << 62;

    pub(super) fn main() -> io::Result<()> {
        let mut arguments: Vec<String> = std::env::args().skip(1).collect();
        let mut finder = None;
        if arguments.first().is_some_and(|first| first == "--search") {
            finder = arguments
                .get(1)
                .map(|text| Finder::new(text.as_bytes()).into_owned());
            arguments.drain(..2);
        }
        let mut buffer = vec![0; BUFFER_BYTES];
        let (mut bytes, mut matches) = (0, 0);
        for pid in arguments.iter().filter_map(|text| text.parse().ok()) {
            let (read, found) = process(pid, finder.as_ref(), &mut buffer)?;
            bytes += read;
            matches += found;
        }
        println!("{bytes} bytes, {matches} matches");
        Ok(())
    }

    fn process(pid: i32, finder: Option<&Finder<'_>>, buffer: &mut [u8]) -> io::Result<(usize, usize)> {
        let pagemap = File::open(format!("/proc/{pid}/pagemap"))?;
        let maps = std::fs::read_to_string(format!("/proc/{pid}/maps"))?;
        let mut sums = (0, 0);
        for line in maps.lines().filter(|line| !line.contains("[v")) {
            let Some((start, end)) = range(line) else { continue };
            for (start, end) in populated(&pagemap, start, end) {
                for at in (start..end).step_by(BUFFER_BYTES) {
                    let length = usize::try_from(end - at)
                        .unwrap_or(BUFFER_BYTES)
                        .min(BUFFER_BYTES);
                    let remote = [RemoteIoVec {
                        base: usize::try_from(at).unwrap_or(0),
                        len: length,
                    }];
                    let mut local = [IoSliceMut::new(&mut buffer[..length])];
                    let read = process_vm_readv(Pid::from_raw(pid), &mut local, &remote).unwrap_or(0);
                    sums.0 += read;
                    sums.1 += finder.map_or(0, |finder| finder.find_iter(&buffer[..read]).count());
                }
            }
        }
        Ok(sums)
    }

    fn range(line: &str) -> Option<(u64, u64)> {
        let (start, end) = line.split_once(' ')?.0.split_once('-')?;
        Some((
            u64::from_str_radix(start, 16).ok()?,
            u64::from_str_radix(end, 16).ok()?,
        ))
    }

    fn populated(pagemap: &File, start: u64, end: u64) -> Vec<(u64, u64)> {
        let mut entries = vec![0; 64 << 10];
        let mut runs: Vec<(u64, u64)> = Vec::new();
        let mut at = start;
        while at < end {
            let wanted = usize::try_from((end - at) / PAGE_BYTES * 8)
                .unwrap_or(usize::MAX)
                .min(entries.len());
            let read = pagemap
                .read_at(&mut entries[..wanted], at / PAGE_BYTES * 8)
                .unwrap_or(0);
            if read == 0 {
                break;
            }
            for entry in entries[..read].as_chunks::<8>().0 {
                if u64::from_ne_bytes(*entry) & POPULATED != 0 {
                    match runs.last_mut() {
                        Some(last) if last.1 == at => last.1 += PAGE_BYTES,
                        _ => runs.push((at, at + PAGE_BYTES)),
                    }
                }
                at += PAGE_BYTES;
            }
        }
        runs
    }
}
