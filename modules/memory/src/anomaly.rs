//! Signs of injected or replaced code that the lists of the system tell.

use crate::finding::Anomaly;
use crate::os::{FileKey, Target};
use crate::params::AnomalyKind;
use crate::region::{Kind, Region};
use gumshoe_process::{Process, shown};

/// How the path of memory that is shared without a file begins (`shmem_zero_setup` in `mm/shmem.c`, `ipc/shm.c`).
const SHARED_ANONYMOUS: [&[u8]; 2] = [b"/dev/zero", b"/SYSV"];
/// How the path of a program that lies in no folder begins.
const MEMFD: &[u8] = b"/memfd:";

/// The signs that a region shows by itself.
pub fn of_region(region: &Region) -> Vec<AnomalyKind> {
    let mut kinds = Vec::new();
    if !region.perms.exec || region.kind() == Kind::Device {
        return kinds;
    }
    let is_shared_anonymous = SHARED_ANONYMOUS
        .iter()
        .any(|prefix| region.name.starts_with(prefix));
    if matches!(region.kind(), Kind::Anon | Kind::Heap | Kind::Stack) || is_shared_anonymous {
        kinds.push(AnomalyKind::AnonExec);
    }
    if region.perms.write {
        kinds.push(AnomalyKind::WriteExec);
    }
    if region.is_memfd() {
        kinds.push(AnomalyKind::MemfdExe);
    }
    kinds
}

/// Signs that the program's file shows.
pub fn of_program(process: &Process, names: Option<u32>) -> Option<Anomaly> {
    let exe = process.exe.as_deref()?;
    if exe.starts_with(MEMFD) {
        return Some(Anomaly::of_process(
            AnomalyKind::MemfdExe,
            Some(exe),
            "the program was never in a folder",
        ));
    }
    let is_deleted = names == Some(0) || exe.ends_with(b" (deleted)");
    is_deleted.then(|| {
        Anomaly::of_process(
            AnomalyKind::DeletedExe,
            Some(exe),
            "the program's file is in no folder any more",
        )
    })
}

/// Whether the program's entry point lies in the program's file. `region` is where it lies.
pub fn of_entry(entry: u64, region: Option<&Region>, program: FileKey, target: &Target) -> Option<Anomaly> {
    let kind = AnomalyKind::ExeMismatch;
    let Some(region) = region else {
        return Some(Anomaly::of_process(
            kind,
            None,
            format!("nothing is mapped at the entry point {entry:#x}"),
        ));
    };
    let detail = match region.kind() {
        Kind::File => {
            // A file that cannot be identified says nothing.
            let key = target.file_key(region)?;
            (key != program).then(|| format!("the entry point lies in {}", shown(&region.name)))?
        }
        _ => "the entry point lies in memory without a file".to_owned(),
    };
    let mut anomaly = Anomaly::of_region(kind, region, entry, region.end - entry);
    anomaly.detail = Some(detail);
    Some(anomaly)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::maps;

    #[test]
    fn regions_show_signs_by_themselves() {
        use AnomalyKind::{AnonExec, MemfdExe, WriteExec};
        for (perms, name, expected) in [
            ("rwxp", "", vec![AnonExec, WriteExec]),
            ("r-xp", "[heap]", vec![AnonExec]),
            ("r-xp", "[vdso]", vec![]),
            ("--xp", "[vsyscall]", vec![]),
            ("r-xs", "/dev/zero (deleted)", vec![AnonExec]),
            ("r-xp", "/memfd:x (deleted)", vec![MemfdExe]),
            ("rwxp", "/lib/x.so", vec![WriteExec]),
            ("rw-p", "", vec![]),
        ] {
            let line = format!("1000-2000 {perms} 0 0:0 0 {name}");
            assert_eq!(
                of_region(&maps::line(line.as_bytes()).unwrap()),
                expected,
                "{line}"
            );
        }
    }
}
