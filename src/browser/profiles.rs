//! The browser profiles of an instance, and the keys of its config that apply to all of its browsers.
//!
//! A profile has one of three origins: the managed profile `openclaw` always exists, others are in `browser.profiles`
//! of the config, and others were created at run time and are in `instance.toml`. The config has precedence over
//! `instance.toml`.

use std::time::Duration;

use serde_json::Value;

use crate::i18n::{Msg, msg};
use crate::ports::Port;
use crate::profile::ProfileName;
use crate::record::Record;
use crate::url::{ServerUrl, is_loopback_host};

/// Name of the managed browser profile, which every instance has and which is the default one.
pub(crate) const MANAGED_PROFILE: &str = "openclaw";
/// Name of the browser driver for browsers that this program drives itself, in `browser.profiles.NAME.driver`.
pub(super) const MANAGED_DRIVER: &str = "openclaw";
/// Maximum length of a browser profile's name, in characters.
const MAX_NAME_LENGTH: usize = 64;
/// Colours of browser profiles, in the order in which they are assigned (docs/openclaw.md#browser-colours).
const PROFILE_COLORS: [&str; 10] = [
    "#FF4500", "#0066CC", "#00AA00", "#9933FF", "#FF6699", "#00CCCC", "#FF9900", "#6666FF", "#CC3366",
    "#339966",
];

/// Time that a remote browser is given to answer where `browser.remoteCdpTimeoutMs` is not set, in milliseconds.
const DEFAULT_REMOTE_TIMEOUT_MS: u64 = 1500;

/// The settings below the config key `browser` that apply to all browsers of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BrowserConfig {
    /// `browser.enabled`: browsers may be used. `true` by default.
    pub(crate) enabled: bool,
    /// `browser.headless`: browsers run without a window.
    pub(crate) headless: Option<bool>,
    /// `browser.noSandbox`: browsers run without Chromium's sandbox.
    pub(crate) no_sandbox: bool,
    /// `browser.attachOnly`: browsers are connected to and never started.
    pub(crate) attach_only: bool,
    /// `browser.executablePath`: the program, as it is written in the config.
    pub(crate) executable: Option<String>,
    /// `browser.remoteCdpTimeoutMs`: the time that a remote browser is given to answer.
    pub(crate) remote_timeout: Duration,
}

impl BrowserConfig {
    /// Reads the settings below the config key `browser` that apply to all browsers of an instance. A value of a
    /// wrong type counts as not set.
    pub(crate) fn from_config(config: &Value) -> Self {
        let browser = config.get("browser").unwrap_or(&Value::Null);
        let flag = |key: &str| browser.get(key).and_then(Value::as_bool);
        let text = |key: &str| browser.get(key).and_then(Value::as_str).map(str::trim);
        Self {
            enabled: flag("enabled").unwrap_or(true),
            headless: flag("headless"),
            no_sandbox: flag("noSandbox").unwrap_or(false),
            attach_only: flag("attachOnly").unwrap_or(false),
            executable: text("executablePath")
                .filter(|path| !path.is_empty())
                .map(str::to_owned),
            remote_timeout: Duration::from_millis(
                browser
                    .get("remoteCdpTimeoutMs")
                    .and_then(Value::as_u64)
                    .unwrap_or(DEFAULT_REMOTE_TIMEOUT_MS),
            ),
        }
    }
}

/// Tells whether the scripts of a client may run in pages: `browser.evaluateEnabled`, `true` by default.
pub(super) fn allows_client_scripts(config: &Value) -> bool {
    let value = config.pointer("/browser/evaluateEnabled");
    value.and_then(Value::as_bool).unwrap_or(true)
}

/// The address of the browser of a browser profile, and whether this program starts that browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BrowserEndpoint {
    /// The browser is started here, on a port of the instance's pool.
    Pool,
    /// The browser is started here, on the port that a key of the config sets.
    Pinned {
        /// The debugging port.
        port: Port,
        /// The key that sets the port, such as `browser.profiles.work.cdpPort`.
        key: String,
    },
    /// The browser is run by somebody else: it is connected to, and never started or stopped.
    Remote {
        /// The URL of the debugging port.
        url: String,
        /// The key that sets the URL.
        key: String,
    },
    /// The browser is driven in a way that only OpenClaw from npm supports.
    UnsupportedDriver {
        /// The name of the driver: `extension` or `existing-session`.
        driver: String,
    },
}

