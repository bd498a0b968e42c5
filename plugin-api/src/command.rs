//! A module's flags as arguments of `clap`, for the programs that take them: agent and client.

use crate::{Description, Flag, FlagKind, Occurrence};
use clap::{Arg, ArgAction, ArgMatches};

/// Prefix of the ids of modules' flags, which may bear the name of one of the program's own ids.
const PREFIX: &str = "module:";

/// The module's flags, in the order of their declaration.
pub fn arguments(description: &Description) -> impl Iterator<Item = Arg> {
    description.flags.iter().map(argument)
}

/// The module's flags in the order in which they stood on the command line.
///
/// # Panics
///
/// When `matches` are of a command without [`arguments`] of the same description: a slip of the program's.
#[must_use]
pub fn occurrences(description: &Description, matches: &ArgMatches) -> Vec<Occurrence> {
    let mut found: Vec<(usize, Occurrence)> = Vec::new();
    for flag in &description.flags {
        let id = format!("{PREFIX}{}", flag.name);
        let indices = matches.indices_of(&id).into_iter().flatten();
        let occurrence = |value: Option<String>| Occurrence {
            flag: flag.name.clone(),
            value,
        };
        if flag.kind == FlagKind::Switch {
            found.extend(indices.map(|index| (index, occurrence(None))));
        } else {
            let values = matches.get_many::<String>(&id).into_iter().flatten();
            found.extend(
                indices
                    .zip(values)
                    .map(|(at, value)| (at, occurrence(Some(value.clone())))),
            );
        }
    }
    found.sort_by_key(|(index, _)| *index);
    found.into_iter().map(|(_, occurrence)| occurrence).collect()
}

/// A module's flag as clap's argument.
fn argument(flag: &Flag) -> Arg {
    let arg = Arg::new(format!("{PREFIX}{}", flag.name))
        .long(flag.name.clone())
        .help(with_notes(flag, &flag.help));
    let arg = if flag.long_help.is_empty() {
        arg
    } else {
        arg.long_help(with_notes(flag, &flag.long_help))
    };
    let arg = flag.short.map_or(arg.clone(), |short| arg.short(short));
    match flag.kind {
        // Given twice, a switch is on all the same; in a group it may stand once for each entry.
        FlagKind::Switch => arg
            .action(ArgAction::Append)
            .num_args(0)
            .default_missing_value(""),
        // Values such as `-rwsr-xr-x` or `!^x` are taken as they are.
        _ => arg
            .action(ArgAction::Append)
            .value_name(flag.value_name.clone())
            .allow_hyphen_values(true),
    }
}

/// The help text, and what the declaration says besides.
fn with_notes(flag: &Flag, text: &str) -> String {
    let mut notes = vec![text.to_owned()];
    notes.extend(flag.unit.as_ref().map(|unit| format!("[unit: {unit}]")));
    notes.extend(
        flag.default
            .as_ref()
            .map(|default| format!("[default: {default}]")),
    );
    notes.extend((!flag.choices.is_empty()).then(|| format!("[one of: {}]", flag.choices.join(", "))));
    notes.extend(flag.repeated.then(|| "[repeatable]".to_owned()));
    notes.extend(
        flag.from_file
            .then(|| "[@FILE: from a file, @-: from standard input]".to_owned()),
    );
    notes.join(" ")
}

/// An argument as a shell needs it.
#[must_use]
pub fn quote(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

/// The module's examples as they would be typed after `program`, such as `gumshoe-agent run`.
#[must_use]
pub fn examples(program: &str, module: &str, description: &Description) -> String {
    let lines = description.examples.iter().map(|example| {
        let arguments: Vec<String> = example.arguments.iter().map(|a| quote(a)).collect();
        format!(
            "  # {}\n  {program} {module} {}\n",
            example.title,
            arguments.join(" ")
        )
    });
    format!("Examples:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_can_be_pasted_into_a_shell() {
        for (argument, quoted) in [
            ("/etc", "/etc"),
            ("^a$", "'^a$'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
            ("<10m", "'<10m'"),
        ] {
            assert_eq!(quote(argument), quoted);
        }
    }

    #[test]
    fn flags_come_back_in_the_order_in_which_they_stood() {
        let flag = |name: &str, kind| {
            serde_json::from_value::<Flag>(
                serde_json::json!({"name": name, "kind": kind, "help": "", "path": [name]}),
            )
            .unwrap()
        };
        let description = Description {
            about: String::new(),
            flags: vec![flag("path", "text"), flag("all", "switch")],
            examples: Vec::new(),
        };
        let matches = clap::Command::new("x")
            .args(arguments(&description))
            .try_get_matches_from(["x", "--path", "-b", "--all", "--path=a", "--all"])
            .unwrap();
        let told: Vec<_> = occurrences(&description, &matches)
            .into_iter()
            .map(|o| (o.flag, o.value))
            .collect();
        let text = |t: &str| Some(t.to_owned());
        assert_eq!(
            told,
            [
                ("path".into(), text("-b")),
                ("all".into(), None),
                ("path".into(), text("a")),
                ("all".into(), None)
            ]
        );
    }
}
