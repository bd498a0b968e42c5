//! `gumshoe-advisories`: advisories to a document for the scribe module.

use std::{fs, io::Write as _, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use clap::{Parser, ValueEnum};
use gumshoe_advisories::{Skipped, Statement, csaf, document, osv, oval};

/// Largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// Turns security advisories into a document for the scribe module.
///
/// The document is JSON. What could not be turned into tests is listed, with counts, on standard error.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// What the advisories are written in
    #[arg(value_enum)]
    format: Format,
    /// Files of advisories
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Write the document to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// OVAL definitions (Debian, Ubuntu, Red Hat)
    Oval,
    /// OSV entries
    Osv,
    /// CSAF 2.0 advisories and VEX documents
    Csaf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gumshoe-advisories: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let (mut statements, mut skipped) = (Vec::new(), Skipped::default());
    for path in &arguments.files {
        let (found, left_out) = read(arguments.format, path).with_context(|| path.display().to_string())?;
        statements.extend(found);
        skipped.merge(left_out);
    }
    let text = serde_json::to_vec(&document(&statements))?;
    match &arguments.output {
        Some(path) => fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))?,
        None => std::io::stdout()
            .write_all(&text)
            .context("failed to write to standard output")?,
    }
    eprintln!("{} statements about versions of packages", statements.len());
    for (why, count) in skipped.iter() {
        eprintln!("left out {count}: {why}");
    }
    Ok(())
}

fn read(format: Format, path: &PathBuf) -> Result<(Vec<Statement>, Skipped)> {
    let size = fs::metadata(path)?.len();
    if size > MAX_FILE_BYTES {
        bail!("{size} bytes; at most {MAX_FILE_BYTES} are read");
    }
    let text = fs::read(path)?;
    Ok(match format {
        Format::Oval => oval::read(&text)?,
        Format::Osv => osv::read(&text)?,
        Format::Csaf => csaf::read(&text)?,
    })
}
