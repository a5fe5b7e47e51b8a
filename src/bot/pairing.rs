//! Pairing: a stranger gets a code, and becomes an owner once somebody who has the host approves it
//! (`openclaw pairing approve`).
//!
//! The files are those of OpenClaw 2026.1.30, below `credentials` in the state folder: `CHANNEL-pairing.json` holds the
//! open requests, `CHANNEL-allowFrom.json` the ids that were approved. OpenClaw 2026.9.6 keeps both in a database of its
//! own, which is left alone (docs/openclaw.md#pairing-of-people).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use super::channel::Heard;
use super::code;
use crate::apply::{self, HostLock};
use crate::error::{Error, Result};
use crate::host::read;
use crate::i18n::msg;
use crate::time::format_millis;

/// Maximum number of open requests of a channel, as in OpenClaw.
pub(crate) const MAX_REQUESTS: usize = 3;
/// Time for which a code is good, as in OpenClaw.
pub(crate) const CODE_LIFETIME: Duration = Duration::from_hours(1);
/// Number of characters of a code.
pub(crate) const CODE_LENGTH: usize = 8;
/// Maximum number of characters that are kept of a stranger's name.
const MAX_NAME_CHARS: usize = 64;

/// The pairing of one channel, kept in the state folder of an instance.
#[derive(Clone, Debug)]
pub(crate) struct PairingStore {
    state_dir: PathBuf,
    channel: &'static str,
}

/// A stranger who asked to be paired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PairingRequest {
    /// The id of the person in the channel.
    pub(crate) id: String,
    /// The code that the person was given.
    pub(crate) code: String,
    /// The name of the person, as the person chose it.
    pub(crate) name: String,
    /// The time of the request.
    pub(crate) created: SystemTime,
}

impl PairingStore {
    /// Returns the pairing of a channel of the instance with this state folder.
    pub(crate) fn new(state_dir: &Path, channel: &'static str) -> Self {
        Self {
            state_dir: state_dir.to_owned(),
            channel,
        }
    }

    /// Returns the open requests, the oldest first.
    pub(crate) fn requests(&self, now: SystemTime) -> Vec<PairingRequest> {
        let document = read_document(&self.requests_path());
        let requests = document.get("requests").and_then(Value::as_array);
        let parsed = requests.into_iter().flatten().filter_map(PairingRequest::parse);
        parsed.filter(|request| request.is_open(now)).collect()
    }

    /// Returns the ids of the people that were paired.
    pub(crate) fn paired(&self) -> Vec<String> {
        let document = read_document(&self.allowed_path());
        let ids = document.get("allowFrom").and_then(Value::as_array);
        ids.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    }

    /// Adds a request of a stranger with a code from these random bytes, and returns it; `None` where the stranger has an
    /// open one, or where as many as allowed are open.
    pub(crate) fn request(
        &self,
        heard: &Heard,
        now: SystemTime,
        random: [u8; CODE_LENGTH],
    ) -> Result<Option<PairingRequest>> {
        let _lock = self.lock()?;
        let mut requests = self.requests(now);
        if requests.len() >= MAX_REQUESTS || requests.iter().any(|request| request.id == heard.person) {
            return Ok(None);
        }
        let request = PairingRequest {
            id: heard.person.clone(),
            code: code::from_random(&random),
            name: crate::text::sanitize(&heard.name)
                .chars()
                .take(MAX_NAME_CHARS)
                .collect(),
            created: now,
        };
        requests.push(request.clone());
        self.write_requests(&requests)?;
        Ok(Some(request))
    }

    /// Pairs the person who was given a code, and returns the request; `None` where the code is unknown or too old.
    pub(crate) fn approve(&self, code: &str, now: SystemTime) -> Result<Option<PairingRequest>> {
        let _lock = self.lock()?;
        let mut requests = self.requests(now);
        let Some(index) = requests
            .iter()
            .position(|request| request.code.eq_ignore_ascii_case(code.trim()))
        else {
            return Ok(None);
        };
        let request = requests.remove(index);
        let mut paired = self.paired();
        if !paired.contains(&request.id) {
            paired.push(request.id.clone());
        }
        self.write_paired(&paired)?;
        self.write_requests(&requests)?;
        Ok(Some(request))
    }

    /// Ends the pairing of a person. Returns whether the person was paired.
    pub(crate) fn revoke(&self, id: &str) -> Result<bool> {
        let _lock = self.lock()?;
        let mut paired = self.paired();
        let count = paired.len();
        paired.retain(|paired| paired != id);
        let was_paired = paired.len() < count;
        if was_paired {
            self.write_paired(&paired)?;
        }
        Ok(was_paired)
    }

    /// Waits until no other process changes the files: the gateway and a command may do so at the same time.
    fn lock(&self) -> Result<File> {
        if !self.state_dir.is_dir() {
            let missing = msg!("apply.state-gone", path = self.state_dir.display());
            return Err(Error::failed(missing));
        }
        let path = self.path("lock").with_extension("");
        apply::wait_for_lock_file(&path, HostLock::WAIT_TIMEOUT)
    }

    fn requests_path(&self) -> PathBuf {
        self.path("pairing")
    }

    fn allowed_path(&self) -> PathBuf {
        self.path("allowFrom")
    }

    fn path(&self, kind: &str) -> PathBuf {
        let folder = self.state_dir.join("credentials");
        folder.join(format!("{}-{kind}.json", self.channel))
    }

