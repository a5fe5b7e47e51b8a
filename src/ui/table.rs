//! A table, measured by the columns that it takes on a terminal. Where it is wider than the terminal, each row becomes a
//! block of labels and values, so that nothing is cut.

use console::measure_text_width;

use super::fields::Fields;

/// A table for the screen, with a heading for each column.
#[derive(Debug)]
pub(crate) struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Creates a table for the screen with these column headings.
    pub(crate) fn new(headings: Vec<String>) -> Self {
        Self {
            headings,
            rows: Vec::new(),
        }
    }

    /// Adds a row to a table for the screen, with one cell for each heading.
    pub(crate) fn add_row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Returns the lines of a table for a terminal of this many columns.
    pub(crate) fn render(&self, columns: usize) -> String {
        let all = || std::iter::once(&self.headings).chain(&self.rows);
        let widest = |at: usize| {
            all()
                .filter_map(|row| row.get(at))
                .map(|cell| measure_text_width(cell))
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<_> = (0..self.headings.len()).map(widest).collect();
        let total = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
        if total > columns {
            return self.blocks(columns);
        }
        let line = |row: &Vec<String>| {
            let cells = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - measure_text_width(cell))));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        all().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Returns each row of a table as a block of labels and values, for a screen that is too narrow for columns.
    fn blocks(&self, columns: usize) -> String {
        let block = |row: &Vec<String>| {
            let mut cells = self.headings.iter().zip(row);
            let title = cells.next().map(|(heading, cell)| format!("{heading}: {cell}"));
            let title = title.unwrap_or_default();
            let mut fields = Fields::default();
            cells.for_each(|(heading, cell)| fields.add(heading.clone(), cell.clone()));
            let whole = |value: &str, _| vec![value.to_owned()];
            format!("{title}\n{}", fields.render(columns, whole))
        };
        self.rows.iter().map(block).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_wider_than_the_terminal_becomes_blocks() {
        let mut table = Table::new(["Profil", "Çalışma alanı"].map(str::to_owned).to_vec());
        table.add_row(["rescue", "~/x"].map(str::to_owned).to_vec());
        assert_eq!(table.render(40), "Profil  Çalışma alanı\nrescue  ~/x");
        assert_eq!(table.render(20), "Profil: rescue\n  Çalışma alanı  ~/x");
    }
}
