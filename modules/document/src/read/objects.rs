//! Objects and their sources.

use std::sync::Arc;

use serde_json::Value;

use super::{At, Common, Keys};
use crate::{
    FactKind, Location, PackageType, PathPattern, Pattern,
    gather::Criterion,
    limits::{DEFAULT_DEPTH, MAX_OBJECTS, MAX_PATHS},
    plan::{ContentQuery, FactQuery, Keep, NameOf, Object, PackageQuery, Place, Source},
};

/// Keys of every source that reads files.
const PLACE_KEYS: [&str; 4] = ["path", "paths", "file", "maxdepth"];

/// Reads all objects.
pub(crate) fn read<'v>(common: &mut Common<'v>, list: &'v [Value]) -> Vec<Object> {
    let top = At::TOP;
    let at = top.key("objects");
    let objects = list.iter().enumerate();
    objects
        .filter_map(|(index, value)| common.object(value, &at.index(index)))
        .collect()
}

impl<'v> Common<'v> {
    fn object(&mut self, value: &'v Value, at: &At<'_>) -> Option<Object> {
        let keys = self.reader.keys(value, at)?;
        let mut known = vec!["object", "package", "filecontent", "filename", "raw", "hasline"];
        known.extend(FactKind::ALL.map(FactKind::key));
        self.reader.known(&keys, &known);
        let id = self.reader.text(&keys, "object");
        if id.is_empty() {
            self.reader
                .problems
                .add(at.key("object"), "an object needs an id");
        }
        let found = self.reader.problems.count();
        let source = self.source(&keys);
        if source.is_none() && self.reader.problems.count() == found {
            let message = format!(
                "the object {id:?} has no source: one of {}",
                known[1..].join(", ")
            );
            self.reader.problems.add(at, message);
        }
        Some(Object {
            id: id.to_owned(),
            source: source?,
        })
    }

    /// The first source that is not empty, in the order that older documents rely on.
    fn source(&mut self, keys: &Keys<'v, '_>) -> Option<Source> {
        let at = |key| keys.at.key(key);
        let (package, content, name) = (at("package"), at("filecontent"), at("filename"));
        let (raw, line) = (at("raw"), at("hasline"));
        if let Some(inner) = self.reader.inner(keys.get("package"), &package)
            && !self.reader.text(&inner, "name").is_empty()
        {
            return self.package(&inner);
        }
        if let Some(inner) = self.with_path(keys.get("filecontent"), &content) {
            return self.content(&inner);
        }
        if let Some(inner) = self.with_path(keys.get("filename"), &name) {
            return self.file_name(&inner);
        }
        if let Some(inner) = self.reader.inner(keys.get("raw"), &raw)
            && inner
                .get("identifiers")
                .and_then(Value::as_array)
                .is_some_and(|list| !list.is_empty())
        {
            return self.raw(&inner);
        }
        if let Some(inner) = self.with_path(keys.get("hasline"), &line) {
            return self.has_line(&inner);
        }
        FactKind::ALL.into_iter().find_map(|kind| self.fact(keys, kind))
    }

