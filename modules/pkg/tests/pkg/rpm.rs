//! rpm: databases that Debian's rpm tools make for the test, in the formats that they can write; what they show of them
//! is compared with what the module finds.

use std::{fs, ops::ControlFlow, path::Path, process::Command, sync::OnceLock};

use gumshoe_packages::parse::sqlite::{Database, Value as Column};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{found, names, put, run, sorted_lines, text, tool, tree};

/// Several packages: with and without epoch, an odd version, and one whose header takes many pages.
const SPEC: &str = "
Name: alpha
Epoch: 2
Version: 1.5~rc1
Release: 3.el9
Summary: s
License: MIT
BuildArch: noarch
%description
d
%package -n gamma
Summary: g
%description -n gamma
d
%package big
Summary: b
Epoch: 0
%description big
d
%install
mkdir -p %{buildroot}/big
cd %{buildroot}/big
seq -f 'a-file-with-a-long-name-%%g' 400 | xargs touch
%files
%files -n gamma
%files big
/big
";
const DELTA: &str = "
Name: delta
Version: 7
Release: 1
Summary: s
License: MIT
BuildArch: noarch
%description
d
%files
";
const SQLITE: &str = "var/lib/rpm/rpmdb.sqlite";

/// The packages, built once.
fn packages() -> &'static Path {
    static PACKAGES: OnceLock<TempDir> = OnceLock::new();
    PACKAGES
        .get_or_init(|| {
            let top = tree(&[("alpha.spec", SPEC), ("delta.spec", DELTA)]);
            let build = top.path().join("build").display().to_string();
            for spec in ["alpha.spec", "delta.spec"] {
                let mut rpmbuild = Command::new("rpmbuild");
                rpmbuild.args(["-bb", "--quiet", "--define", &format!("_topdir {build}")]);
                tool("rpm", rpmbuild.arg(top.path().join(spec)));
            }
            top
        })
        .path()
}

fn rpm(folder: &Path, backend: &str) -> Command {
    let mut rpm = Command::new("rpm");
    rpm.arg("--dbpath").arg(folder);
    rpm.args(["--define", &format!("_db_backend {backend}")]);
    rpm
}

/// A tree with a database in which the packages are installed.
fn sqlite() -> TempDir {
    let top = tempfile::tempdir().unwrap();
    let folder = top.path().join("var/lib/rpm");
    fs::create_dir_all(&folder).unwrap();
    let built = packages().join("build/RPMS/noarch");
    let mut install = rpm(&folder, "sqlite");
    install.args(["--install", "--justdb", "--nodeps", "--nosignature"]);
    install.args(fs::read_dir(built).unwrap().map(|entry| entry.unwrap().path()));
    tool("rpm", &mut install);
    top
}

/// What rpm shows of a database.
fn listed(folder: &Path, backend: &str) -> Vec<String> {
    let format = "%{NAME}\\t%{EVR}\\t%{ARCH}\\t%{SOURCERPM}\\t%{INSTALLTIME:date}\\n";
    let mut query = rpm(folder, backend);
    query.args(["--query", "--all", "--queryformat", format]);
    sorted_lines(&tool("rpm", query.env("TZ", "UTC").env("LC_ALL", "C")))
}

/// What the module finds, written like that.
fn module_found(root: &Path) -> Vec<String> {
    let line = |finding: &Value| {
        let seconds = &text(finding, "install_time")[..19];
        let date = tool(
            "coreutils",
            Command::new("date")
                .args(["-u", "+%c", "-d", &format!("{seconds}Z")])
                .env("LC_ALL", "C"),
        );
        let source = if text(finding, "source") == "delta" {
            "delta-7-1"
        } else {
            "alpha-1.5~rc1-3.el9"
        };
        let fields = [
            text(finding, "name"),
            text(finding, "version"),
            text(finding, "arch"),
        ];
        format!("{}\t{source}.src.rpm\t{}", fields.join("\t"), date.trim())
    };
    let mut lines: Vec<String> = found(root, &json!({ "types": ["rpm"] }))
        .iter()
        .map(line)
        .collect();
    lines.sort();
    lines
}

/// The headers in a database.
fn headers(root: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(root.join(SQLITE)).unwrap();
    let database = Database::open(bytes.as_slice(), None).unwrap();
    let table = database.table("Packages").unwrap().unwrap();
    let mut headers = Vec::new();
    let rows = database.rows(table, |row| {
        let Some(Column::Bytes(blob)) = row.column(1) else {
            panic!("no blob")
        };
        headers.push(blob.to_vec());
        ControlFlow::Continue(())
    });
    assert_eq!((rows.unwrap().lost, headers.len()), (0, 4));
    headers
}

#[test]
fn sqlite_databases_hold_what_rpm_lists() {
    let top = sqlite();
    let listed = listed(&top.path().join("var/lib/rpm"), "sqlite");
    assert_eq!(module_found(top.path()), listed);
    assert!(
        listed[0].starts_with("alpha\t2:1.5~rc1-3.el9\tnoarch\t"),
        "{listed:?}"
    );
}

#[test]
fn berkeley_databases_hold_what_rpm_lists() {
    let made = sqlite();
    let top = tree(&[("var/lib/rpm/.keep", "")]);
    let folder = top.path().join("var/lib/rpm");
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut dump =
        "VERSION=3\nformat=bytevalue\ntype=hash\ndb_pagesize=4096\nHEADER=END\n 00000000\n 04000000\n"
            .to_owned();
    for (number, header) in (1_u32..).zip(headers(made.path())) {
        dump.push_str(&format!(" {}\n {}\n", hex(&number.to_le_bytes()), hex(&header)));
    }
    put(top.path(), "dump", dump + "DATA=END\n");
    let mut load = Command::new("db_load");
    tool(
        "db-util",
        load.arg("-f")
            .arg(top.path().join("dump"))
            .arg(folder.join("Packages")),
    );
    assert_eq!(module_found(top.path()), listed(&folder, "bdb_ro"));
}

