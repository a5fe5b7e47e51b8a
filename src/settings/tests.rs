//! Tests of the order of precedence, and of the settings with which a gateway refuses to start.

use serde_json::{Value, json};

use super::*;
use crate::profile::ProfileName;

/// Sources of settings that a test fills in.
struct TestSources {
    config: Value,
    instance: Instance,
    record: Record,
    vars: Vec<(&'static str, &'static str)>,
}

impl TestSources {
    fn new(config: Value) -> Self {
        let profile = ProfileName::parse("rescue").unwrap();
        Self {
            config,
            instance: Instance::canonical(std::path::Path::new("/nowhere"), profile),
            record: Record::default(),
            vars: Vec::new(),
        }
    }

    fn with_sources<T>(&self, resolve: impl FnOnce(SettingSources<'_>) -> T) -> T {
        let host = Host::fixed(&[], self.vars.clone());
        resolve(SettingSources {
            host: &host,
            instance: &self.instance,
            config: &self.config,
            record: &self.record,
            may_have_env_file: true,
        })
    }

    /// Returns the code of the error that the settings give.
    fn error_code(&self, overrides: &RunOverrides) -> &'static str {
        self.with_sources(|s| s.settings(overrides)).unwrap_err().code()
    }
}

fn token(text: &str) -> ClientAuth {
    ClientAuth::Token(Secret::new(text))
}

#[test]
fn port_comes_from_its_strongest_source() {
    let mut sources = TestSources::new(json!({}));
    let port = |sources: &TestSources, flag: Option<u16>| {
        let (port, source) = sources.with_sources(|s| s.port(flag.map(Port::known))).unwrap();
        (port.get(), source)
    };
    assert_eq!(port(&sources, None), (23532, PortSource::Default));
    sources.record.ports.base = Some(Port::known(4000));
    assert_eq!(port(&sources, None), (4000, PortSource::Record));
    sources.config = json!({"gateway": {"port": 5000}});
    assert_eq!(port(&sources, None), (5000, PortSource::Config));
    sources.instance.env_port = Some(Port::known(6000));
    assert_eq!(port(&sources, None), (6000, PortSource::Environment));
    assert_eq!(port(&sources, Some(7000)), (7000, PortSource::Flag));
}

#[test]
fn gateway_prefers_the_token_of_its_config_and_a_client_that_of_the_environment() {
    let mut sources = TestSources::new(json!({"gateway": {"mode": "local", "auth": {"token": "of-config"}}}));
    sources.instance.env_token = Some(Secret::new("of-env"));
    let settings = sources
        .with_sources(|s| s.settings(&RunOverrides::default()))
        .unwrap();
    assert_eq!(settings.auth, token("of-config"));
    assert_eq!(
        sources.with_sources(|s| s.client_auth()).unwrap(),
        token("of-env")
    );
    let overrides = RunOverrides {
        token: Some(Secret::new("of-flag")),
        ..RunOverrides::default()
    };
    assert_eq!(
        sources.with_sources(|s| s.settings(&overrides)).unwrap().auth,
        token("of-flag")
    );
}

#[test]
fn variables_of_the_config_are_filled_in_from_environment_and_config() {
    let mut sources = TestSources::new(json!({
        "gateway": {"mode": "local", "auth": {"token": "${MY_TOKEN}"}},
    }));
    assert_eq!(sources.error_code(&RunOverrides::default()), "settings.variable");
    sources.config["env"] = json!({"vars": {"MY_TOKEN": "of-config"}});
    assert_eq!(
        sources
            .with_sources(|s| s.settings(&RunOverrides::default()))
            .unwrap()
            .auth,
        token("of-config")
    );
    sources.vars.push(("MY_TOKEN", "of-env"));
    assert_eq!(
        sources
            .with_sources(|s| s.settings(&RunOverrides::default()))
            .unwrap()
            .auth,
        token("of-env")
    );
    sources.config["gateway"]["auth"]["token"] =
        json!({"source": "env", "provider": "default", "id": "MY_TOKEN"});
    assert_eq!(
        sources
            .with_sources(|s| s.settings(&RunOverrides::default()))
            .unwrap()
            .auth,
        token("of-env")
    );
}

#[test]
fn invalid_or_incomplete_settings_are_refused() {
    let error_code =
        |gateway: Value| TestSources::new(json!({ "gateway": gateway })).error_code(&RunOverrides::default());
    assert_eq!(error_code(json!({})), "settings.mode-unset");
    assert_eq!(error_code(json!({"mode": "remote"})), "settings.mode");
    assert_eq!(error_code(json!({"mode": "local"})), "settings.no-token");
    assert_eq!(
        error_code(json!({"mode": "local", "auth": {"mode": "password"}})),
        "settings.no-password"
    );
    assert_eq!(
        error_code(json!({"mode": "local", "auth": {"mode": "trusted-proxy"}})),
        "settings.auth-mode"
    );
    assert_eq!(
        error_code(json!({"mode": "local", "bind": "wan", "auth": {"token": "t"}})),
        "settings.bind"
    );
    assert_eq!(
        error_code(json!({"mode": "local", "bind": "custom", "auth": {"token": "t"}})),
        "settings.no-bind-host"
    );
    assert_eq!(
        error_code(json!({"mode": "local", "bind": "lan", "auth": {"mode": "none"}})),
        "settings.open"
    );
}

#[test]
fn no_authentication_is_allowed_on_loopback_only() {
    let mut sources = TestSources::new(json!({"gateway": {"mode": "local", "auth": {"mode": "none"}}}));
    assert_eq!(
        sources
            .with_sources(|s| s.settings(&RunOverrides::default()))
            .unwrap()
            .auth,
        ClientAuth::None
    );
    sources.config["gateway"]["bind"] = json!("custom");
    sources.config["gateway"]["customBindHost"] = json!("127.0.0.2");
    assert_eq!(
        sources
            .with_sources(|s| s.settings(&RunOverrides::default()))
            .unwrap()
            .auth,
        ClientAuth::None
    );
    sources.config["gateway"]["customBindHost"] = json!("10.0.0.1");
    assert_eq!(sources.error_code(&RunOverrides::default()), "settings.open");
}

#[test]
fn placeholder_credential_is_refused_wherever_it_is_set() {
    let auth = |auth: Value| TestSources::new(json!({"gateway": {"mode": "local", "auth": auth}}));
    let error_code = |sources: &TestSources| sources.error_code(&RunOverrides::default());
    for text in ["undefined", " null ", "change-me-now", "__OPENCLAW_REDACTED__"] {
        assert_eq!(
            error_code(&auth(json!({"token": text}))),
            "settings.token-placeholder",
            "{text}"
        );
        let password = auth(json!({"mode": "password", "password": text}));
        assert_eq!(error_code(&password), "settings.password-placeholder", "{text}");
    }
    let mut sources = auth(json!({}));
    sources.instance.env_token = Some(Secret::new("undefined"));
    assert_eq!(error_code(&sources), "settings.token-placeholder");
    let overrides = RunOverrides {
        token: Some(Secret::new("null")),
        ..RunOverrides::default()
    };
    assert_eq!(
        auth(json!({})).error_code(&overrides),
        "settings.token-placeholder"
    );
}
