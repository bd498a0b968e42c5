//! What the process sees of files and networks: landlock(7).

use crate::{Missing, Need, Wall, WallError};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
};
use std::path::{Path, PathBuf};

/// The newest version of Landlock whose rights are known to be right for a process that only reads.
const KNOWN: ABI = ABI::V7;

/// Lets a runner read what lies below `paths`, and neither write, execute, connect, listen nor signal.
///
/// Not for a module that looks into processes: a process inside a Landlock domain may not look into any process outside it,
/// whatever its capabilities, and there is no exception to ask for (landlock(7), "Ptrace restrictions").
pub fn restrict_files(
    needs: &[Need],
    paths: &[PathBuf],
    missing: &mut Vec<Missing>,
) -> Result<(), WallError> {
    if needs.contains(&Need::ReadProcesses) || needs.contains(&Need::EnterNamespaces) {
        return Ok(());
    }
    let view = View {
        read: paths,
        list: &parents(paths),
    };
    restrict_files_to(view, Network::None, missing)
}

/// The folders of those paths that are no folders: a walk opens them to begin with, by the path's name and by where its links lead.
fn parents(paths: &[PathBuf]) -> Vec<PathBuf> {
    paths
        .iter()
        .filter(|path| !path.is_dir())
        .flat_map(|path| [Some(path.clone()), path.canonicalize().ok()])
        .filter_map(|path| Some(path?.parent()?.to_owned()))
        .collect()
}

/// What the process sees of files.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// Files that it may read, and folders with everything below them.
    pub read: &'a [PathBuf],
    /// Folders of which it may read names, below them too, and no more.
    pub list: &'a [PathBuf],
}

/// Whether the process keeps a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// No TCP.
    None,
    /// Connections out, and none in.
    Out,
}

/// Lets the process see this and do nothing else with files. What does not exist is left out.
pub fn restrict_files_to(
    view: View<'_>,
    network: Network,
    missing: &mut Vec<Missing>,
) -> Result<(), WallError> {
    let status = restrict(view, network).map_err(|error| match error {
        Refused::Ruleset(error) => WallError::Files(error),
        Refused::Path(error) => WallError::Path(error),
    })?;
    if status == RulesetStatus::NotEnforced {
        missing.push(Missing::new(
            Wall::Files,
            "this kernel has no Landlock (Linux 5.13, enabled)",
        ));
    }
    Ok(())
}

enum Refused {
    Ruleset(landlock::RulesetError),
    Path(landlock::PathFdError),
}

impl<E: Into<landlock::RulesetError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Ruleset(error.into())
    }
}

fn restrict(view: View<'_>, network: Network) -> Result<RulesetStatus, Refused> {
    let ports: BitFlags<AccessNet> = match network {
        Network::None => AccessNet::from_all(KNOWN),
        Network::Out => AccessNet::BindTcp.into(),
    };
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(ports)?
        .scope(Scope::from_all(KNOWN))?
        .create()?;
    let read = view
        .read
        .iter()
        .map(|path| (path, AccessFs::ReadFile | AccessFs::ReadDir));
    let list = view.list.iter().map(|path| (path, AccessFs::ReadDir.into()));
    for (path, rights) in read.chain(list) {
        ruleset = match open(path, rights)? {
            Some((fd, rights)) => ruleset.add_rule(PathBeneath::new(fd, rights))?,
            None => ruleset,
        };
    }
    Ok(ruleset.restrict_self()?.ruleset)
}

/// The open path with those of the rights that fit it; `None` when there is no such path.
fn open(path: &Path, rights: BitFlags<AccessFs>) -> Result<Option<(PathFd, BitFlags<AccessFs>)>, Refused> {
    let Ok(metadata) = path.metadata() else {
        return Ok(None);
    };
    let fitting = if metadata.is_dir() {
        rights
    } else {
        rights & AccessFs::ReadFile
    };
    let fd = PathFd::new(path).map_err(Refused::Path)?;
    Ok(Some((fd, fitting)))
}
