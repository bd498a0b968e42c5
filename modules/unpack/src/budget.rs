//! What unpacking one file, and all files of an operation together, may cost.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::reason::{Interrupt, Reason};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// Bounds for one file from disk and everything nested in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that one file may yield, all members and nestings added up. Default 4 GiB.
    pub file_output_bytes: u64,
    /// How many times as large as its input a stream may become. Default 200.
    pub ratio: u64,
    /// Output of one stream below which the ratio is not looked at. Default 16 MiB.
    pub ratio_floor_bytes: u64,
    /// How many archives may lie within each other, the file itself included. Default 4. What an archive is compressed with
    /// does not count (`a.tar.gz` is one); a compressed stream inside another one does.
    pub depth: u32,
    /// Members of one archive. Default 100,000.
    pub archive_members: u64,
    /// Members of one file, nested archives included. Default 1,000,000.
    pub file_members: u64,
    /// Length of a member's name, in bytes. Default 4096 (Linux `PATH_MAX`).
    pub name_bytes: u64,
    /// Window or dictionary of one decoder. Default 32 MiB; at most 64 MiB is sensible.
    pub window_bytes: u64,
    /// Bytes of nested archives that are kept in memory at a time. Default 32 MiB.
    pub buffer_bytes: u64,
    /// A zip's central directory, which is kept in memory. Default 32 MiB.
    pub directory_bytes: u64,
    /// One extended header of a tar (pax records, GNU long names). Default 1 MiB.
    pub extended_header_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_output_bytes: 4 * GIB,
            ratio: 200,
            ratio_floor_bytes: 16 * MIB,
            depth: 4,
            archive_members: 100_000,
            file_members: 1_000_000,
            name_bytes: 4 * KIB,
            window_bytes: 32 * MIB,
            buffer_bytes: 32 * MIB,
            directory_bytes: 32 * MIB,
            extended_header_bytes: MIB,
        }
    }
}

/// What all files of an operation may yield together. Shared between threads.
#[derive(Debug)]
pub struct Total {
    limit: u64,
    used: AtomicU64,
}

impl Total {
    /// Allows `limit` bytes of unpacked data.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self {
            limit,
            used: AtomicU64::new(0),
        }
    }

    /// Bytes unpacked until now.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn charge(&self, bytes: u64) -> Result<(), Reason> {
        let seen = self.used.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if seen <= self.limit {
            return Ok(());
        }
        Err(Reason::TotalOutput {
            limit: self.limit,
            seen,
        })
    }
}

/// The account of one file from disk: make one for each, share [`Total`] between them.
///
/// Everything nested in the file draws on the same budget.
pub struct Budget<'p> {
    limits: Limits,
    total: Option<&'p Total>,
    poll: Option<&'p dyn Fn() -> Option<Interrupt>>,
    output: Cell<u64>,
    members: Cell<u64>,
    buffered: Cell<u64>,
}

impl<'p> Budget<'p> {
    /// A fresh account with these limits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            total: None,
            poll: None,
            output: Cell::new(0),
            members: Cell::new(0),
            buffered: Cell::new(0),
        }
    }

    /// Also draws on what the whole operation may use.
    #[must_use]
    pub fn with_total(mut self, total: &'p Total) -> Self {
        self.total = Some(total);
        self
    }

    /// Asks `poll` before each block of input and after each block of output (some ten kilobytes, some
    /// hundred microseconds) whether to go on.
    #[must_use]
    pub fn with_poll(mut self, poll: &'p dyn Fn() -> Option<Interrupt>) -> Self {
        self.poll = Some(poll);
        self
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Bytes unpacked from this file until now.
    #[must_use]
    pub fn output(&self) -> u64 {
        self.output.get()
    }

    /// Members met in this file until now.
    #[must_use]
    pub fn members(&self) -> u64 {
        self.members.get()
    }

    pub(crate) fn check_interrupt(&self) -> Result<(), Reason> {
        match self.poll.and_then(|poll| poll()) {
            Some(interrupt) => Err(Reason::Interrupted(interrupt)),
            None => Ok(()),
        }
    }

    /// Books `bytes` of unpacked data.
    pub(crate) fn charge_output(&self, bytes: u64) -> Result<(), Reason> {
        let seen = self.output.get().saturating_add(bytes);
        self.output.set(seen);
        if seen > self.limits.file_output_bytes {
            return Err(Reason::FileOutput {
                limit: self.limits.file_output_bytes,
                seen,
            });
        }
        self.total.map_or(Ok(()), |total| total.charge(bytes))
    }

    /// Judges what one stream of `input` bytes has become.
    pub(crate) fn check_ratio(&self, input: u64, output: u64) -> Result<(), Reason> {
        let allowed = input.max(1).saturating_mul(self.limits.ratio);
        if output <= self.limits.ratio_floor_bytes || output <= allowed {
            return Ok(());
        }
        Err(Reason::Ratio {
            limit: self.limits.ratio,
            input,
            output,
        })
    }

    /// Books the `in_archive`th member of an archive.
    pub(crate) fn charge_member(&self, in_archive: u64) -> Result<(), Reason> {
        self.members.set(self.members.get().saturating_add(1));
        let limits = &self.limits;
        let checks = [
            (limits.archive_members, in_archive),
            (limits.file_members, self.members.get()),
        ];
        match checks.into_iter().find(|(limit, seen)| seen > limit) {
            Some((limit, seen)) => Err(Reason::Members { limit, seen }),
            None => Ok(()),
        }
    }

    pub(crate) fn check_depth(&self, depth: u32) -> Result<(), Reason> {
        if depth <= self.limits.depth {
            return Ok(());
        }
        Err(Reason::Depth {
            limit: self.limits.depth,
            seen: depth,
        })
    }

    pub(crate) fn check_name(&self, bytes: u64) -> Result<(), Reason> {
        if bytes <= self.limits.name_bytes {
            return Ok(());
        }
        Err(Reason::Name {
            limit: self.limits.name_bytes,
            seen: bytes,
        })
    }

    /// Bytes of nested archives that may still be kept in memory.
    pub(crate) fn buffer_left(&self) -> u64 {
        self.limits.buffer_bytes.saturating_sub(self.buffered.get())
    }

    pub(crate) fn hold_buffer(&self, bytes: u64) {
        self.buffered.set(self.buffered.get().saturating_add(bytes));
    }

    pub(crate) fn release_buffer(&self, bytes: u64) {
        self.buffered.set(self.buffered.get().saturating_sub(bytes));
    }
}
