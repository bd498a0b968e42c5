//! Parameters to plan: every check that needs no look at the host. All problems are reported at once.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Display,
    path::PathBuf,
    sync::Arc,
};

use gumshoe_plugin_api::Problems;
use regex::bytes::Regex;

use crate::{
    condition::{Account, AttributeTest, Condition, ContentTest, DigestTest, MetadataTest, Mode, Stamp},
    digest::Algorithm,
    params::{self, Filter, Options, Params},
    parse::{
        age::AgeTest,
        digest::{hex, to_hex},
        size::SizeTest,
    },
    patterns::{Patterns, regex},
    plan::{Kinds, Plan, Search},
};

/// Searches in one operation.
pub const MAX_SEARCHES: usize = 1000;
/// Paths of all searches together.
pub const MAX_PATHS: usize = 10_000;
/// Regular expressions on names, modes, attributes and capabilities of all searches together.
pub const MAX_REGEXES: usize = 4096;
/// Threads that may be asked for.
pub const MAX_THREADS: u32 = 64;
/// Characters in a label.
const MAX_LABEL_LENGTH: usize = 64;

impl TryFrom<Params> for Plan {
    type Error = Problems;

    fn try_from(params: Params) -> Result<Self, Problems> {
        let mut checker = Checker::default();
        if params.searches.is_empty() {
            checker.problems.add("/searches", "there is no search");
        }
        checker.count("/searches", "searches", params.searches.len(), MAX_SEARCHES);
        let paths = params.searches.values().map(|search| search.paths.len()).sum();
        checker.count("/searches", "paths", paths, MAX_PATHS);
        let regexes = params.searches.values().map(count_regexes).sum();
        checker.count("/searches", "regular expressions", regexes, MAX_REGEXES);
        if !checker.problems.is_empty() {
            return Err(checker.problems);
        }
        let searches = params
            .searches
            .into_iter()
            .map(|(label, search)| checker.search(label, search))
            .collect();
        match checker.patterns.compile(&mut checker.problems) {
            Some(patterns) => checker.problems.or(Plan {
                searches,
                patterns: Arc::new(patterns),
            }),
            None => Err(checker.problems),
        }
    }
}

fn count_regexes(search: &params::Search) -> usize {
    [&search.names, &search.modes, &search.xattrs, &search.capabilities]
        .map(Vec::len)
        .iter()
        .sum()
}

#[derive(Default)]
struct Checker {
    problems: Problems,
    patterns: Patterns,
}

impl Checker {
    fn count(&mut self, pointer: &str, what: &str, count: usize, limit: usize) {
        if count > limit {
            self.problems.add(
                pointer,
                format!("{count} {what} are more than the limit of {limit}"),
            );
        }
    }

    fn search(&mut self, label: String, search: params::Search) -> Search {
        let params::Search {
            options,
            paths,
            names,
            contents,
            types,
            ..
        } = &search;
        let at = format!("/searches/{}", label.replace('~', "~0").replace('/', "~1"));
        let mut one = SearchChecker {
            checker: self,
            at,
            options,
        };
        one.label(&label);
        one.options();
        Search {
            paths: one.paths(paths),
            kinds: if types.is_empty() {
                Kinds::FilesAndLinksToFiles
            } else {
                Kinds::Only(types.clone())
            },
            mode: if options.matchall { Mode::All } else { Mode::Any },
            names: one.names(names),
            metadata: one.metadata(&search),
            attributes: one.attributes(&search),
            contents: one.contents(contents),
            digests: one.digests(&search),
            label,
            options: options.clone(),
        }
    }
}

/// Checks one search.
struct SearchChecker<'c> {
    checker: &'c mut Checker,
    /// Pointer to the search.
    at: String,
    options: &'c Options,
}

