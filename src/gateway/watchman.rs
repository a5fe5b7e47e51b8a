//! Looks after other gateways, where `instance.toml` says so (`rescue.watch`): a thread beside the
//! server, since a repair waits for programs and files. What it sees stands in the log, in the answer to
//! `health`, and so in `status` and on the dashboard.

use std::collections::BTreeMap;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::log;
use super::shared::Shared;
use crate::i18n::Msg;
use crate::msg;
use crate::profile::ProfileName;
use crate::rescue::watch::{self, News};

/// The watch goes on for as long as this lives.
#[derive(Debug)]
pub struct Watchman {
    _until: Sender<()>,
}

/// Begins to watch these profiles; nothing to do where there are none.
pub fn begin(shared: &Arc<Shared>, names: &[String]) -> Option<Watchman> {
    let mut known = Vec::new();
    for name in names {
        match ProfileName::parse(name) {
            Ok(profile) if profile == shared.instance.profile => {
                log::warn(shared.lang, &msg!("rescue.itself", profile = profile));
            }
            Ok(profile) => known.push(profile),
            Err(error) => log::error(shared.lang, &error.refuse(name)),
        }
    }
    if known.is_empty() {
        return None;
    }
    let (until, over) = channel();
    let shared = shared.clone();
    std::thread::spawn(move || {
        let mut sleep = |time| over.recv_timeout(time) == Err(RecvTimeoutError::Timeout);
        let mut tell = |name: &ProfileName, news: News| {
            let words = news.msg(name);
            match news {
                News::Watching | News::Recovered | News::Repaired => log::info(shared.lang, &words),
                News::Lost(_) | News::Repairing | News::InVain(_) => log::warn(shared.lang, &words),
            }
            shared.watched.set(name, words);
        };
        let (host, env, instance) = (&shared.host, &shared.env, &shared.instance);
        watch::rounds(host, env, instance, &known, &mut sleep, &mut tell);
    });
    Some(Watchman { _until: until })
}

/// What is known of each watched gateway.
#[derive(Debug, Default)]
pub struct Watched(Mutex<BTreeMap<ProfileName, Msg>>);

impl Watched {
    fn set(&self, name: &ProfileName, words: Msg) {
        self.map().insert(name.clone(), words);
    }

    /// The last news of each, by profile.
    pub fn news(&self) -> Vec<(ProfileName, Msg)> {
        self.map()
            .iter()
            .map(|(name, words)| (name.clone(), words.clone()))
            .collect()
    }

    fn map(&self) -> MutexGuard<'_, BTreeMap<ProfileName, Msg>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
