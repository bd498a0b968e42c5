//! The modules that Gumshoe comes with, as plugins in the agent.

use gumshoe_tests::signed::fed;
use gumshoe_tests::{Host, MODULES, workspace};

#[test]
fn each_keeps_its_side_of_the_contract() {
    let host = Host::new();
    for module in MODULES {
        let file = host.install(module);
        let ended = host.output(&["modules", "check", file.to_str().unwrap()]);
        assert_eq!(ended.code, 0, "{module}:\n{}", ended.stdout);
        assert!(!ended.stdout.contains("wrong"), "{module}:\n{}", ended.stdout);
    }
}

#[test]
fn each_has_a_page_and_a_configuration_that_leaves_it_disabled() {
    for module in MODULES {
        assert!(
            workspace().join(format!("docs/modules/{module}.md")).exists(),
            "{module}"
        );
        let host = Host::new();
        host.install(module);
        let config = workspace().join(format!("packaging/config/modules.d/{module}.toml"));
        host.configure(module, &std::fs::read_to_string(config).unwrap());
        assert_eq!(
            host.report(&[module]).1["refusal"]["code"],
            "module-disabled",
            "{module}"
        );
        assert_eq!(host.output(&["modules", "enable", module]).code, 0);
        let listed = host.output(&["modules", "list"]).stdout;
        assert!(
            listed.contains(&format!("{module} ")) && listed.contains("enabled"),
            "{listed}"
        );
    }
}

#[test]
fn this_very_test_is_found_in_memory_and_by_its_socket() {
    let needle = format!("needle-{}-{}", std::process::id(), "in-memory");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (pid, port) = (
        std::process::id().to_string(),
        listener.local_addr().unwrap().port().to_string(),
    );
    let (code, report) = Host::with("memory").report(&["memory", "--pid", &pid, "--content", &needle]);
    assert!(matches!(code, 0 | 4), "{report}");
    assert_eq!(report["findings"][0]["pid"], std::process::id(), "{report}");
    let (_, report) = Host::with("netstat").report(&["netstat", "--listeningport", &port, "--owners"]);
    assert_eq!(
        report["findings"][0]["processes"][0]["pid"],
        std::process::id(),
        "{report}"
    );
    drop(listener);
}

#[test]
fn a_document_is_taken_from_a_file_and_from_standard_input() {
    let document = "objects: [{object: o, filename: {path: /etc, file: '^(passwd)$'}}]\n\
                    tests: [{test: there, object: o}]\n";
    let host = Host::with("scribe");
    std::fs::create_dir_all(host.path("root/etc")).unwrap();
    std::fs::write(host.path("root/etc/passwd"), "").unwrap();
    std::fs::write(host.path("document"), document).unwrap();
    let (root, file) = (host.path("root"), format!("@{}", host.path("document").display()));
    let (code, report) = host.report(&["scribe", "--root", root.to_str().unwrap(), "--doc", &file]);
    assert_eq!(
        (code, &report["findings"][0]["result"]),
        (0, &true.into()),
        "{report}"
    );
    let root = root.to_str().unwrap();
    let command = host.agent(&["run", "scribe", "--root", root, "--doc", "@-", "--quiet"]);
    let printed = fed(command, document).stdout;
    assert!(printed.contains("there"), "{printed}");
    assert_eq!(host.output(&["run", "scribe", "--doc", "@/nonexistent"]).code, 3);
}
