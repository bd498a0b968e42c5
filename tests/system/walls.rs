//! Each wall of a runner, tried from inside: what the system said, and that nothing came of it.

use gumshoe_tests::{Host, plugin};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;

const EPERM: u64 = 1;
const EACCES: u64 = 13;
const ENOSYS: u64 = 38;
const ALL: &[&str] = &["read-files", "read-processes", "enter-namespaces"];
const EVERY_SET: &[&[&str]] = &[&[], &["read-files"], &["read-files", "read-processes"], ALL];

/// A host on which a plugin that tries to escape is installed, with these privileges and no others.
fn host(privileges: &[&str]) -> Host {
    assert!(
        rustix::process::geteuid().is_root(),
        "this test takes rights away, which needs root"
    );
    let host = Host::with("misbehave");
    let file = host.install("misbehave");
    let mut bytes = fs::read(&file).unwrap();
    for word in ALL.iter().filter(|word| !privileges.contains(word)) {
        blank(&mut bytes, word);
    }
    fs::write(&file, bytes).unwrap();
    // Whoever the runner is, what it can reach is up to its walls and not to this folder's mode.
    fs::set_permissions(host.path(""), Permissions::from_mode(0o755)).unwrap();
    host
}

/// Takes a word out of the manifest: empty strings in its lists are padding.
fn blank(bytes: &mut [u8], word: &str) {
    let old = format!("\"{word}\"");
    let list = bytes
        .windows(14)
        .position(|part| part == b"\"privileges\":[")
        .unwrap();
    let at = list
        + bytes[list..]
            .windows(old.len())
            .position(|part| part == old.as_bytes())
            .unwrap();
    let new = format!("{:<1$}", "\"\"", old.len());
    bytes[at..at + new.len()].copy_from_slice(new.as_bytes());
}

/// A file in a folder where anybody may do anything, so that no mode is what keeps the runner out.
fn free_for_all(host: &Host) -> PathBuf {
    let folder = host.path("free");
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
    let file = folder.join("file");
    fs::write(&file, "before").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
    file
}

/// Tries a way with everything that the privileges give.
fn report(host: &Host, way: &str, target: &str) -> Value {
    report_with(host, way, target, &["--looks"])
}

fn report_with(host: &Host, way: &str, target: &str, more: &[&str]) -> Value {
    let escape = ["misbehave", "--deed", "escape", "--way", way, "--target", target];
    host.report(&[&escape, more].concat()).1
}

/// What the system said: 0 for success, or the number of the error; and the text that came with it.
fn said(report: &Value) -> (u64, &str) {
    let finding = &report["findings"][0];
    let number = finding["number"]
        .as_u64()
        .unwrap_or_else(|| panic!("no finding: {report}"));
    (number, finding["text"].as_str().unwrap())
}

fn assert_killed(report: &Value, by: &str, because: &str) {
    let errors = report["errors"].to_string();
    assert_eq!(report["status"], "failed", "{report}");
    assert!(errors.contains(by) && errors.contains(because), "{report}");
}

fn assert_killed_for_its_call(report: &Value) {
    assert_killed(
        report,
        "SIGSYS",
        "a system call that no module has any business with",
    );
}

#[test]
fn files_are_not_changed() {
    for privileges in EVERY_SET {
        let host = host(privileges);
        let file = free_for_all(&host);
        let name = file.to_str().unwrap();
        for way in ["write-file", "unlink", "rename", "truncate", "chmod"] {
            assert_eq!(
                said(&report(&host, way, name)).0,
                EPERM,
                "{way} with {privileges:?}"
            );
        }
        let new = format!("{name}.new");
        for way in ["create-file", "make-folder"] {
            assert_eq!(
                said(&report(&host, way, &new)).0,
                EPERM,
                "{way} with {privileges:?}"
            );
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "before");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o666);
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    }
}

#[test]
fn a_call_whose_flags_no_filter_sees_writes_nothing_either() {
    for (privileges, refused) in [(EVERY_SET[0], ENOSYS), (EVERY_SET[1], EACCES)] {
        let host = host(privileges);
        let file = free_for_all(&host);
        let name = file.to_str().unwrap();
        for way in ["write-file-unseen", "write-mapped"] {
            assert_eq!(
                said(&report(&host, way, name)).0,
                refused,
                "{way} with {privileges:?}"
            );
        }
        let new = format!("{name}.new");
        assert_eq!(
            said(&report(&host, "create-file-unseen", &new)).0,
            refused,
            "{privileges:?}"
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), "before");
        assert!(!fs::exists(new).unwrap());
    }
}

