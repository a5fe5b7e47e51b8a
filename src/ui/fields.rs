//! Labels and values in two columns, measured by display width; a value that does not fit beside its
//! label goes below it, whole, so that a path can still be copied.

use console::measure_text_width as width;

/// Labelled values, in order.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Adds a line.
    pub(crate) fn add(&mut self, label: String, value: String) {
        self.0.push((label, value));
    }

    /// The lines, for a terminal of this many columns.
    pub(crate) fn render(&self, columns: usize) -> String {
        let label_width = self
            .0
            .iter()
            .map(|(label, _)| width(label))
            .max()
            .unwrap_or_default();
        let lines = self.0.iter().map(|(label, value)| {
            let gap = " ".repeat(label_width - width(label));
            if 2 + label_width + 2 + width(value) <= columns {
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
    fn long_values_go_below_their_label() {
        let mut fields = Fields::default();
        fields.add("Çalışma alanı".to_owned(), "~/x".to_owned());
        fields.add("Port".to_owned(), "~/.openclaw-rescue/workspace".to_owned());
        let expected = "  Çalışma alanı  ~/x\n  Port\n    ~/.openclaw-rescue/workspace";
        assert_eq!(fields.render(40), expected);
    }
}