impl SearchChecker<'_> {
    fn problem(&mut self, place: impl Display, message: impl Into<String>) {
        self.checker.problems.add(format!("{}/{place}", self.at), message);
    }

    fn label(&mut self, label: &str) {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if label.is_empty() || label.len() > MAX_LABEL_LENGTH || !label.bytes().all(good) {
            self.checker.problems.add(
                self.at.as_str(),
                "a label has 1 to 64 letters, digits, `_` or `-`",
            );
        }
    }

    fn options(&mut self) {
        if self.options.matchlimit == 0 {
            self.problem("options/matchlimit", "must be at least 1");
        }
        if self.options.threads > MAX_THREADS {
            self.problem("options/threads", format!("must be at most {MAX_THREADS}"));
        }
    }

    fn paths(&mut self, paths: &[String]) -> Vec<PathBuf> {
        if paths.is_empty() {
            self.problem("paths", "there is no path");
        }
        for (index, path) in paths.iter().enumerate() {
            let message = match path.as_bytes() {
                [] => "the path is empty",
                path if path.contains(&0) => "the path contains a NUL character",
                [b'/', ..] => continue,
                _ => "the path must be absolute, beginning with `/`",
            };
            self.problem(format_args!("paths/{index}"), message);
        }
        paths.iter().map(PathBuf::from).collect()
    }

    /// Conditions of one filter; a value that is refused becomes a problem.
    fn parsed<T, E: ToString>(
        &mut self,
        key: &str,
        filter: Filter,
        values: &[String],
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<Condition<T>> {
        let inverted = self.options.mismatch.contains(&filter);
        let mut conditions = Vec::with_capacity(values.len());
        for (index, value) in values.iter().enumerate() {
            match parse(value) {
                Ok(test) => conditions.push(Condition {
                    filter,
                    value: value.as_str().into(),
                    inverted,
                    test,
                }),
                Err(error) => self.problem(format_args!("{key}/{index}"), error.to_string()),
            }
        }
        conditions
    }

    fn names(&mut self, values: &[String]) -> Vec<Condition<Regex>> {
        let parse = |text: &str| regex(text.strip_prefix('!').unwrap_or(text));
        let mut conditions = self.parsed("names", Filter::Name, values, parse);
        for condition in &mut conditions {
            condition.inverted ^= condition.value.starts_with('!');
        }
        conditions
    }

    /// The cheap ones first.
    fn metadata(&mut self, search: &params::Search) -> Vec<Condition<MetadataTest>> {
        let mut conditions = self.parsed("sizes", Filter::Size, &search.sizes, |text| {
            SizeTest::parse(text).map(MetadataTest::Size)
        });
        let ages = [
            ("mtimes", Filter::Mtime, &search.mtimes, Stamp::Modified),
            ("ctimes", Filter::Ctime, &search.ctimes, Stamp::Changed),
            ("btimes", Filter::Btime, &search.btimes, Stamp::Born),
        ];
        for (key, filter, values, stamp) in ages {
            let age = |text: &str| AgeTest::parse(text).map(|test| MetadataTest::Time(stamp, test));
            conditions.extend(self.parsed(key, filter, values, age));
        }
        let owner = |text: &str| account(text).map(MetadataTest::Owner);
        conditions.extend(self.parsed("owners", Filter::Owner, &search.owners, owner));
        let group = |text: &str| account(text).map(MetadataTest::Group);
        conditions.extend(self.parsed("groups", Filter::Group, &search.groups, group));
        let mode = |text: &str| regex(text).map(MetadataTest::Mode);
        conditions.extend(self.parsed("modes", Filter::Mode, &search.modes, mode));
        conditions
    }

    fn attributes(&mut self, search: &params::Search) -> Vec<Condition<AttributeTest>> {
        let name = |text: &str| regex(text).map(AttributeTest::Name);
        let mut conditions = self.parsed("xattrs", Filter::Xattr, &search.xattrs, name);
        let capability = |text: &str| {
            let pattern = if text == "any" { None } else { Some(regex(text)?) };
            Ok::<_, String>(AttributeTest::Capability(pattern))
        };
        conditions.extend(self.parsed(
            "capabilities",
            Filter::Capability,
            &search.capabilities,
            capability,
        ));
        conditions
    }

    fn contents(&mut self, values: &[String]) -> Vec<Condition<ContentTest>> {
        let (mismatch, macroal) = (
            self.options.mismatch.contains(&Filter::Content),
            self.options.macroal,
        );
        let at = &self.at;
        let patterns = &mut self.checker.patterns;
        let condition = |(index, value): (usize, &String)| {
            let (negated, pattern) = value
                .strip_prefix('!')
                .map_or((false, value.as_str()), |rest| (true, rest));
            let pattern = patterns.add(pattern, || format!("{at}/contents/{index}"));
            // With `macroal`, `!` asks that no line match, not that some line does not.
            let test = ContentTest {
                pattern,
                every: macroal && !negated,
            };
            Condition {
                filter: Filter::Content,
                value: value.as_str().into(),
                inverted: negated != mismatch,
                test,
            }
        };
        values.iter().enumerate().map(condition).collect()
    }

    fn digests(&mut self, search: &params::Search) -> Vec<Condition<DigestTest>> {
        let lists = [
            ("md5", Filter::Md5, &search.md5),
            ("sha1", Filter::Sha1, &search.sha1),
            ("sha2", Filter::Sha2, &search.sha2),
            ("sha3", Filter::Sha3, &search.sha3),
            ("blake3", Filter::Blake3, &search.blake3),
        ];
        lists
            .into_iter()
            .flat_map(|(key, filter, values)| self.digest_lists(key, filter, values))
            .collect()
    }

    /// One condition per algorithm.
    fn digest_lists(&mut self, key: &str, filter: Filter, values: &[String]) -> Vec<Condition<DigestTest>> {
        let mut lists: BTreeMap<Algorithm, HashMap<Box<[u8]>, Arc<str>>> = BTreeMap::new();
        for (index, value) in values.iter().enumerate() {
            match digest(filter, value) {
                Ok((algorithm, digest)) => {
                    let list = lists.entry(algorithm).or_default();
                    list.entry(digest).or_insert_with(|| value.as_str().into());
                }
                Err(message) => self.problem(format_args!("{key}/{index}"), message),
            }
        }
        let inverted = self.options.mismatch.contains(&filter);
        let condition = |(algorithm, digests): (Algorithm, HashMap<Box<[u8]>, Arc<str>>)| {
            let only = digests.values().next().filter(|_| digests.len() == 1);
            let value = only.map_or_else(|| format!("none of {} digests", digests.len()).into(), Arc::clone);
            Condition {
                filter,
                value,
                inverted,
                test: DigestTest { algorithm, digests },
            }
        };
        lists.into_iter().map(condition).collect()
    }
}

