//! Places from surveys, and ends from files.
