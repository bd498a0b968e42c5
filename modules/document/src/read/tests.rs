//! Tests and what they ask.

use gumshoe_versions::Order;
use serde_json::Value;

use super::{At, Common, Keys, Reader};
use crate::{
    PatternError, Tag,
    limits::MAX_TESTS,
    plan::{Check, Expected, Operation, Sense, Test, Verdict},
};

const KEYS: [&str; 15] = [
    "test",
    "name",
    "object",
    "description",
    "evr",
    "regexp",
    "exactmatch",
    "tags",
    "if",
    "ifany",
    "not",
    "all",
    "count",
    "expectedresult",
    "expecterror",
];
/// Tags of one test.
const MAX_TAGS: usize = 1_000;

/// Reads all tests.
pub(crate) fn read<'v>(common: &mut Common<'v>, list: &'v [Value]) -> Vec<Test> {
    let top = At::TOP;
    let at = top.key("tests");
    let tests = list.iter().enumerate();
    tests
        .filter_map(|(index, value)| common.test(index, value, &at.index(index)))
        .collect()
}

impl<'v> Common<'v> {
    fn test(&mut self, index: usize, value: &'v Value, at: &At<'_>) -> Option<Test> {
        let keys = self.reader.keys(value, at)?;
        self.reader.known(&keys, &KEYS);
        let id = self.reader.text(&keys, "test");
        if id.is_empty() {
            self.reader.problems.add(at.key("test"), "a test needs an id");
        }
        let name = match self.reader.text(&keys, "name") {
            "" => id,
            name => name,
        };
        let sense = match self.reader.flag(&keys, "not") {
            true => Sense::Negated,
            false => Sense::Plain,
        };
        let any_of = self.dependencies(&keys, "ifany", index);
        Some(Test {
            id: id.to_owned(),
            name: name.to_owned(),
            description: self.reader.text(&keys, "description").to_owned(),
            tags: self.tags(&keys),
            object: self.tested(&keys),
            check: self.check(&keys),
            sense,
            verdict: self.verdict(&keys),
            all_of: self.dependencies(&keys, "if", index),
            any_of: Some(any_of).filter(|list| !list.is_empty()),
            expected: self.expected(&keys),
        })
    }

    /// The object that is tested. That there is none is an error of the test when it runs.
    fn tested(&mut self, keys: &Keys<'v, '_>) -> Result<usize, String> {
        let id = self.reader.text(keys, "object");
        self.objects.get(id).copied().ok_or_else(|| {
            let message = format!("there is no object {id:?}; the test will end with an error");
            self.reader.warnings.add(keys.at.key("object"), message);
            id.to_owned()
        })
    }

    fn dependencies(&mut self, keys: &Keys<'v, '_>, key: &str, own: usize) -> Vec<usize> {
        let ids = self.reader.texts(keys, key, MAX_TESTS);
        let at = keys.at.key(key);
        let mut tests = Vec::with_capacity(ids.len());
        for (index, id) in ids.into_iter().enumerate() {
            match self.tests.get(id) {
                Some(&test) if test == own => {
                    self.reader
                        .problems
                        .add(at.index(index), "a test cannot depend on itself");
                }
                Some(&test) => tests.push(test),
                None => self
                    .reader
                    .problems
                    .add(at.index(index), format!("there is no test {id:?}")),
            }
        }
        tests
    }

    fn tags(&mut self, keys: &Keys<'v, '_>) -> Vec<Tag> {
        let list = self.reader.list(keys, "tags", MAX_TAGS);
        let at = keys.at.key("tags");
        let mut tags = Vec::with_capacity(list.len());
        for (index, value) in list.iter().enumerate() {
            let at = at.index(index);
            let Some(entry) = self.reader.keys(value, &at) else {
                continue;
            };
            self.reader.known(&entry, &["key", "value"]);
            let (key, value) = (self.reader.text(&entry, "key"), self.reader.text(&entry, "value"));
            if key.contains('"') || value.contains('"') {
                self.reader.problems.add(at, "a tag cannot have quotation marks");
            }
            tags.push(Tag {
                key: key.to_owned(),
                value: value.to_owned(),
            });
        }
        tags
    }

