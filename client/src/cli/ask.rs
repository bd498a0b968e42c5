//! `gumshoe MODULE flags…`: the module's own flags and this program's, on one command line.

use super::options::{Global, Output, QuestionOptions, SendingOptions, SigningOptions};
use crate::modules::Module;
use clap::{Args, Command, FromArgMatches as _, ValueHint};
use gumshoe_plugin_api::Occurrence;
use gumshoe_plugin_api::command::{arguments, examples, occurrences};
use std::ffi::OsString;
use std::path::PathBuf;

/// A question as it was typed: the module's flags, and everything else.
#[derive(Debug)]
pub struct Asked {
    /// The module's flags, in their order.
    pub flags: Vec<Occurrence>,
    /// The rest.
    pub options: AskOptions,
}

/// What every module can be asked with.
#[derive(Debug, Clone, Args)]
pub struct AskOptions {
    /// What the action says.
    #[command(flatten)]
    pub question: QuestionOptions,
    /// With which key.
    #[command(flatten)]
    pub signing: SigningOptions,
    /// How it is sent.
    #[command(flatten)]
    pub sending: SendingOptions,
    /// How findings are printed.
    #[command(flatten)]
    pub output: Output,
    /// Where from and where to.
    #[command(flatten)]
    pub place: PlaceOptions,
    /// Server and configuration.
    #[command(flatten)]
    pub global: Global,
}

/// Where the parameters come from, and where the question goes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Where from, where to")]
pub struct PlaceOptions {
    /// Read the parameters from a JSON file, or from standard input with `-`, instead of from flags
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub params: Option<PathBuf>,
    /// Ask this host, without a server and without a signature
    #[arg(long, conflicts_with_all = ["target", "save", "detach", "canary"])]
    pub local: bool,
    /// With --local: look at this folder as if it were `/`
    #[arg(long, value_name = "DIR", requires = "local", value_hint = ValueHint::DirPath)]
    pub root: Option<PathBuf>,
    /// Write the action to a file, unsigned, instead of signing and sending it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub save: Option<PathBuf>,
}

/// The command of a module, with its flags and ours. One of ours whose name the module uses begins with `ask-`.
#[must_use]
pub fn ask_command(module: &Module) -> Command {
    let name = &module.name;
    let command = Command::new(name.clone())
        .bin_name(format!("gumshoe {name}"))
        .about(module.summary.clone())
        .long_about(format!("{}\n\n{}", module.summary, module.description.about))
        .after_help(examples("gumshoe", name, &module.description))
        .max_term_width(100)
        .next_help_heading(format!("Flags of the module {name}"))
        .args(arguments(&module.description));
    let taken: Vec<(String, String)> = options_of_ours()
        .into_iter()
        .filter(|(_, long)| module.description.flags.iter().any(|flag| flag.name == *long))
        .collect();
    let command = AskOptions::augment_args(command)
        .about(module.summary.clone())
        .long_about(format!("{}\n\n{}", module.summary, module.description.about));
    taken.into_iter().fold(command, |command, (id, long)| {
        command.mut_arg(id, |arg| arg.long(format!("ask-{long}")))
    })
}

/// Id and long name of every option that is not a module's.
fn options_of_ours() -> Vec<(String, String)> {
    let command = AskOptions::augment_args(Command::new("ask"));
    command
        .get_arguments()
        .filter_map(|arg| Some((arg.get_id().to_string(), arg.get_long()?.to_owned())))
        .collect()
}

/// Takes the words after a module's name apart.
///
/// # Errors
///
/// clap's error, ready to be printed (which may be the help text).
pub fn parse_ask(module: &Module, words: &[OsString]) -> Result<Asked, clap::Error> {
    let name = OsString::from(&module.name);
    let matches = ask_command(module).try_get_matches_from(std::iter::once(&name).chain(words))?;
    Ok(Asked {
        flags: occurrences(&module.description, &matches),
        options: AskOptions::from_arg_matches(&matches)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(flags: &[&str]) -> Module {
        let flags: Vec<_> = flags
            .iter()
            .map(|name| serde_json::json!({"name": name, "kind": "text", "help": "h", "path": [name]}))
            .collect();
        let description = serde_json::json!({"about": "a", "flags": flags, "examples": []});
        Module {
            name: "mod".to_owned(),
            summary: "s".to_owned(),
            description: serde_json::from_value(description).unwrap(),
        }
    }

    fn parse(module: &Module, words: &[&str]) -> Asked {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        parse_ask(module, &words).unwrap()
    }

    #[test]
    fn the_module_s_flags_and_ours_mix() {
        let asked = parse(
            &module(&["name"]),
            &["--target", "true", "--name", "-x", "--canary=5%", "--name", "y"],
        );
        let values: Vec<_> = asked.flags.iter().map(|flag| flag.value.as_deref()).collect();
        assert_eq!(values, [Some("-x"), Some("y")]);
        assert_eq!(asked.options.question.target.as_deref(), Some("true"));
    }

    #[test]
    fn a_flag_of_the_module_s_comes_before_one_of_ours() {
        let greedy = module(&["target", "server"]);
        let asked = parse(&greedy, &["--target", "his", "--ask-target", "ours"]);
        assert_eq!(asked.flags[0].value.as_deref(), Some("his"));
        assert_eq!(asked.options.question.target.as_deref(), Some("ours"));
        ask_command(&greedy).debug_assert();
    }
}
