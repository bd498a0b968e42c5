//! How far a document may go. Whatever reaches a limit is an error that names it.

/// Bytes of a document's text.
pub const MAX_DOCUMENT_BYTES: usize = 64 << 20;
/// Values in a YAML document, those of aliases counted each time.
pub const MAX_YAML_VALUES: usize = 8_000_000;
/// Values that aliases of a YAML document stand for, all together.
pub const MAX_ALIASED_VALUES: usize = 100_000;
/// How deep lists and mappings may nest.
pub const MAX_DEPTH: usize = 64;
/// Variables of a document.
pub const MAX_VARIABLES: usize = 1_000;
/// Objects of a document.
pub const MAX_OBJECTS: usize = 250_000;
/// Tests of a document.
pub const MAX_TESTS: usize = 250_000;
/// Bytes of a text after its variables were replaced.
pub const MAX_EXPANDED_BYTES: usize = 64 << 10;
/// Bytes of one regular expression.
pub const MAX_PATTERN_BYTES: usize = 64 << 10;
/// Memory of one compiled regular expression, in bytes.
pub const MAX_COMPILED_BYTES: usize = 2 << 20;
/// Memory of all compiled regular expressions of a document, in bytes.
pub const MAX_ALL_COMPILED_BYTES: usize = 128 << 20;
/// Objects that follow one another in an import chain.
pub const MAX_CHAIN: usize = 16;
/// Paths of one object.
pub const MAX_PATHS: usize = 1_000;
/// Directories, the root counted, down to which files are located unless a document says otherwise.
pub const DEFAULT_DEPTH: u32 = 10;
/// Values that are held for all tests together.
pub const MAX_CRITERIA: usize = 500_000;
/// Bytes of values that are held for all tests together.
pub const MAX_CRITERIA_BYTES: usize = 64 << 20;
/// Criteria that one result lists; all are counted.
pub const MAX_LISTED: usize = 10_000;
