//! Criteria about packages: name and version.

use std::{collections::HashMap, rc::Rc};

use gumshoe_versions::Order;

use super::{Criterion, GatherError, Gatherer};
use crate::{
    Package, Searcher, SourceError,
    plan::{Keep, NameOf, PackageQuery},
};

/// All packages, and where each name stands.
pub(crate) struct Index {
    packages: Vec<Package>,
    by_name: HashMap<String, Vec<usize>>,
    by_source: HashMap<String, Vec<usize>>,
}

impl Index {
    fn new(packages: Vec<Package>) -> Self {
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        let mut by_source: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, package) in packages.iter().enumerate() {
            by_name.entry(package.name.clone()).or_default().push(index);
            if let Some(arch) = &package.arch {
                // As `dpkg -l` shows packages that may be there for several architectures.
                by_name
                    .entry(format!("{}:{arch}", package.name))
                    .or_default()
                    .push(index);
            }
            by_source
                .entry(source_of(package).to_owned())
                .or_default()
                .push(index);
        }
        Self {
            packages,
            by_name,
            by_source,
        }
    }

    /// The packages that a query is about, in their order.
    fn find(&self, query: &PackageQuery) -> Vec<&Package> {
        let typed = |package: &&Package| query.types.contains(&package.kind);
        if let Some(pattern) = &query.matching {
            let mut searcher = pattern.searcher();
            return self
                .packages
                .iter()
                .filter(typed)
                .filter(|package| matches(package, query.by, &mut searcher))
                .collect();
        }
        let names = match query.by {
            NameOf::Package => &self.by_name,
            NameOf::SourcePackage => &self.by_source,
        };
        let found = names.get(&query.name).into_iter().flatten();
        found
            .filter_map(|&index| self.packages.get(index))
            .filter(typed)
            .collect()
    }
}

/// The package that it was built from: itself when its database names none.
fn source_of(package: &Package) -> &str {
    package.source.as_deref().unwrap_or(&package.name)
}

fn matches(package: &Package, by: NameOf, searcher: &mut Searcher<'_>) -> bool {
    match (by, &package.arch) {
        (NameOf::SourcePackage, _) => searcher.is_match(source_of(package)),
        (NameOf::Package, None) => searcher.is_match(&package.name),
        (NameOf::Package, Some(arch)) => {
            searcher.is_match(&package.name) || searcher.is_match(&format!("{}:{arch}", package.name))
        }
    }
}

impl Gatherer<'_, '_> {
    pub(crate) fn package(&mut self, query: &PackageQuery) -> Result<Vec<Criterion>, GatherError> {
        let index = self.index()?;
        let mut found = index.find(query);
        if query.keep == Keep::Newest {
            found = newest(&found).into_iter().collect();
        }
        let mut criteria = Vec::with_capacity(found.len());
        for package in found {
            let criterion = Criterion {
                order: package.kind.order(),
                ..Criterion::new(&package.name, &package.version)
            };
            self.budget.take(&criterion)?;
            criteria.push(criterion);
        }
        Ok(criteria)
    }

    fn index(&mut self) -> Result<Rc<Index>, SourceError> {
        if let Some(known) = &self.packages {
            return known.clone();
        }
        let packages = self.sources.packages(&self.plan.package_types());
        let index = packages.map(|packages| Rc::new(Index::new(packages)));
        self.packages = Some(index.clone());
        index
    }
}

/// The first of those that no other one is newer than.
fn newest<'a>(packages: &[&'a Package]) -> Option<&'a Package> {
    packages
        .iter()
        .copied()
        .reduce(|best, next| if is_newer(next, best) { next } else { best })
}

fn is_newer(package: &Package, than: &Package) -> bool {
    let order = if package.kind == than.kind {
        package.kind.order()
    } else {
        Order::Evr
    };
    order
        .compare(&package.version, &than.version)
        .is_ok_and(std::cmp::Ordering::is_gt)
}
