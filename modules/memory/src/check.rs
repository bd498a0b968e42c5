//! Parameters to plan: every check that needs no look at the host. All problems are reported at once.

use crate::params::{self, Filter, Options, Params, RegionClass};
use crate::plan::{Named, Pattern, Plan, Search, User};
use crate::region::Classes;
use gumshoe_plugin_api::Problems;
use gumshoe_scan::bytes::{self, ByteSet};
use gumshoe_scan::{Limits, PatternError, Regex};
use std::sync::Arc;

/// Searches in one operation.
pub const MAX_SEARCHES: usize = 1000;
/// Contents and bytes of all searches together; as many names and libraries.
pub const MAX_PATTERNS: usize = 4096;
/// Matches per process and pattern that may be asked for.
pub const MAX_MATCHES: u32 = 10_000;
/// Longest match that may be asked for.
pub const MAX_MATCH_BYTES: u32 = 1 << 20;
/// Threads that may be asked for.
pub const MAX_THREADS: u32 = 64;
/// Bytes in a label.
const MAX_LABEL_BYTES: usize = 64;

impl TryFrom<Params> for Plan {
    type Error = Problems;

    fn try_from(params: Params) -> Result<Self, Problems> {
        let mut checker = Checker::default();
        checker.amounts(&params);
        if !checker.problems.is_empty() {
            return Err(checker.problems);
        }
        let mut searches = Vec::new();
        let mut sources = Vec::new();
        for (index, (label, search)) in params.searches.into_iter().enumerate() {
            searches.push(checker.search(index, label, search, &mut sources));
        }
        if !checker.problems.is_empty() {
            return Err(checker.problems);
        }
        let set = checker.compile(&searches, &sources);
        match set {
            Some(set) => {
                let patterns = sources.into_iter().map(|source| source.pattern).collect();
                Ok(Plan {
                    searches,
                    set: Arc::new(set),
                    patterns,
                })
            }
            None => Err(checker.problems),
        }
    }
}

#[derive(Default)]
struct Checker {
    problems: Problems,
}

/// A pattern on its way into the set.
struct Source {
    pattern: Pattern,
    /// Where it stands in the parameters.
    pointer: String,
    wide: bool,
    max_matches: usize,
}

impl Source {
    fn compiled(&self) -> bytes::Pattern<'_> {
        let pattern = match self.pattern.filter {
            Filter::Bytes => bytes::Pattern::hex(&self.pattern.text),
            _ => bytes::Pattern::regex(&self.pattern.text),
        };
        pattern.also_wide(self.wide).max_matches(self.max_matches)
    }
}

impl Checker {
    fn amounts(&mut self, params: &Params) {
        if params.searches.is_empty() {
            self.problems.add("/searches", "there is no search");
        }
        let sum = |count: fn(&params::Search) -> usize| params.searches.values().map(count).sum::<usize>();
        for (what, count, limit) in [
            ("searches", params.searches.len(), MAX_SEARCHES),
            (
                "contents and bytes",
                sum(|search| search.contents.len() + search.bytes.len()),
                MAX_PATTERNS,
            ),
            (
                "names and libraries",
                sum(|search| search.names.len() + search.libraries.len()),
                MAX_PATTERNS,
            ),
        ] {
            if count > limit {
                self.problems.add(
                    "/searches",
                    format!("{count} {what} are more than the limit of {limit}"),
                );
            }
        }
    }

    fn search(
        &mut self,
        index: usize,
        label: String,
        search: params::Search,
        sources: &mut Vec<Source>,
    ) -> Search {
        let at = format!("/searches/{}", label.replace('~', "~0").replace('/', "~1"));
        self.label(&at, &label);
        self.options(&at, &search.options);
        let has_filter = !search.names.is_empty()
            || !search.libraries.is_empty()
            || !search.contents.is_empty()
            || !search.bytes.is_empty()
            || !search.anomalies.is_empty();
        if !has_filter {
            self.problems.add(
                &at,
                "give at least one of names, libraries, contents, bytes, anomalies",
            );
        }
        let first = sources.len();
        self.patterns(&at, index, &search, sources);
        Search {
            names: self.regexes(&format!("{at}/names"), search.names),
            libraries: self.regexes(&format!("{at}/libraries"), search.libraries),
            patterns: first..sources.len(),
            pids: search.pids,
            users: search.users.into_iter().map(user).collect(),
            classes: classes(&search.regions),
            anomalies: search.anomalies,
            options: search.options,
            label,
        }
    }

