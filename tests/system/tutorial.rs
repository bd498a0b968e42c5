//! `docs/write-a-module.md`, followed to the letter: its files are written, its commands run, its
//! outputs compared; and the template is the module that it arrives at.

use gumshoe_tests::{target, workspace};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A fenced block of the page: its language, its text, and the file name on the line above it.
struct Block<'a> {
    file: Option<&'a str>,
    language: &'a str,
    text: String,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut file = None;
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let text = lines
                .by_ref()
                .take_while(|line| *line != "```")
                .fold(String::new(), |text, line| text + line + "\n");
            blocks.push(Block {
                file: file.take(),
                language,
                text,
            });
        } else if !line.is_empty() {
            file = line.strip_prefix('`').and_then(|line| line.strip_suffix("`:"));
        }
    }
    blocks
}

/// A home folder as the page supposes it: the clone in `gumshoe`, built.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clone = folder.path().join("gumshoe");
        fs::create_dir_all(clone.join("target")).unwrap();
        for part in [
            "Cargo.toml",
            "Cargo.lock",
            "agent",
            "modules",
            "plugin-api",
            "tests",
        ] {
            symlink(workspace().join(part), clone.join(part)).unwrap();
        }
        symlink(target(), clone.join("target/release")).unwrap();
        // The one command that is not run is the first: this build of the workspace takes its place.
        fs::write(clone.join("Makefile"), "build:\n").unwrap();
        // The page's crate is built where the build of the last test run can be reused.
        let built = target().parent().unwrap().join("tutorial");
        fs::create_dir_all(&built).unwrap();
        fs::create_dir(folder.path().join("hosts")).unwrap();
        symlink(built, folder.path().join("hosts/target")).unwrap();
        Self { folder }
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.folder.path().join("hosts").join(file), text).unwrap();
    }

    /// Runs a block of commands; returns what it prints.
    fn run(&self, commands: &str) -> String {
        let output = Command::new("sh")
            .args(["-eu", "-c", commands])
            .current_dir(self.folder.path())
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("RUSTFLAGS")
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{commands}\n{stderr}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Whether a line of output is as the page shows it; `…` stands for anything.
fn fits(shown: &str, line: &str) -> bool {
    match shown.split_once('…') {
        None => shown == line,
        Some((start, end)) => line.starts_with(start) && line.ends_with(end),
    }
}

#[test]
fn the_page_leads_to_a_module_that_works() {
    let page = fs::read_to_string(workspace().join("docs/write-a-module.md")).unwrap();
    let home = Home::new();
    let (mut files, mut compared) = (Vec::new(), 0);
    let mut printed = String::new();
    for block in blocks(&page) {
        match (block.file, block.language) {
            (Some(file), _) => {
                home.write(file, &block.text);
                files.push((PathBuf::from(file), block.text));
            }
            (None, "sh") => printed = home.run(&block.text),
            (None, "text") => {
                let good = block.text.lines().count() == printed.lines().count()
                    && block
                        .text
                        .lines()
                        .zip(printed.lines())
                        .all(|(shown, line)| fits(shown, line));
                assert!(good, "the page shows\n{}\nbut it prints\n{printed}", block.text);
                compared += 1;
            }
            (None, other) => panic!("a block of {other} without a file name"),
        }
    }
    assert!(
        files.len() >= 7 && compared >= 3,
        "{} files, {compared} outputs",
        files.len()
    );
    the_template_is_the_same(&files);
}

fn the_template_is_the_same(files: &[(PathBuf, String)]) {
    let template = workspace().join("plugin-api/template");
    for (file, text) in files {
        let there = fs::read_to_string(template.join(file)).unwrap();
        let there = if file == Path::new("Cargo.toml") {
            there.replace("path = \"..\"", "path = \"../gumshoe/plugin-api\"")
        } else {
            there
        };
        assert_eq!(there, *text, "plugin-api/template/{}", file.display());
    }
}
