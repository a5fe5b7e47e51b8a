//! The keys of sessions: `agent:AGENT:REST`, in the form in which OpenClaw stores them.

use std::fmt;

use crate::config::agent_id::normalize_agent_id;

/// The keys that stand for themselves, without an agent.
const SHARED_KEYS: [&str; 2] = ["global", "unknown"];

/// The rules of a config by which a typed key becomes the key of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionKeyRules {
    /// The id of the default agent.
    pub(crate) default_agent: String,
    /// The last part of the key of each agent's main session, `main` by default.
    pub(crate) main_key: String,
    /// `true` where all people of an agent share one session (`session.scope` is `global`).
    pub(crate) is_global: bool,
}

/// The key of a session, and the agent whose session it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SessionKey {
    agent: String,
    text: String,
}

impl SessionKey {
    /// Returns the key of an agent's session by the last part of the key.
    pub(crate) fn of_agent(agent: &str, rest: &str) -> Self {
        let agent = normalize_agent_id(agent);
        Self {
            text: format!("agent:{agent}:{rest}"),
            agent,
        }
    }

    /// Returns the key of the main session of an agent.
    pub(crate) fn main_of(agent: &str, rules: &SessionKeyRules) -> Self {
        if rules.is_global {
            return Self {
                agent: normalize_agent_id(agent),
                text: "global".to_owned(),
            };
        }
        Self::of_agent(agent, &rules.main_key)
    }

    /// Returns the key that a typed text stands for: `main` for the main session of the default agent, any other text
    /// without an agent for one of that agent's sessions.
    pub(crate) fn resolve(typed: &str, rules: &SessionKeyRules) -> Self {
        let typed = typed.trim();
        if SHARED_KEYS.contains(&typed) {
            return Self {
                agent: rules.default_agent.clone(),
                text: typed.to_owned(),
            };
        }
        let (agent, rest) = match typed.strip_prefix("agent:").and_then(|own| own.split_once(':')) {
            Some((agent, rest)) if !rest.is_empty() => (normalize_agent_id(agent), rest),
            _ => (rules.default_agent.clone(), typed),
        };
        if rest.is_empty() || rest == "main" || rest == rules.main_key {
            return Self::main_of(&agent, rules);
        }
        Self::of_agent(&agent, rest)
    }

    /// Returns a key of an agent's `sessions.json` as it is stored there.
    pub(super) fn stored(agent: &str, text: &str) -> Self {
        Self {
            agent: agent.to_owned(),
            text: text.to_owned(),
        }
    }

    /// Returns the id of the agent whose session it is.
    pub(crate) fn agent(&self) -> &str {
        &self.agent
    }

    /// Returns the text of a session's key.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether it is the main session of its agent.
    pub(crate) fn is_main(&self, rules: &SessionKeyRules) -> bool {
        *self == Self::main_of(&self.agent, rules)
    }

    /// Returns what OpenClaw calls a session by its key: `global`, `unknown`, `group` or `direct`.
    pub(crate) fn kind(&self) -> &'static str {
        Self::kind_of(&self.text)
    }

    /// Returns what OpenClaw calls a session with this key.
    pub(crate) fn kind_of(text: &str) -> &'static str {
        match text {
            "global" => "global",
            "unknown" => "unknown",
            text if text.contains(":group:") || text.contains(":channel:") => "group",
            _ => "direct",
        }
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_keys_become_those_that_openclaw_stores() {
        let rules = |main_key: &str, is_global| SessionKeyRules {
            default_agent: "ev".to_owned(),
            main_key: main_key.to_owned(),
            is_global,
        };
        let plain = rules("main", false);
        for (typed, expected, agent) in [
            ("main", "agent:ev:main", "ev"),
            ("", "agent:ev:main", "ev"),
            ("nope:x", "agent:ev:nope:x", "ev"),
            ("agent:Is:main", "agent:is:main", "is"),
            ("agent:../x:main", "agent:x:main", "x"),
            ("agent:a", "agent:ev:agent:a", "ev"),
            ("global", "global", "ev"),
        ] {
            let key = SessionKey::resolve(typed, &plain);
            assert_eq!((key.as_str(), key.agent()), (expected, agent), "{typed}");
        }
        let named = SessionKey::resolve("agent:a:main", &rules("work", false));
        assert_eq!(named.as_str(), "agent:a:work");
        let global = SessionKey::resolve("agent:a:main", &rules("main", true));
        assert_eq!((global.as_str(), global.agent()), ("global", "a"));
    }
}
