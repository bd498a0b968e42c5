//! What `docs/targets.md` says is what happens: its examples, its facts, its functions, its limits.

#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

use gumshoe_expression::{
    Expression, FUNCTIONS, MAX_CHAIN, MAX_LENGTH_BYTES, MAX_NESTING, MAX_STEPS, Variables,
};
use gumshoe_protocol::Facts;

const PAGE: &str = include_str!("../../../docs/targets.md");

/// The text between two headings.
fn section(heading: &str) -> &'static str {
    let start = PAGE
        .find(&format!("\n## {heading}\n"))
        .unwrap_or_else(|| panic!("no section {heading}"));
    let text = &PAGE[start + 4..];
    text.find("\n## ").map_or(text, |end| &text[..end])
}

/// The cells of a section's tables, without their heads; `\|` is a bar within a cell.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let lines = section(heading)
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let cells = |line: &str| -> Vec<String> {
        let line = line.replace("\\|", "\0");
        line.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().replace('\0', "|"))
            .collect()
    };
    lines.map(cells).collect()
}

fn host(role: Option<&str>, cloud: bool) -> Facts {
    let texts = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    Facts {
        os: "linux".into(),
        arch: "x86_64".into(),
        hostname: "web-17.example.org".into(),
        os_release: texts(&[("id", "ubuntu"), ("id_like", "debian"), ("version_id", "24.04")]),
        cpus: 32,
        ips: vec!["10.1.2.3".into()],
        tags: role.map(|role| texts(&[("role", role)])).unwrap_or_default(),
        modules: vec!["file".into(), "memory".into()],
        cloud: if cloud {
            texts(&[("region", "eu-west-1")])
        } else {
            texts(&[])
        },
        ..Facts::default()
    }
}

fn evaluate(target: &str, facts: &Facts) -> bool {
    let expression = Expression::parse(target).unwrap_or_else(|error| panic!("{target}: {error}"));
    let variables = Variables::new(facts.to_variables()).unwrap();
    expression
        .evaluate(&variables)
        .unwrap_or_else(|error| panic!("{target}: {error}"))
}

#[test]
fn the_examples_choose_the_hosts_that_they_say() {
    let examples: Vec<(String, String)> = rows("Examples")
        .into_iter()
        .skip(1)
        .map(|row| (row[0].clone(), row[1].trim_matches('`').to_owned()))
        .collect();
    assert!(examples.len() >= 10);
    let chosen = host(Some("web"), true);
    let bare = Facts {
        os: "macos".into(),
        ..Facts::default()
    };
    for (hosts, target) in examples {
        assert!(evaluate(&target, &chosen), "{hosts}: {target}");
        if hosts.starts_with("Debian") {
            continue; // needs `os_release`, which every host has
        }
        let everywhere = target == "true" || hosts.starts_with("without");
        assert_eq!(evaluate(&target, &bare), everywhere, "{hosts}: {target}");
    }
}

#[test]
fn every_fact_is_listed_and_nothing_else() {
    let listed: Vec<String> = rows("Facts")
        .into_iter()
        .skip(1)
        .map(|row| row[0].trim_matches('`').to_owned())
        .collect();
    let mut facts: Vec<String> = Facts::default().to_variables().keys().cloned().collect();
    let mut sorted = listed.clone();
    sorted.sort();
    facts.sort();
    assert_eq!(sorted, facts);
}

#[test]
fn every_function_and_limit_is_named() {
    let language = section("Language");
    for function in FUNCTIONS {
        assert!(language.contains(&format!("{function}(")), "{function}");
    }
    let errors = section("Errors");
    for limit in [
        format!("more than {} KiB", MAX_LENGTH_BYTES / 1024),
        format!("more than {MAX_NESTING} brackets"),
        format!("{MAX_CHAIN} operators"),
        "more than 1,000,000 steps".to_owned(),
    ] {
        assert!(errors.contains(&limit), "{limit}");
    }
    assert_eq!(MAX_STEPS, 1_000_000);
}

/// The sentences with expressions in them.
#[test]
fn what_the_page_says_about_the_language_is_so() {
    let facts = host(None, false);
    assert!(evaluate("1 == 1.0 && os != 1", &facts));
    assert!(evaluate("tags.role == 'web' || os == 'linux'", &facts));
    assert!(evaluate("double(cpus) * 1.5 == 48.0 && 0x1F == 31", &facts));
    assert!(evaluate(r"'x1'.matches(r'\d') && 'ABC'.matches('(?i)b')", &facts));
    let code = |text: &str| {
        let variables = Variables::new(facts.to_variables()).unwrap();
        Expression::parse(text)
            .unwrap()
            .evaluate(&variables)
            .unwrap_err()
            .code()
    };
    assert_eq!(code("cpus * 1.5 > 1.0"), "failed");
    assert_eq!(code("os < 1"), "failed");
    assert_eq!(code("tags.role == 'web'"), "missing-key");
    assert_eq!(code("true || role == 'web'"), "unknown-name");
    assert_eq!(code("hostname"), "not-a-boolean");
}
