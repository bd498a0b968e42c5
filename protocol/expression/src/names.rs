//! Help for names that do not exist.

/// Most names listed in a message; all of them are in the error's field.
const LISTED: usize = 40;

/// The tail of a message: a suggestion if there is one, and what exists.
pub fn hint(suggestion: Option<&str>, known: &[String]) -> String {
    let mut text = suggestion
        .map(|name| format!("; did you mean `{name}`?"))
        .unwrap_or_default();
    let listed = known
        .iter()
        .take(LISTED)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    let more = if known.len() > LISTED { ", …" } else { "" };
    text.push_str(&format!(" (known: {listed}{more})"));
    text
}

/// The known name nearest to `name`, if it is near.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let allowed = (name.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|candidate| (distance(name, candidate, allowed), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}

/// Edits (insert, delete, replace a character) from one name to the other; more than `limit` if
/// their lengths alone say so.
fn distance(one: &str, other: &str, limit: usize) -> usize {
    let other: Vec<char> = other.chars().collect();
    if one.chars().count().abs_diff(other.len()) > limit {
        return limit + 1;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, a) in one.chars().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(&other) {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = *cell;
            left = replaced.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let known = ["hostname", "os", "tags", "os_release"];
        assert_eq!(nearest("hostnam", known).as_deref(), Some("hostname"));
        assert_eq!(nearest("hostName", known).as_deref(), Some("hostname"));
        assert_eq!(nearest("tag", known).as_deref(), Some("tags"));
        assert_eq!(nearest("osrelease", known).as_deref(), Some("os_release"));
        assert_eq!(nearest("cloud", known), None);
    }

    #[test]
    fn distance_is_the_edit_distance() {
        assert_eq!(distance("kitten", "sitting", 9), 3);
        assert_eq!(distance("", "abc", 9), 3);
        assert_eq!(distance("abc", "abc", 9), 0);
        assert_eq!(distance("a", "abcdef", 2), 3);
    }
}