#[test]
fn where_there_is_no_view_of_files_modes_and_limits_stop_it() {
    let host = host(ALL);
    let file = free_for_all(&host);
    let name = file.to_str().unwrap();
    assert_killed(
        &report(&host, "write-file-unseen", name),
        "SIGXFSZ",
        "it wrote to a file",
    );
    assert_eq!(said(&report(&host, "write-mapped", name)).0, EPERM);
    assert_eq!(fs::read_to_string(&file).unwrap(), "before");
    let of_root = host.path("config/agent.toml");
    let before = fs::read(&of_root).unwrap();
    let of_root_name = of_root.to_str().unwrap();
    assert_eq!(said(&report(&host, "write-file-unseen", of_root_name)).0, EACCES);
    let new = host.path("config/new");
    assert_eq!(
        said(&report(&host, "create-file-unseen", new.to_str().unwrap())).0,
        EACCES
    );
    assert_eq!(fs::read(&of_root).unwrap(), before);
    assert!(!new.exists());
}

#[test]
fn a_file_of_root_is_read_with_the_privilege_only() {
    for (privileges, expected) in [
        (EVERY_SET[0], EACCES),
        (&["read-processes"], EACCES),
        (EVERY_SET[1], 0),
    ] {
        let host = host(privileges);
        let secret = host.path("secret");
        fs::write(&secret, "hunter2").unwrap();
        fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
        let report = report(&host, "read-file", secret.to_str().unwrap());
        let (number, text) = said(&report);
        assert_eq!(number, expected, "{privileges:?}");
        assert_eq!(text == "hunter2", expected == 0, "{privileges:?}");
    }
}

#[test]
fn a_question_that_names_its_paths_reads_nothing_else() {
    for privileges in [EVERY_SET[1], EVERY_SET[2]] {
        let host = host(privileges);
        let named = free_for_all(&host);
        let other = host.path("config/agent.toml");
        let reads = ["--reads", named.parent().unwrap().to_str().unwrap()];
        let read = |path: &PathBuf| report_with(&host, "read-file", path.to_str().unwrap(), &reads);
        assert_eq!(said(&read(&named)), (0, "before"), "{privileges:?}");
        assert_eq!(said(&read(&other)).0, EACCES, "{privileges:?}");
        assert_eq!(said(&report(&host, "read-file", other.to_str().unwrap())).0, 0);
    }
}

#[test]
fn one_file_that_is_named_is_found_also_by_a_link() {
    let host = Host::with("file");
    let folder = host.path("root/folder");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("file"), "needle").unwrap();
    std::os::unix::fs::symlink(folder.join("file"), host.path("link")).unwrap();
    std::os::unix::fs::symlink(&folder, host.path("way")).unwrap();
    for name in ["root/folder/file", "link", "way/file", "way"] {
        let path = host.path(name);
        let (_, report) = host.report(&["file", "--path", path.to_str().unwrap(), "--content", "needle"]);
        assert_eq!(
            report["findings"].as_array().unwrap().len(),
            1,
            "{name}: {report}"
        );
        assert_eq!(report["coverage"]["complete"], true, "{name}: {report}");
    }
}

#[test]
fn a_question_that_looks_into_no_process_cannot() {
    let host = host(EVERY_SET[2]);
    let victim = std::process::id().to_string();
    assert_eq!(
        said(&report(&host, "read-process", &victim)).0,
        0,
        "needs it and has it"
    );
    let given_up = report_with(&host, "read-process", &victim, &[]);
    assert_eq!(said(&given_up).0, EACCES, "{given_up}");
    let never_had = report(&self::host(EVERY_SET[1]), "read-process", &victim);
    assert_eq!(said(&never_had).0, EACCES, "{never_had}");
}

#[test]
fn a_share_of_processor_time_is_kept() {
    let host = host(&[]);
    host.configure("misbehave", "enabled = true\ncpu_percent = 20\n");
    let (_, report) = host.report(&["misbehave", "--deed", "spin", "--timeout", "1s"]);
    let (used_ms, _) = said(&report);
    assert!(
        (1..350).contains(&used_ms),
        "a fifth of a second was meant: {used_ms} ms"
    );
    assert_eq!(report["status"], "timeout", "{report}");
}

#[test]
fn a_plugin_that_runners_cannot_read_is_refused_with_the_remedy() {
    let host = host(&[]);
    let file = host
        .path("modules")
        .join(plugin("misbehave").file_name().unwrap());
    fs::set_permissions(&file, Permissions::from_mode(0o700)).unwrap();
    let ended = host.output(&["run", "misbehave", "--deed", "none"]);
    assert!(
        ended.stderr.contains("chmod o+r") && ended.stderr.contains("0700"),
        "{}",
        ended.stderr
    );
}

