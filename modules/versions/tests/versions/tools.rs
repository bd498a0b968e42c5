//! The same answers as dpkg and rpm give. How many pairs: `GUMSHOE_VERSION_PAIRS`, 500 when not set.

use crate::generate::pairs;
use gumshoe_versions::Order;
use std::{
    cmp::Ordering,
    fmt::Write as _,
    io::Write as _,
    process::{Command, Stdio},
};

fn count() -> usize {
    std::env::var("GUMSHOE_VERSION_PAIRS").map_or(500, |text| text.parse().unwrap())
}

/// Runs a tool with some input and returns its output.
fn output(command: &mut Command, input: &str) -> String {
    let program = command.get_program().to_owned();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("cannot run {program:?} ({error}): install the package `dpkg` or `rpm`")
        });
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn dpkg_agrees() {
    let word = |order| match order {
        Ordering::Less => "lt",
        Ordering::Equal => "eq",
        Ordering::Greater => "gt",
    };
    let lines = pairs(Order::Dpkg, count())
        .into_iter()
        .fold(String::new(), |mut lines, (a, b)| {
            let ours = word(Order::Dpkg.compare(&a, &b).unwrap());
            writeln!(lines, "{a} {ours} {b}").unwrap();
            lines
        });
    let script = "while read -r a op b; do dpkg --compare-versions \"$a\" \"$op\" \"$b\" || echo \"not: $a $op $b\"; done";
    let wrong = output(Command::new("sh").args(["-c", script]), &lines);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn rpm_agrees() {
    let pairs = pairs(Order::Rpm, count().max(10_000));
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("pairs");
    let text: String = pairs.iter().map(|(a, b)| format!("{a} {b}\n")).collect();
    std::fs::write(&list, text).unwrap();
    let script = format!(
        "%{{lua: for line in io.lines('{}') do local a, b = line:match('(%S+) (%S+)'); print(rpm.vercmp(a, b) .. '\\n') end}}",
        list.display()
    );
    let answers = output(Command::new("rpm").args(["--eval", &script]), "");
    let answers: Vec<&str> = answers.split_whitespace().collect();
    assert_eq!(answers.len(), pairs.len());
    for ((a, b), theirs) in pairs.iter().zip(answers) {
        let ours = Order::Rpm.compare(a, b).unwrap() as i8;
        assert_eq!(ours.to_string(), theirs, "{a} {b}");
    }
}
