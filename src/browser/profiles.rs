//! The browser profiles of an instance, and what its config wishes of browsers.
//!
//! Three grounds: the managed one that is always there (`openclaw`), those of `browser.profiles`, and
//! those that were created at run time, which stand in `instance.toml`. A config goes before a record.

use std::time::Duration;

use serde_json::Value;

use crate::ports::Port;
use crate::profile::ProfileName;
use crate::record::Record;

/// The managed profile that every instance has, and the default one.
pub const MANAGED: &str = "openclaw";
/// The longest name, in characters.
const LONGEST: usize = 64;
/// The colours in their order (docs/openclaw.md#browser-colours).
const COLOURS: [&str; 10] = [
    "#FF4500", "#0066CC", "#00AA00", "#9933FF", "#FF6699", "#00CCCC", "#FF9900", "#6666FF", "#CC3366",
    "#339966",
];

/// What a config wishes of all browsers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// `browser.enabled`, true unless it says otherwise.
    pub enabled: bool,
    /// `browser.headless`.
    pub headless: Option<bool>,
    /// `browser.noSandbox`.
    pub no_sandbox: bool,
    /// `browser.attachOnly`: never start one.
    pub attach_only: bool,
    /// `browser.executablePath`, as it stands.
    pub executable: Option<String>,
    /// `browser.remoteCdpTimeoutMs`: how long a remote one may take to answer.
    pub remote_limit: Duration,
}

impl Wishes {
    /// Those of a config.
    pub fn of(config: &Value) -> Self {
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
            remote_limit: Duration::from_millis(
                browser
                    .get("remoteCdpTimeoutMs")
                    .and_then(Value::as_u64)
                    .unwrap_or(1500),
            ),
        }
    }
}

/// Where the browser of a profile is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Started here, on a port of the instance's pool.
    Pool,
    /// Started here, on the port that a key of the config sets.
    Pinned {
        /// The port.
        port: Port,
        /// The key: `browser.profiles.work.cdpPort`.
        key: String,
    },
    /// Somebody else's: only connected to, never started or stopped.
    Remote {
        /// Where it answers.
        url: String,
        /// The key that says so.
        key: String,
    },
    /// Driven in a way that only OpenClaw from npm knows.
    Foreign {
        /// `extension`, `existing-session`.
        driver: String,
    },
}

/// On which ground a profile is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// It always is.
    BuiltIn,
    /// `browser.profiles` names it.
    Config,
    /// It was created at run time.
    Record,
}

/// A browser profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Where its browser is.
    pub place: Place,
    /// Its colour, `#FF4500`.
    pub color: String,
    /// On which ground it is there.
    pub ground: Ground,
}

/// The colour of an instance's managed browser where its config sets none: OpenClaw's own for the unnamed
/// one; for each other one by its name, so that windows of two instances differ.
pub fn color_of(instance: &ProfileName) -> &'static str {
    if instance.is_default() {
        return COLOURS[0];
    }
    // Nothing but a mix in which the usual names lie apart.
    let mix = |sum: u32, byte| sum.wrapping_mul(33).wrapping_add(u32::from(byte));
    let sum = instance.as_str().bytes().fold(0, mix) as usize;
    COLOURS[1 + sum % (COLOURS.len() - 1)]
}

/// All profiles of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profiles {
    /// By name, the managed one first.
    pub list: Vec<Profile>,
    /// The name of the one that is meant where none is named; it may not exist.
    pub default: String,
}

