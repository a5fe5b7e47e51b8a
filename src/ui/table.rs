//! Rows and columns measured by display width. A table that is wider than the terminal becomes a block
//! of labelled values for each row, so that nothing is cut.

use console::measure_text_width as width;

use super::fields::Fields;

/// A table with a heading for each column.
#[derive(Debug)]
pub(crate) struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub(crate) fn new(headings: Vec<String>) -> Self {
        Self {
            headings,
            rows: Vec::new(),
        }
    }

    /// Adds a row; it has a cell for each column.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The lines, for a terminal of this many columns.
    pub(crate) fn render(&self, columns: usize) -> String {
        let all = || std::iter::once(&self.headings).chain(&self.rows);
        let widest = |at: usize| {
            all()
                .filter_map(|row| row.get(at))
                .map(|cell| width(cell))
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
                .map(|(cell, w)| format!("{cell}{}", " ".repeat(w - width(cell))));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        all().map(line).collect::<Vec<_>>().join("\n")
    }

    fn blocks(&self, columns: usize) -> String {
        let block = |row: &Vec<String>| {
            let mut cells = self.headings.iter().zip(row);
            let title = cells.next().map(|(_, cell)| cell.clone()).unwrap_or_default();
            let mut fields = Fields::default();
            cells.for_each(|(heading, cell)| fields.add(heading.clone(), cell.clone()));
            format!("{title}\n{}", fields.render(columns))
        };
        self.rows.iter().map(block).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_too_wide_becomes_blocks() {
        let mut table = Table::new(["Profil", "Çalışma alanı"].map(str::to_owned).to_vec());
        table.row(["rescue", "~/x"].map(str::to_owned).to_vec());
        assert_eq!(table.render(40), "Profil  Çalışma alanı\nrescue  ~/x");
        assert_eq!(table.render(20), "rescue\n  Çalışma alanı  ~/x");
    }
}
