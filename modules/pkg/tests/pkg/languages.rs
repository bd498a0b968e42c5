//! Language packages, installed by their own managers for the test.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;
use tempfile::TempDir;

use crate::support::{found, names, put, text, tool, tree};

fn packages(top: &TempDir, kind: &str) -> Vec<String> {
    names(&found(top.path(), &json!({ "types": [kind] })))
}

const WHEEL: &str = "
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    folder = 'Demo_Lib-1.0.post2.dist-info/'
    wheel.writestr(folder + 'METADATA', 'Metadata-Version: 2.1\\nName: Demo.Lib\\nVersion: 1.0.post2\\n')
    wheel.writestr(folder + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr(folder + 'RECORD', '')
";

#[test]
fn pip_installs_what_is_found() {
    let top = tree(&[("etc/passwd", "ada:x:1:1::/srv/ada:/bin/sh\n")]);
    let wheel = top.path().join("Demo_Lib-1.0.post2-py3-none-any.whl");
    tool(
        "python3",
        Command::new("/usr/bin/python3").args(["-c", WHEEL]).arg(&wheel),
    );
    let folders = [
        "usr/lib/python3/dist-packages",
        "srv/ada/.local/lib/python3.11/site-packages",
    ];
    for folder in folders {
        let mut pip = Command::new("/usr/bin/python3");
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-index",
            "--no-deps",
            "--no-compile",
            "--target",
        ]);
        pip.env("PIP_ROOT_USER_ACTION", "ignore");
        tool("python3-pip", pip.arg(top.path().join(folder)).arg(&wheel));
    }
    let found = found(top.path(), &json!({ "types": ["pip"] }));
    assert_eq!(names(&found), ["Demo.Lib 1.0.post2", "Demo.Lib 1.0.post2"]);
    assert!(
        text(&found[1], "path").starts_with("/srv/ada/.local/"),
        "{found:?}"
    );
}

#[test]
fn this_hosts_python_has_the_packages_that_it_lists() {
    let script = "import importlib.metadata as m
for d in m.distributions(path=['/usr/lib/python3/dist-packages']): print(d.metadata['Name'], d.version)";
    let mut listed = crate::support::sorted_lines(&tool(
        "python3",
        Command::new("/usr/bin/python3").args(["-c", script]),
    ));
    listed.dedup();
    let found = found(Path::new("/"), &json!({ "types": ["pip"] }));
    let here =
        |finding: &&serde_json::Value| text(finding, "path").starts_with("/usr/lib/python3/dist-packages/");
    let mut names = names(&found.iter().filter(here).cloned().collect::<Vec<_>>());
    names.dedup();
    assert_eq!(names, listed);
}

#[test]
fn gem_installs_what_is_found() {
    let top = tree(&[(
        "demo.gemspec",
        "Gem::Specification.new do |s|\n s.name = 'demo-gem'\n s.version = '1.2.pre'\n s.summary = 'x'\n s.authors = ['x']\nend\n",
    )]);
    tool(
        "ruby",
        Command::new("gem")
            .args(["build", "--quiet", "demo.gemspec"])
            .current_dir(top.path()),
    );
    let mut gem = Command::new("gem");
    gem.args([
        "install",
        "--quiet",
        "--local",
        "--no-document",
        "--install-dir",
        "var/lib/gems/3.1.0",
    ]);
    tool("ruby", gem.arg("demo-gem-1.2.pre.gem").current_dir(top.path()));
    assert_eq!(packages(&top, "gem"), ["demo-gem 1.2.pre"]);
}

#[test]
fn npm_installs_what_is_found_with_all_that_it_brings_along() {
    let top = tree(&[
        (
            "tool/package.json",
            r#"{"name":"@demo/tool","version":"3.1.4","dependencies":{"inner":"^0.1.0"},"bundleDependencies":["inner"]}"#,
        ),
        (
            "tool/node_modules/inner/package.json",
            r#"{"name":"inner","version":"0.1.2"}"#,
        ),
    ]);
    tool(
        "npm",
        Command::new("npm")
            .args(["pack", "--silent"])
            .current_dir(top.path().join("tool")),
    );
    let mut npm = Command::new("npm");
    npm.args([
        "install",
        "--global",
        "--silent",
        "--offline",
        "--no-audit",
        "--prefix",
    ]);
    npm.arg(top.path().join("usr/local"))
        .arg(top.path().join("tool/demo-tool-3.1.4.tgz"));
    tool("npm", npm.current_dir(top.path()));
    assert_eq!(packages(&top, "npm"), ["@demo/tool 3.1.4", "inner 0.1.2"]);
}

#[test]
fn cargo_installs_what_is_found() {
    let top = tree(&[
        (
            "demo/Cargo.toml",
            "[package]\nname = \"demo-cli\"\nversion = \"0.4.1\"\n[workspace]\n",
        ),
        ("demo/src/main.rs", "fn main() {}\n"),
    ]);
    put(top.path(), "root/.keep", "");
    let cargo_home: PathBuf = top.path().join("root/.cargo");
    fs::create_dir_all(&cargo_home).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["install", "--quiet", "--offline", "--debug", "--path"])
        .arg(top.path().join("demo"));
    cargo
        .arg("--root")
        .arg(&cargo_home)
        .env("CARGO_TARGET_DIR", top.path().join("target"));
    tool("cargo", cargo.env_remove("RUSTFLAGS"));
    assert_eq!(packages(&top, "cargo"), ["demo-cli 0.4.1"]);
}
