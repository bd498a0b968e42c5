//! snap: snapd's state, and the mounted image of each snap.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    ops::ControlFlow,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use super::{DATABASE, MAX_JSON_BYTES, MAX_RECORD_BYTES, RECORD};
use crate::{
    Kind, Package, Reason, Status,
    parse::snap::{Snap, SnapYaml, State, is_name},
    reader::Reader,
};

const STATE: &str = "/var/lib/snapd/state.json";
/// Where snaps are mounted: usually, and where the distribution has no `/snap`.
const MOUNTS: [&str; 2] = ["/snap", "/var/lib/snapd/snap"];
/// The image files.
const IMAGES: &str = "/var/lib/snapd/snaps";

/// Reads snapd's state for which snaps there are, and their images for their versions. Without the state, which only
/// root may read, what is mounted counts.
pub(crate) fn read(reader: &mut Reader<'_>) -> ControlFlow<()> {
    let state = Path::new(STATE);
    let snaps = match reader.text(DATABASE, state, MAX_JSON_BYTES) {
        None => mounted(reader),
        Some(text) => match State::parse(&text) {
            Some(state) => installed(reader, &state),
            None => {
                reader.gap(DATABASE, state, Reason::Malformed("state of snapd"));
                mounted(reader)
            }
        },
    };
    snaps.into_iter().try_for_each(|snap| offer(reader, snap))
}

/// A snap of which the version is not yet known.
struct Found {
    name: String,
    folders: Vec<PathBuf>,
    image: Option<PathBuf>,
    status: Status,
}

fn installed(reader: &mut Reader<'_>, state: &State) -> Vec<Found> {
    let known: BTreeMap<&String, &Snap> = state.snaps().iter().collect();
    let mut found = Vec::new();
    for (name, snap) in known {
        let revision = snap.revision().filter(|_| is_name(name));
        let Some(revision) = revision else {
            reader.gap(
                RECORD,
                Path::new(STATE),
                Reason::Malformed("snap without a revision"),
            );
            continue;
        };
        let status = if snap.active {
            Status::Installed
        } else {
            Status::Disabled
        };
        found.push(Found {
            folders: MOUNTS
                .map(|mount| Path::new(mount).join(name).join(&revision))
                .to_vec(),
            image: Some(Path::new(IMAGES).join(format!("{name}_{revision}.snap"))),
            name: name.clone(),
            status,
        });
    }
    found
}

fn mounted(reader: &mut Reader<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for mount in MOUNTS {
        // `bin` has the commands, `README` explains.
        for name in reader.names(Path::new(mount)) {
            if name == "bin" || name == "README" {
                continue;
            }
            found.push(Found {
                folders: vec![Path::new(mount).join(&name).join("current")],
                image: None,
                name: String::from_utf8_lossy(name.as_bytes()).into_owned(),
                status: Status::Installed,
            });
        }
    }
    found
}

fn offer(reader: &mut Reader<'_>, found: Found) -> ControlFlow<()> {
    let mut package = Package::new(Kind::Snap, found.name, "");
    package.status = found.status;
    for folder in &found.folders {
        let path = folder.join("meta/snap.yaml");
        if let Some(text) = reader.text(RECORD, &path, MAX_RECORD_BYTES) {
            let yaml = SnapYaml::parse(&text);
            // The name under which it is installed has the suffix of a parallel instance; that of the snap has not.
            package.name = if yaml.name.is_empty() {
                package.name
            } else {
                yaml.name
            };
            package.version = yaml.version;
            package.path = Some(folder.as_os_str().as_bytes().to_vec());
            break;
        }
    }
    if let Some(image) = &found.image {
        let modified = reader.tree.open(image);
        let modified = reader.or_gap("install time", image, modified);
        package.install_time = modified.map(|file| file.modified());
    }
    let is_snap = found.image.is_some() || package.path.is_some();
    if package.version.is_empty() && is_snap {
        let place = found
            .folders
            .first()
            .map_or(OsStr::new("/snap").as_ref(), PathBuf::as_path);
        reader.gap("version of a snap", place, Reason::NoVersion);
    }
    if is_snap {
        reader.offer(package)
    } else {
        ControlFlow::Continue(())
    }
}
