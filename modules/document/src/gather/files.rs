//! Criteria about files: their lines and names.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    rc::Rc,
};

use super::{Criterion, GatherError, Gatherer};
use crate::{
    Flow, Location, PathPattern, Pattern, Searcher, SourceError,
    plan::{ContentQuery, Place},
    variables::CHAIN_ROOT_REFERENCE,
};

/// What tells a location from others.
type Key = (Vec<PathPattern>, String, u32);

/// The files of one location.
type Found = Result<Rc<Vec<PathBuf>>, SourceError>;

/// What was located, once something was: all files that objects of the document are about.
#[derive(Default)]
pub(crate) struct Located(Option<HashMap<Key, Found>>);

fn key(location: &Location) -> Key {
    (
        location.paths.clone(),
        location.name.as_str().to_owned(),
        location.max_depth,
    )
}

impl<'p> Gatherer<'p, '_> {
    pub(crate) fn file_name(
        &mut self,
        place: &Place,
        root: Option<&str>,
    ) -> Result<Vec<Criterion>, GatherError> {
        let name = place.location.as_ref().map_err(Clone::clone)?.name.clone();
        let mut searcher = name.searcher();
        let mut criteria = Vec::new();
        for path in self.locate(place, root)?.iter() {
            let base = path.file_name().unwrap_or_default().to_string_lossy();
            let Some(group) = searcher
                .captures(&base)
                .and_then(|groups| groups.first().copied())
            else {
                continue;
            };
            let criterion = Criterion::new(path.to_string_lossy(), group);
            self.budget.take(&criterion)?;
            criteria.push(criterion);
        }
        Ok(criteria)
    }

    pub(crate) fn has_line(
        &mut self,
        place: &Place,
        expression: &Pattern,
        root: Option<&str>,
    ) -> Result<Vec<Criterion>, GatherError> {
        let mut searcher = expression.searcher();
        let mut criteria = Vec::new();
        for path in self.locate(place, root)?.iter() {
            let mut found = false;
            let read = self.sources.lines(path, &mut |line| {
                found = searcher.is_match(line);
                if found { Flow::Stop } else { Flow::Continue }
            });
            if read.is_err() {
                continue;
            }
            let criterion = Criterion::new(path.to_string_lossy(), found.to_string());
            self.budget.take(&criterion)?;
            criteria.push(criterion);
        }
        Ok(criteria)
    }

    pub(crate) fn content(
        &mut self,
        query: &'p ContentQuery,
        root: Option<&str>,
    ) -> Result<Vec<Criterion>, GatherError> {
        let mut criteria = Vec::new();
        if query.expression.groups() > 0 {
            let mut searcher = query.expression.searcher();
            for path in self.locate(&query.place, root)?.iter() {
                self.lines_of(path, &mut searcher, &mut criteria)?;
            }
        }
        self.fire_chain(query, &mut criteria)?;
        Ok(match &query.concat {
            Some(separator) => join(criteria, separator),
            None => criteria,
        })
    }

    /// Adds one criterion for each group of each line that matches.
    fn lines_of(
        &mut self,
        path: &Path,
        searcher: &mut Searcher<'_>,
        criteria: &mut Vec<Criterion>,
    ) -> Result<(), GatherError> {
        let identifier = path.to_string_lossy();
        let (budget, mut full) = (&mut self.budget, Ok(()));
        // A file that cannot be read is reported by the source; what came before the failure counts.
        let _ = self.sources.lines(path, &mut |line| {
            for group in searcher.captures(line).unwrap_or_default() {
                let criterion = Criterion::new(&*identifier, group);
                full = budget.take(&criterion);
                if full.is_err() {
                    return Flow::Stop;
                }
                criteria.push(criterion);
            }
            Flow::Continue
        });
        full
    }

    /// Adds what the import chain finds beside each file that matched.
    fn fire_chain(
        &mut self,
        query: &'p ContentQuery,
        criteria: &mut Vec<Criterion>,
    ) -> Result<(), GatherError> {
        if query.chain.is_empty() {
            return Ok(());
        }
        let mut seen = HashSet::new();
        let paths = criteria.iter().map(|criterion| criterion.identifier.clone());
        let paths: Vec<String> = paths.filter(|path| seen.insert(path.clone())).collect();
        for path in paths {
            let folder = path.rfind('/').map_or("", |slash| &path[..=slash]);
            for object in query
                .chain
                .iter()
                .filter_map(|&index| self.plan.objects.get(index))
            {
                let added = self
                    .gather_at(object, Some(folder))
                    .map_err(|cause| match cause {
                        GatherError::Stopped | GatherError::TooMuch => cause,
                        cause => GatherError::Link {
                            id: object.id.clone(),
                            cause: cause.to_string(),
                        },
                    })?;
                criteria.extend(
                    added
                        .into_iter()
                        .map(|criterion| Criterion::new(&*path, criterion.value)),
                );
            }
        }
        Ok(())
    }

    fn locate(&mut self, place: &Place, root: Option<&str>) -> Result<Rc<Vec<PathBuf>>, GatherError> {
        if self.sources.stopped() {
            return Err(GatherError::Stopped);
        }
        let location = place.location.as_ref().map_err(Clone::clone)?;
        if let Some(root) = root {
            let mut found = self.sources.locate(&[&below(location, root)])?;
            return Ok(Rc::new(found.pop().unwrap_or_default()));
        }
        if self.located.0.is_none() {
            self.located.0 = Some(self.locate_all());
        }
        let known = self
            .located
            .0
            .as_ref()
            .and_then(|known| known.get(&key(location)));
        Ok(known.cloned().transpose()?.unwrap_or_default())
    }

    /// Locates the files of all objects together; each location once, however many objects have it.
    fn locate_all(&mut self) -> HashMap<Key, Found> {
        let mut seen = HashSet::new();
        let objects = self.plan.objects.iter().filter(|object| !object.is_chain_link());
        let locations = objects.filter_map(|object| object.source.place()?.location.as_ref().ok());
        let locations: Vec<&Location> = locations.filter(|location| seen.insert(key(location))).collect();
        match self.sources.locate(&locations) {
            Ok(found) => locations
                .iter()
                .zip(found)
                .map(|(location, paths)| (key(location), Ok(Rc::new(paths))))
                .collect(),
            Err(error) => locations
                .iter()
                .map(|location| (key(location), Err(error.clone())))
                .collect(),
        }
    }
}

