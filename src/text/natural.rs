//! Orders names as a person does: `bot2` before `bot10`.

/// A part of a name: a number, or the text between two numbers. Numbers are ordered by value, and come before texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NamePart {
    /// Digits, as a number; of a number that is too large, the greatest.
    Number(u64),
    /// Anything else.
    Text(String),
}

/// Returns the parts of a name, by which names are sorted in natural order.
pub(crate) fn natural_key(name: &str) -> Vec<NamePart> {
    let is_digit = |c: &char| c.is_ascii_digit();
    let mut parts = Vec::new();
    let mut rest = name.chars().peekable();
    while let Some(first) = rest.peek().copied() {
        let in_number = is_digit(&first);
        let part: String = std::iter::from_fn(|| rest.next_if(|c| is_digit(c) == in_number)).collect();
        parts.push(if in_number {
            NamePart::Number(part.parse().unwrap_or(u64::MAX))
        } else {
            NamePart::Text(part)
        });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_ordered_by_value() {
        let mut names = ["bot10", "bot2", "rescue", "bot1", "bot2a", "2nd", "bot"];
        names.sort_by_key(|name| natural_key(name));
        assert_eq!(names, ["2nd", "bot", "bot1", "bot2", "bot2a", "bot10", "rescue"]);
    }
}
