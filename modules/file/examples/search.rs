//! Runs the module with its command-line flags and prints what it found, for comparison with other tools:
//! `search --path /usr --content needle`.

use gumshoe_module_file::File;
use gumshoe_plugin_api::{
    Limits,
    harness::{Harness, parameters},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let limits = Limits {
        findings: u64::MAX,
        report_bytes: u64::MAX,
        ..Limits::default()
    };
    let report = Harness::new("/")
        .limits(limits)
        .run::<File>(&parameters::<File>(&arguments)?);
    for finding in &report.findings {
        println!("{}", finding["path"].as_str().unwrap_or_default());
    }
    eprintln!(
        "{:?} {} {:?} {:?}",
        report.status, report.statistics, report.coverage.skipped, report.errors
    );
    Ok(())
}
