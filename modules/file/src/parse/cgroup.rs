//! Which container a process belongs to, from the path of its cgroup.

/// Length of a container id in hexadecimal digits.
const ID_LENGTH: usize = 64;

/// A container as its cgroup names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerName {
    /// The id that the runtime gave it; for LXC and systemd-nspawn its name.
    pub id: String,
    /// The runtime, such as `docker`; `unknown` when the path does not tell.
    pub runtime: &'static str,
}

/// What a part of the path says of the runtime; the first that occurs counts.
const RUNTIMES: [(&str, &str); 8] = [
    ("docker", "docker"),
    ("crio", "cri-o"),
    ("libpod", "podman"),
    ("cri-containerd", "containerd"),
    ("containerd", "containerd"),
    ("kubepods", "kubernetes"),
    ("garden", "garden"),
    ("buildkit", "buildkit"),
];

/// Reads the text of `/proc/PID/cgroup`; `None` when no line names a container.
///
/// Source: `cgroups(7)` for the lines `ID:CONTROLLERS:PATH`; the naming habits of the runtimes for the path.
#[must_use]
pub fn container(text: &[u8]) -> Option<ContainerName> {
    let text = String::from_utf8_lossy(text);
    text.lines()
        .filter_map(|line| line.splitn(3, ':').nth(2))
        .find_map(in_path)
}

fn in_path(path: &str) -> Option<ContainerName> {
    let by_id = path.split('/').rev().find_map(id_in);
    if let Some(id) = by_id {
        let runtime = RUNTIMES
            .iter()
            .find(|(part, _)| path.contains(part))
            .map_or("unknown", |known| known.1);
        return Some(ContainerName {
            id: id.to_owned(),
            runtime,
        });
    }
    let named = |prefix: &str, runtime| {
        let name = path.split('/').find_map(|part| part.strip_prefix(prefix))?;
        let name = name.trim_end_matches(".scope").trim_end_matches(".service");
        (!name.is_empty()).then(|| ContainerName {
            id: name.to_owned(),
            runtime,
        })
    };
    named("lxc.payload.", "lxc")
        .or_else(|| named("systemd-nspawn@", "systemd-nspawn"))
        .or_else(|| {
            let name = path.split('/').skip_while(|part| *part != "lxc").nth(1)?;
            Some(ContainerName {
                id: name.to_owned(),
                runtime: "lxc",
            })
        })
}

/// The id in one part of a path, such as `docker-ID.scope`.
fn id_in(part: &str) -> Option<&str> {
    part.split(|letter: char| !letter.is_ascii_hexdigit())
        .find(|word| word.len() == ID_LENGTH)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_habits_of_the_runtimes_are_known() {
        let id = "0123456789abcdef".repeat(4);
        let cases = [
            (
                format!("0::/system.slice/docker-{id}.scope"),
                Some((id.as_str(), "docker")),
            ),
            (format!("12:cpu:/docker/{id}"), Some((&id, "docker"))),
            (
                format!("0::/kubepods.slice/pod1.slice/cri-containerd-{id}.scope"),
                Some((&id, "containerd")),
            ),
            (
                format!("0::/kubepods/besteffort/pod1/{id}"),
                Some((&id, "kubernetes")),
            ),
            (
                format!("0::/machine.slice/libpod-{id}.scope/container"),
                Some((&id, "podman")),
            ),
            (format!("1:x:/\n0::/x/{id}"), Some((&id, "unknown"))),
            ("0::/lxc.payload.web/init.scope".to_owned(), Some(("web", "lxc"))),
            ("4:memory:/lxc/old".to_owned(), Some(("old", "lxc"))),
            (
                "0::/machine.slice/systemd-nspawn@box.service".to_owned(),
                Some(("box", "systemd-nspawn")),
            ),
            ("0::/system.slice/sshd.service".to_owned(), None),
            (String::new(), None),
        ];
        for (text, expected) in cases {
            let found = container(text.as_bytes());
            assert_eq!(
                found.as_ref().map(|name| (name.id.as_str(), name.runtime)),
                expected,
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in any::<Vec<u8>>()) {
            let _ = container(&text);
        }
    }
}