fn account(text: &str) -> Result<Account, &'static str> {
    if text.is_empty() {
        Err("the name is empty")
    } else {
        Ok(Account::parse(text))
    }
}

/// Reads a digest; its length tells the algorithm.
fn digest(filter: Filter, text: &str) -> Result<(Algorithm, Box<[u8]>), String> {
    let bytes = hex(text).map_err(|error| error.to_string())?;
    let algorithm = Algorithm::of(filter, bytes.len()).ok_or_else(|| {
        let lengths: Vec<String> = Algorithm::lengths(filter)
            .map(|bytes| (bytes * 2).to_string())
            .collect();
        let found = to_hex(&bytes).len();
        format!(
            "{found} hexadecimal digits where {} are needed",
            lengths.join(" or ")
        )
    })?;
    Ok((algorithm, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn problems(searches: Value) -> Vec<(String, String)> {
        let params: Params = serde_json::from_value(json!({ "searches": searches })).unwrap();
        let problems = Plan::try_from(params).map(|_| ()).unwrap_err();
        problems
            .iter()
            .map(|problem| (problem.pointer.clone(), problem.message.clone()))
            .collect()
    }

    #[test]
    fn all_problems_are_reported_at_once_with_their_places() {
        let found = problems(json!({
            "a/b": { "paths": ["", "relative", "/good", "nul\u{0}"], "names": ["good", "!(bad"], "sizes": ["1x"] },
            "two": { "paths": [], "contents": ["ok", "[z-a]", "!x{99999}"], "mtimes": ["9d"], "sha2": ["ab", "xy"],
                     "owners": [""], "modes": ["*"], "options": { "matchlimit": 0, "threads": 65 } },
        }));
        let expected = [
            ("/searches/a~1b", "label"),
            ("/searches/a~1b/sizes/0", "not a size"),
            ("/searches/a~1b/paths/0", "empty"),
            ("/searches/a~1b/paths/1", "absolute"),
            ("/searches/a~1b/paths/3", "NUL"),
            ("/searches/a~1b/names/1", "byte 0"),
            ("/searches/two/options/matchlimit", "at least 1"),
            ("/searches/two/options/threads", "at most 64"),
            ("/searches/two/mtimes/0", "not an age"),
            ("/searches/two/owners/0", "empty"),
            ("/searches/two/modes/0", "byte 0"),
            (
                "/searches/two/sha2/0",
                "2 hexadecimal digits where 64 or 96 or 128 are needed",
            ),
            ("/searches/two/sha2/1", "not hexadecimal"),
            ("/searches/two/paths", "no path"),
            ("/searches/two/contents/1", "byte 1"),
            ("/searches/two/contents/2", "bytes"),
        ];
        let mut missing: Vec<_> = expected.to_vec();
        for (pointer, message) in &found {
            let at = missing
                .iter()
                .position(|(place, part)| place == pointer && message.contains(part));
            assert!(at.is_some(), "{pointer}: {message}");
            at.map(|at| missing.remove(at));
        }
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn too_many_and_none_are_refused() {
        assert_eq!(problems(json!({}))[0].0, "/searches");
        let many: Vec<String> = (0..10_001).map(|number| format!("/{number}")).collect();
        assert!(
            problems(json!({ "s": { "paths": many } }))[0]
                .1
                .contains("limit of 10000")
        );
        let many: Vec<String> = (0..5000).map(|number| format!("x{number}")).collect();
        assert!(
            problems(json!({ "s": { "paths": ["/"], "contents": many } }))[0]
                .1
                .contains("limit")
        );
        assert!(
            problems(json!({ "s": { "paths": ["/"], "names": many } }))[0]
                .1
                .contains("limit of 4096")
        );
    }

    #[test]
    fn inversions_cancel_out_and_digests_form_lists() {
        let params = json!({ "searches": { "s": {
            "paths": ["/"], "names": ["!x", "y"], "contents": ["!p", "p"],
            "sha2": ["00".repeat(32), "01".repeat(32), "00".repeat(64)],
            "options": { "mismatch": ["name", "content"], "macroal": true, "matchall": true },
        } } });
        let params: Params = serde_json::from_value(params).unwrap();
        let plan = Plan::try_from(params).unwrap();
        let search = &plan.searches[0];
        assert_eq!(
            search.names.iter().map(|name| name.inverted).collect::<Vec<_>>(),
            [false, true]
        );
        let contents: Vec<_> = search
            .contents
            .iter()
            .map(|c| (c.test.pattern, c.test.every, c.inverted))
            .collect();
        assert_eq!(contents, [(0, false, false), (0, true, true)]);
        assert_eq!(
            search
                .digests
                .iter()
                .map(|list| list.test.digests.len())
                .collect::<Vec<_>>(),
            [2, 1]
        );
    }
}
