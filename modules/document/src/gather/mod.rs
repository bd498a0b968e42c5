//! Objects to criteria: asks the sources.

mod files;
mod packages;

use std::{collections::HashMap, rc::Rc};

use gumshoe_versions::Order;

use crate::{
    Fact, FactKind, PatternError, Plan, SourceError, Sources,
    limits::{MAX_CRITERIA, MAX_CRITERIA_BYTES},
    plan::{FactQuery, Object, Source},
};
use files::Located;
use packages::Index;

/// One thing that a test looks at: what names it, and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Criterion {
    pub identifier: String,
    pub value: String,
    /// How the value is ordered, should it be compared as a version.
    pub order: Order,
}

impl Criterion {
    /// A criterion whose value is ordered generically.
    pub fn new(identifier: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            identifier: identifier.into(),
            value: value.into(),
            order: Order::Evr,
        }
    }
}

/// Why an object has no criteria. Its tests end with this error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GatherError {
    /// It is a link of an import chain, which has no meaning of its own.
    #[error("object not prepared: it is part of an import chain")]
    ChainLink,
    /// A regular expression cannot be used.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// The host could not answer.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// All objects together have too many values.
    #[error("limit reached: {MAX_CRITERIA} values of {MAX_CRITERIA_BYTES} bytes in all objects together")]
    TooMuch,
    /// A link of its import chain failed.
    #[error("import chain: object {id:?}: {cause}")]
    Link {
        /// The link's id.
        id: String,
        /// Why.
        cause: String,
    },
    /// The evaluation was ended.
    #[error("the evaluation was ended")]
    Stopped,
}

/// Gathers criteria, and remembers what can be used again.
pub(crate) struct Gatherer<'p, 's> {
    plan: &'p Plan,
    pub sources: &'s mut dyn Sources,
    packages: Option<Result<Rc<Index>, SourceError>>,
    facts: HashMap<FactKind, Result<Rc<Vec<Fact>>, SourceError>>,
    located: Located,
    budget: Budget,
}

/// How much more may be held.
struct Budget {
    criteria: usize,
    bytes: usize,
}

impl Budget {
    fn take(&mut self, criterion: &Criterion) -> Result<(), GatherError> {
        let bytes = criterion.identifier.len() + criterion.value.len();
        let left = (self.criteria.checked_sub(1), self.bytes.checked_sub(bytes));
        let (Some(criteria), Some(bytes)) = left else {
            return Err(GatherError::TooMuch);
        };
        (self.criteria, self.bytes) = (criteria, bytes);
        Ok(())
    }
}

impl<'p, 's> Gatherer<'p, 's> {
    /// A gatherer that knows nothing yet.
    pub fn new(plan: &'p Plan, sources: &'s mut dyn Sources) -> Self {
        Self {
            plan,
            sources,
            packages: None,
            facts: HashMap::new(),
            located: Located::default(),
            budget: Budget {
                criteria: MAX_CRITERIA,
                bytes: MAX_CRITERIA_BYTES,
            },
        }
    }

    /// The criteria of an object.
    pub fn gather(&mut self, object: &'p Object) -> Result<Vec<Criterion>, GatherError> {
        if object.is_chain_link() {
            return Err(GatherError::ChainLink);
        }
        self.gather_at(object, None)
    }

    /// The criteria of an object; `chain_root` is the folder that an import chain goes out from.
    fn gather_at(
        &mut self,
        object: &'p Object,
        chain_root: Option<&str>,
    ) -> Result<Vec<Criterion>, GatherError> {
        if self.sources.stopped() {
            return Err(GatherError::Stopped);
        }
        match &object.source {
            Source::Package(query) => self.package(query),
            Source::Content(query) => self.content(query, chain_root),
            Source::FileName(place) => self.file_name(place, chain_root),
            Source::HasLine(place, expression) => self.has_line(place, expression, chain_root),
            Source::Raw(criteria) => {
                criteria
                    .iter()
                    .try_for_each(|criterion| self.budget.take(criterion))?;
                Ok(criteria.clone())
            }
            Source::Fact(query) => self.fact(query),
        }
    }

    fn fact(&mut self, query: &FactQuery) -> Result<Vec<Criterion>, GatherError> {
        let facts = match self.facts.get(&query.kind) {
            Some(known) => known.clone(),
            None => {
                let facts = self.sources.facts(query.kind).map(Rc::new);
                self.facts.insert(query.kind, facts.clone());
                facts
            }
        }?;
        let mut searcher = query.name.as_ref().map(|name| name.searcher());
        let mut wanted = |fact: &&Fact| {
            let searcher = searcher.as_mut();
            searcher.is_none_or(|searcher| searcher.is_match(&fact.identifier))
        };
        let mut criteria = Vec::new();
        for fact in facts.iter().filter(&mut wanted) {
            let value = fact.values.get(query.field).cloned().unwrap_or_default();
            let criterion = Criterion::new(&fact.identifier, value);
            self.budget.take(&criterion)?;
            criteria.push(criterion);
        }
        Ok(criteria)
    }
}
