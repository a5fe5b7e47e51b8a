//! Small transformations of texts: to plain letters, to ASCII, and to what is safe on a terminal.

mod ascii;
mod diacritics;
mod sanitize;

pub use ascii::to_ascii;
pub use diacritics::strip_diacritic;
pub use sanitize::sanitize;
