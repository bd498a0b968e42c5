//! What `gpg` says on its status file descriptor.
//!
//! Source: GnuPG's `doc/DETAILS`, section "Format of the --status-fd output".

use super::gpg::Verdict;

/// The status lines and the others of an output of `gpg`.
#[derive(Debug, Default)]
pub struct Status {
    lines: Vec<String>,
    messages: Vec<String>,
}

impl Status {
    /// Parts what `gpg` wrote.
    pub fn parse(output: &[u8]) -> Self {
        let mut status = Self::default();
        for line in String::from_utf8_lossy(output).lines() {
            match line.strip_prefix("[GNUPG:] ") {
                Some(line) => status.lines.push(line.to_owned()),
                None => status.messages.push(line.to_owned()),
            }
        }
        status
    }

    /// The words behind a keyword, of the first line that has it.
    pub fn words<'a>(&'a self, keyword: &'a str) -> Option<Vec<&'a str>> {
        self.all(keyword).next()
    }

    /// The words behind a keyword, of every line that has it.
    pub fn all<'a>(&'a self, keyword: &'a str) -> impl Iterator<Item = Vec<&'a str>> {
        self.lines.iter().filter_map(move |line| {
            let mut words = line.split(' ');
            (words.next() == Some(keyword)).then(|| words.collect())
        })
    }

    /// What it wrote for people, in one line.
    pub fn told(&self) -> String {
        let lines: Vec<&str> = self.messages.iter().map(|line| line.trim()).collect();
        let told = lines.join("; ");
        if told.is_empty() {
            "it gave no reason".to_owned()
        } else {
            told
        }
    }

    /// What it says about one signature.
    pub fn verdict(&self) -> Verdict {
        if self.words("BADSIG").is_some() {
            return Verdict::Bad;
        }
        let user = |keyword: &str| self.words(keyword).map(|words| words[1..].join(" "));
        // The last word is the primary key's fingerprint; old versions end with the signing key's.
        let primary = self
            .words("VALIDSIG")
            .and_then(|words| words.last().map(|word| (*word).to_owned()));
        let doubts = [
            ("EXPKEYSIG", "the key has expired"),
            ("REVKEYSIG", "the key is revoked"),
            ("EXPSIG", "the signature has expired"),
        ];
        let doubt = doubts
            .iter()
            .find_map(|(keyword, why)| Some((user(keyword)?, (*why).to_owned())));
        match (primary, doubt, user("GOODSIG")) {
            (Some(fingerprint), Some((user, why)), _) => Verdict::Doubtful {
                fingerprint,
                user,
                why,
            },
            (Some(fingerprint), None, Some(user)) => Verdict::Good { fingerprint, user },
            _ => match self.words("NO_PUBKEY").and_then(|words| words.first().copied()) {
                Some(key) => Verdict::UnknownKey { key: key.to_owned() },
                None => Verdict::Bad,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_follow_the_status_and_not_the_text() {
        let valid = "[GNUPG:] VALIDSIG SUB 2026-01-01 1 0 4 0 22 10 00 PRIMARY\n";
        let cases = [
            (
                format!("[GNUPG:] GOODSIG AB Ada <a@b>\n{valid}"),
                Verdict::Good {
                    fingerprint: "PRIMARY".into(),
                    user: "Ada <a@b>".into(),
                },
            ),
            (
                format!("[GNUPG:] EXPKEYSIG AB Ada\n{valid}"),
                Verdict::Doubtful {
                    fingerprint: "PRIMARY".into(),
                    user: "Ada".into(),
                    why: "the key has expired".into(),
                },
            ),
            (
                "[GNUPG:] ERRSIG AB 22 10 00 1 9 X\n[GNUPG:] NO_PUBKEY AB\n".into(),
                Verdict::UnknownKey { key: "AB".into() },
            ),
            ("[GNUPG:] BADSIG AB Ada\n".into(), Verdict::Bad),
            ("gpg: Good signature\n".into(), Verdict::Bad),
            // A line for people that looks like a status line has no effect: it has no prefix at its beginning.
            ("gpg: [GNUPG:] GOODSIG AB Ada\n".into(), Verdict::Bad),
        ];
        for (output, expected) in cases {
            assert_eq!(Status::parse(output.as_bytes()).verdict(), expected, "{output}");
        }
    }
}
