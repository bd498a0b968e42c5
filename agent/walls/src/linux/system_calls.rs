//! The filters of system calls that [`super::rules`] describe: seccomp(2).
//!
//! Several filters are installed one after the other, and the kernel takes the strictest verdict of all of them. Of two
//! refusals by error number it takes that of the filter that was installed last.

use super::rules::{self, Call, Process, Test};
use crate::{Missing, Need, Wall, WallError};
use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter, apply_filter_all_threads,
};
use std::collections::BTreeMap;

/// Allows a runner what its class and its needs allow; see [`rules`].
pub fn filter_runner(needs: &[Need], missing: &mut Vec<Missing>) -> Result<(), WallError> {
    install(&rules::of(Process::Runner(needs)), missing)
}

/// Allows the courier what its class allows; see [`rules`].
pub fn filter_courier(missing: &mut Vec<Missing>) -> Result<(), WallError> {
    install(&rules::of(Process::Courier), missing)?;
    // It has no plugin to load.
    forbid_new_code()
}

/// No thread of this process can make memory executable from now on, whatever a plugin's initialisers have started.
pub fn forbid_new_code() -> Result<(), WallError> {
    let program = compile(rules::NEW_CODE, SeccompAction::Allow, refusal(libc::EPERM))
        .map_err(WallError::SystemCalls)?;
    match apply_filter_all_threads(&program) {
        Err(error) if is_unsupported(&error) => Ok(()), // told when the first filter was refused
        other => other.map_err(WallError::SystemCalls),
    }
}

/// Three filters: the list of what is allowed, what is answered as if the kernel did not have it, and what ends the process.
fn install(allowed: &[Call], missing: &mut Vec<Missing>) -> Result<(), WallError> {
    let others = |list: &[Call]| -> Vec<Call> {
        let is_allowed = |call: &&Call| allowed.iter().any(|a| a.number == call.number);
        list.iter().filter(|call| !is_allowed(call)).copied().collect()
    };
    let filters = [
        compile(allowed, refusal(libc::EPERM), SeccompAction::Allow),
        compile(
            &others(rules::UNKNOWN),
            SeccompAction::Allow,
            refusal(libc::ENOSYS),
        ),
        compile(
            &others(rules::FATAL),
            SeccompAction::Allow,
            SeccompAction::KillProcess,
        ),
    ];
    for filter in filters {
        match apply_filter(&filter.map_err(WallError::SystemCalls)?) {
            Err(error) if is_unsupported(&error) => {
                missing.push(Missing::new(
                    Wall::SystemCalls,
                    "this kernel has no seccomp filters",
                ));
                return Ok(());
            }
            other => other.map_err(WallError::SystemCalls)?,
        }
    }
    Ok(())
}

/// seccomp(2): `ENOSYS` without the system call, `EINVAL` without filters.
fn is_unsupported(error: &Error) -> bool {
    let Error::Seccomp(error) = error else {
        return false;
    };
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL))
}

fn refusal(errno: i32) -> SeccompAction {
    SeccompAction::Errno(errno.cast_unsigned())
}

/// One program: `matched` for the calls, `otherwise` for everything else. A program for another processor ends the process.
fn compile(calls: &[Call], otherwise: SeccompAction, matched: SeccompAction) -> Result<BpfProgram, Error> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    let mut unconditional = Vec::new();
    for call in calls {
        let entry = rules.entry(call.number).or_default();
        if call.tests.is_empty() {
            unconditional.push(call.number);
        } else {
            entry.push(rule(call.tests)?);
        }
    }
    for number in unconditional {
        rules.insert(number, Vec::new());
    }
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let filter = SeccompFilter::new(rules, otherwise, matched, arch)?;
    Ok(BpfProgram::try_from(filter)?)
}

/// All tests of one call have to hold.
fn rule(tests: &[Test]) -> Result<SeccompRule, Error> {
    let conditions = tests.iter().map(condition).collect::<Result<_, _>>()?;
    Ok(SeccompRule::new(conditions)?)
}

fn condition(test: &Test) -> Result<SeccompCondition, Error> {
    use SeccompCmpArgLen::{Dword, Qword};
    use SeccompCmpOp::{Eq, MaskedEq};
    let (argument, length, operator, value) = match *test {
        Test::Clear { argument, bits } => (argument, Dword, MaskedEq(bits), 0),
        Test::Set { argument, bits } => (argument, Dword, MaskedEq(bits), bits),
        Test::Is { argument, value } => (argument, Dword, Eq, value),
        Test::Null { argument } => (argument, Qword, Eq, 0),
        Test::OwnProcess { argument } => (argument, Dword, Eq, u64::from(std::process::id())),
    };
    Ok(SeccompCondition::new(argument, length, operator, value)?)
}
