//! Control groups, version 2: limits that the kernel keeps for a runner and all its threads.
//!
//! Only below a group that was delegated to the agent (systemd's `Delegate=`), and only what its controllers can do.
//! Source: the kernel's `admin-guide/cgroup-v2`, systemd's `CGROUP_DELEGATION`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where version 2 is mounted.
pub const CGROUP_ROOT: &str = "/sys/fs/cgroup";
/// The group that the agent's own processes move into: a group with limits below it must have no processes itself.
const OWN_GROUP: &str = "warden";
/// What limits need.
const CONTROLLERS: [&str; 3] = ["cpu", "memory", "pids"];
/// The period of `cpu.max`. Source: cgroup-v2, "CPU".
const CPU_PERIOD_US: u64 = 100_000;
/// Files of control groups that are read here are a few lines; `cgroup.procs` has one per process.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Why there is no control group.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CgroupError {
    /// The agent is in no group of version 2.
    #[error("the agent is in no control group of version 2")]
    None,
    /// The group belongs to somebody else.
    #[error("the control group `{path}` is not delegated to the agent")]
    NotDelegated {
        /// The group.
        path: PathBuf,
    },
    /// A controller that a limit needs is not there.
    #[error("the control group `{path}` has no controller `{controller}`")]
    Controller {
        /// The group.
        path: PathBuf,
        /// The controller.
        controller: &'static str,
    },
    /// A file of the group could not be read or written, or the group not made.
    #[error("failed to change `{path}`")]
    Change {
        /// The file or folder.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
}

/// Limits of one group; 0 for none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CgroupLimits {
    /// All memory, page cache included, in bytes.
    pub memory_bytes: u64,
    /// Processor time, in percent of one processor.
    pub cpu_percent: u32,
    /// Processes and threads.
    pub processes: u32,
}

/// The group below which groups of runners are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cgroups {
    base: PathBuf,
}

impl Cgroups {
    /// Finds the agent's delegated group below `root` ([`CGROUP_ROOT`]), and moves the agent's processes out of the way.
    ///
    /// # Errors
    ///
    /// [`CgroupError`]: limits have to be kept by other means then.
    pub fn find(root: &Path) -> Result<Self, CgroupError> {
        let own = read(Path::new("/proc/self/cgroup"))?;
        let own = root.join(own_group(&own).ok_or(CgroupError::None)?);
        if is_delegated(&own) {
            return Self::take_over(own);
        }
        match own.parent() {
            Some(parent) if is_delegated(parent) => Self::with_controllers(parent.to_owned()),
            _ => Err(CgroupError::NotDelegated { path: own }),
        }
    }

    /// Moves every process of the group into one below it.
    fn take_over(base: PathBuf) -> Result<Self, CgroupError> {
        let own = base.join(OWN_GROUP);
        make(&own)?;
        for process in read(&base.join("cgroup.procs"))?.lines() {
            write(&own.join("cgroup.procs"), process)?;
        }
        Self::with_controllers(base)
    }

    /// Passes the controllers on to groups below.
    fn with_controllers(base: PathBuf) -> Result<Self, CgroupError> {
        let there = read(&base.join("cgroup.controllers"))?;
        let is_there = |controller: &&str| there.split_whitespace().any(|word| word == *controller);
        if let Some(controller) = CONTROLLERS.into_iter().find(|controller| !is_there(controller)) {
            return Err(CgroupError::Controller {
                path: base,
                controller,
            });
        }
        for controller in CONTROLLERS {
            write(&base.join("cgroup.subtree_control"), &format!("+{controller}"))?;
        }
        Ok(Self { base })
    }

    /// Makes a group with limits. Its name must be one that no other group has, and no path.
    ///
    /// # Errors
    ///
    /// [`CgroupError::Controller`] names a limit that cannot be kept; the group is gone then.
    pub fn create(&self, name: &str, limits: CgroupLimits) -> Result<Cgroup, CgroupError> {
        let path = self.base.join(name);
        make(&path)?;
        let group = Cgroup { path };
        group.limit("memory", "memory.max", limits.memory_bytes, |bytes| {
            bytes.to_string()
        })?;
        group.limit("pids", "pids.max", limits.processes.into(), |count| {
            count.to_string()
        })?;
        group.limit("cpu", "cpu.max", limits.cpu_percent.into(), cpu_max)?;
        Ok(group)
    }
}

/// `cpu.max` for a share in percent of one processor: microseconds in each period.
fn cpu_max(percent: u64) -> String {
    format!("{} {CPU_PERIOD_US}", percent.saturating_mul(CPU_PERIOD_US) / 100)
}

