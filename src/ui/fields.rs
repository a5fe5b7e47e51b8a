//! Labels and values in two columns, measured by the columns that they take on a terminal. A value that does not fit
//! beside its label goes below it, whole, so that a path can still be copied.

use console::measure_text_width;

use super::Ui;

/// Number of columns by which a value below its label is indented.
const VALUE_INDENT: usize = 4;

/// A list of labels and values that is shown on the screen.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Adds a label and its value to a list of fields on the screen.
    pub(crate) fn add(&mut self, label: String, value: String) {
        self.0.push((label, value));
    }

    /// Returns the lines of a list of labels and values in this many columns. A value of its own line is broken by `wrap`.
    pub(super) fn render(&self, columns: usize, wrap: impl Fn(&str, usize) -> Vec<String>) -> String {
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
                let value = wrap(value, columns.saturating_sub(VALUE_INDENT));
                format!("  {label}\n    {}", value.join("\n    "))
            }
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

impl Ui {
    /// Returns a list of labels and values in lines that fit the terminal.
    pub(crate) fn render_fields(&self, fields: &Fields) -> String {
        fields.render(self.width(), |value, columns| {
            // Elsewhere than on a terminal a value is one line, which can be searched for.
            if self.output_width.is_some() {
                self.wrap_plan(value, columns)
            } else {
                vec![value.to_owned()]
            }
        })
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
        let whole = |value: &str, _| vec![value.to_owned()];
        assert_eq!(fields.render(40, whole), expected);
    }
}