#[test]
fn settings_of_the_kernel_that_only_root_reads_are_read_with_the_privilege() {
    // No capability opens these: they are judged by the effective user.
    let setting = "/proc/sys/kernel/cad_pid";
    assert_eq!(fs::metadata(setting).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(said(&report(&host(&["read-files"]), "read-file", setting)).0, 0);
    assert_eq!(said(&report(&host(&[]), "read-file", setting)).0, EACCES);
}

#[test]
fn nothing_arrives_over_a_network() {
    for privileges in EVERY_SET {
        let host = host(privileges);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        assert_eq!(
            said(&report(&host, "connect", &address)).0,
            EPERM,
            "{privileges:?}"
        );
        assert_eq!(
            said(&report(&host, "listen", "127.0.0.1:0")).0,
            EPERM,
            "{privileges:?}"
        );
        let waiting = listener.accept().map(|_| ()).unwrap_err();
        assert_eq!(waiting.kind(), std::io::ErrorKind::WouldBlock);
        let path = host.path("socket");
        let local = UnixListener::bind(&path).unwrap();
        local.set_nonblocking(true).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
        assert_eq!(
            said(&report(&host, "connect-local", path.to_str().unwrap())).0,
            EPERM
        );
        assert_eq!(local.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }
}

#[test]
fn no_program_is_started() {
    for privileges in [&[], ALL] {
        let host = host(privileges);
        let marker = free_for_all(&host).with_file_name("marker");
        let name = marker.to_str().unwrap();
        assert_killed_for_its_call(&report(&host, "exec", name));
        assert_eq!(said(&report(&host, "start", name)).0, EPERM);
        assert!(!marker.exists());
    }
}

#[test]
fn no_bomb_goes_off() {
    let host = host(ALL);
    assert_eq!(
        said(&report(&host, "fork-bomb", "")).0,
        EPERM,
        "not even one child"
    );
    let report = report(&host, "thread-bomb", "");
    const EAGAIN: u64 = 11;
    assert_eq!(said(&report).0, EAGAIN, "{report}");
}

#[test]
fn the_agent_is_out_of_reach() {
    for privileges in [&[][..], &["read-files"]] {
        let host = host(privileges);
        // The agent lives: it wrote these reports.
        assert_killed_for_its_call(&report(&host, "trace-parent", ""));
        assert_killed_for_its_call(&report(&host, "kill-parent", ""));
        let read = report(&host, "read-parent", "");
        assert!([EPERM, EACCES].contains(&said(&read).0), "{read}");
    }
    assert_killed_for_its_call(&report(&host(ALL), "kill-parent", ""));
    assert_killed_for_its_call(&report(&host(ALL), "trace-parent", ""));
}

#[test]
fn no_other_code_is_loaded() {
    for privileges in [&[], ALL] {
        let host = host(privileges);
        let other = host.path("other.so");
        fs::copy(plugin("misbehave"), &other).unwrap();
        let report = report(&host, "load-code", other.to_str().unwrap());
        let (number, text) = said(&report);
        assert!(number != 0 && text.contains("other.so"), "{report}");
        assert_eq!(said(&self::report(&host, "make-code", "")).0, EPERM);
    }
}

#[test]
fn rights_do_not_come_back() {
    for privileges in [&[], ALL] {
        let host = host(privileges);
        assert_killed_for_its_call(&report(&host, "become-root", ""));
        for way in ["take-capabilities", "raise-limit"] {
            assert_eq!(said(&report(&host, way, "")).0, EPERM, "{way}");
        }
        let folder = host.path("root");
        assert_killed_for_its_call(&report(&host, "mount", folder.to_str().unwrap()));
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        assert!(!mounts.contains(folder.to_str().unwrap()));
    }
}

#[test]
fn whoever_is_not_root_is_walled_in_too_and_told_what_is_missing() {
    let host = host(&["read-files", "read-processes"]);
    let file = free_for_all(&host);
    let run = |way: &str| -> Value {
        let deed = [
            "run",
            "misbehave",
            "--json",
            "--deed",
            "escape",
            "--way",
            way,
            "--target",
        ];
        let mut command = host.agent(&deed);
        command.arg(&file).uid(65_534).gid(65_534);
        serde_json::from_slice(&command.output().unwrap().stdout).unwrap()
    };
    assert_eq!(said(&run("write-file")).0, EPERM);
    assert_killed_for_its_call(&run("kill-parent"));
    let report = run("read-file");
    let coverage = report["coverage"].to_string();
    assert_eq!(report["status"], "success", "{report}");
    for told in [
        "privilege of the module",
        "CAP_DAC_READ_SEARCH",
        "read-files",
        "CAP_SYS_PTRACE",
        "read-processes",
    ] {
        assert!(coverage.contains(told), "{told}: {coverage}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "before");
}

#[test]
fn as_root_nothing_is_missing() {
    for privileges in EVERY_SET {
        let report = host(privileges).report(&["misbehave", "--deed", "none"]).1;
        assert_eq!(
            report["coverage"]["skipped"],
            Value::Array(Vec::new()),
            "{privileges:?}"
        );
    }
}
