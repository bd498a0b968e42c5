//! `action sign` and `action verify`: several people pass one file along.

use super::setting::Setting;
use crate::cli::SignFile;
use crate::document::{Content, Document, Signed, write};
use crate::exit::{Exit, usage};
use crate::show::{Detail, content as told};
use crate::signing::{self, Verdict};
use crate::terminal::{Colours, Consent, Style, confirm, count, line, one_line};
use chrono::Utc;
use gumshoe_protocol::Envelope;
use gumshoe_protocol::envelope::ACTION_TYPE;
use std::path::{Path, PathBuf};

/// Signs an action, or adds a signature to an envelope.
pub fn sign(setting: &Setting, options: &SignFile) -> anyhow::Result<Exit> {
    let document = Document::read(&options.file)?;
    let content = match &document {
        Document::Draft(action) => Content::Action(action.clone()),
        Document::Signed(signed) => signed.content.clone(),
    };
    if let Content::Action(action) = &content
        && action.expires <= Utc::now()
    {
        return Err(usage(format!(
            "the action expired at {}: make a new one",
            crate::show::time(action.expires)
        )));
    }
    eprint!("{}", told(&content, Detail::Full, Colours::of_stderr()));
    if !options.yes {
        match confirm("Sign this?")? {
            Consent::Given => {}
            Consent::Denied => {
                eprintln!("gumshoe: nothing was signed");
                return Ok(Exit::Usage);
            }
            Consent::Nobody => {
                return Err(usage(
                    "nobody is there to agree (standard input is no terminal): say --yes",
                ));
            }
        }
    }
    let gpg = setting.gpg(&options.signing)?;
    let envelope = match document {
        Document::Draft(action) => signing::seal(&gpg, ACTION_TYPE, action.to_payload())?,
        Document::Signed(signed) => {
            let mut envelope = signed.envelope;
            signing::add(&gpg, &mut envelope)?;
            envelope
        }
    };
    save(&envelope, options)
}

fn save(envelope: &Envelope, options: &SignFile) -> anyhow::Result<Exit> {
    let first = envelope.signatures.len() == 1;
    let path = options.save.clone().unwrap_or_else(|| match first {
        true => signed_name(&options.file),
        false => options.file.clone(),
    });
    write(&path, &envelope.to_json())?;
    let signatures = count(envelope.signatures.len() as u64, "signature");
    eprintln!("`{}` has {signatures}", path.display());
    Ok(Exit::Found)
}

/// `x.json` becomes `x.signed.json`; standard input becomes standard output.
fn signed_name(path: &Path) -> PathBuf {
    if path == Path::new("-") {
        return path.to_owned();
    }
    path.with_extension("signed.json")
}

/// Says who signed a file, as far as the keyring knows.
pub fn verify(setting: &Setting, file: &Path) -> anyhow::Result<Exit> {
    let signed = match Document::read(file)? {
        Document::Signed(signed) => *signed,
        Document::Draft(_) => return Err(usage("nobody has signed this")),
    };
    let verdicts = verdicts(setting, &signed)?;
    let colours = Colours::of_stdout();
    for verdict in &verdicts {
        line(&sentence(verdict, colours))?;
    }
    let good = |verdict: &Verdict| matches!(verdict, Verdict::Good { .. });
    Ok(if verdicts.iter().all(good) {
        Exit::Found
    } else {
        Exit::Failed
    })
}

fn verdicts(setting: &Setting, signed: &Signed) -> anyhow::Result<Vec<Verdict>> {
    let gpg = setting.gpg(&crate::cli::SigningOptions::default())?;
    let message = signed.envelope.pae();
    let signatures = signed.envelope.signatures.iter();
    Ok(signatures
        .map(|one| gpg.verify(&message, &one.signature))
        .collect::<Result<_, _>>()?)
}

fn sentence(verdict: &Verdict, colours: Colours) -> String {
    match verdict {
        Verdict::Good { fingerprint, user } => {
            format!(
                "{}  {fingerprint}  {}",
                colours.paint(Style::Good, "good"),
                one_line(user)
            )
        }
        Verdict::Doubtful {
            fingerprint,
            user,
            why,
        } => format!(
            "{}  {fingerprint}  {}: {why}",
            colours.paint(Style::Warning, "doubtful"),
            one_line(user)
        ),
        Verdict::UnknownKey { key } => format!(
            "{}  {}: the key is not in your keyring (`gpg --import` it)",
            colours.paint(Style::Warning, "unknown"),
            one_line(key)
        ),
        Verdict::Bad => format!(
            "{}  a signature that is not of this file's content",
            colours.paint(Style::Bad, "bad")
        ),
    }
}
