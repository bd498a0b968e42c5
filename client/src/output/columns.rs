//! Lists for people: a heading, and lines that stand below each other.

use crate::terminal::{Colours, Style, line, one_line};
use std::io;

/// The columns of a list: what each is called, and how wide it is. Longer text pushes the rest of its line to the right: nothing
/// is cut, and a list of any length is printed as it comes. The last column's width does not count.
#[derive(Debug, Clone, Copy)]
pub struct Columns<const N: usize>(pub [(&'static str, usize); N]);

impl<const N: usize> Columns<N> {
    /// Prints the heading.
    ///
    /// # Errors
    ///
    /// Those of standard output.
    pub fn heading(&self) -> io::Result<()> {
        let heading = self.laid_out(self.0.map(|(name, _)| name.to_owned()));
        line(&Colours::of_stdout().paint(Style::Faint, &heading))
    }

    /// Prints a line; text from elsewhere cannot steer the terminal.
    ///
    /// # Errors
    ///
    /// Those of standard output.
    pub fn row(&self, cells: [&str; N]) -> io::Result<()> {
        line(&self.laid_out(cells.map(|cell| one_line(cell).into_owned())))
    }

    fn laid_out(&self, cells: [String; N]) -> String {
        let widths = self.0.map(|(_, width)| width);
        let padded = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_below_their_heading_and_nothing_is_cut() {
        let columns = Columns([("ID", 4), ("HOST", 6), ("STATE", 0)]);
        let rows = [["1", "web", "on"], ["2", "a-long-name", "off"], ["3", "", ""]];
        let rows = rows.map(|row| columns.laid_out(row.map(str::to_owned)));
        assert_eq!(rows, ["1     web     on", "2     a-long-name  off", "3"]);
    }
}
