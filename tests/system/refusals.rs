//! Every check of a plugin file: refused, with a code of its own, before any of its code runs.

use gumshoe_tests::{Host, plugin};
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

/// Runs the installed plugin; returns the refusal's code and message.
fn refusal(host: &Host) -> (String, String) {
    let (code, report) = host.report(&["misbehave", "--deed", "none"]);
    assert_eq!(
        (code, report["status"].as_str()),
        (3, Some("refused")),
        "{report}"
    );
    let text = |key: &str| report["refusal"][key].as_str().unwrap().to_owned();
    (text("code"), text("message"))
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Installs the plugin with some of its bytes changed.
fn patched(change: impl FnOnce(&mut Vec<u8>)) -> Host {
    let host = Host::with("misbehave");
    let file = host.install("misbehave");
    let mut bytes = std::fs::read(&file).unwrap();
    change(&mut bytes);
    std::fs::write(&file, bytes).unwrap();
    host
}

/// Where the manifest lies in the plugin file.
fn manifest_at(bytes: &[u8]) -> usize {
    let found: Vec<usize> = bytes
        .windows(10)
        .enumerate()
        .filter(|(_, w)| *w == b"GUMSHOE\0\x01\0")
        .map(|(at, _)| at)
        .collect();
    assert_eq!(found.len(), 1, "one manifest");
    found[0]
}

#[test]
fn the_good_plugin_runs() {
    let (code, report) = Host::with("misbehave").report(&["misbehave", "--deed", "none"]);
    assert_eq!(
        (code, report["status"].as_str()),
        (1, Some("success")),
        "{report}"
    );
}

#[test]
fn mode_and_owner_of_the_file_and_of_every_folder_above() {
    let host = Host::with("misbehave");
    let file = host.install("misbehave");
    set_mode(&file, 0o775);
    let (code, message) = refusal(&host);
    assert_eq!(code, "plugin-mode");
    assert!(
        message.contains("0775") && message.contains("chmod go-w"),
        "{message}"
    );
    set_mode(&file, 0o755);
    set_mode(&host.path("modules"), 0o777);
    assert_eq!(refusal(&host).0, "plugin-mode");
    set_mode(&host.path("modules"), 0o755);
    set_mode(&host.path(""), 0o757);
    assert_eq!(refusal(&host).0, "plugin-mode", "a folder further up");
    set_mode(&host.path(""), 0o755);
    assert!(
        rustix::process::geteuid().is_root(),
        "this test gives a file away, which needs root"
    );
    chown(&file, Some(12345), None).unwrap();
    let (code, message) = refusal(&host);
    assert_eq!(code, "plugin-owner");
    assert!(message.contains("12345") && message.contains("root"), "{message}");
}

#[test]
fn another_hash_than_the_pinned_one() {
    let host = Host::with("misbehave");
    assert_eq!(host.output(&["modules", "pin", "misbehave"]).code, 0);
    assert_eq!(host.report(&["misbehave", "--deed", "none"]).0, 1);
    let file = host
        .path("modules")
        .join(plugin("misbehave").file_name().unwrap());
    let mut bytes = std::fs::read(&file).unwrap();
    bytes.push(0);
    std::fs::write(&file, bytes).unwrap();
    let (code, message) = refusal(&host);
    assert_eq!(code, "plugin-hash");
    assert!(message.contains("is pinned"), "{message}");
}

#[test]
fn object_format_and_processor() {
    let text = patched(|bytes| *bytes = b"#!/bin/sh\necho gotcha\n".to_vec());
    assert_eq!(refusal(&text).0, "plugin-format");
    let cut = patched(|bytes| bytes.truncate(4096));
    assert_eq!(refusal(&cut).0, "plugin-format");
    // e_machine lies at offset 18 of an ELF header; 243 is RISC-V, 40 is 32-bit ARM.
    let other = patched(|bytes| bytes[18] = if bytes[18] == 243 { 40 } else { 243 });
    let (code, message) = refusal(&other);
    assert_eq!(code, "plugin-architecture");
    assert!(message.contains(std::env::consts::ARCH), "{message}");
}

#[test]
fn abi_version_and_manifest() {
    let newer = patched(|bytes| {
        let at = manifest_at(bytes);
        bytes[at + 10] = 2;
    });
    let (code, message) = refusal(&newer);
    assert_eq!(code, "plugin-abi");
    assert!(
        message.contains("ABI 2") && message.contains("offers 1"),
        "{message}"
    );
    let rubbish = patched(|bytes| {
        let at = manifest_at(bytes);
        bytes[at + 20] = b'!';
    });
    assert_eq!(refusal(&rubbish).0, "plugin-manifest");
    let absent = patched(|bytes| {
        let at = manifest_at(bytes);
        bytes[at] = 0;
    });
    assert_eq!(refusal(&absent).0, "plugin-manifest");
}

#[test]
fn a_plugin_under_another_modules_name() {
    let host = Host::with("misbehave");
    let file = host.install("misbehave");
    host.configure("misbehave", "enabled = false\n");
    host.configure("innocent", &format!("enabled = true\npath = {file:?}\n"));
    let (code, report) = host.report(&["innocent"]);
    assert_eq!(
        (code, report["refusal"]["code"].as_str()),
        (3, Some("plugin-name")),
        "{report}"
    );
}

#[test]
fn modules_that_are_absent_or_not_enabled() {
    let host = Host::with("misbehave");
    let (code, report) = host.report(&["misbehav"]);
    assert_eq!(
        (code, report["refusal"]["code"].as_str()),
        (3, Some("module-unknown"))
    );
    assert!(
        report["refusal"]["message"]
            .as_str()
            .unwrap()
            .contains("did you mean `misbehave`")
    );
    host.configure("misbehave", "enabled = false\n");
    assert_eq!(refusal(&host).0, "module-disabled");
    std::fs::remove_file(host.path("config/modules.d/misbehave.toml")).unwrap();
    let (code, message) = refusal(&host);
    assert_eq!(code, "module-disabled");
    assert!(
        message.contains("gumshoe-agent modules enable misbehave"),
        "{message}"
    );
    host.configure("misbehave", "enabled = maybe\n");
    assert_eq!(refusal(&host).0, "module-config");
}
