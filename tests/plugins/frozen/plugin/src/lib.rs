//! A plugin on the bare ABI 1.0, without the SDK: it stands for every plugin built with it.

use gumshoe_plugin_abi::abi_stable::library::{LibHeader, RootModuleResult};
use gumshoe_plugin_abi::abi_stable::prefix_type::PrefixTypeTrait;
use gumshoe_plugin_abi::abi_stable::std_types::{RErr, ROk, RSlice, RVec};
use gumshoe_plugin_abi::{Answer, Bytes, Handle, HostRef, Plugin, PluginRef, erased_root, event, plugin_header};

const TEXT: &str = r#"{"name":"frozen","version":"1.0.0","summary":"built against ABI 1.0","os":["linux","macos"],"privileges":[]}"#;
const HEADER: usize = 20;

#[used]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__gumshoe"))]
#[cfg_attr(not(target_os = "macos"), unsafe(link_section = ".gumshoe"))]
static MANIFEST: [u8; HEADER + TEXT.len()] = {
    let mut bytes = [0; HEADER + TEXT.len()];
    let header = *b"GUMSHOE\0\x01\0\x01\0\0\0\0\0";
    let mut at = 0;
    while at < 16 {
        bytes[at] = header[at];
        at += 1;
    }
    bytes[16] = TEXT.len() as u8;
    let mut i = 0;
    while i < TEXT.len() {
        bytes[HEADER + i] = TEXT.as_bytes()[i];
        i += 1;
    }
    bytes
};

fn text(bytes: &str) -> RVec<u8> {
    std::hint::black_box(&MANIFEST);
    RVec::from(bytes.as_bytes().to_vec())
}

extern "C" fn describe() -> RVec<u8> {
    text(r#"{"about":"frozen","flags":[],"examples":[]}"#)
}

extern "C" fn schema() -> RVec<u8> {
    text(r#"{"type":"object"}"#)
}

extern "C" fn arguments(_: Bytes<'_>) -> Answer {
    ROk(text("{}"))
}

extern "C" fn validate(params: Bytes<'_>) -> Answer {
    if &params[..] == b"{}" { ROk(RVec::new()) } else { RErr(text(r#"{"kind":"parameters","message":"only {} is good"}"#)) }
}

extern "C" fn render(_: Bytes<'_>) -> Answer {
    ROk(text("a finding of the frozen plugin"))
}

extern "C" fn run(_: Bytes<'_>, host: HostRef, handle: Handle) -> Answer {
    let operation = host.operation()(handle);
    let root = String::from_utf8_lossy(&operation).contains("\"root\"");
    let finding = format!(r#"{{"number":1,"saw_root":{root}}}"#);
    host.emit()(handle, RSlice::from_slice(finding.as_bytes()));
    host.event()(handle, event::SKIPPED, RSlice::from_slice(br#"{"what":"thing","why":"frozen","count":2}"#));
    host.event()(handle, 999, RSlice::from_slice(b"an event of a kind nobody knows"));
    let stopped = host.stopped()(handle);
    ROk(text(&format!(r#"{{"stopped":{stopped}}}"#)))
}

fn table() -> PluginRef {
    Plugin { describe, schema, arguments, validate, render, run }.leak_into_prefix()
}

extern "C" fn constructor() -> RootModuleResult {
    erased_root(table)
}

// SAFETY: the constructor makes the table by `erased_root`; the name is this ABI's own.
#[unsafe(export_name = "gumshoe_plugin_header")]
static PLUGIN_HEADER: LibHeader = unsafe { plugin_header(constructor) };
