//! Values to a plan: everything that is wrong is found in one go.

mod chains;
mod objects;
mod reader;
mod tests;

use std::collections::HashMap;

use serde_json::Value;

use crate::{
    Format, Plan, Problems,
    limits::{MAX_OBJECTS, MAX_TESTS, MAX_VARIABLES},
    pattern::Patterns,
    variables::{CHAIN_ROOT, Variables},
};
use reader::{At, Keys, Reader};

/// Index of the first object or test of each id.
type Ids<'v> = HashMap<&'v str, usize>;

/// What the readers of objects and tests share.
struct Common<'v> {
    reader: Reader,
    patterns: Patterns,
    variables: Variables,
    objects: Ids<'v>,
    tests: Ids<'v>,
}

/// Reads a document.
pub(crate) fn plan(document: &Value, format: Format) -> Result<Plan, Problems> {
    let mut reader = Reader::new(format);
    let top = At::TOP;
    let Some(keys) = reader.keys(document, &top) else {
        return Err(reader.problems);
    };
    reader.known(&keys, &["variables", "objects", "tests"]);
    let variables = reader.list(&keys, "variables", MAX_VARIABLES);
    let objects = reader.list(&keys, "objects", MAX_OBJECTS);
    let tests = reader.list(&keys, "tests", MAX_TESTS);
    let mut common = Common {
        variables: read_variables(&mut reader, &top, variables),
        objects: ids(&mut reader, &top, "objects", "object", objects),
        tests: ids(&mut reader, &top, "tests", "test", tests),
        reader,
        patterns: Patterns::default(),
    };
    let objects = objects::read(&mut common, objects);
    chains::check(&mut common.reader, &objects);
    let tests = tests::read(&mut common, tests);
    tests::warn_of_cycles(&mut common.reader, &tests);
    let Reader {
        problems, warnings, ..
    } = common.reader;
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Plan {
        objects,
        tests,
        warnings,
    })
}

fn read_variables(reader: &mut Reader, top: &At<'_>, list: &[Value]) -> Variables {
    let mut variables = Variables::default();
    let at = top.key("variables");
    for (index, value) in list.iter().enumerate() {
        let at = at.index(index);
        let Some(keys) = reader.keys(value, &at) else {
            continue;
        };
        reader.known(&keys, &["key", "value"]);
        match reader.text(&keys, "key") {
            "" => reader.problems.add(at.key("key"), "a variable needs a key"),
            CHAIN_ROOT => reader.problems.add(
                at.key("key"),
                format!("`{CHAIN_ROOT}` stands for a folder in import chains and cannot be a variable"),
            ),
            key => variables.add(key, reader.text(&keys, "value")),
        }
    }
    variables
}

/// Finds the first of each id; warns of those that come again.
fn ids<'v>(reader: &mut Reader, top: &At<'_>, list_key: &str, key: &str, list: &'v [Value]) -> Ids<'v> {
    let mut ids = Ids::with_capacity(list.len());
    let at = top.key(list_key);
    for (index, value) in list.iter().enumerate() {
        let Some(id) = value.get(key).and_then(Value::as_str).filter(|id| !id.is_empty()) else {
            continue;
        };
        if let Some(first) = ids.get(id) {
            let message =
                format!("the id {id:?} is that of `/{list_key}/{first}` too; the first one is meant by it");
            reader.warnings.add(at.index(index).key(key), message);
        } else {
            ids.insert(id, index);
        }
    }
    ids
}

impl<'v> Keys<'v, '_> {
    /// The value of a source or evaluator, if the key is there.
    fn get(&self, key: &str) -> Option<&'v Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }
}