impl Profiles {
    /// Those that config and record come to. `filled` puts variables into a text of the config; `color`
    /// is the managed one's where the config sets none.
    pub fn of(config: &Value, record: &Record, color: &str, filled: &dyn Fn(&str) -> String) -> Self {
        let browser = config.get("browser").unwrap_or(&Value::Null);
        let entries = browser.get("profiles").and_then(Value::as_object);
        let attach = Wishes::of(config).attach_only;
        let mut list = vec![Profile {
            name: MANAGED.to_owned(),
            place: place(browser, "browser", attach, filled),
            color: Some(color_in(browser))
                .filter(|wish| is_color(wish))
                .unwrap_or_else(|| color.to_owned()),
            ground: Ground::BuiltIn,
        }];
        for (name, entry) in entries.into_iter().flatten() {
            let key = format!("browser.profiles.{name}");
            let profile = Profile {
                name: name.clone(),
                place: place(entry, &key, attach, filled),
                color: color_in(entry),
                ground: Ground::Config,
            };
            match list.iter_mut().find(|known| known.name == *name) {
                Some(known) if profile.place == Place::Pool => {
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
                list.push(Profile {
                    name: name.clone(),
                    place: Place::Pool,
                    color: record.browser.colors.get(name).cloned().unwrap_or_default(),
                    ground: Ground::Record,
                });
            }
        }
        for at in 0..list.len() {
            if list[at].color.is_empty() {
                list[at].color = next_color(&list);
            }
        }
        list[1..].sort_by(|a, b| a.name.cmp(&b.name));
        let default = browser
            .get("defaultProfile")
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|name| !name.is_empty());
        Self {
            list,
            default: default.unwrap_or(MANAGED).to_owned(),
        }
    }

    /// The profile of this name; the default one where none is named.
    pub fn find(&self, name: Option<&str>) -> Option<&Profile> {
        let name = name.unwrap_or(&self.default);
        self.list.iter().find(|profile| profile.name == name)
    }

    /// The ports that the config sets.
    pub fn pinned(&self) -> impl Iterator<Item = Port> {
        self.list.iter().filter_map(|profile| match profile.place {
            Place::Pinned { port, .. } => Some(port),
            _ => None,
        })
    }

    /// The next colour that none has, after the managed one's; they come round again.
    pub fn free_color(&self) -> String {
        next_color(&self.list)
    }
}

fn next_color(list: &[Profile]) -> String {
    let has = |profile: &Profile, color: &str| profile.color.eq_ignore_ascii_case(color);
    let first = COLOURS.iter().position(|color| has(&list[0], color)).unwrap_or(0);
    let mut round = COLOURS.iter().cycle().skip(first).take(COLOURS.len());
    let free = round.find(|color| !list.iter().any(|known| has(known, color)));
    (*free.unwrap_or(&COLOURS[list.len() % COLOURS.len()])).to_owned()
}

fn color_in(entry: &Value) -> String {
    let color = entry.get("color").and_then(Value::as_str).unwrap_or_default();
    color.to_owned()
}

/// Where the browser of an entry is; `prefix` is the path of its keys.
fn place(entry: &Value, prefix: &str, attach: bool, filled: &dyn Fn(&str) -> String) -> Place {
    let driver = entry.get("driver").and_then(Value::as_str);
    if let Some(driver) = driver.filter(|driver| *driver != MANAGED) {
        return Place::Foreign {
            driver: driver.to_owned(),
        };
    }
    let local = |port: Port, key: String| {
        if attach {
            Place::Remote {
                url: format!("http://127.0.0.1:{port}"),
                key,
            }
        } else {
            Place::Pinned { port, key }
        }
    };
    if let Some(port) = entry.get("cdpPort").and_then(Port::from_json) {
        return local(port, format!("{prefix}.cdpPort"));
    }
    let url = entry.get("cdpUrl").and_then(Value::as_str).map(str::trim);
    match url.filter(|url| !url.is_empty()).map(filled) {
        None => Place::Pool,
        Some(url) => {
            let key = format!("{prefix}.cdpUrl");
            match loopback_port(&url) {
                Some(port) => local(port, key),
                None => Place::Remote { url, key },
            }
        }
    }
}

/// The port of a plain URL on this host.
fn loopback_port(url: &str) -> Option<Port> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, port) = authority.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let local = host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback());
    let plain = ["http", "ws"].iter().any(|s| scheme.eq_ignore_ascii_case(s));
    port.parse().ok().filter(|_| plain && local)
}

