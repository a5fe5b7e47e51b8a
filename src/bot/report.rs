//! The accounts of an instance as commands, the gateway's protocol and the doctor show them: what the config says, and
//! how they are where a bot runs.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;

use super::access::AccessRules;
use super::account::{self, DescribedAccount};
use super::channel::ChannelType;
use super::channels::CHANNELS;
use super::pairing::PairingStore;
use super::run::Account;
use super::state::AccountState;
use crate::config::channels;
use crate::i18n::{Lang, msg};
use crate::instance::InstanceContext;
use crate::probe::channels::AccountReport;
use crate::record::Engine;
use crate::time::unix_millis;

/// Returns every account that a config describes, those of channels that the engine does not have too, as if none ran.
/// Waits for files.
pub(crate) fn describe(context: InstanceContext<'_>, config: &Value, engine: Engine) -> Vec<AccountReport> {
    let of_channel = |channel: &'static ChannelType| {
        let accounts = account::describe_accounts(context, config, channel.name, channel.keys);
        // A file for each channel that an instance doesn't have would be looked for in vain.
        let paired = if accounts.is_empty() {
            Vec::new()
        } else {
            PairingStore::new(&context.instance.state_dir, channel.name).paired()
        };
        let report = move |account| describe_account(channel, &account, config, &paired);
        accounts.into_iter().map(report).collect::<Vec<_>>()
    };
    let mut reports: Vec<_> = CHANNELS.iter().flat_map(of_channel).collect();
    for named in channels::named_channels(config) {
        if CHANNELS.iter().any(|channel| channel.name == named.name) {
            continue;
        }
        let accounts = if named.accounts.is_empty() {
            vec![account::DEFAULT_ACCOUNT.to_owned()]
        } else {
            named.accounts
        };
        reports.extend(accounts.into_iter().map(|account_id| AccountReport {
            channel: named.name.clone(),
            label: named.name.clone(),
            account_id,
            enabled: named.is_on,
            configured: true,
            supported: Some(engine == Engine::Node),
            ..AccountReport::default()
        }));
    }
    reports
}

/// Returns whether a person may command any bot of a channel, by the config and the pairing as they are now; `None` where
/// the config has no account of the channel. Waits for files.
pub(crate) fn is_owner(
    context: InstanceContext<'_>,
    config: &Value,
    channel: &ChannelType,
    id: &str,
) -> Option<bool> {
    let accounts = account::describe_accounts(context, config, channel.name, channel.keys);
    let paired = PairingStore::new(&context.instance.state_dir, channel.name).paired();
    let owns = |account: &DescribedAccount| {
        AccessRules::new(&account.settings, config, &paired)
            .owner(&account.settings, id)
            .is_some()
    };
    (!accounts.is_empty()).then(|| accounts.iter().any(owns))
}

/// Returns every account that the config of a running gateway describes, with the state of those that run. Texts are in
/// the language of the gateway. Waits for files.
pub(crate) fn report_running(
    context: InstanceContext<'_>,
    config: &Value,
    running: &[Arc<Account>],
    lang: Lang,
) -> Vec<AccountReport> {
    let mut reports = describe(context, config, Engine::Native);
    for report in &mut reports {
        let account = running.iter().find(|account| is_about(account, report));
        match account {
            Some(account) => set_state(report, &account.state.get(), lang),
            None if report.supported == Some(false) => {
                report.last_error = Some(msg!("bot.error-no-channel", channel = report.channel).render(lang));
            }
            None => {}
        }
    }
    reports
}

/// Returns whether a running account is the one of a report.
pub(crate) fn is_about(account: &Account, report: &AccountReport) -> bool {
    account.channel.name == report.channel && account.settings.account == report.account_id
}

fn describe_account(
    channel: &ChannelType,
    account: &DescribedAccount,
    config: &Value,
    paired: &[String],
) -> AccountReport {
    let settings = &account.settings;
    let rules = AccessRules::new(settings, config, paired);
    let place = account.places.first().copied().flatten();
    AccountReport {
        channel: channel.name.to_owned(),
        label: channel.label.to_owned(),
        account_id: settings.account.clone(),
        enabled: account.is_on,
        configured: account.is_complete(),
        supported: Some(true),
        token_source: Some(place.map_or("none", |place| place.name()).to_owned()),
        dm_policy: Some(settings.private_policy().to_owned()),
        owners: Some(rules.owners().len()),
        ..AccountReport::default()
    }
}

/// Sets what is known of a running account.
fn set_state(report: &mut AccountReport, state: &AccountState, lang: Lang) {
    let millis = |time: Option<SystemTime>| time.map(unix_millis);
    report.running = true;
    report.connected = Some(state.connected_since.is_some());
    report.bot_name.clone_from(&state.bot_name);
    report.last_connected_at = millis(state.connected_since);
    report.last_inbound_at = millis(state.last_heard);
    report.last_outbound_at = millis(state.last_sent);
    report.last_error = state.last_error.as_ref().map(|error| error.render(lang));
    report.polled_elsewhere = state.is_polled_elsewhere;
    report.other_instance.clone_from(&state.other_instance);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bot::test_support::rescue_instance;
    use serde_json::json;

    #[test]
    fn native_channels_are_those_of_the_table() {
        let names: Vec<_> = CHANNELS.iter().map(|channel| channel.name).collect();
        assert_eq!(names, channels::NATIVE_CHANNELS);
    }

    #[test]
    fn accounts_are_described_with_their_owners_and_without_a_secret() {
        let home = tempfile::tempdir().unwrap();
        let own = rescue_instance(home.path(), &[]);
        let allowed = own
            .instance
            .state_dir
            .join("credentials")
            .join("telegram-allowFrom.json");
        crate::apply::write_file(&allowed, br#"{"version":1,"allowFrom":["7"]}"#).unwrap();
        let config = json!({"channels": {
            "telegram": {"botToken": "1:SECRET", "allowFrom": [42, "*"], "dmPolicy": "allowlist"},
            "whatsapp": {"accounts": {"home": {}}},
        }});
        let reports = describe(own.borrowed(), &config, Engine::Native);
        let [telegram, whatsapp] = &reports[..] else {
            panic!("{reports:?}");
        };
        assert_eq!(
            (
                telegram.owners,
                telegram.dm_policy.as_deref(),
                telegram.token_source.as_deref()
            ),
            (Some(2), Some("allowlist"), Some("config"))
        );
        assert!(telegram.is_wanted() && !telegram.is_connected(), "{telegram:?}");
        assert_eq!(
            (whatsapp.account_id.as_str(), whatsapp.is_wanted()),
            ("home", false)
        );
        let text = serde_json::to_string(&reports).unwrap();
        assert!(!text.contains("SECRET"), "{text}");
        let of_npm = describe(own.borrowed(), &config, Engine::Node);
        assert!(
            of_npm.iter().all(|report| report.supported == Some(true)),
            "{of_npm:?}"
        );
    }
}