    /// The entries of a source that reads files, if it says where.
    fn with_path<'p>(&mut self, value: Option<&'v Value>, at: &'p At<'p>) -> Option<Keys<'v, 'p>> {
        let keys = self.reader.inner(value, at)?;
        let listed = keys
            .get("paths")
            .is_some_and(|paths| paths.as_array().is_none_or(|list| !list.is_empty()));
        (listed || !self.reader.text(&keys, "path").is_empty()).then_some(keys)
    }

    fn package(&mut self, keys: &Keys<'v, '_>) -> Option<Source> {
        self.reader
            .known(keys, &["name", "collectmatch", "onlynewest", "types", "bysource"]);
        let name = self.expanded(keys, "name")?;
        let matching = match self.reader.text(keys, "collectmatch") {
            "" => None,
            _ => Some(self.pattern(keys, "collectmatch")?),
        };
        let by = match self.reader.flag(keys, "bysource") {
            true => NameOf::SourcePackage,
            false => NameOf::Package,
        };
        let keep = match self.reader.flag(keys, "onlynewest") {
            true => Keep::Newest,
            false => Keep::All,
        };
        let types = self.package_types(keys);
        Some(Source::Package(PackageQuery {
            name,
            matching,
            types,
            by,
            keep,
        }))
    }

    fn package_types(&mut self, keys: &Keys<'v, '_>) -> Vec<PackageType> {
        let names = self.reader.texts(keys, "types", PackageType::ALL.len());
        let at = keys.at.key("types");
        let mut types = Vec::new();
        for (index, name) in names.iter().enumerate() {
            match PackageType::from_name(name) {
                Some(kind) => types.push(kind),
                None => {
                    let all = PackageType::ALL.map(PackageType::name).join(", ");
                    self.reader
                        .problems
                        .add(at.index(index), format!("unknown type; known are {all}"));
                }
            }
        }
        match types.is_empty() {
            true => PackageType::SYSTEM.to_vec(),
            false => types,
        }
    }

    fn content(&mut self, keys: &Keys<'v, '_>) -> Option<Source> {
        self.known_with_place(keys, &["expression", "concat", "import-chain"]);
        let place = self.place(keys, "file");
        let expression = self.pattern(keys, "expression");
        let chain = self.chain(keys);
        let concat = Some(self.reader.text(keys, "concat").to_owned()).filter(|text| !text.is_empty());
        let place = self.unbroken(place?, keys)?;
        Some(Source::Content(ContentQuery {
            place,
            expression: expression?,
            concat,
            chain,
        }))
    }

    fn has_line(&mut self, keys: &Keys<'v, '_>) -> Option<Source> {
        self.known_with_place(keys, &["expression"]);
        let place = self.place(keys, "file");
        let expression = self.pattern(keys, "expression");
        let place = self.unbroken(place?, keys)?;
        Some(Source::HasLine(place, expression?))
    }

    fn file_name(&mut self, keys: &Keys<'v, '_>) -> Option<Source> {
        self.known_with_place(keys, &[]);
        let place = self.place(keys, "file")?;
        if let Err(error) = &place.location {
            self.reader.warnings.add(keys.at.key("file"), error.to_string());
        }
        Some(Source::FileName(place))
    }

    fn known_with_place(&mut self, keys: &Keys<'v, '_>, more: &[&str]) {
        self.reader.known(keys, &[&PLACE_KEYS, more].concat());
    }

    /// A place whose expression has to be right.
    fn unbroken(&mut self, place: Place, keys: &Keys<'v, '_>) -> Option<Place> {
        if let Err(error) = &place.location {
            self.reader.problems.add(keys.at.key("file"), error.to_string());
        }
        place.location.is_ok().then_some(place)
    }

    fn place(&mut self, keys: &Keys<'v, '_>, name_key: &str) -> Option<Place> {
        let paths = self.paths(keys);
        let max_depth = self
            .reader
            .number(keys, "maxdepth")
            .map_or(DEFAULT_DEPTH, |depth| {
                u32::try_from(depth).unwrap_or(u32::MAX).max(1)
            });
        // The text that `filename` matches is not expanded in older documents, but there is no harm in it.
        let name = self.expanded(keys, name_key)?;
        if name.is_empty() {
            self.reader.problems.add(
                keys.at.key(name_key),
                "an expression for the names of files is needed",
            );
            return None;
        }
        let pattern = self.patterns.get(&name);
        let location = pattern.map(|name| Location {
            paths,
            name,
            max_depth,
        });
        Some(Place { location })
    }

    fn paths(&mut self, keys: &Keys<'v, '_>) -> Vec<PathPattern> {
        let listed = self.reader.texts(keys, "paths", MAX_PATHS);
        let mut paths: Vec<PathPattern> = Vec::with_capacity(1);
        if let Some(path) = self.expanded(keys, "path").filter(|path| !path.is_empty()) {
            paths.push(PathPattern::Literal(path));
        }
        let at = keys.at.key("paths");
        for (index, path) in listed.into_iter().enumerate() {
            match self.variables.expand(path) {
                Ok(path) if path.contains(['*', '?']) => paths.push(PathPattern::Glob(path)),
                Ok(path) => paths.push(PathPattern::Literal(path)),
                Err(message) => self.reader.problems.add(at.index(index), message),
            }
        }
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    /// The objects of an import chain by index.
    fn chain(&mut self, keys: &Keys<'v, '_>) -> Vec<usize> {
        let ids = self.reader.texts(keys, "import-chain", MAX_OBJECTS);
        let at = keys.at.key("import-chain");
        let mut chain = Vec::with_capacity(ids.len());
        for (index, id) in ids.into_iter().enumerate() {
            match self.objects.get(id) {
                Some(object) => chain.push(*object),
                None => self
                    .reader
                    .problems
                    .add(at.index(index), format!("there is no object {id:?}")),
            }
        }
        chain
    }

    fn raw(&mut self, keys: &Keys<'v, '_>) -> Option<Source> {
        self.reader.known(keys, &["identifiers"]);
        let list = self.reader.list(keys, "identifiers", MAX_OBJECTS);
        let at = keys.at.key("identifiers");
        let mut criteria = Vec::with_capacity(list.len());
        for (index, value) in list.iter().enumerate() {
            let at = at.index(index);
            let entry = self.reader.keys(value, &at)?;
            self.reader.known(&entry, &["identifier", "value"]);
            let (identifier, text) = (
                self.reader.text(&entry, "identifier"),
                self.reader.text(&entry, "value"),
            );
            if identifier.is_empty() || text.is_empty() {
                self.reader
                    .problems
                    .add(at, "an identifier and a value are needed");
            }
            criteria.push(Criterion::new(identifier, text));
        }
        Some(Source::Raw(criteria))
    }

    fn fact(&mut self, keys: &Keys<'v, '_>, kind: FactKind) -> Option<Source> {
        let at = keys.at.key(kind.key());
        let inner = self.reader.inner(keys.get(kind.key()), &at)?;
        self.reader.known(&inner, &["name", "field"]);
        let name = match self.reader.text(&inner, "name") {
            "" => None,
            _ => Some(self.pattern(&inner, "name")?),
        };
        let field = match self.reader.text(&inner, "field") {
            "" => 0,
            field => kind
                .fields()
                .iter()
                .position(|known| *known == field)
                .unwrap_or_else(|| {
                    let known = kind.fields().join(", ");
                    self.reader
                        .problems
                        .add(at.key("field"), format!("unknown field; known are {known}"));
                    0
                }),
        };
        Some(Source::Fact(FactQuery { kind, name, field }))
    }

    /// A text with its variables replaced.
    fn expanded(&mut self, keys: &Keys<'v, '_>, key: &str) -> Option<String> {
        let text = self.reader.text(keys, key);
        let expanded = self.variables.expand(text);
        expanded
            .map_err(|message| self.reader.problems.add(keys.at.key(key), message))
            .ok()
    }

    /// A regular expression that has to be there and has to be right.
    fn pattern(&mut self, keys: &Keys<'v, '_>, key: &str) -> Option<Arc<Pattern>> {
        let text = self.reader.text(keys, key);
        if text.is_empty() {
            self.reader
                .problems
                .add(keys.at.key(key), "a regular expression is needed");
            return None;
        }
        let compiled = self.patterns.get(text);
        compiled
            .map_err(|error| self.reader.problems.add(keys.at.key(key), error.to_string()))
            .ok()
    }
}
