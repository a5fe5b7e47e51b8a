//! Looks after other gateways, where `instance.toml` says so (`rescue.watch`): a thread beside the
//! server, since a repair waits for programs and files. What it sees stands in the log, in the answer to
//! `health`, and so in `status` and on the dashboard.

use std::collections::BTreeMap;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::log;
use super::shared::Shared;
use crate::i18n::{Lang, Msg};
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
            match &news {
                News::Watching | News::Recovered | News::Repaired => log::info(shared.lang, &words),
                News::Lost(_) | News::Repairing | News::InVain(_) => log::warn(shared.lang, &words),
            }
            shared.watched.set(name, &news);
        };
        let (host, env, instance) = (&shared.host, &shared.env, &shared.instance);
        watch::rounds(host, env, instance, &known, &mut sleep, &mut tell);
    });
    Some(Watchman { _until: until })
}

/// The last news of one watched gateway.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Its stable name ([`News::name`]).
    pub news: &'static str,
    /// The same as a sentence.
    pub words: Msg,
}

/// What is known of each watched gateway.
#[derive(Debug, Default)]
pub struct Watched(Mutex<BTreeMap<ProfileName, Heard>>);

impl Watched {
    /// Keeps the news of one.
    pub fn set(&self, name: &ProfileName, news: &News) {
        let words = news.msg(name);
        let news = news.name();
        self.map().insert(name.clone(), Heard { news, words });
    }

    /// The last news of each as JSON: `profile`, `news`, `text`. Empty where nothing is watched.
    pub fn to_value(&self, lang: Lang) -> Value {
        let heard = self.map();
        let each = heard.iter().map(|(name, heard)| {
            json!({ "profile": name.as_str(), "news": heard.news, "text": heard.words.render(lang) })
        });
        each.collect()
    }

    fn map(&self) -> MutexGuard<'_, BTreeMap<ProfileName, Heard>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
