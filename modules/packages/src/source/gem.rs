//! RubyGems: `specifications/NAME-VERSION.gemspec`.

use std::{collections::HashSet, ops::ControlFlow, os::unix::ffi::OsStrExt, path::Path};

use super::{MAX_RECORD_BYTES, RECORD};
use crate::{Reason, parse::gem, reader::Reader};

/// Folders of specifications: of Ruby itself, of distributions, of `gem install`, of version managers.
const FOLDERS: [&str; 19] = [
    "/var/lib/gems/*/specifications",
    "/usr/lib/ruby/gems/*/specifications",
    "/usr/lib/ruby/gems/*/specifications/default",
    "/usr/lib64/ruby/gems/*/specifications",
    "/usr/lib64/ruby/gems/*/specifications/default",
    "/usr/local/lib/ruby/gems/*/specifications",
    "/usr/local/lib/ruby/gems/*/specifications/default",
    "/usr/share/rubygems-integration/*/specifications",
    "/usr/share/gems/specifications",
    "/usr/local/share/gems/specifications",
    "/usr/local/bundle/specifications",
    "/opt/homebrew/lib/ruby/gems/*/specifications",
    "/Library/Ruby/Gems/*/specifications",
    "~/.gem/ruby/*/specifications",
    "~/.local/share/gem/ruby/*/specifications",
    "~/.rbenv/versions/*/lib/ruby/gems/*/specifications",
    "~/.rbenv/versions/*/lib/ruby/gems/*/specifications/default",
    "~/.rvm/gems/*/specifications",
    "~/.gem/specifications",
];

pub(crate) fn read(reader: &mut Reader<'_>) -> ControlFlow<()> {
    let mut seen = HashSet::new();
    for folder in reader.places(&FOLDERS) {
        for name in reader.names_once(&folder, &mut seen) {
            if name.as_bytes().ends_with(b".gemspec") {
                offer(reader, &folder.join(name))?;
            }
        }
    }
    ControlFlow::Continue(())
}

fn offer(reader: &mut Reader<'_>, path: &Path) -> ControlFlow<()> {
    let file = reader.tree.open(path);
    let Some(file) = reader.or_gap(RECORD, path, file) else {
        return ControlFlow::Continue(());
    };
    let installed = file.modified();
    let Some(text) = reader.content(RECORD, path, file, MAX_RECORD_BYTES) else {
        return ControlFlow::Continue(());
    };
    match gem::parse(&text) {
        Some(mut package) => {
            // RubyGems writes the specification when it installs the gem.
            package.install_time = Some(installed);
            package.path = Some(path.as_os_str().as_bytes().to_vec());
            reader.offer(package)
        }
        None => {
            reader.gap(RECORD, path, Reason::Malformed("gem specification"));
            ControlFlow::Continue(())
        }
    }
}
