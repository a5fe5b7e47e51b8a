//! The ids of agents: the form in which both releases use them, also as the name of a folder below the state folder.

/// Id of the agent of a config that names none.
pub(crate) const MAIN_AGENT_ID: &str = "main";

/// Maximum number of characters of an agent's id.
const MAX_LENGTH: usize = 64;

/// Returns whether a text is the id of an agent.
pub(crate) fn is_agent_id(text: &str) -> bool {
    let text = text.trim().as_bytes();
    let is_first = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    (1..=MAX_LENGTH).contains(&text.len())
        && text.first().is_some_and(is_first)
        && text.iter().all(|byte| is_first(byte) || *byte == b'-')
}

/// Returns the id of an agent that a release makes of a text: in lower case, and safe as the name of a folder.
pub(crate) fn normalize_agent_id(text: &str) -> String {
    let lower = text.trim().to_ascii_lowercase();
    if is_agent_id(&lower) {
        return lower;
    }
    let is_valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let mut id = String::new();
    for c in lower.chars() {
        match c {
            c if is_valid(c) => id.push(c),
            _ if id.ends_with('-') => {}
            _ => id.push('-'),
        }
    }
    let id: String = id.trim_matches('-').chars().take(MAX_LENGTH).collect();
    if id.is_empty() {
        MAIN_AGENT_ID.to_owned()
    } else {
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_of_any_text_is_the_name_of_a_folder() {
        for (typed, expected) in [
            (" Main ", "main"),
            ("../../etc", "etc"),
            ("Ev Asistanı", "ev-asistan"),
            ("..", "main"),
            ("", "main"),
        ] {
            assert_eq!(normalize_agent_id(typed), expected);
        }
    }
}