/// Debian's rpm knows no ndb: the database is written here, around headers that rpm made, by the format's source.
#[test]
fn ndb_databases_hold_the_headers_they_are_made_of() {
    let made = sqlite();
    let words = |words: &[u32]| {
        words
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let (mut slots, mut blobs) = (Vec::new(), Vec::new());
    for (package, header) in (1_u32..).zip(headers(made.path())) {
        let start = (4096 + blobs.len()) as u32 / 16;
        let length = header.len() as u32;
        blobs.extend(words(&[u32::from_le_bytes(*b"BlbS"), package, 1, length]));
        blobs.extend(header);
        blobs.resize((blobs.len() + 12).next_multiple_of(16), 0);
        slots.extend(words(&[
            u32::from_le_bytes(*b"Slot"),
            package,
            start,
            (4096 + blobs.len()) as u32 / 16 - start,
        ]));
    }
    while slots.len() < 4096 - 32 {
        slots.extend(words(&[u32::from_le_bytes(*b"Slot"), 0, 0, 0]));
    }
    let header = words(&[u32::from_le_bytes(*b"RpmP"), 0, 4, 1, 5, 0, 0, 0]);
    let top = tree(&[(
        "usr/lib/sysimage/rpm/Packages.db",
        [header, slots, blobs].concat(),
    )]);
    assert_eq!(module_found(top.path()), module_found(made.path()));
}

/// Changes a database and ends without merging its log.
const UNMERGED: &str = "
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute('PRAGMA journal_mode = WAL')
db.execute('PRAGMA wal_autocheckpoint = 0')
[(gamma,)] = db.execute(\"SELECT hnum FROM Name WHERE key = 'gamma'\").fetchall()
db.execute('DELETE FROM Packages WHERE hnum = ?', (gamma,))
db.execute('INSERT INTO Packages SELECT hnum + 1000, blob FROM Packages')
db.execute('BEGIN')
db.execute('PRAGMA cache_size = 1')
db.execute('DELETE FROM Packages')
os._exit(0)
";

#[test]
fn the_log_of_a_sqlite_database_counts_as_far_as_it_is_committed() {
    let top = sqlite();
    let mut python = Command::new("python3");
    tool(
        "python3",
        python.args(["-c", UNMERGED]).arg(top.path().join(SQLITE)),
    );
    let log = fs::metadata(top.path().join(format!("{SQLITE}-wal"))).unwrap();
    assert!(log.len() > 0);
    let found = found(top.path(), &json!({}));
    assert_eq!(found.len(), 6);
    assert!(names(&found).iter().all(|name| !name.starts_with("gamma")));
    // rpm merges the log, so it looks second.
    assert_eq!(
        module_found(top.path()),
        listed(&top.path().join("var/lib/rpm"), "sqlite")
    );
}

#[test]
fn a_folder_that_is_a_link_to_the_other_is_read_once() {
    let top = sqlite();
    fs::create_dir_all(top.path().join("usr/lib/sysimage")).unwrap();
    fs::rename(
        top.path().join("var/lib/rpm"),
        top.path().join("usr/lib/sysimage/rpm"),
    )
    .unwrap();
    std::os::unix::fs::symlink("../../usr/lib/sysimage/rpm", top.path().join("var/lib/rpm")).unwrap();
    assert_eq!(found(top.path(), &json!({})).len(), 4);
}

#[test]
fn what_two_databases_hold_is_found_once() {
    let top = sqlite();
    let copy = fs::read(top.path().join(SQLITE)).unwrap();
    put(top.path(), "usr/lib/sysimage/rpm/rpmdb.sqlite", copy);
    assert_eq!(found(top.path(), &json!({})).len(), 4);
}

#[test]
fn damage_is_reported_and_the_rest_is_found() {
    let top = sqlite();
    let path = top.path().join(SQLITE);
    let mut bytes = fs::read(&path).unwrap();
    let header = headers(top.path()).into_iter().max_by_key(Vec::len).unwrap();
    let piece = &header[20_000..20_016];
    let place = bytes.windows(16).position(|window| window == piece).unwrap();
    // The number of the next page, at the start of the page that holds the piece.
    let page = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
    bytes[place / page * page..][..4].copy_from_slice(&u32::MAX.to_be_bytes());
    fs::write(&path, bytes).unwrap();
    let report = run(top.path(), &json!({}));
    assert_eq!((report.findings.len(), report.coverage.complete), (3, false));
    let skipped = &report.coverage.skipped[0];
    assert_eq!((skipped.why.as_str(), skipped.count), ("malformed: record", 1));
}

#[test]
fn what_is_no_database_is_reported() {
    for (file, why) in [
        ("rpmdb.sqlite", "malformed: no SQLite database"),
        ("Packages.db", "malformed: no ndb database"),
        ("Packages", "malformed: no Berkeley DB hash database"),
    ] {
        let top = tree(&[(format!("var/lib/rpm/{file}").as_str(), vec![b'x'; 10_000])]);
        let report = run(top.path(), &json!({}));
        assert_eq!(report.coverage.skipped[0].why, why);
    }
}