/// A URL fit to be shown: what may prove its user (name, password, query) is left out.
pub fn shown_url(url: &str) -> String {
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

/// Whether a profile may be created with this name: `^[a-z0-9][a-z0-9-]*$`, at most 64.
pub fn is_name(name: &str) -> bool {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.len() <= LONGEST
        && name.bytes().next().is_some_and(letter)
        && name.bytes().all(|b| letter(b) || b == b'-')
}

/// Whether a text is a colour, `#RRGGBB`.
pub fn is_color(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(config: &Value, record: &str) -> Profiles {
        let color = color_of(&ProfileName::default_profile());
        Profiles::of(config, &Record::parse(record).unwrap(), color, &str::to_owned)
    }

    #[test]
    fn a_fresh_instance_has_the_managed_one_and_it_is_the_default() {
        let profiles = of(&Value::Null, "");
        assert_eq!(profiles.list.len(), 1);
        let own = profiles.find(None).unwrap();
        assert_eq!(
            (own.name.as_str(), &own.place, own.color.as_str()),
            ("openclaw", &Place::Pool, "#FF4500")
        );
    }

    #[test]
    fn pinned_ports_remote_ones_and_created_ones_are_told_apart() {
        let config = json!({"browser": {
            "cdpUrl": "http://localhost:9222",
            "defaultProfile": "far",
            "profiles": {
                "work": {"cdpPort": 9333, "color": "#00AA00"},
                "far": {"cdpUrl": "http://10.0.0.7:9222"},
                "tab": {"driver": "extension", "cdpUrl": "http://127.0.0.1:1"},
            },
        }});
        let profiles = of(&config, "[browser.ports]\nmade = 19805\nwork = 19806");
        let place = |name: &str| &profiles.find(Some(name)).unwrap().place;
        let pinned = |port, key: &str| Place::Pinned {
            port: Port::known(port),
            key: key.to_owned(),
        };
        assert_eq!(*place("openclaw"), pinned(9222, "browser.cdpUrl"));
        assert_eq!(*place("work"), pinned(9333, "browser.profiles.work.cdpPort"));
        assert_eq!(*place("made"), Place::Pool);
        assert!(matches!(place("tab"), Place::Foreign { .. }));
        assert!(
            matches!(&profiles.find(None).unwrap().place, Place::Remote { url, .. } if url.contains("10.0.0.7"))
        );
        assert_eq!(profiles.find(Some("made")).unwrap().ground, Ground::Record);
        let mut colors: Vec<_> = profiles.list.iter().map(|p| p.color.clone()).collect();
        colors.sort();
        colors.dedup();
        assert_eq!(colors.len(), profiles.list.len(), "each has a colour of its own");
    }

    #[test]
    fn instances_differ_in_colour_and_the_config_goes_before() {
        let color = |name: &str| color_of(&ProfileName::parse(name).unwrap());
        assert_eq!(color("default"), "#FF4500");
        let usual = ["default", "main", "rescue", "dev", "work"].map(color);
        let different: std::collections::BTreeSet<_> = usual.iter().collect();
        assert_eq!(different.len(), usual.len(), "{usual:?}");

        let own = |config: &Value| of(config, "").list[0].color.clone();
        assert_eq!(own(&json!({"browser": {"color": "#123456"}})), "#123456");
        assert_eq!(own(&json!({"browser": {"color": "orange"}})), "#FF4500");
        let both = json!({"browser": {"color": "#123456", "profiles": {"openclaw": {"color": "#654321"}}}});
        assert_eq!(own(&both), "#654321");
    }

    #[test]
    fn attach_only_makes_every_address_somebody_elses() {
        let config = json!({"browser": {"attachOnly": true, "cdpUrl": "http://127.0.0.1:9222"}});
        let profiles = of(&config, "");
        assert!(matches!(profiles.list[0].place, Place::Remote { .. }));
    }

    #[test]
    fn names_follow_the_rule() {
        for good in ["a", "work-2", "0"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "-a", "A", "a_b", "a.b", "a/b", "ü", &"a".repeat(65)] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn no_secret_of_a_url_is_shown() {
        assert_eq!(shown_url("ws://me:pw@a.b:1/x?token=s#f"), "ws://a.b:1/x");
        assert_eq!(shown_url("http://127.0.0.1:9222"), "http://127.0.0.1:9222");
    }
}
