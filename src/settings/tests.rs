//! Tables of what goes before what.

use serde_json::{Value, json};

use super::*;

struct Case {
    config: Value,
    instance: Instance,
    record: Record,
    vars: Vec<(&'static str, &'static str)>,
}

impl Case {
    fn new(config: Value) -> Self {
        let profile = ProfileName::parse("rescue").unwrap();
        Self {
            config,
            instance: Instance::canonical(std::path::Path::new("/nowhere"), profile),
            record: Record::default(),
            vars: Vec::new(),
        }
    }

    fn run<T>(&self, ask: impl FnOnce(SettingSources<'_>) -> T) -> T {
        let host = Host::fixed(&[], self.vars.clone());
        ask(SettingSources {
            host: &host,
            instance: &self.instance,
            config: &self.config,
            record: &self.record,
        })
    }

    fn refused(&self, overrides: &RunOverrides) -> &'static str {
        self.run(|s| s.settings(overrides)).unwrap_err().code()
    }
}

fn token(text: &str) -> ClientAuth {
    ClientAuth::Token(Secret::new(text))
}

#[test]
fn a_port_comes_from_the_strongest_ground() {
    let mut case = Case::new(json!({}));
    let port = |case: &Case, flag: Option<u16>| {
        let (port, source) = case.run(|s| s.port(flag.map(Port::known))).unwrap();
        (port.get(), source)
    };
    assert_eq!(port(&case, None), (23532, PortSource::Default));
    case.record.ports.base = Some(Port::known(4000));
    assert_eq!(port(&case, None), (4000, PortSource::Record));
    case.config = json!({"gateway": {"port": 5000}});
    assert_eq!(port(&case, None), (5000, PortSource::Config));
    case.instance.env_port = Some(Port::known(6000));
    assert_eq!(port(&case, None), (6000, PortSource::Environment));
    assert_eq!(port(&case, Some(7000)), (7000, PortSource::Flag));
}

#[test]
fn a_server_believes_its_config_first_and_a_client_its_environment() {
    let mut case = Case::new(json!({"gateway": {"mode": "local", "auth": {"token": "of-config"}}}));
    case.instance.env_token = Some(Secret::new("of-env"));
    let settings = case.run(|s| s.settings(&RunOverrides::default())).unwrap();
    assert_eq!(settings.auth, token("of-config"));
    assert_eq!(case.run(|s| s.client_auth()).unwrap(), token("of-env"));
    let overrides = RunOverrides {
        token: Some(Secret::new("of-flag")),
        ..RunOverrides::default()
    };
    assert_eq!(
        case.run(|s| s.settings(&overrides)).unwrap().auth,
        token("of-flag")
    );
}

#[test]
fn variables_are_filled_in_where_they_are_used() {
    let mut case = Case::new(json!({
        "gateway": {"mode": "local", "auth": {"token": "${MY_TOKEN}"}},
    }));
    assert_eq!(case.refused(&RunOverrides::default()), "settings.variable");
    case.config["env"] = json!({"vars": {"MY_TOKEN": "of-config"}});
    assert_eq!(
        case.run(|s| s.settings(&RunOverrides::default())).unwrap().auth,
        token("of-config")
    );
    case.vars.push(("MY_TOKEN", "of-env"));
    assert_eq!(
        case.run(|s| s.settings(&RunOverrides::default())).unwrap().auth,
        token("of-env")
    );
    case.config["gateway"]["auth"]["token"] =
        json!({"source": "env", "provider": "default", "id": "MY_TOKEN"});
    assert_eq!(
        case.run(|s| s.settings(&RunOverrides::default())).unwrap().auth,
        token("of-env")
    );
}

#[test]
fn what_must_not_start_is_refused() {
    let refused = |gateway: Value| Case::new(json!({ "gateway": gateway })).refused(&RunOverrides::default());
    assert_eq!(refused(json!({})), "settings.mode-unset");
    assert_eq!(refused(json!({"mode": "remote"})), "settings.mode");
    assert_eq!(refused(json!({"mode": "local"})), "settings.no-token");
    assert_eq!(
        refused(json!({"mode": "local", "auth": {"mode": "password"}})),
        "settings.no-password"
    );
    assert_eq!(
        refused(json!({"mode": "local", "auth": {"mode": "trusted-proxy"}})),
        "settings.auth-mode"
    );
    assert_eq!(
        refused(json!({"mode": "local", "bind": "wan", "auth": {"token": "t"}})),
        "settings.bind"
    );
    assert_eq!(
        refused(json!({"mode": "local", "bind": "custom", "auth": {"token": "t"}})),
        "settings.no-bind-host"
    );
    assert_eq!(
        refused(json!({"mode": "local", "bind": "lan", "auth": {"mode": "none"}})),
        "settings.open"
    );
}

#[test]
fn no_auth_is_for_loopback_only() {
    let mut case = Case::new(json!({"gateway": {"mode": "local", "auth": {"mode": "none"}}}));
    assert_eq!(
        case.run(|s| s.settings(&RunOverrides::default())).unwrap().auth,
        ClientAuth::None
    );
    case.config["gateway"]["bind"] = json!("custom");
    case.config["gateway"]["customBindHost"] = json!("127.0.0.2");
    assert_eq!(
        case.run(|s| s.settings(&RunOverrides::default())).unwrap().auth,
        ClientAuth::None
    );
    case.config["gateway"]["customBindHost"] = json!("10.0.0.1");
    assert_eq!(case.refused(&RunOverrides::default()), "settings.open");
}

#[test]
fn placeholder_credential_is_refused_wherever_it_is_set() {
    let auth = |auth: Value| Case::new(json!({"gateway": {"mode": "local", "auth": auth}}));
    let refused = |case: &Case| case.refused(&RunOverrides::default());
    for text in ["undefined", " null ", "change-me-now", "__OPENCLAW_REDACTED__"] {
        assert_eq!(
            refused(&auth(json!({"token": text}))),
            "settings.token-placeholder",
            "{text}"
        );
        let password = auth(json!({"mode": "password", "password": text}));
        assert_eq!(refused(&password), "settings.password-placeholder", "{text}");
    }
    let mut case = auth(json!({}));
    case.instance.env_token = Some(Secret::new("undefined"));
    assert_eq!(refused(&case), "settings.token-placeholder");
    let overrides = RunOverrides {
        token: Some(Secret::new("null")),
        ..RunOverrides::default()
    };
    assert_eq!(auth(json!({})).refused(&overrides), "settings.token-placeholder");
}
