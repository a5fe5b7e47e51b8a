//! Paths that a person types where no shell reads them: at a question of the wizard, or in quotes on the command line.

use std::path::PathBuf;

use super::Environment;
use crate::host::Host;

/// Reason why a text that a user typed stands for no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TypedPathError {
    /// The text is empty or holds a NUL character, or it is relative and the current folder is unknown.
    #[error("not a path")]
    Unusable,
    /// The path starts from the home folder of another user: `~name`.
    #[error("{0} is another user's home folder")]
    OtherHome(String),
    /// A variable in the path is not set.
    #[error("{0} is not set")]
    VariableUnset(String),
}

impl Environment {
    /// Returns the absolute path that a user typed, read as a shell would: without the quotes around it, variables
    /// (`$NAME`, `${NAME}`) filled in, `~` expanded, and without `.` and `..`. Within single quotes, too, since nobody
    /// wants a folder called `~`.
    ///
    /// # Errors
    /// Where the text stands for no path of this user.
    pub(crate) fn expand_typed(&self, host: &Host, typed: &str) -> Result<PathBuf, TypedPathError> {
        let text = without_quotes(typed.trim());
        if text.is_empty() {
            return Err(TypedPathError::Unusable);
        }
        let filled = substitute_shell_variables(text, &|name| match name {
            "HOME" => self.home.to_str().map(str::to_owned),
            name => host.var(name).map(str::to_owned),
        })?;
        if filled.starts_with('~')
            && !filled[1..].is_empty()
            && !filled[1..].starts_with(std::path::is_separator)
        {
            let user = filled.split(std::path::is_separator).next().unwrap_or_default();
            return Err(TypedPathError::OtherHome(user.to_owned()));
        }
        self.expand(host.cwd(), &filled).ok_or(TypedPathError::Unusable)
    }
}

/// Returns a typed text without the pair of quotes around it.
fn without_quotes(typed: &str) -> &str {
    let within = |quote: char| typed.strip_prefix(quote)?.strip_suffix(quote);
    within('\'').or_else(|| within('"')).unwrap_or(typed)
}

/// Returns a typed text with each `$NAME` and `${NAME}` replaced by the value of that variable; any other `$` stays.
fn substitute_shell_variables(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<String, TypedPathError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let (name, behind) = match braced {
            Some((name, behind)) if name.len() == name_length(name) => (name, behind),
            _ => after.split_at(name_length(after)),
        };
        if name.is_empty() {
            out.push('$');
            rest = after;
            continue;
        }
        out.push_str(&lookup(name).ok_or_else(|| TypedPathError::VariableUnset(name.to_owned()))?);
        rest = behind;
    }
    Ok(out + rest)
}

/// Returns the number of bytes of the variable name at the start of a text; 0 where there is none.
fn name_length(text: &str) -> usize {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    text.bytes().take_while(is_name).count()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn expand(typed: &str) -> Result<PathBuf, TypedPathError> {
        let host = Host::fixed(&[], [("HOME", "/home/ayşe"), ("DATA", "/srv/d")]);
        Environment::read(&host).unwrap().expand_typed(&host, typed)
    }

    #[test]
    fn typed_path_is_read_as_a_shell_would() {
        for (typed, path) in [
            ("~/ws", "/home/ayşe/ws"),
            ("$HOME/ws", "/home/ayşe/ws"),
            ("${HOME}/ws", "/home/ayşe/ws"),
            ("'~/ws'", "/home/ayşe/ws"),
            ("\"$DATA/a b\"", "/srv/d/a b"),
            (" ~ ", "/home/ayşe"),
            ("/a/$/b", "/a/$/b"),
            ("/a$1", "/a$1"),
            ("/a/${b c}", "/a/${b c}"),
            // The working folder of a test host is `/`.
            ("ws/../x", "/x"),
        ] {
            assert_eq!(
                expand(typed).as_deref(),
                Ok(std::path::Path::new(path)),
                "{typed}"
            );
        }
    }

    #[test]
    fn typed_path_of_another_user_or_an_unset_variable_is_refused() {
        assert_eq!(
            expand("~nobody/ws"),
            Err(TypedPathError::OtherHome("~nobody".to_owned()))
        );
        assert_eq!(
            expand("$NOPE/ws"),
            Err(TypedPathError::VariableUnset("NOPE".to_owned()))
        );
        assert_eq!(
            expand("${NOPE}/ws"),
            Err(TypedPathError::VariableUnset("NOPE".to_owned()))
        );
        for typed in ["", "  ", "''", "/a\0b"] {
            assert_eq!(expand(typed), Err(TypedPathError::Unusable), "{typed:?}");
        }
    }
}
