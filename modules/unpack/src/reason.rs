//! Why something was not, or not completely, looked into.

use std::io;

use crate::Codec;

/// Longest detail of a foreign error that is kept, in bytes.
const MAX_DETAIL_BYTES: usize = 200;

/// Why the caller's poll function wants the work to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Interrupt {
    /// The operation was cancelled.
    #[error("the operation was cancelled")]
    Cancelled,
    /// The operation's time is over.
    #[error("the operation's deadline has passed")]
    Deadline,
}

/// Why reading stopped before the end of a stream, a member or an archive.
///
/// Every limit names its value and what was met. Offsets are in bytes of the compressed or archive
/// stream in question. Readers of this crate deliver what they decoded first and this afterwards, as the inner
/// error of an [`io::Error`]; [`Reason::from_io`] gets it back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The caller wants the work to end.
    #[error(transparent)]
    Interrupted(#[from] Interrupt),
    /// One file would yield more than allowed.
    #[error("the file yields more than {limit} bytes when unpacked (at least {seen})")]
    FileOutput {
        /// [`crate::Limits::file_output_bytes`].
        limit: u64,
        /// Bytes decoded so far, the refused ones included.
        seen: u64,
    },
    /// All files together would yield more than allowed.
    #[error("all files together yield more than {limit} bytes when unpacked (at least {seen})")]
    TotalOutput {
        /// The limit of [`crate::Total`].
        limit: u64,
        /// Bytes decoded so far, the refused ones included.
        seen: u64,
    },
    /// A stream expands beyond all reason.
    #[error("{input} bytes expand to more than {output}, over {limit} times as much")]
    Ratio {
        /// [`crate::Limits::ratio`].
        limit: u64,
        /// Compressed bytes consumed.
        input: u64,
        /// Bytes they became.
        output: u64,
    },
    /// Archives and compressed streams are nested too deeply.
    #[error("nested more than {limit} deep")]
    Depth {
        /// [`crate::Limits::depth`].
        limit: u32,
        /// Depth of what was not opened.
        seen: u32,
    },
    /// An archive has too many members.
    #[error("more than {limit} members (at least {seen})")]
    Members {
        /// [`crate::Limits::archive_members`] or [`crate::Limits::file_members`].
        limit: u64,
        /// Members met, or stated by the archive.
        seen: u64,
    },
    /// A member's name, or a record that could hold one, is too long.
    #[error("a name of {seen} bytes is longer than {limit}")]
    Name {
        /// [`crate::Limits::name_bytes`].
        limit: u64,
        /// Stated length.
        seen: u64,
    },
    /// A decoder would need too much memory for its window or dictionary.
    #[error("{} needs {} for its window, more than {limit} bytes", codec.name(), needed_text(*needed))]
    Window {
        /// The codec that refused.
        codec: Codec,
        /// [`crate::Limits::window_bytes`].
        limit: u64,
        /// Needed bytes where the decoder says so.
        needed: Option<u64>,
    },
    /// An archive that can only be read from memory is too large for that.
    #[error("{seen} bytes are too many to look inside from memory, more than {limit}")]
    Buffer {
        /// [`crate::Limits::buffer_bytes`].
        limit: u64,
        /// Size of what was to be kept, as far as known.
        seen: u64,
    },
    /// An archive's own bookkeeping (zip's central directory, tar's extended header) is too large.
    #[error("a {format} header of {seen} bytes is larger than {limit}")]
    Header {
        /// Format's name.
        format: &'static str,
        /// [`crate::Limits::directory_bytes`] or [`crate::Limits::extended_header_bytes`].
        limit: u64,
        /// Stated size.
        seen: u64,
    },
    /// The stream ends early.
    #[error("{format} data ends early at byte {offset}")]
    Truncated {
        /// Format's name.
        format: &'static str,
        /// Where it ends.
        offset: u64,
    },
    /// The stream breaks its format's rules or its checksum.
    #[error("{format} data is corrupt near byte {offset}: {detail}")]
    Corrupt {
        /// Format's name.
        format: &'static str,
        /// About where.
        offset: u64,
        /// What is wrong.
        detail: String,
    },
    /// Something else follows the compressed stream; it was not looked at.
    #[error("{format} data is followed by something else at byte {offset}")]
    Trailing {
        /// Format's name.
        format: &'static str,
        /// Where the unknown bytes start.
        offset: u64,
    },
    /// The member is encrypted.
    #[error("the member is encrypted")]
    Encrypted,
    /// The format allows this, this crate does not.
    #[error("{format}: {feature} is not supported")]
    Unsupported {
        /// Format's name.
        format: &'static str,
        /// What is missing.
        feature: String,
    },
    /// Two members claim the same bytes; the later one was not read.
    #[error("the member's data overlaps another's at byte {offset}")]
    Overlap {
        /// Where the overlap begins.
        offset: u64,
    },
    /// A member has fewer or more bytes than its archive says.
    #[error("the member has {seen} bytes where {declared} were stated")]
    Size {
        /// Stated size.
        declared: u64,
        /// Bytes met, at least.
        seen: u64,
    },
    /// The data below could not be read.
    #[error("failed to read: {message}")]
    Source {
        /// Kind of the error below.
        kind: io::ErrorKind,
        /// Its message.
        message: String,
    },
    /// A decoder failed in a way it never should; the stream was given up.
    #[error("the {} decoder failed internally near byte {offset}", codec.name())]
    Decoder {
        /// The codec.
        codec: Codec,
        /// About where in the compressed stream.
        offset: u64,
    },
}

impl Reason {
    /// The reason inside an error that one of this crate's readers returned, if it is one.
    #[must_use]
    pub fn from_io(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// The reason inside an error of any reader; foreign errors become [`Reason::Source`].
    #[must_use]
    pub fn of(error: &io::Error) -> Self {
        Self::from_io(error).cloned().unwrap_or_else(|| Self::Source {
            kind: error.kind(),
            message: bounded(error.to_string()),
        })
    }

    /// Wraps the reason so that it can leave a [`io::Read`].
    #[must_use]
    pub fn into_io(self) -> io::Error {
        io::Error::other(self)
    }

    /// True when nothing else of the same file, or of the whole operation, can be read either.
    #[must_use]
    pub fn ends_file(&self) -> bool {
        matches!(
            self,
            Self::Interrupted(_) | Self::FileOutput { .. } | Self::TotalOutput { .. }
        )
    }

    pub(crate) fn corrupt(format: &'static str, offset: u64, detail: impl Into<String>) -> Self {
        Self::Corrupt {
            format,
            offset,
            detail: bounded(detail.into()),
        }
    }
}

fn needed_text(needed: Option<u64>) -> String {
    needed.map_or_else(|| "too much memory".to_owned(), |n| format!("{n} bytes"))
}

/// Messages of libraries may quote input; they are kept short.
fn bounded(mut text: String) -> String {
    if text.len() > MAX_DETAIL_BYTES {
        text.truncate(text.floor_char_boundary(MAX_DETAIL_BYTES));
    }
    text
}