/// The origin of a browser profile: where it is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProfileOrigin {
    /// The managed profile, which always exists.
    BuiltIn,
    /// An entry of `browser.profiles` in the config.
    Config,
    /// An entry of `instance.toml`: the profile was created at run time.
    Record,
}

/// A browser profile: a browser with a data folder and a debugging port of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BrowserProfile {
    /// The name of the profile.
    pub(crate) name: String,
    /// The address of the browser.
    pub(crate) endpoint: BrowserEndpoint,
    /// The colour of the browser's windows, `#RRGGBB`.
    pub(crate) color: String,
    /// The origin of the profile.
    pub(crate) origin: ProfileOrigin,
}

/// Returns the colour of an instance's managed browser profile where the config sets none. The default instance has
/// OpenClaw's own; any other instance has one that depends on its name, so that the windows of two instances differ.
pub(super) fn default_color(instance: &ProfileName) -> &'static str {
    if instance.is_default() {
        return PROFILE_COLORS[0];
    }
    // A hash in which common names get different colours.
    let add = |hash: u32, byte| hash.wrapping_mul(33).wrapping_add(u32::from(byte));
    let hash = instance.as_str().bytes().fold(0, add) as usize;
    PROFILE_COLORS[1 + hash % (PROFILE_COLORS.len() - 1)]
}

/// The browser profiles of an instance, of every origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BrowserProfiles {
    /// The profiles: the managed one first, the others by name.
    pub(crate) list: Vec<BrowserProfile>,
    /// The name of the profile that is used where a request names none. There may be no profile of that name.
    pub(crate) default: String,
}

impl BrowserProfiles {
    /// Returns the browser profiles that the config and the `instance.toml` of an instance define. `expand` replaces
    /// variables in a text of the config; `color` is the colour of the managed profile where the config sets none.
    pub(crate) fn from_config(
        config: &Value,
        record: &Record,
        color: &str,
        expand: &dyn Fn(&str) -> String,
    ) -> Self {
        let browser = config.get("browser").unwrap_or(&Value::Null);
        let entries = browser.get("profiles").and_then(Value::as_object);
        let attach_only = BrowserConfig::from_config(config).attach_only;
        let mut list = vec![BrowserProfile {
            name: MANAGED_PROFILE.to_owned(),
            endpoint: parse_endpoint(browser, "browser", attach_only, expand),
            color: Some(color_in(browser))
                .filter(|color| is_color(color))
                .unwrap_or_else(|| color.to_owned()),
            origin: ProfileOrigin::BuiltIn,
        }];
        for (name, entry) in entries.into_iter().flatten() {
            let key = format!("browser.profiles.{name}");
            let profile = BrowserProfile {
                name: name.clone(),
                endpoint: parse_endpoint(entry, &key, attach_only, expand),
                color: color_in(entry),
                origin: ProfileOrigin::Config,
            };
            match list.iter_mut().find(|known| known.name == *name) {
                Some(known) if profile.endpoint == BrowserEndpoint::Pool => {
                    if !profile.color.is_empty() {
                        known.color = profile.color;
                    }
                }
                Some(known) => *known = profile,
                None => list.push(profile),
            }
        }
        for name in record.browser.ports.keys() {
            if !list.iter().any(|known| known.name == *name) {
                list.push(BrowserProfile {
                    name: name.clone(),
                    endpoint: BrowserEndpoint::Pool,
                    color: record.browser.colors.get(name).cloned().unwrap_or_default(),
                    origin: ProfileOrigin::Record,
                });
            }
        }
        for at in 0..list.len() {
            if list[at].color.is_empty() {
                list[at].color = next_free_color(&list);
            }
        }
        list[1..].sort_by(|a, b| a.name.cmp(&b.name));
        Self {
            list,
            default: default_profile(browser).to_owned(),
        }
    }

    /// Finds the browser profile with the given name, or the default one where `name` is `None`.
    pub(crate) fn find(&self, name: Option<&str>) -> Option<&BrowserProfile> {
        let name = name.unwrap_or(&self.default);
        self.list.iter().find(|profile| profile.name == name)
    }

    /// Returns the message that no browser profile has the given name, or that there is no default one. It lists
    /// those that exist.
    pub(crate) fn not_found_msg(&self, name: Option<&str>) -> Msg {
        let names: Vec<_> = self.list.iter().map(|profile| profile.name.as_str()).collect();
        let name = name.unwrap_or(&self.default);
        msg!("browser.no-profile", name = name, names = names.join(", "))
    }

