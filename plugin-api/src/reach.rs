//! What one question reaches, told from its parameters by annotations of their schema, so that a runner can give up what
//! this question does not need.
//!
//! | annotation | meaning |
//! | --- | --- |
//! | `"x-needs" = "read-processes"` | the privilege is needed only if this parameter is set; `false`, 0, null and what is empty or absent is not set |
//! | `"x-reads" = true` | the parameter names the only files and folders that are read, besides [`Reach::ALWAYS_READ`] |

use crate::manifest::Privilege;
use crate::shape::resolve;
use serde_json::Value;
use std::path::PathBuf;

/// What a question reaches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Privileges that this question does without, although the manifest asks for them.
    pub unneeded: Vec<Privilege>,
    /// The only paths that are read, as they are named; none when the schema does not say.
    pub paths: Vec<PathBuf>,
}

impl Reach {
    /// What every module may read: processes and namespaces (its own), names of users and groups, limits of its control group.
    pub const ALWAYS_READ: [&'static str; 4] = ["/proc", "/etc/passwd", "/etc/group", "/sys/fs/cgroup"];

    /// What the parameters reach by this schema.
    #[must_use]
    pub fn of(schema: &Value, params: &Value) -> Self {
        let mut conditional = Vec::new();
        collect_conditional(schema, &mut conditional);
        let mut used = Used::default();
        used.visit(schema, schema, params);
        conditional.retain(|privilege| !used.privileges.contains(privilege));
        Self {
            unneeded: conditional,
            paths: used.paths,
        }
    }
}

/// Every privilege that some parameter asks for.
fn collect_conditional(schema: &Value, out: &mut Vec<Privilege>) {
    match schema {
        Value::Object(map) => {
            if let Some(privilege) = needs(schema).filter(|privilege| !out.contains(privilege)) {
                out.push(privilege);
            }
            map.values().for_each(|inner| collect_conditional(inner, out));
        }
        Value::Array(list) => list.iter().for_each(|inner| collect_conditional(inner, out)),
        _ => {}
    }
}

/// The privilege that a parameter asks for, if its schema says so in a word that is known.
fn needs(schema: &Value) -> Option<Privilege> {
    let word = schema.get("x-needs")?;
    serde_json::from_value(word.clone()).ok()
}

/// What the parameters that are set ask for and name.
#[derive(Default)]
struct Used {
    privileges: Vec<Privilege>,
    paths: Vec<PathBuf>,
}

impl Used {
    /// Goes through parameters and schema together; as deep as the parameters are.
    fn visit(&mut self, root: &Value, schema: &Value, value: &Value) {
        let schema = resolve(root, schema);
        for key in ["anyOf", "oneOf", "allOf"] {
            let alternatives = schema.get(key).and_then(Value::as_array);
            for alternative in alternatives.into_iter().flatten() {
                self.inside(root, alternative, value);
            }
        }
        self.inside(root, schema, value);
    }

    fn inside(&mut self, root: &Value, schema: &Value, value: &Value) {
        let schema = resolve(root, schema);
        match value {
            Value::Object(map) => {
                for (key, inner) in map {
                    let named = schema.get("properties").and_then(|all| all.get(key));
                    if let Some(declared) = named.or_else(|| schema.get("additionalProperties")) {
                        self.note(declared, inner);
                        self.visit(root, declared, inner);
                    }
                }
            }
            Value::Array(list) => {
                if let Some(declared) = schema.get("items") {
                    list.iter().for_each(|inner| self.visit(root, declared, inner));
                }
            }
            _ => {}
        }
    }

    /// Takes the annotations of one parameter.
    fn note(&mut self, declared: &Value, value: &Value) {
        if is_set(value)
            && let Some(privilege) = needs(declared)
        {
            self.privileges.push(privilege);
        }
        if declared.get("x-reads") == Some(&Value::Bool(true)) {
            let list = value
                .as_array()
                .map_or(std::slice::from_ref(value), Vec::as_slice);
            self.paths
                .extend(list.iter().filter_map(Value::as_str).map(PathBuf::from));
        }
    }
}

fn is_set(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(set) => *set,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::JsonSchema;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema is used")]
    struct Question {
        searches: BTreeMap<String, Search>,
        #[schemars(extend("x-needs" = "read-files"))]
        owner: Option<String>,
    }

    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema is used")]
    struct Search {
        #[schemars(extend("x-reads" = true))]
        paths: Vec<String>,
        options: Option<Options>,
    }

    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema is used")]
    struct Options {
        #[schemars(extend("x-needs" = "read-processes"))]
        containers: bool,
    }

    fn reach(params: &Value) -> Reach {
        Reach::of(&schemars::schema_for!(Question).to_value(), params)
    }

    #[test]
    fn what_is_not_set_is_not_needed() {
        use Privilege::{ReadFiles, ReadProcesses};
        let with = |containers: bool| json!({"paths": ["/a"], "options": {"containers": containers}});
        for (params, unneeded) in [
            (
                json!({"searches": {"x": with(false)}}),
                vec![ReadFiles, ReadProcesses],
            ),
            (
                json!({"searches": {"x": with(false), "y": with(true)}}),
                vec![ReadFiles],
            ),
            (json!({"searches": {"x": with(true)}, "owner": "ada"}), vec![]),
            (json!({"owner": ""}), vec![ReadFiles, ReadProcesses]),
            (json!([[]]), vec![ReadFiles, ReadProcesses]),
        ] {
            let found = reach(&params).unneeded;
            assert!(
                found.len() == unneeded.len() && unneeded.iter().all(|p| found.contains(p)),
                "{params}: {found:?}"
            );
        }
    }

    #[test]
    fn paths_of_all_searches_are_read() {
        let params = json!({"searches": {"x": {"paths": ["/a", "/b"]}, "y": {"paths": ["/c"]}}});
        assert_eq!(reach(&params).paths, ["/a", "/b", "/c"].map(PathBuf::from));
    }

    #[test]
    fn a_schema_that_says_nothing_gives_nothing_up() {
        let reach = Reach::of(&json!({"properties": {"x": true}}), &json!({"x": 1, "y": [2]}));
        assert_eq!(reach, Reach::default());
    }
}
