//! Prints the paths below a folder whose base name matches a regular expression, for comparison with `fd -uu` and `find`.
//!
//! `find_names REGEX PATH [THREADS]`

use std::{error::Error, io::Write, os::unix::ffi::OsStrExt, path::Path};

use gumshoe_walk::{Base, Dir, Entry, Flow, Options, Root, Skip, Visitor, walk};
use regex::bytes::Regex;

/// Collects the matching paths of one thread.
struct Names {
    regex: Regex,
    found: Vec<u8>,
    entries: u64,
    skipped: u64,
}

impl Visitor for Names {
    fn entry(&mut self, dir: &Dir, entry: &Entry<'_>) -> Flow {
        self.entries += 1;
        if self.regex.is_match(entry.name.to_bytes()) {
            self.found
                .extend_from_slice(dir.path_of(entry.name).as_os_str().as_bytes());
            self.found.push(b'\n');
        }
        Flow::Continue
    }

    fn skipped(&mut self, skip: &Skip<'_>) {
        self.skipped += 1;
        eprintln!("{}: {:?}", skip.path().display(), skip.reason());
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(regex), Some(path)) = (arguments.next(), arguments.next()) else {
        return Err("usage: find_names REGEX PATH [THREADS]".into());
    };
    let threads: usize = arguments.next().map_or(Ok(2), |text| text.parse())?;
    let regex = Regex::new(&regex)?;
    let names = || Names {
        regex: regex.clone(),
        found: Vec::new(),
        entries: 0,
        skipped: 0,
    };
    let visitors = (0..threads).map(|_| names()).collect();
    let root = Root::new(Path::new(&path).canonicalize()?);
    let visitors = walk(
        &Base::host(Path::new("/"))?,
        &[root],
        &Options::default(),
        visitors,
        &|| false,
    );
    let mut out = std::io::stdout().lock();
    for visitor in &visitors {
        out.write_all(&visitor.found)?;
    }
    let total = |count: fn(&Names) -> u64| visitors.iter().map(count).sum::<u64>();
    eprintln!(
        "{} entries, {} skipped",
        total(|names| names.entries),
        total(|names| names.skipped)
    );
    Ok(())
}
