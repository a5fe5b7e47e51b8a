//! Small transformations of texts: to plain letters, to ASCII, to what is safe on a terminal, and into lines.

mod ascii;
mod diacritics;
mod sanitize;
mod wrap;

pub use ascii::to_ascii;
pub use diacritics::strip_diacritic;
pub use sanitize::sanitize;
pub(crate) use wrap::{fill_lines, wrap};
