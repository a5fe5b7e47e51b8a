//! Text transformations for terminals: to ASCII, without control characters, and into lines of limited width.

mod ascii;
mod diacritics;
mod sanitize;
mod wrap;

pub use ascii::to_ascii;
pub use diacritics::strip_diacritic;
pub use sanitize::sanitize;
pub(crate) use wrap::{fill_lines, wrap};
