//! A process inside the courier's walls tries what it should and what it should not be able to do.
//!
//! This program starts itself once per case: the child puts the walls up, tries, and prints what the system said. On macOS there
//! are too few walls to prove anything.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

fn main() {
    #[cfg(target_os = "linux")]
    linux::main();
}

#[cfg(target_os = "linux")]
mod linux {
    use gumshoe_walls::{CourierWalls, Identity};
    use std::fs::{self, OpenOptions, Permissions};
    use std::io;
    use std::net::{TcpListener, TcpStream, ToSocketAddrs};
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::ExitStatusExt;
    use std::path::Path;
    use std::process::Command;

    const EPERM: i32 = libc::EPERM;
    const EACCES: i32 = libc::EACCES;

    /// What became of a try.
    #[derive(Debug, PartialEq, Eq)]
    enum End {
        Done,
        Refused(i32),
        Killed(i32),
    }

    pub fn main() {
        let words: Vec<String> = std::env::args().collect();
        if let [_, marker, way, target, readable] = words.as_slice()
            && marker == "--inside"
        {
            return inside(way, target, readable);
        }
        assert!(
            rustix::process::geteuid().is_root(),
            "this test takes rights away, which needs root"
        );
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        it_reaches_the_network(folder.path());
        it_reads_what_it_is_given(folder.path());
        it_writes_nothing(folder.path());
        it_touches_no_process(folder.path());
        println!("the courier's walls hold");
    }

    fn it_reaches_the_network(folder: &Path) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        assert_eq!(attempt("connect", &address, folder), End::Done);
        listener.accept().unwrap();
        assert_eq!(attempt("resolve", "localhost:1", folder), End::Done);
        assert_eq!(attempt("thread", "", folder), End::Done);
        // By Landlock when it binds, or else by the filter when it listens.
        let listens = attempt("listen", "127.0.0.1:0", folder);
        assert!(matches!(listens, End::Refused(EPERM | EACCES)), "{listens:?}");
        assert_eq!(attempt("raw-socket", "", folder), End::Refused(EPERM));
    }

    fn it_reads_what_it_is_given(folder: &Path) {
        let given = folder.join("given");
        fs::create_dir(&given).unwrap();
        for (path, mode, expected) in [
            (given.join("certificate"), 0o644, End::Done),
            (given.join("of-root"), 0o600, End::Refused(EACCES)),
            (folder.join("key"), 0o644, End::Refused(EACCES)),
        ] {
            fs::write(&path, "x").unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(
                attempt("read", path.to_str().unwrap(), &given),
                expected,
                "{path:?}"
            );
        }
        assert_eq!(attempt("read", "/etc/passwd", &given), End::Refused(EACCES));
    }

    fn it_writes_nothing(folder: &Path) {
        let file = folder.join("file");
        fs::write(&file, "before").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
        for way in ["write", "unlink"] {
            assert_eq!(
                attempt(way, file.to_str().unwrap(), folder),
                End::Refused(EPERM),
                "{way}"
            );
        }
        let new = folder.join("new");
        assert_eq!(
            attempt("create", new.to_str().unwrap(), folder),
            End::Refused(EPERM)
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), "before");
        assert!(!new.exists());
    }

    fn it_touches_no_process(folder: &Path) {
        for way in ["exec", "kill-parent", "trace-parent", "become-root"] {
            assert_eq!(attempt(way, "", folder), End::Killed(libc::SIGSYS), "{way}");
        }
        let memory = format!("/proc/{}/mem", std::process::id());
        assert_eq!(attempt("read", &memory, folder), End::Refused(EACCES));
    }

    /// Has a child try; `readable` is what its walls let it read.
    fn attempt(way: &str, target: &str, readable: &Path) -> End {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--inside", way, target]).arg(readable);
        let output = child.output().unwrap();
        if let Some(signal) = output.status.signal() {
            return End::Killed(signal);
        }
        let said = String::from_utf8(output.stdout).unwrap();
        match said.trim().parse() {
            Ok(0) => End::Done,
            Ok(errno) => End::Refused(errno),
            Err(_) => panic!(
                "{way} {target}: {said:?} {}",
                String::from_utf8_lossy(&output.stderr)
            ),
        }
    }

    fn inside(way: &str, target: &str, readable: &str) {
        let walls = CourierWalls {
            identity: Some(Identity::NOBODY),
            readable: vec![readable.into()],
            memory_bytes: 64 << 20,
        };
        let missing = walls.raise().unwrap();
        assert!(missing.is_empty(), "{missing:?}");
        let errno = match tried(way, target) {
            Ok(()) => 0,
            Err(error) => error.raw_os_error().unwrap_or(-1),
        };
        println!("{errno}");
    }

    fn tried(way: &str, target: &str) -> io::Result<()> {
        match way {
            "connect" => TcpStream::connect(target).map(drop),
            "resolve" => target.to_socket_addrs().map(drop),
            "thread" => std::thread::Builder::new()
                .spawn(|| ())
                .map(|thread| drop(thread.join())),
            "listen" => TcpListener::bind(target).map(drop),
            "raw-socket" => call(libc::SYS_socket, [libc::AF_PACKET, libc::SOCK_RAW, 0]),
            "read" => fs::read(target).map(drop),
            "write" => OpenOptions::new().write(true).open(target).map(drop),
            "create" => fs::File::create(target).map(drop),
            "unlink" => fs::remove_file(target),
            "exec" => call(libc::SYS_execve, [0, 0, 0]),
            "kill-parent" => call(libc::SYS_kill, [parent(), libc::SIGKILL, 0]),
            "trace-parent" => call(libc::SYS_ptrace, [libc::PTRACE_ATTACH as i32, parent(), 0]),
            "become-root" => call(libc::SYS_setuid, [0, 0, 0]),
            _ => Err(io::Error::other("unknown")),
        }
    }

    fn parent() -> i32 {
        i32::try_from(std::os::unix::process::parent_id()).unwrap()
    }

    #[allow(
        unsafe_code,
        reason = "misdeeds are tried by the very system call that they take"
    )]
    fn call(number: i64, arguments: [i32; 3]) -> io::Result<()> {
        let [a, b, c] = arguments;
        // SAFETY: integers and null pointers only.
        match unsafe { libc::syscall(number, a, b, c) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }
}
