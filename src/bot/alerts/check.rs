//! The alerts about the own gateway, told from outside of it: a timer of the service manager looks whether it answers, since
//! nobody else does where the main instance runs OpenClaw from npm. What is told is kept in a book of its own.

use std::sync::Arc;

use serde_json::Value;

use super::book::AlertBook;
use super::incident::{Happening, Observation};
use super::outlets::{BotOutlets, Outlets, RunningAccounts};
use super::recipients::Address;
use super::schedule::AlertPolicy;
use super::sentence::Sentence;
use super::store::{self, BookFile};
use super::webhook::Webhook;
use crate::bot::command::MARK;
use crate::bot::commands::CommandContext;
use crate::bot::conversation::Conversation;
use crate::bot::outgoing::SecretFilter;
use crate::bot::pauses::{Pausable, Pauses};
use crate::bot::run::{Account, Reporter, read_accounts};
use crate::bot::turns::Turns;
use crate::config::{self, LoadedConfig};
use crate::error::{Error, Result};
use crate::i18n::{Lang, Msg, msg};
use crate::instance::{Instance, OwnedInstanceContext};
use crate::record::RescueTable;
use crate::rescue::stop::StopSignal;
use crate::rescue::watch::WatchEvent;
use crate::sync::lock;
use crate::time::unix_millis;

/// The result of one round: how many messages were sent or edited, and why others were not.
#[derive(Debug, Default)]
pub(crate) struct CheckReport {
    /// The number of messages that were sent or edited.
    pub(crate) told: usize,
    /// The sentences about what could not be delivered. It is tried again in the next round.
    pub(crate) failures: Vec<Msg>,
}

/// Tells the owners of an instance's bot how its gateway is, as `[rescue.alerts]` in its record says: that it is silent, and
/// that it answers again. `event` is what was seen; `None` where the gateway is about to start or to end. Blocks.
///
/// # Errors
/// When what was told can't be written down: nothing is sent then.
pub(crate) fn tell_owners(
    own: OwnedInstanceContext,
    lang: Lang,
    record: &RescueTable,
    event: Option<&WatchEvent>,
) -> Result<CheckReport> {
    let state_dir = own.instance.state_dir.clone();
    let kept = store::read(&state_dir, BookFile::Own);
    if kept.is_none() && event.is_none_or(WatchEvent::is_good) {
        return Ok(CheckReport::default());
    }
    let now = unix_millis(own.host.now());
    let mut book = AlertBook::open(kept, now);
    if let Some(event) = event {
        book.observe(observation(&own, event, now));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|cause| Error::failed(msg!("gateway.no-runtime")).because(cause))?;
    let policy = AlertPolicy::from_record(record);
    let is_hushed = is_hushed(&own, &policy);
    let outlets = outlets(own, lang, record);
    let addresses = outlets.addresses();
    book.update_recipients(&addresses, now);
    book.tick(now, policy.patience, is_hushed);
    for address in &addresses {
        if let Some(due) = book.due(address, now, is_hushed) {
            book.note_attempt(address, &due);
        }
    }
    store::write(&state_dir, BookFile::Own, &book)?;
    let report = runtime.block_on(deliver(&mut book, &outlets, &addresses, now, is_hushed));
    store::write(&state_dir, BookFile::Own, &book)?;
    Ok(report)
}

/// Tells each recipient what is due, once.
async fn deliver(
    book: &mut AlertBook,
    outlets: &BotOutlets,
    addresses: &[Address],
    now: u64,
    is_hushed: bool,
) -> CheckReport {
    let mut report = CheckReport::default();
    for address in addresses {
        while let Some(due) = book.due(address, now, is_hushed) {
            match outlets.deliver(address, &due).await {
                Ok(message) => {
                    book.record(address, &due, message, now);
                    report.told += 1;
                }
                Err(error) => {
                    let kept = msg!("bot.alert-kept", outlet = address.outlet());
                    report.failures.push(kept.with_msg("why", error.msg()));
                    break;
                }
            }
        }
    }
    report
}

/// Returns what was seen of the own gateway. Nobody hears a button that is pressed now, so that the message has the command
/// which helps on the host.
fn observation(own: &OwnedInstanceContext, event: &WatchEvent, now: u64) -> Observation {
    let why = match event {
        WatchEvent::Lost(why) => why.as_ref(),
        _ => None,
    };
    let why = why.map(|why| {
        let filter = SecretFilter::read(own, &[], &[]);
        Sentence::new(why, &|text| filter.redact(text))
    });
    Observation {
        profile: own.instance.profile.to_string(),
        at: now,
        what: Happening::of(event),
        why,
        change: None,
        upgrade: None,
        by_hand: Some(format!("{} gateway start", own.instance.command())),
    }
}

/// Returns whether no new message may be sent now.
fn is_hushed(own: &OwnedInstanceContext, policy: &AlertPolicy) -> bool {
    let time = own.host.now();
    let local = i64::try_from(unix_millis(time) / 1000).unwrap_or_default() + own.host.utc_offset(time);
    let pauses = Pauses::read(&own.instance.state_dir);
    policy.is_quiet(local) || pauses.is_paused(Pausable::Alerts, time)
}

/// Returns where the alerts of an instance go: its accounts, which send and receive nothing by themselves, and its webhook.
fn outlets(own: OwnedInstanceContext, lang: Lang, record: &RescueTable) -> BotOutlets {
    let config = Arc::new(readable_config(&own.instance));
    let described = read_accounts(own.borrowed(), &config);
    let webhook = Webhook::new(&own.host, &record.alerts).ok().flatten();
    let context = CommandContext {
        mark: MARK,
        own,
        lang,
        watched: Vec::new(),
        watched_elsewhere: Vec::new(),
    };
    let pauses = Arc::new(Pauses::read(&context.own.instance.state_dir));
    let stop = Arc::new(StopSignal::default());
    let conversation = Arc::new(Conversation::new(context.clone(), pauses, stop));
    let report: Reporter = Arc::new(|_, _| {});
    let accounts = RunningAccounts::default();
    lock(&accounts).extend(described.into_iter().filter_map(|described| {
        let (config, conversation) = (config.clone(), conversation.clone());
        let account = Account::new(described, config, conversation, Turns::default(), report.clone());
        account.ok().map(Arc::new)
    }));
    BotOutlets {
        accounts,
        webhook,
        context,
    }
}

/// Returns the config of an instance, or the last one with which its gateway was healthy where that can't be read: a broken
/// config may be why the gateway is silent.
fn readable_config(instance: &Instance) -> Value {
    let paths = [instance.config_path.clone(), instance.last_good_path()];
    let read = paths.iter().find_map(|path| match config::load(path) {
        LoadedConfig::Ok(document) => Some(config::effective_or_own(path, &document).value),
        _ => None,
    });
    read.unwrap_or_default()
}
