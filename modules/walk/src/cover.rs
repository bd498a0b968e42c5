//! Which roots a directory belongs to.

use crate::{Devices, FsKind, RemoteFs, Root, SkipReason};

/// A root that covers a directory, and how deep below that root the directory lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RootDepth {
    /// Index of the root in the slice that was given to [`walk`](crate::walk()).
    pub root: usize,
    /// Directories between; 0 for the root itself.
    pub depth: u32,
}

/// One root's claim on the directories below a start of the walk.
///
/// A *start* is a directory from which the walk sets out. Depths here count from the start; a root that lies above
/// the start has an offset.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    /// Index of the root.
    pub root: u32,
    /// How deep below the root the start lies.
    pub offset: u32,
    /// Depth below the start of the deepest directory that the root wants.
    pub reach: u32,
    /// Device of the root.
    pub device: u64,
    devices: Devices,
    remote: RemoteFs,
    /// The root lies on a pseudo file system itself, so these are walked.
    pseudo: bool,
}

impl Member {
    /// The claim of a root on itself.
    pub fn new(index: usize, root: &Root, device: u64, kind: FsKind) -> Self {
        Self {
            root: u32::try_from(index).unwrap_or(u32::MAX),
            offset: 0,
            reach: root.max_depth,
            device,
            devices: root.devices,
            remote: root.remote,
            pseudo: kind == FsKind::Pseudo,
        }
    }

    /// The claim of the same root on a start that lies `depth` below it; `None` when that is too deep.
    pub fn below(self, depth: u32) -> Option<Self> {
        let reach = self.reach.checked_sub(depth)?;
        Some(Self {
            offset: self.offset.saturating_add(depth),
            reach,
            ..self
        })
    }

    /// Why the root does not want a directory on another device than its parent's; `None` when it does.
    pub fn refuses(&self, device: u64, fs: &str, kind: FsKind) -> Option<SkipReason> {
        match kind {
            _ if self.devices == Devices::Same && device != self.device => Some(SkipReason::OtherDevice),
            FsKind::Remote => self.refuses_remote(fs),
            FsKind::Pseudo if !self.pseudo => Some(SkipReason::Pseudo { fs: fs.to_owned() }),
            FsKind::Pseudo | FsKind::Local => None,
        }
    }

    /// Why the root does not want a remote file system; `None` when it does.
    pub fn refuses_remote(&self, fs: &str) -> Option<SkipReason> {
        (self.remote == RemoteFs::Skip).then(|| SkipReason::Remote { fs: fs.to_owned() })
    }
}

/// The roots that want a directory: never empty, sorted by root.
#[derive(Debug)]
pub(crate) struct Cover {
    members: Box<[Member]>,
    /// Depth at which the first member ends.
    shallowest: u32,
    /// Depth at which the last member ends.
    deepest: u32,
}

impl Cover {
    /// A cover of these claims; `None` when there are none. One root claims once, at its smallest depth.
    pub fn new(mut members: Vec<Member>) -> Option<Self> {
        members.sort_by_key(|member| (member.root, member.offset));
        members.dedup_by_key(|member| member.root);
        let shallowest = members.iter().map(|member| member.reach).min()?;
        let deepest = members.iter().map(|member| member.reach).max()?;
        Some(Self {
            members: members.into(),
            shallowest,
            deepest,
        })
    }

    /// The claims.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Whether all members want a directory at this depth.
    pub fn all_reach(&self, depth: u32) -> bool {
        depth <= self.shallowest
    }

    /// Whether any member wants a directory at this depth.
    pub fn any_reaches(&self, depth: u32) -> bool {
        depth <= self.deepest
    }

    /// Splits into what is kept and what is not.
    pub fn split(&self, keep: impl Fn(&Member) -> bool) -> (Option<Self>, Option<Self>) {
        let (kept, dropped) = self.members.iter().copied().partition(keep);
        (Self::new(kept), Self::new(dropped))
    }

    /// The roots as callers know them, for a directory at `depth` below the start.
    pub fn roots_at(&self, depth: u32) -> impl Iterator<Item = RootDepth> + '_ {
        self.members.iter().map(move |member| RootDepth {
            root: usize::try_from(member.root).unwrap_or(usize::MAX),
            depth: member.offset.saturating_add(depth),
        })
    }
}