/// A location of a chain's link, with the folder that the chain goes out from.
fn below(location: &Location, folder: &str) -> Location {
    let replaced = |path: &PathPattern| match path {
        PathPattern::Literal(text) => PathPattern::Literal(text.replace(CHAIN_ROOT_REFERENCE, folder)),
        // A folder's name may have an asterisk, which must not match others.
        PathPattern::Glob(text) if text.contains(CHAIN_ROOT_REFERENCE) => {
            PathPattern::Literal(text.replace(CHAIN_ROOT_REFERENCE, folder))
        }
        PathPattern::Glob(text) => PathPattern::Glob(text.clone()),
    };
    Location {
        paths: location.paths.iter().map(replaced).collect(),
        ..location.clone()
    }
}

/// Joins values of the same identifier, in the order in which identifiers came first.
///
/// Empty values at the beginning vanish without a separator, as older documents rely on.
fn join(criteria: Vec<Criterion>, separator: &str) -> Vec<Criterion> {
    let mut joined: Vec<Criterion> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for criterion in criteria {
        match places
            .get(&criterion.identifier)
            .and_then(|&at| joined.get_mut(at))
        {
            Some(before) if before.value.is_empty() => before.value = criterion.value,
            Some(before) => {
                before.value.push_str(separator);
                before.value.push_str(&criterion.value);
            }
            None => {
                places.insert(criterion.identifier.clone(), joined.len());
                joined.push(criterion);
            }
        }
    }
    joined
}
