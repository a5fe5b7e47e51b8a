//! Labels and values in two columns, measured by the columns that they take on a terminal. A value that does not fit
//! beside its label goes below it, whole, so that a path can still be copied.

use console::measure_text_width;

/// A list of labels and values that is shown on the screen.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Adds a label and its value to a list of fields on the screen.
    pub(crate) fn add(&mut self, label: String, value: String) {
        self.0.push((label, value));
    }

    /// Returns the lines of a list of labels and values for a terminal of this many columns.
    pub(crate) fn render(&self, columns: usize) -> String {
        let label_width = self
            .0
            .iter()
            .map(|(label, _)| measure_text_width(label))
            .max()
            .unwrap_or_default();
        let lines = self.0.iter().map(|(label, value)| {
            let gap = " ".repeat(label_width - measure_text_width(label));
            if 2 + label_width + 2 + measure_text_width(value) <= columns {
                format!("  {label}{gap}  {value}")
            } else {
                format!("  {label}\n    {value}")
            }
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_that_does_not_fit_goes_below_its_label() {
        let mut fields = Fields::default();
        fields.add("Çalışma alanı".to_owned(), "~/x".to_owned());
        fields.add("Port".to_owned(), "~/.openclaw-rescue/workspace".to_owned());
        let expected = "  Çalışma alanı  ~/x\n  Port\n    ~/.openclaw-rescue/workspace";
        assert_eq!(fields.render(40), expected);
    }
}
