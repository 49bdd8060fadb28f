//! Tables as Thor prints them: columns two spaces apart, nothing behind the last.

use std::io::{self, Write};

/// Thor's colours.
pub const GREEN: u8 = 32;
/// For errors and what is missing.
pub const RED: u8 = 31;
/// For all else.
pub const WHITE: u8 = 37;

/// A cell and the number of its ANSI colour.
pub type Cell = (String, u8);

/// Width on a terminal; of plain text without looking every character up.
fn columns_of(text: &str) -> usize {
    match text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        true => text.len(),
        false => console::measure_text_width(text),
    }
}

/// Writes rows, in colours where wanted.
pub fn print(rows: &[Vec<Cell>], colours: bool, out: &mut impl Write) -> io::Result<()> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|(text, _)| columns_of(text)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        for (column, (text, colour)) in row.iter().enumerate() {
            let gap = match column + 1 == row.len() {
                true => 0,
                false => widths[column] + 2 - columns_of(text),
            };
            match colours {
                true => write!(out, "\u{1b}[{colour}m{text}\u{1b}[0m{:gap$}", "")?,
                false => write!(out, "{text}{:gap$}", "")?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}
