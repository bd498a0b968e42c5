//! A document after every check.

use std::sync::Arc;

use gumshoe_versions::Order;

use crate::{
    FactKind, Location, PackageType, Pattern, PatternError, Problems, Tag, gather::Criterion, read, text,
    variables::CHAIN_ROOT_REFERENCE,
};

/// A document that can be evaluated.
#[derive(Debug)]
pub struct Plan {
    pub(crate) objects: Vec<Object>,
    pub(crate) tests: Vec<Test>,
    pub(crate) warnings: Problems,
}

impl Plan {
    /// Reads a document, JSON or YAML.
    ///
    /// # Errors
    ///
    /// All that is wrong with it, each with a JSON pointer and, for YAML, a line.
    pub fn parse(document: &[u8]) -> Result<Self, Problems> {
        let (value, format) = text::parse(document)?;
        let plan = read::plan(&value, format).map_err(|mut problems| {
            text::add_lines(&mut problems, document);
            problems
        });
        plan.map(|mut plan| {
            text::add_lines(&mut plan.warnings, document);
            plan
        })
    }

    /// Reads a document that was parsed as JSON already.
    ///
    /// # Errors
    ///
    /// All that is wrong with it, each with a JSON pointer.
    pub fn from_json(document: &serde_json::Value) -> Result<Self, Problems> {
        read::plan(document, text::Format::Json)
    }

    /// What is odd about the document and does not keep it from being evaluated.
    #[must_use]
    pub fn warnings(&self) -> &Problems {
        &self.warnings
    }

    /// How many tests it has.
    #[must_use]
    pub fn tests(&self) -> usize {
        self.tests.len()
    }

    /// How many objects it has.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.objects.len()
    }

    /// The types of all packages that it is about, each once.
    pub(crate) fn package_types(&self) -> Vec<PackageType> {
        let queries = self.objects.iter().filter_map(|object| match &object.source {
            Source::Package(query) => Some(&query.types),
            _ => None,
        });
        let asked = |kind: &PackageType| queries.clone().any(|types| types.contains(kind));
        PackageType::ALL.into_iter().filter(asked).collect()
    }
}

/// Something that tests are about.
#[derive(Debug)]
pub(crate) struct Object {
    pub id: String,
    pub source: Source,
}

impl Object {
    /// Whether it only makes sense as a link of an import chain.
    pub fn is_chain_link(&self) -> bool {
        matches!(&self.source, Source::Content(query) if query.place.needs_chain_root())
    }
}

/// Where an object's criteria come from.
#[derive(Debug)]
pub(crate) enum Source {
    Package(PackageQuery),
    Content(ContentQuery),
    FileName(Place),
    HasLine(Place, Arc<Pattern>),
    Raw(Vec<Criterion>),
    Fact(FactQuery),
}

impl Source {
    /// Where it looks for files, if it does.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Content(query) => Some(&query.place),
            Self::FileName(place) | Self::HasLine(place, _) => Some(place),
            Self::Package(_) | Self::Raw(_) | Self::Fact(_) => None,
        }
    }
}

#[derive(Debug)]
pub(crate) struct PackageQuery {
    pub name: String,
    pub matching: Option<Arc<Pattern>>,
    pub types: Vec<PackageType>,
    pub by: NameOf,
    pub keep: Keep,
}

/// Which name of a package counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameOf {
    Package,
    SourcePackage,
}

/// Which of several versions count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    All,
    Newest,
}

#[derive(Debug)]
pub(crate) struct ContentQuery {
    pub place: Place,
    pub expression: Arc<Pattern>,
    pub concat: Option<String>,
    /// Objects whose criteria are added, by index.
    pub chain: Vec<usize>,
}

/// Where files are. A broken expression for the name is an error of the object, not of the document.
#[derive(Debug)]
pub(crate) struct Place {
    pub location: Result<Location, PatternError>,
}

impl Place {
    fn needs_chain_root(&self) -> bool {
        let paths = self.location.iter().flat_map(|location| &location.paths);
        paths
            .into_iter()
            .any(|path| path.text().contains(CHAIN_ROOT_REFERENCE))
    }
}

#[derive(Debug)]
pub(crate) struct FactQuery {
    pub kind: FactKind,
    pub name: Option<Arc<Pattern>>,
    /// Which field is the value, by index.
    pub field: usize,
}

/// A question about an object.
#[derive(Debug)]
pub(crate) struct Test {
    pub id: String,
    pub name: String,
    pub description: String,
    pub tags: Vec<Tag>,
    /// The object by index, or the id of one that there is not.
    pub object: Result<usize, String>,
    pub check: Check,
    pub sense: Sense,
    pub verdict: Verdict,
    /// Tests that have to be true, by index.
    pub all_of: Vec<usize>,
    /// Tests one of which has to be true, by index; none when there is no such condition.
    pub any_of: Option<Vec<usize>>,
    pub expected: Expected,
}

/// What is asked of each criterion.
#[derive(Debug)]
pub(crate) enum Check {
    Version {
        operation: Result<Operation, String>,
        value: String,
        order: Option<Order>,
    },
    Pattern(Result<Arc<Pattern>, PatternError>),
    Exact(String),
    Always,
}

/// Whether the answer about each criterion is turned round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sense {
    Plain,
    Negated,
}

/// What makes a test true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Any,
    All,
    Count(Operation, u64),
}

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Less,
    Equal,
    Greater,
}

impl Operation {
    /// The operation of that sign.
    pub fn from_sign(sign: &str) -> Option<Self> {
        match sign {
            "<" => Some(Self::Less),
            "=" => Some(Self::Equal),
            ">" => Some(Self::Greater),
            _ => None,
        }
    }

    /// Whether it holds for two values that are ordered so.
    pub fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::Equal => order.is_eq(),
            Self::Greater => order.is_gt(),
        }
    }
}

/// What the author of a document expects of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    True,
    False,
    Error,
}
