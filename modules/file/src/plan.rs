//! Checked parameters: what a run works from.

use std::{path::PathBuf, sync::Arc};

use gumshoe_scan::lines::LineSet;
use regex::bytes::Regex;

use crate::{
    condition::{AttributeTest, Condition, ContentTest, DigestTest, MetadataTest, Mode},
    params::{FileKind, Options},
};

/// What a run works from.
#[derive(Debug)]
pub struct Plan {
    /// The searches, in the order of their labels.
    pub searches: Vec<Search>,
    /// The content patterns of all searches.
    pub patterns: Arc<LineSet>,
}

/// One checked search.
#[derive(Debug)]
pub struct Search {
    /// Label.
    pub label: String,
    /// Absolute paths; at least one.
    pub paths: Vec<PathBuf>,
    /// Which kinds of file are tested.
    pub kinds: Kinds,
    /// How results combine.
    pub mode: Mode,
    /// Conditions on the base name.
    pub names: Vec<Condition<Regex>>,
    /// Conditions on metadata.
    pub metadata: Vec<Condition<MetadataTest>>,
    /// Conditions on extended attributes.
    pub attributes: Vec<Condition<AttributeTest>>,
    /// Conditions on lines.
    pub contents: Vec<Condition<ContentTest>>,
    /// Conditions on digests, one per algorithm.
    pub digests: Vec<Condition<DigestTest>>,
    /// Everything else.
    pub options: Options,
}

impl Search {
    /// Whether a file may have to be opened.
    #[must_use]
    pub fn reads_content(&self) -> bool {
        self.reads_member() || self.options.archives
    }

    /// Whether a member of an archive is read when its name and metadata match.
    #[must_use]
    pub fn reads_member(&self) -> bool {
        !self.contents.is_empty() || !self.digests.is_empty() || self.options.returnsha256
    }

    /// Whether digests are computed while lines are looked at, since these cannot make them needless.
    #[must_use]
    pub fn digests_with_lines(&self) -> bool {
        self.mode == Mode::Any || self.contents.is_empty()
    }

    /// Whether there is no filter, so that every file of the right kind is found.
    #[must_use]
    pub fn is_unconditional(&self) -> bool {
        self.names.is_empty()
            && self.metadata.is_empty()
            && self.attributes.is_empty()
            && self.contents.is_empty()
            && self.digests.is_empty()
    }
}

/// Which kinds of file a search tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kinds {
    /// Files, and links whose target is a file below the search's path, as what they lead to.
    FilesAndLinksToFiles,
    /// These, links not followed.
    Only(Vec<FileKind>),
}

impl Kinds {
    /// Whether something of this kind is tested as what it is.
    #[must_use]
    pub fn include(&self, kind: FileKind) -> bool {
        match self {
            Self::FilesAndLinksToFiles => kind == FileKind::File,
            Self::Only(kinds) => kinds.contains(&kind),
        }
    }

    /// Whether a link is tested as the file that it leads to.
    #[must_use]
    pub fn follow_links(&self) -> bool {
        *self == Self::FilesAndLinksToFiles
    }
}