    /// Returns the debugging ports that the config sets for browser profiles.
    pub(super) fn pinned_ports(&self) -> impl Iterator<Item = Port> {
        self.list.iter().filter_map(|profile| match profile.endpoint {
            BrowserEndpoint::Pinned { port, .. } => Some(port),
            _ => None,
        })
    }

    /// Returns a colour for a new browser profile: the next one after that of the managed profile which no profile
    /// has.
    pub(super) fn next_free_color(&self) -> String {
        next_free_color(&self.list)
    }
}

/// Returns a colour for a new browser profile: the next one after that of the first profile which no profile has.
/// Once all are in use, colours repeat.
fn next_free_color(list: &[BrowserProfile]) -> String {
    let has = |profile: &BrowserProfile, color: &str| profile.color.eq_ignore_ascii_case(color);
    let first = PROFILE_COLORS
        .iter()
        .position(|color| has(&list[0], color))
        .unwrap_or(0);
    let mut round = PROFILE_COLORS
        .iter()
        .cycle()
        .skip(first)
        .take(PROFILE_COLORS.len());
    let free = round.find(|color| !list.iter().any(|known| has(known, color)));
    (*free.unwrap_or(&PROFILE_COLORS[list.len() % PROFILE_COLORS.len()])).to_owned()
}

/// Returns the name of the default browser profile: `browser.defaultProfile`, or the managed profile where it is not
/// set.
fn default_profile(browser: &Value) -> &str {
    let name = browser.get("defaultProfile").and_then(Value::as_str);
    let name = name.map(str::trim).filter(|name| !name.is_empty());
    name.unwrap_or(MANAGED_PROFILE)
}

/// Returns the colour that the config sets for a browser profile; empty where it sets none.
fn color_in(entry: &Value) -> String {
    let color = entry.get("color").and_then(Value::as_str).unwrap_or_default();
    color.to_owned()
}

/// Reads the address of a profile's browser from the profile's value in `browser.profiles` of the config. `prefix` is
/// the path of the entry's keys.
fn parse_endpoint(
    entry: &Value,
    prefix: &str,
    attach_only: bool,
    expand: &dyn Fn(&str) -> String,
) -> BrowserEndpoint {
    let driver = entry.get("driver").and_then(Value::as_str);
    if let Some(driver) = driver.filter(|driver| *driver != MANAGED_DRIVER) {
        return BrowserEndpoint::UnsupportedDriver {
            driver: driver.to_owned(),
        };
    }
    let local = |port: Port, key: String| {
        if attach_only {
            BrowserEndpoint::Remote {
                url: format!("http://127.0.0.1:{port}"),
                key,
            }
        } else {
            BrowserEndpoint::Pinned { port, key }
        }
    };
    if let Some(port) = entry.get("cdpPort").and_then(Port::from_json) {
        return local(port, format!("{prefix}.cdpPort"));
    }
    let url = entry.get("cdpUrl").and_then(Value::as_str).map(str::trim);
    match url.filter(|url| !url.is_empty()).map(expand) {
        None => BrowserEndpoint::Pool,
        Some(url) => {
            let key = format!("{prefix}.cdpUrl");
            match loopback_port(&url) {
                Some(port) => local(port, key),
                None => BrowserEndpoint::Remote { url, key },
            }
        }
    }
}

/// Returns the port of an unencrypted URL on loopback; `None` for any other URL.
fn loopback_port(url: &str) -> Option<Port> {
    let url = ServerUrl::parse(url).filter(|url| !url.has_credentials())?;
    let is_local = url.is_unencrypted() && is_loopback_host(url.host());
    url.port().and_then(Port::new).filter(|_| is_local)
}

