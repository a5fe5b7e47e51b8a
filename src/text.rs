//! Texts for terminals: to ASCII, without control characters, in lines of limited width, with another name of the program, and
//! the words nearest to a mistyped one.

mod ascii;
mod command_name;
mod diacritics;
mod home;
mod markup;
mod natural;
mod nearest;
mod sanitize;
mod shell;
mod wrap;

pub(crate) use ascii::to_ascii;
pub(crate) use command_name::SecondName;
pub(crate) use diacritics::strip_diacritic;
pub(crate) use home::abbreviate_home_in;
pub(crate) use markup::escape_xml;
pub(crate) use natural::natural_key;
pub(crate) use nearest::nearest_words;
pub(crate) use sanitize::{
    escape_unsafe, is_unsafe, replace_unsafe, sanitize, sanitize_document, sanitize_name,
};
pub(crate) use shell::quote_for_shell;
pub(crate) use wrap::{command_start, fill_lines, wrap, wrap_for_terminal, wrap_hanging};