/// A group. Dropping it kills whatever is in it and removes it.
#[derive(Debug)]
pub struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    /// Puts a process with all its threads into the group.
    ///
    /// # Errors
    ///
    /// [`CgroupError::Change`].
    pub fn join(&self, process: u32) -> Result<(), CgroupError> {
        write(&self.path.join("cgroup.procs"), &process.to_string())
    }

    fn limit(
        &self,
        controller: &'static str,
        file: &str,
        value: u64,
        text: impl Fn(u64) -> String,
    ) -> Result<(), CgroupError> {
        if value == 0 {
            return Ok(());
        }
        let file = self.path.join(file);
        if !file.exists() {
            return Err(CgroupError::Controller {
                path: self.path.clone(),
                controller,
            });
        }
        write(&file, &text(value))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Linux 5.14; before that only a runner that was reaped leaves an empty group.
        let _ = write(&self.path.join("cgroup.kill"), "1");
        // The kernel may still be letting go of what was in it; a group that stays is empty and costs a folder.
        let _ = fs::remove_dir(&self.path);
    }
}

/// The path of the process's group in version 2, relative: the line `0::/PATH` of `/proc/self/cgroup`.
fn own_group(text: &str) -> Option<&str> {
    let path = text.lines().find_map(|line| line.strip_prefix("0::/"))?;
    // A group that was removed, or lies outside the view.
    (!path.ends_with(" (deleted)") && !path.split('/').any(|part| part == "..")).then_some(path)
}

/// Whether systemd marked the group as delegated: an attribute of its folder.
fn is_delegated(group: &Path) -> bool {
    #[cfg(target_os = "linux")]
    return ["user.delegate", "trusted.delegate"].iter().any(|attribute| {
        let mut value = [0; 2];
        matches!(rustix::fs::getxattr(group, *attribute, &mut value[..]), Ok(1)) && value[0] == b'1'
    });
    #[cfg(not(target_os = "linux"))]
    return group.as_os_str().is_empty();
}

fn make(path: &Path) -> Result<(), CgroupError> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(path)(error)),
        _ => Ok(()),
    }
}

fn read(path: &Path) -> Result<String, CgroupError> {
    use io::Read;
    let mut text = String::new();
    let file = fs::File::open(path).map_err(failed(path))?;
    file.take(MAX_FILE_BYTES)
        .read_to_string(&mut text)
        .map_err(failed(path))?;
    Ok(text)
}

fn write(path: &Path, text: &str) -> Result<(), CgroupError> {
    use io::Write;
    // Never creates: a file that is not there is a controller that is not there.
    let open = fs::OpenOptions::new().write(true).open(path);
    open.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(failed(path))
}

fn failed(path: &Path) -> impl Fn(io::Error) -> CgroupError {
    move |source| CgroupError::Change {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// A folder that looks like a group with the given files.
    fn group(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn the_own_group_is_that_of_version_2() {
        let text = "12:cpu,cpuacct:/x\n0::/system.slice/gumshoe-agent.service\n1:name=systemd:/y\n";
        assert_eq!(own_group(text), Some("system.slice/gumshoe-agent.service"));
        for other in ["", "1:cpu:/x", "0::/../outside", "0::/gone (deleted)"] {
            assert_eq!(own_group(other), None, "{other}");
        }
    }

    #[test]
    fn a_share_is_of_one_processor() {
        assert_eq!(cpu_max(50), "50000 100000");
        assert_eq!(cpu_max(250), "250000 100000");
    }

    #[test]
    fn the_agents_processes_move_out_of_the_way() {
        let base = group(&[
            ("cgroup.procs", "17\n18\n"),
            ("cgroup.controllers", "cpuset cpu memory pids\n"),
            ("cgroup.subtree_control", ""),
        ]);
        fs::create_dir(base.path().join(OWN_GROUP)).unwrap();
        fs::write(base.path().join(OWN_GROUP).join("cgroup.procs"), "").unwrap();
        let groups = Cgroups::take_over(base.path().to_owned()).unwrap();
        let moved = fs::read_to_string(base.path().join(OWN_GROUP).join("cgroup.procs")).unwrap();
        assert_eq!(moved, "18", "the last of them, each written by itself");
        let passed_on = fs::read_to_string(base.path().join("cgroup.subtree_control")).unwrap();
        assert!(
            passed_on.starts_with("+pids"),
            "the last of them, each written by itself: {passed_on}"
        );
        assert!(groups.create("runner-1", CgroupLimits::default()).is_ok());
    }

    #[test]
    fn a_group_without_a_controller_is_not_used() {
        let base = group(&[("cgroup.controllers", "cpuset cpu memory_but_not_quite pids\n")]);
        let refused = Cgroups::with_controllers(base.path().to_owned());
        assert!(matches!(
            refused,
            Err(CgroupError::Controller {
                controller: "memory",
                ..
            })
        ));
    }

    #[test]
    fn a_limit_without_its_controller_is_refused_and_leaves_nothing_behind() {
        let base = group(&[]);
        let groups = Cgroups {
            base: base.path().to_owned(),
        };
        let limits = CgroupLimits {
            cpu_percent: 50,
            ..CgroupLimits::default()
        };
        let refused = groups.create("runner-1", limits);
        assert!(matches!(
            refused,
            Err(CgroupError::Controller {
                controller: "cpu",
                ..
            })
        ));
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
    }
}
