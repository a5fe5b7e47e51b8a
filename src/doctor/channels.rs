//! Checks of messaging channels: whether the engine has them, whether a running gateway is connected to them, and whether
//! anybody may command its bot.

use super::check::{Check, Problem};
use super::host_report::{HostReport, InstanceReport};
use crate::config::channels::{NATIVE_CHANNELS, named_channels};
use crate::i18n::{Msg, msg};
use crate::probe::Probe;
use crate::probe::channels::AccountReport;
use crate::record::Engine;
use crate::text::sanitize;

/// The doctor's checks of an instance's messaging channels.
pub(super) const CHECKS: &[Check] = &[
    Check::error("channel-polled-elsewhere", polled_elsewhere),
    Check::warning("channel-not-connected", not_connected),
    Check::warning("channel-no-engine", no_engine),
    Check::info("channel-no-owner", no_owner),
];

/// Returns the accounts of a running gateway that are to work.
fn wanted_accounts(own: &InstanceReport<'_>) -> Vec<AccountReport> {
    let probe = own.probe.as_ref().filter(|probe| probe.is_running());
    let mut accounts = probe.map(Probe::channel_accounts).unwrap_or_default();
    accounts.retain(AccountReport::is_wanted);
    accounts
}

/// Reports a bot whose messages another program receives.
fn polled_elsewhere(_: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let accounts = wanted_accounts(own).into_iter();
    let polled = accounts.filter(|account| account.polled_elsewhere);
    let problem = |account: AccountReport| {
        let msg = match &account.other_instance {
            Some(other) => msg!("doctor.channel-polled-by", instance = sanitize(other)),
            None => msg!("doctor.channel-polled-elsewhere"),
        };
        Problem::new(
            msg.with_msg("account", account.name_msg()),
            format!("{} channels status --probe", own.command),
        )
    };
    polled.map(problem).collect()
}

/// Reports an account that is not connected although the gateway runs.
fn not_connected(_: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let accounts = wanted_accounts(own).into_iter();
    let lost = accounts.filter(|account| !account.is_connected() && !account.polled_elsewhere);
    let problem = |account: AccountReport| {
        let why = sanitize(account.last_error.as_deref().unwrap_or_default());
        Problem::new(
            Msg::new("doctor.channel-not-connected")
                .with_msg("account", account.name_msg())
                .with("why", why),
            format!("{} channels status --probe", own.command),
        )
    };
    lost.map(problem).collect()
}

/// Reports a channel in the config of a native gateway that this engine does not have.
fn no_engine(_: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let is_native = own
        .record
        .as_ref()
        .is_ok_and(|record| record.engine == Engine::Native);
    let named = named_channels(&own.config).into_iter();
    let missing =
        named.filter(|named| is_native && named.is_on && !NATIVE_CHANNELS.contains(&named.name.as_str()));
    missing
        .map(|named| {
            Problem::new(
                msg!("doctor.channel-no-engine", channel = named.name),
                format!("{} config unset channels.{}", own.command, named.name),
            )
        })
        .collect()
}

/// Reports a bot that nobody may command.
fn no_owner(_: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let accounts = wanted_accounts(own).into_iter();
    let ownerless = accounts.filter(|account| account.owners == Some(0));
    ownerless
        .map(|account| {
            Problem::new(
                Msg::new("doctor.channel-no-owner").with_msg("account", account.name_msg()),
                format!("{} pairing approve {} CODE", own.command, account.channel),
            )
        })
        .collect()
}