    fn label(&mut self, at: &str, label: &str) {
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if label.is_empty() || label.len() > MAX_LABEL_BYTES || !label.bytes().all(is_good) {
            self.problems
                .add(at, "a label has 1 to 64 letters, digits, `_` or `-`");
        }
    }

    fn options(&mut self, at: &str, options: &Options) {
        for (name, value, min, max) in [
            ("max_matches", options.max_matches, 1, MAX_MATCHES),
            ("max_match_bytes", options.max_match_bytes, 1, MAX_MATCH_BYTES),
            ("threads", options.threads, 0, MAX_THREADS),
            ("cpu_percent", options.cpu_percent, 0, 100 * MAX_THREADS),
        ] {
            if !(min..=max).contains(&value) {
                self.problems.add(
                    format!("{at}/options/{name}"),
                    format!("must be from {min} to {max}, not {value}"),
                );
            }
        }
    }

    /// Regexes for names; what is not one is reported.
    fn regexes(&mut self, at: &str, texts: Vec<String>) -> Vec<Named> {
        let mut regexes = Vec::with_capacity(texts.len());
        for (index, text) in texts.into_iter().enumerate() {
            match Regex::new(&text, &Limits::default()) {
                Ok(regex) => regexes.push(Named { text, regex }),
                Err(error) => self.pattern_problem(&format!("{at}/{index}"), &error),
            }
        }
        regexes
    }

    fn patterns(&mut self, at: &str, search: usize, params: &params::Search, sources: &mut Vec<Source>) {
        let contents = params.contents.iter().map(|text| (Filter::Content, text));
        let bytes = params.bytes.iter().map(|text| (Filter::Bytes, text));
        let named = |filter| {
            if filter == Filter::Bytes {
                "bytes"
            } else {
                "contents"
            }
        };
        let mut index = 0;
        let mut last = None;
        for (filter, text) in contents.chain(bytes) {
            index = if last == Some(filter) { index + 1 } else { 0 };
            last = Some(filter);
            let source = Source {
                pattern: Pattern {
                    search,
                    filter,
                    text: text.clone(),
                },
                pointer: format!("{at}/{}/{index}", named(filter)),
                wide: params.wide && filter == Filter::Content,
                max_matches: usize::try_from(params.options.max_matches).unwrap_or(usize::MAX),
            };
            if let Err(error) = source.compiled().check(&Limits::default()) {
                self.pattern_problem(&source.pointer, &error);
            }
            sources.push(source);
        }
    }

    fn compile(&mut self, searches: &[Search], sources: &[Source]) -> Option<ByteSet> {
        let patterns: Vec<bytes::Pattern<'_>> = sources.iter().map(Source::compiled).collect();
        let longest = searches
            .iter()
            .map(|search| search.options.max_match_bytes)
            .max()
            .unwrap_or(1);
        let longest = usize::try_from(longest).unwrap_or(usize::MAX);
        match ByteSet::with_limits(&patterns, Limits::default(), longest) {
            Ok(set) => Some(set),
            Err(error) => {
                let pointer = error
                    .index()
                    .and_then(|index| sources.get(index))
                    .map(|source| source.pointer.as_str());
                self.pattern_problem(pointer.unwrap_or("/searches"), &error);
                None
            }
        }
    }

    fn pattern_problem(&mut self, pointer: &str, error: &PatternError) {
        self.problems.add(pointer, error.reason());
    }
}

fn user(text: String) -> User {
    match text.parse() {
        Ok(number) => User::Number(number),
        Err(_) => User::Name(text),
    }
}

fn classes(regions: &[RegionClass]) -> Classes {
    let class = |region: &RegionClass| match region {
        RegionClass::Heap => Classes::HEAP,
        RegionClass::Stack => Classes::STACK,
        RegionClass::Anon => Classes::ANON,
        RegionClass::File => Classes::FILE,
        RegionClass::Exec => Classes::EXEC,
        RegionClass::Write => Classes::WRITE,
    };
    if regions.is_empty() {
        return Classes::ALL;
    }
    regions.iter().map(class).fold(Classes::default(), Classes::union)
}
