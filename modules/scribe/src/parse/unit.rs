//! Unit files of systemd.

/// Whether a unit says how it can be enabled: it has an `[Install]` section that names something.
///
/// Source: `systemd.unit(5)`.
#[must_use]
pub fn is_installable(text: &str) -> bool {
    let mut in_section = false;
    text.lines().map(str::trim).any(|line| {
        if line.starts_with('[') {
            in_section = line == "[Install]";
        }
        let key = line.split_once('=').map(|(key, _)| key.trim());
        in_section
            && matches!(
                key,
                Some("WantedBy" | "RequiredBy" | "UpheldBy" | "Also" | "Alias")
            )
    })
}

/// Whether a file's name is that of a unit that can be started.
#[must_use]
pub fn is_unit(name: &str) -> bool {
    let kinds = [
        ".service",
        ".socket",
        ".timer",
        ".path",
        ".mount",
        ".automount",
        ".target",
        ".swap",
    ];
    kinds.iter().any(|kind| name.ends_with(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_of_the_section_count() {
        assert!(is_installable(
            "[Unit]\n[Install]\nWantedBy = multi-user.target\n"
        ));
        assert!(!is_installable(
            "[Unit]\nWantedBy=x\n[Install]\n[Service]\nAlias=x"
        ));
    }
}
