//! Patterns for one line, rewritten to run over many lines at once.

use crate::syntax;
use regex_syntax::hir::{
    Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look,
};

/// `hir`, meant for one line without its terminator, such that in a buffer of lines it matches in every line in which
/// `hir` matches, never across two lines, and perhaps in a few lines more.
///
/// * `\n` leaves all classes; what needs it never matches.
/// * Start of text becomes start of line; end of text and end of line become "before `\r`, `\n` or the end", since a
///   `\r` before the `\n` is not part of the line. Other `\r` make for the hits too many.
pub(super) fn for_buffer(hir: &Hir) -> Hir {
    syntax::rebuild(hir, &mut |leaf| match leaf.kind() {
        HirKind::Literal(literal) if literal.0.contains(&b'\n') => Hir::fail(),
        HirKind::Class(class) => Hir::class(without_newline(class)),
        HirKind::Look(Look::Start) => Hir::look(Look::StartLF),
        HirKind::Look(Look::End | Look::EndLF) => Hir::look(Look::EndCRLF),
        _ => leaf.clone(),
    })
}

/// Whether what [`for_buffer`] returns, run on one line alone, means the same as the original.
pub(super) fn is_exact_on_a_line(original: &Hir) -> bool {
    let looks = original.properties().look_set();
    !looks.contains(Look::End) && !looks.contains(Look::EndLF)
}

fn without_newline(class: &Class) -> Class {
    match class {
        Class::Unicode(class) => {
            let mut class = class.clone();
            class.difference(&ClassUnicode::new([ClassUnicodeRange::new('\n', '\n')]));
            Class::Unicode(class)
        }
        Class::Bytes(class) => {
            let mut class = class.clone();
            class.difference(&ClassBytes::new([ClassBytesRange::new(b'\n', b'\n')]));
            Class::Bytes(class)
        }
    }
}
