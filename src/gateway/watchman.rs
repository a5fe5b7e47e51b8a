//! Looks after other gateways, where `instance.toml` says so (`rescue.watch`): a thread beside the
//! server, since a repair waits for programs and files. What it sees stands in the log, in the answer to
//! `health`, and so in `status` and on the dashboard.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::log;
use super::shared::Shared;
use crate::i18n::{Lang, Msg, msg};
use crate::instance::InstanceContext;
use crate::profile::ProfileName;
use crate::record;
use crate::rescue::stop::StopSignal;
use crate::rescue::watch::{self, WatchContext, WatchEvent, WatchPolicy};

/// The watch goes on for as long as this lives.
#[derive(Debug)]
pub struct Watchman {
    end: Arc<StopSignal>,
    ended: oneshot::Receiver<()>,
}

impl Watchman {
    /// Tells it to end: a repair on its way begins no further step.
    pub fn end(&self) {
        self.end.set();
    }

    /// Comes back once it has put down what it had in hand.
    pub async fn ended(self) {
        let _ = self.ended.await;
    }
}

/// Begins to watch these profiles; nothing to do where there are none.
pub fn begin(shared: &Arc<Shared>, record: &record::Rescue) -> Option<Watchman> {
    let policy = WatchPolicy::from_record(record);
    let mut known = Vec::new();
    for name in &record.watch {
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
    let (alive, ended) = oneshot::channel();
    let end = Arc::new(StopSignal::default());
    let told = end.clone();
    let shared = shared.clone();
    std::thread::spawn(move || {
        // Dropped with the thread.
        let _alive: oneshot::Sender<()> = alive;
        let mut tell = |name: &ProfileName, news: WatchEvent| {
            let words = news.msg(name);
            if news.is_good() {
                log::info(shared.lang, &words);
            } else {
                log::warn(shared.lang, &words);
            }
            shared.watched.set(name, &news);
        };
        let context = WatchContext {
            rescuer: InstanceContext {
                host: &shared.host,
                env: &shared.env,
                instance: &shared.instance,
            },
            policy,
            stop: &told,
        };
        watch::run(&context, &known, &mut tell);
    });
    Some(Watchman { end, ended })
}

/// The last news of one watched gateway.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Whether it is well, as far as the news goes.
    pub good: bool,
    /// Its stable name ([`WatchEvent::name`]).
    pub news: &'static str,
    /// The same as a sentence.
    pub words: Msg,
}

/// What is known of each watched gateway.
#[derive(Debug, Default)]
pub struct Watched(Mutex<BTreeMap<ProfileName, Heard>>);

impl Watched {
    /// Keeps the news of one.
    pub fn set(&self, name: &ProfileName, news: &WatchEvent) {
        let words = news.msg(name);
        let (good, news) = (news.is_good(), news.name());
        self.map().insert(name.clone(), Heard { good, news, words });
    }

    /// The last news of each as JSON: `profile`, `ok`, `news`, `text`. Empty where nothing is watched.
    pub fn to_value(&self, lang: Lang) -> Value {
        let heard = self.map();
        let each = heard.iter().map(|(name, heard)| {
            json!({
                "profile": name.as_str(),
                "ok": heard.good,
                "news": heard.news,
                "text": heard.words.render(lang),
            })
        });
        each.collect()
    }

    fn map(&self) -> MutexGuard<'_, BTreeMap<ProfileName, Heard>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
