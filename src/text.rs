//! Text transformations for terminals: to ASCII, without control characters, and into lines of limited width.

mod ascii;
mod diacritics;
mod sanitize;
mod wrap;

pub(crate) use ascii::to_ascii;
pub(crate) use diacritics::strip_diacritic;
pub(crate) use sanitize::{escape_unsafe, is_unsafe, replace_unsafe, sanitize, sanitize_name};
pub(crate) use wrap::{fill_lines, wrap};