    /// The first evaluator that has a value, in the order that older documents rely on.
    fn check(&mut self, keys: &Keys<'v, '_>) -> Check {
        let (evr, regexp, exact) = (
            keys.at.key("evr"),
            keys.at.key("regexp"),
            keys.at.key("exactmatch"),
        );
        if let Some(inner) = self.with_value("evr", keys, &evr) {
            return self.version(&inner);
        }
        if let Some(inner) = self.with_value("regexp", keys, &regexp) {
            self.reader.known(&inner, &["value"]);
            let compiled = self.patterns.get(self.reader.text(&inner, "value"));
            let at = regexp.key("value");
            match &compiled {
                Ok(_) => {}
                // Not this expression is wrong, but the document.
                Err(error @ PatternError::TooMany) => self.reader.problems.add(at, error.to_string()),
                Err(error) => self.reader.warnings.add(at, error.to_string()),
            }
            return Check::Pattern(compiled);
        }
        if let Some(inner) = self.with_value("exactmatch", keys, &exact) {
            self.reader.known(&inner, &["value"]);
            return Check::Exact(self.reader.text(&inner, "value").to_owned());
        }
        Check::Always
    }

    fn with_value<'p>(&mut self, key: &str, keys: &Keys<'v, '_>, at: &'p At<'p>) -> Option<Keys<'v, 'p>> {
        let inner = self.reader.inner(keys.get(key), at)?;
        (!self.reader.text(&inner, "value").is_empty()).then_some(inner)
    }

    fn version(&mut self, keys: &Keys<'v, '_>) -> Check {
        self.reader.known(keys, &["operation", "value", "type"]);
        let sign = self.reader.text(keys, "operation");
        let operation = Operation::from_sign(sign).ok_or_else(|| sign.to_owned());
        if operation.is_err() {
            let message =
                format!("invalid operation {sign:?}: `<`, `=` or `>`; the test will end with an error");
            self.reader.warnings.add(keys.at.key("operation"), message);
        }
        let order = match self.reader.text(keys, "type") {
            "" => None,
            name => Order::from_name(name).or_else(|| {
                let known = Order::ALL.map(Order::name).join(", ");
                self.reader
                    .problems
                    .add(keys.at.key("type"), format!("unknown type; known are {known}"));
                None
            }),
        };
        let value = self.reader.text(keys, "value").to_owned();
        if let Some(Err(error)) = order.map(|order| order.compare(&value, &value)) {
            self.reader.warnings.add(
                keys.at.key("value"),
                format!("{error}; the test will end with an error"),
            );
        }
        Check::Version {
            operation,
            value,
            order,
        }
    }

    fn verdict(&mut self, keys: &Keys<'v, '_>) -> Verdict {
        let at = keys.at.key("count");
        let all = self.reader.flag(keys, "all");
        let Some(inner) = self.reader.inner(keys.get("count"), &at) else {
            return if all { Verdict::All } else { Verdict::Any };
        };
        if all {
            self.reader
                .problems
                .add(at, "`all` and `count` exclude each other");
        }
        self.reader.known(&inner, &["operation", "value"]);
        let operation = Operation::from_sign(self.reader.text(&inner, "operation"));
        let value = self.reader.number(&inner, "value");
        match (operation, value) {
            (Some(operation), Some(value)) => Verdict::Count(operation, value),
            _ => {
                self.reader
                    .problems
                    .add(at, "an operation (`<`, `=` or `>`) and a value are needed");
                Verdict::Any
            }
        }
    }

    fn expected(&mut self, keys: &Keys<'v, '_>) -> Expected {
        let result = self.reader.flag(keys, "expectedresult");
        match (self.reader.flag(keys, "expecterror"), result) {
            (true, _) => Expected::Error,
            (false, true) => Expected::True,
            (false, false) => Expected::False,
        }
    }
}

/// Warns of tests that depend on themselves by way of others: whichever comes first sees the other as false.
///
/// Takes away, again and again, tests that depend on nothing that is left; linear in tests and dependencies.
pub(crate) fn warn_of_cycles(reader: &mut Reader, tests: &[Test]) {
    if !reader.problems.is_empty() {
        return;
    }
    let mut waiting: Vec<usize> = tests.iter().map(|test| needs(test).count()).collect();
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); tests.len()];
    for (index, test) in tests.iter().enumerate() {
        needs(test).for_each(|need| users[need].push(index));
    }
    let mut free: Vec<usize> = (0..tests.len()).filter(|&index| waiting[index] == 0).collect();
    while let Some(index) = free.pop() {
        for &user in &users[index] {
            waiting[user] -= 1;
            if waiting[user] == 0 {
                free.push(user);
            }
        }
    }
    let top = At::TOP;
    let at = top.key("tests");
    for index in (0..tests.len()).filter(|&index| waiting[index] > 0) {
        let message =
            "its dependencies lead back to themselves; whichever is run first takes the others as false";
        reader.warnings.add(at.index(index).key("if"), message);
    }
}

fn needs(test: &Test) -> impl Iterator<Item = usize> + '_ {
    test.all_of.iter().chain(test.any_of.iter().flatten()).copied()
}
