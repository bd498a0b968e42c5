//! Statements to a document.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use crate::{Affected, End, Package, Release, Statement};

/// Makes a document of statements: one object per package, one test per release and per statement.
///
/// A test is true where the package is installed in an affected version on one of the releases. Ids of tests are those
/// of the advisory and the package, numbered where there are several.
#[must_use]
pub fn document(statements: &[Statement]) -> Value {
    let mut writer = Writer::default();
    for statement in statements {
        writer.statement(statement);
    }
    json!({ "objects": writer.objects, "tests": writer.tests })
}

#[derive(Default)]
struct Writer {
    objects: Vec<Value>,
    tests: Vec<Value>,
    packages: BTreeMap<Package, String>,
    ids: HashSet<String>,
}

impl Writer {
    fn statement(&mut self, statement: &Statement) {
        let object = self.package(&statement.package);
        let releases: Vec<String> = statement
            .releases
            .iter()
            .map(|release| self.release(release))
            .collect();
        let id = self.new_id(&format!("{}:{}", statement.advisory, statement.package.name));
        let mut test = json!({ "test": id, "name": statement.advisory, "object": object });
        if !statement.title.is_empty() {
            test["description"] = statement.title.as_str().into();
        }
        match releases.as_slice() {
            [] => {}
            [one] => test["if"] = json!([one]),
            several => test["ifany"] = json!(several),
        }
        let from = self.affected(&mut test, &statement.affected, &id, &object);
        if let Some(from) = from {
            let mut needs = test["if"].as_array().cloned().unwrap_or_default();
            needs.push(from.into());
            test["if"] = needs.into();
        }
        if !statement.tags.is_empty() {
            let tags = statement
                .tags
                .iter()
                .map(|tag| json!({ "key": tag.key, "value": tag.value }));
            test["tags"] = tags.collect();
        }
        self.tests.push(test);
    }

    /// Says which versions; returns the id of a test that has to be true as well.
    fn affected(&mut self, test: &mut Value, affected: &Affected, id: &str, object: &str) -> Option<String> {
        match affected {
            Affected::Listed(versions) => {
                let any: Vec<String> = versions.iter().map(|version| escape(version)).collect();
                test["regexp"] = json!({ "value": format!("^({})$", any.join("|")) });
                None
            }
            Affected::Range { from, to } => {
                match to {
                    End::Before(version) => test["evr"] = json!({ "operation": "<", "value": version }),
                    End::With(version) => {
                        test["evr"] = json!({ "operation": ">", "value": version });
                        test["not"] = true.into();
                    }
                    End::Open => {}
                }
                let from = from.as_deref()?;
                let lower = self.new_id(&format!("{id}:from"));
                self.tests
                    .push(json!({ "test": lower, "object": object, "not": true,
                    "evr": { "operation": "<", "value": from } }));
                Some(lower)
            }
        }
    }

    /// The object of a package.
    fn package(&mut self, package: &Package) -> String {
        if let Some(id) = self.packages.get(package) {
            return id.clone();
        }
        let id = format!(
            "{}{}:{}",
            package.kind,
            if package.by_source { "-source" } else { "" },
            package.name
        );
        let mut query = json!({ "name": package.name, "types": [package.kind] });
        if package.by_source {
            query["bysource"] = true.into();
        }
        if package.kind == "pip" {
            // Names of Python's packages come in several spellings (PEP 503).
            let parts: Vec<String> = package
                .name
                .split(['-', '_', '.'])
                .filter(|part| !part.is_empty())
                .map(escape)
                .collect();
            query["collectmatch"] = format!("(?i)^{}$", parts.join("[-_.]+")).into();
        }
        self.objects.push(json!({ "object": id, "package": query }));
        self.packages.insert(package.clone(), id.clone());
        id
    }

    /// The test that a host has this release.
    fn release(&mut self, release: &Release) -> String {
        let distribution = format!("release:{}", release.id);
        if self.ids.insert(distribution.clone()) {
            let object = self.os_release("ID");
            self.tests.push(
                json!({ "test": distribution, "object": object, "exactmatch": { "value": release.id } }),
            );
        }
        if release.version.is_empty() {
            return distribution;
        }
        let id = format!("{distribution}:{}", release.version);
        if self.ids.insert(id.clone()) {
            let object = self.os_release("VERSION_ID");
            let value = format!("^{}([.]|$)", escape(&release.version));
            self.tests.push(
                json!({ "test": id, "object": object, "regexp": { "value": value }, "if": [distribution] }),
            );
        }
        id
    }

    fn os_release(&mut self, name: &str) -> String {
        let id = format!("os-release:{name}");
        if self.ids.insert(format!("object {id}")) {
            self.objects
                .push(json!({ "object": id, "osrelease": { "name": format!("^{name}$") } }));
        }
        id
    }

    fn new_id(&mut self, wanted: &str) -> String {
        let mut id = wanted.to_owned();
        let mut number = 1;
        while !self.ids.insert(id.clone()) {
            number += 1;
            id = format!("{wanted}:{number}");
        }
        id
    }
}

/// Text as a regular expression that matches it and nothing else.
fn escape(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    for character in text.chars() {
        // Angle brackets stand for themselves, and would not if escaped.
        if character.is_ascii_punctuation() && !matches!(character, '<' | '>') {
            output.push('\\');
        }
        output.push(character);
    }
    output
}