    fn write_requests(&self, requests: &[PairingRequest]) -> Result<()> {
        let requests: Vec<_> = requests.iter().map(PairingRequest::to_value).collect();
        self.write(
            &self.requests_path(),
            &json!({ "version": 1, "requests": requests }),
        )
    }

    fn write_paired(&self, ids: &[String]) -> Result<()> {
        self.write(&self.allowed_path(), &json!({ "version": 1, "allowFrom": ids }))
    }

    fn write(&self, path: &Path, document: &Value) -> Result<()> {
        apply::write_state_file(&self.state_dir, path, format!("{document:#}\n").as_bytes())
    }
}

/// Reads a file of the pairing; one that is missing or broken is empty.
fn read_document(path: &Path) -> Map<String, Value> {
    let text = read::text(path).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

impl PairingRequest {
    fn parse(value: &Value) -> Option<Self> {
        let text = |pointer: &str| Some(value.pointer(pointer)?.as_str()?.to_owned());
        let name = text("/meta/firstName").or_else(|| text("/meta/username"));
        Some(Self {
            id: text("/id")?,
            code: text("/code")?,
            name: name.unwrap_or_default(),
            created: humantime::parse_rfc3339(&text("/createdAt")?).ok()?,
        })
    }

    fn to_value(&self) -> Value {
        let created = format_millis(self.created);
        json!({
            "id": self.id,
            "code": self.code,
            "createdAt": created,
            "lastSeenAt": created,
            "meta": { "firstName": self.name },
        })
    }

    /// Returns the time until which the code of a request is good.
    pub(crate) fn expires(&self) -> SystemTime {
        self.created + CODE_LIFETIME
    }

    /// Returns whether the code of a request is still good. A clock that was set back makes no code good for ever.
    fn is_open(&self, now: SystemTime) -> bool {
        let age = now.duration_since(self.created).unwrap_or(Duration::ZERO);
        let ahead = self.created.duration_since(now).unwrap_or(Duration::ZERO);
        age < CODE_LIFETIME && ahead < CODE_LIFETIME
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bot::channel::Content;

    fn heard(person: &str) -> Heard {
        Heard {
            id: "1".to_owned(),
            at: 0,
            chat: person.to_owned(),
            is_private: true,
            person: person.to_owned(),
            name: format!("Name of {person}\u{1b}[31m"),
            language: None,
            content: Content::Text("hello".to_owned()),
            community: None,
            receipt: None,
            is_addressed: false,
        }
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    const RANDOM: [u8; CODE_LENGTH] = [0, 31, 32, 64, 200, 255, 7, 9];

    #[test]
    fn each_stranger_gets_one_code_and_three_at_most_are_open() {
        let dir = tempfile::tempdir().unwrap();
        let store = PairingStore::new(dir.path(), "telegram");
        let first = store
            .request(&heard("1"), at(0), RANDOM)
            .unwrap()
            .expect("a code");
        assert!(
            first.code.len() == CODE_LENGTH && !first.name.contains('\u{1b}'),
            "{first:?}"
        );
        assert_eq!(
            store.request(&heard("1"), at(1), RANDOM).unwrap(),
            None,
            "one code for one person"
        );
        for person in ["2", "3"] {
            assert!(store.request(&heard(person), at(2), RANDOM).unwrap().is_some());
        }
        assert_eq!(
            store.request(&heard("4"), at(3), RANDOM).unwrap(),
            None,
            "three are open"
        );
        assert!(
            store.request(&heard("4"), at(3601), RANDOM).unwrap().is_some(),
            "the first is too old"
        );
    }

    #[test]
    fn approved_person_is_paired_until_the_pairing_is_revoked() {
        let dir = tempfile::tempdir().unwrap();
        let store = PairingStore::new(dir.path(), "telegram");
        let request = store.request(&heard("42"), at(0), RANDOM).unwrap().unwrap();
        assert_eq!(store.approve("WRONG", at(1)).unwrap(), None);
        assert_eq!(store.approve(&request.code, at(3600)).unwrap(), None, "too old");
        let approved = store.approve(&request.code.to_lowercase(), at(1)).unwrap();
        assert_eq!(approved.map(|request| request.id), Some("42".to_owned()));
        assert_eq!(
            (store.paired(), store.requests(at(1))),
            (vec!["42".to_owned()], vec![])
        );
        assert!(store.revoke("42").unwrap() && !store.revoke("42").unwrap());
        assert!(store.paired().is_empty());
    }

    #[test]
    fn files_of_openclaw_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("credentials");
        let requests = r#"{"version":1,"requests":[{"id":"4242","code":"5JPQWP7Z","createdAt":"1970-01-01T00:00:00.000Z",
            "lastSeenAt":"1970-01-01T00:00:01.000Z","meta":{"username":"ali","firstName":"Ali"}}]}"#;
        apply::write_file(&folder.join("telegram-pairing.json"), requests.as_bytes()).unwrap();
        apply::write_file(
            &folder.join("telegram-allowFrom.json"),
            br#"{"version":1,"allowFrom":["7"]}"#,
        )
        .unwrap();
        let store = PairingStore::new(dir.path(), "telegram");
        assert_eq!(store.paired(), ["7"]);
        let request = store.approve("5JPQWP7Z", at(60)).unwrap().unwrap();
        assert_eq!((request.id.as_str(), request.name.as_str()), ("4242", "Ali"));
        assert_eq!(store.paired(), ["7", "4242"]);
    }
}
