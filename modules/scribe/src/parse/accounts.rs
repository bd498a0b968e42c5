//! `passwd(5)`.

use gumshoe_document::Fact;

/// One fact per account: uid, gid, home and shell.
#[must_use]
pub fn parse(text: &str) -> Vec<Fact> {
    text.lines().filter_map(account).collect()
}

fn account(line: &str) -> Option<Fact> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, uid, gid, _, home, shell] = fields[..] else {
        return None;
    };
    let values = [uid, gid, home, shell].map(str::to_owned).to_vec();
    (!name.is_empty() && !name.starts_with('#')).then(|| Fact {
        identifier: name.to_owned(),
        values,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_have_four_fields_of_interest() {
        let facts = parse("root:x:0:0:root:/root:/bin/bash\n+nis\n#c:x:1:1::/:\nbin:*:1:2::/bin:");
        assert_eq!(facts.len(), 2);
        assert_eq!(facts[1].values, ["1", "2", "/bin", ""]);
    }
}