/// Returns a URL without the parts that may hold a secret: user name, password, query and fragment.
pub(super) fn redact_url(url: &str) -> String {
    let bare = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = bare.split_once("://") else {
        return bare.to_owned();
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address = authority
        .rsplit_once('@')
        .map_or(authority, |(_, address)| address);
    let slash = if path.is_empty() { "" } else { "/" };
    format!("{scheme}://{address}{slash}{path}")
}

/// Tells whether a text can be the name of a new browser profile: `^[a-z0-9][a-z0-9-]*$`, at most 64 characters.
pub(super) fn is_valid_name(name: &str) -> bool {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.len() <= MAX_NAME_LENGTH
        && name.bytes().next().is_some_and(letter)
        && name.bytes().all(|b| letter(b) || b == b'-')
}

/// Tells whether a text is a colour in the form `#RRGGBB`.
pub(super) fn is_color(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn profiles_from(config: &Value, record: &str) -> BrowserProfiles {
        let color = default_color(&ProfileName::default_profile());
        BrowserProfiles::from_config(config, &Record::parse(record).unwrap(), color, &str::to_owned)
    }

    #[test]
    fn managed_profile_exists_without_config_and_is_the_default() {
        let profiles = profiles_from(&Value::Null, "");
        assert_eq!(profiles.list.len(), 1);
        let own = profiles.find(None).unwrap();
        assert_eq!(
            (own.name.as_str(), &own.endpoint, own.color.as_str()),
            ("openclaw", &BrowserEndpoint::Pool, "#FF4500")
        );
    }

    #[test]
    fn endpoints_are_pinned_remote_pooled_or_unsupported_by_their_keys() {
        let config = json!({"browser": {
            "cdpUrl": "http://localhost:9222",
            "defaultProfile": "far",
            "profiles": {
                "work": {"cdpPort": 9333, "color": "#00AA00"},
                "far": {"cdpUrl": "http://10.0.0.7:9222"},
                "tab": {"driver": "extension", "cdpUrl": "http://127.0.0.1:1"},
            },
        }});
        let profiles = profiles_from(&config, "[browser.ports]\nmade = 19805\nwork = 19806");
        let endpoint = |name: &str| &profiles.find(Some(name)).unwrap().endpoint;
        let pinned = |port, key: &str| BrowserEndpoint::Pinned {
            port: Port::known(port),
            key: key.to_owned(),
        };
        assert_eq!(*endpoint("openclaw"), pinned(9222, "browser.cdpUrl"));
        assert_eq!(*endpoint("work"), pinned(9333, "browser.profiles.work.cdpPort"));
        assert_eq!(*endpoint("made"), BrowserEndpoint::Pool);
        assert!(matches!(
            endpoint("tab"),
            BrowserEndpoint::UnsupportedDriver { .. }
        ));
        assert!(
            matches!(&profiles.find(None).unwrap().endpoint, BrowserEndpoint::Remote { url, .. } if url.contains("10.0.0.7"))
        );
        assert_eq!(profiles.find(Some("made")).unwrap().origin, ProfileOrigin::Record);
        let mut colors: Vec<_> = profiles.list.iter().map(|p| p.color.clone()).collect();
        colors.sort();
        colors.dedup();
        assert_eq!(colors.len(), profiles.list.len(), "each has a colour of its own");
    }

    #[test]
    fn default_colours_of_instances_differ_and_the_config_has_precedence() {
        let color = |name: &str| default_color(&ProfileName::parse(name).unwrap());
        assert_eq!(color("default"), "#FF4500");
        let common = ["default", "main", "rescue", "dev", "work"].map(color);
        let different: std::collections::BTreeSet<_> = common.iter().collect();
        assert_eq!(different.len(), common.len(), "{common:?}");

        let own = |config: &Value| profiles_from(config, "").list[0].color.clone();
        assert_eq!(own(&json!({"browser": {"color": "#123456"}})), "#123456");
        assert_eq!(own(&json!({"browser": {"color": "orange"}})), "#FF4500");
        let both = json!({"browser": {"color": "#123456", "profiles": {"openclaw": {"color": "#654321"}}}});
        assert_eq!(own(&both), "#654321");
    }

    #[test]
    fn attach_only_makes_every_endpoint_remote() {
        let config = json!({"browser": {"attachOnly": true, "cdpUrl": "http://127.0.0.1:9222"}});
        let profiles = profiles_from(&config, "");
        assert!(matches!(
            profiles.list[0].endpoint,
            BrowserEndpoint::Remote { .. }
        ));
    }

    #[test]
    fn profile_names_are_lower_case_letters_digits_and_hyphens() {
        for good in ["a", "work-2", "0"] {
            assert!(is_valid_name(good), "{good}");
        }
        for bad in ["", "-a", "A", "a_b", "a.b", "a/b", "ü", &"a".repeat(65)] {
            assert!(!is_valid_name(bad), "{bad}");
        }
    }

    #[test]
    fn redacted_url_has_no_credentials_query_or_fragment() {
        assert_eq!(redact_url("ws://me:pw@a.b:1/x?token=s#f"), "ws://a.b:1/x");
        assert_eq!(redact_url("http://127.0.0.1:9222"), "http://127.0.0.1:9222");
    }
}
