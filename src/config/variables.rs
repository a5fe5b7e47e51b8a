//! Substitutes `${VAR}` in the texts of a config where a value is used, never where a config is written.
//!
//! OpenClaw substitutes before it writes, so that changing one key puts every secret into the file in clear
//! (docs/openclaw.md#config-variables). Here a config keeps its `${VAR}`; code that needs a value calls [`substitute`].

use serde_json::Value;

/// The name of an environment variable that a config value needs (`${NAME}`) and that is not set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not set")]
pub(crate) struct MissingVariable(pub String);

/// Returns the text of a config with each variable `${NAME}` replaced by what `lookup` returns; `$${NAME}` becomes
/// `${NAME}`. Names are capital letters, digits and `_`, as in OpenClaw; anything else stays as it is.
///
/// # Errors
/// The first variable that is not set.
pub(crate) fn substitute(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<String, MissingVariable> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        let Some((name, after)) = from[2..].split_once('}').filter(|(name, _)| is_name(name)) else {
            out.push_str(&rest[..at + 2]);
            rest = &rest[at + 2..];
            continue;
        };
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str(&from[..name.len() + 3]);
        } else {
            out.push_str(before);
            out.push_str(&lookup(name).ok_or_else(|| MissingVariable(name.to_owned()))?);
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// Returns a text that [`substitute`] turns into this one: `${NAME}` becomes `$${NAME}`. A literal text that is written
/// into a config needs it.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let is_reference = from[2..].split_once('}').is_some_and(|(name, _)| is_name(name));
        out.push_str(if is_reference { "$${" } else { "${" });
        rest = &from[2..];
    }
    out + rest
}

/// Returns the value of a variable that the config itself sets: `env.NAME`, else `env.vars.NAME`
/// (docs/openclaw.md#config-variables). A blank value, and one that refers to a variable, count as unset.
pub(crate) fn variable_from_config(config: &Value, name: &str) -> Option<String> {
    let env = config.get("env")?;
    let is_value = |text: &&str| !text.trim().is_empty() && substitute(text, &|_| None).is_ok();
    let text = |value: Option<&Value>| value.and_then(Value::as_str).filter(is_value).map(str::to_owned);
    text(env.get(name)).or_else(|| text(env.get("vars")?.get(name)))
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_substituted_and_anything_else_stays() {
        let lookup = |name: &str| (name == "A_1").then(|| "x".to_owned());
        let substituted = |text| substitute(text, &lookup);
        assert_eq!(substituted("${A_1}-${A_1}").unwrap(), "x-x");
        assert_eq!(
            substituted("$${A_1} ${a} ${} ${A_1").unwrap(),
            "${A_1} ${a} ${} ${A_1"
        );
        assert_eq!(substituted("${B}"), Err(MissingVariable("B".to_owned())));
    }

    #[test]
    fn escaped_text_is_substituted_by_itself() {
        let lookup = |_: &str| Some("x".to_owned());
        for text in ["/a/${HOME}/b", "$${A}", "${a}${", "$${A}${B}$", "~/ws", "${A${B}"] {
            assert_eq!(substitute(&escape(text), &lookup).unwrap(), text);
        }
        assert_eq!(escape("${HOME}/ws"), "$${HOME}/ws");
    }

    #[test]
    fn config_sets_variables_in_env_and_env_vars() {
        let config = serde_json::json!({"env": {"A": "1", "E": " ", "R": "${A}", "vars": {"A": "0", "B": "2", "E": "3"}}});
        assert_eq!(variable_from_config(&config, "A").as_deref(), Some("1"));
        assert_eq!(variable_from_config(&config, "E").as_deref(), Some("3"));
        assert_eq!(variable_from_config(&config, "R"), None);
        assert_eq!(variable_from_config(&config, "B").as_deref(), Some("2"));
        assert_eq!(variable_from_config(&config, "C"), None);
    }
}
