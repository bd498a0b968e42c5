//! Linux: facts, read below the root folder.

mod sysctl;
mod units;

use std::{collections::BTreeMap, io::Read, path::Path};

use gumshoe_document::{Fact, FactKind, SourceError};
use gumshoe_plugin_api::Skipped;
use gumshoe_process::{Host as Processes, Kind};

use crate::{
    host::Host,
    parse::{accounts, kernel, os_release, ports},
};

/// Most of one text that is read.
const MAX_TEXT_BYTES: u64 = 64 << 20;

/// Everything of one kind.
///
/// # Errors
///
/// When it cannot be read.
pub(crate) fn facts(host: &Host<'_>, kind: FactKind) -> Result<Vec<Fact>, SourceError> {
    match kind {
        FactKind::OsRelease => {
            let paths = ["/etc/os-release", "/usr/lib/os-release"];
            let text = paths
                .iter()
                .find_map(|path| text(host, path).transpose())
                .transpose()?;
            Ok(os_release::parse(&text.unwrap_or_default()))
        }
        FactKind::User => Ok(accounts::parse(&text(host, "/etc/passwd")?.unwrap_or_default())),
        FactKind::KernelModule => Ok(kernel::modules(&text(host, "/proc/modules")?.unwrap_or_default())),
        FactKind::Mount => Ok(kernel::mounts(&text(host, "/proc/mounts")?.unwrap_or_default())),
        FactKind::Port => listening(host),
        FactKind::Process => processes(host),
        FactKind::Sysctl => Ok(sysctl::all(host)),
        FactKind::Unit => Ok(units::all(host)),
        other => Err(SourceError(format!(
            "`{}` is not known on this system",
            other.key()
        ))),
    }
}

/// A whole text; none when there is no such file.
fn text(host: &Host<'_>, path: &str) -> Result<Option<String>, SourceError> {
    let failed = |why: String| SourceError(format!("{path}: {why}"));
    let path = Path::new(path);
    let file = host
        .tree
        .file(path)
        .map_err(|reason| failed(reason.to_string()))?;
    let Some(file) = file else { return Ok(None) };
    let mut bytes = Vec::new();
    file.take(MAX_TEXT_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| failed(error.to_string()))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_TEXT_BYTES) {
        return Err(failed(format!("limit reached: {MAX_TEXT_BYTES} bytes")));
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Ports of the host's network namespace, each address once.
fn listening(host: &Host<'_>) -> Result<Vec<Fact>, SourceError> {
    let users: BTreeMap<u32, String> = accounts::parse(&text(host, "/etc/passwd")?.unwrap_or_default())
        .into_iter()
        .rev()
        .filter_map(|fact| Some((fact.values.first()?.parse().ok()?, fact.identifier)))
        .collect();
    let mut facts = Vec::new();
    for (name, protocol) in [("tcp", ports::Protocol::Tcp), ("udp", ports::Protocol::Udp)] {
        for table in [format!("/proc/net/{name}"), format!("/proc/net/{name}6")] {
            for socket in ports::parse(&text(host, &table)?.unwrap_or_default(), protocol) {
                let user = users
                    .get(&socket.uid)
                    .cloned()
                    .unwrap_or_else(|| socket.uid.to_string());
                facts.push(Fact {
                    identifier: format!("{name}/{}", socket.port),
                    values: vec![socket.address.to_string(), user],
                });
            }
        }
    }
    Ok(facts)
}

/// Programs that run, each process once.
fn processes(host: &Host<'_>) -> Result<Vec<Fact>, SourceError> {
    let processes = Processes::new(host.context.root());
    let pids = processes.pids().map_err(|error| SourceError(error.to_string()))?;
    let mut facts = Vec::new();
    for pid in pids {
        if host.context.own_processes().contains(&pid) {
            continue;
        }
        let process = match processes.dir(pid).and_then(|dir| processes.describe(&dir)) {
            Ok(process) => process,
            Err(error) if error.is_gone() => continue,
            Err(error) => {
                let entry = Skipped::one("process", error.to_string()).example(format!("pid {pid}"));
                host.context.skipped(entry);
                continue;
            }
        };
        if process.kind != Kind::Program {
            continue;
        }
        let Some(exe) = &process.exe else {
            host.context
                .skipped(Skipped::one("process", "program not known").example(format!("pid {pid}")));
            continue;
        };
        let user = processes
            .users()
            .of(process.uid)
            .map_or_else(|| process.uid.to_string(), str::to_owned);
        facts.push(Fact {
            identifier: gumshoe_process::shown(exe),
            values: vec![gumshoe_process::shown(&process.comm), user],
        });
    }
    Ok(facts)
}
