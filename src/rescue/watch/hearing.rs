//! The decision of a watcher about a gateway that is well and whose messaging channels do not work. Pure.
//!
//! A channel that connects again after a moment is nothing to tell. One restart may help a channel that hangs; it does
//! not help against a revoked token or a network that is gone, and it cuts off what the agent is doing, so that there is
//! one restart only until the channels work again.

use std::time::Duration;

/// The knowledge of a watcher about the channels of one gateway. Times run from the watcher's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Hearing {
    /// All channels work, or the gateway itself is not well.
    #[default]
    Hears,
    /// A channel does not work since this time.
    DeafSince(Duration),
    /// That a channel does not work was reported at this time.
    Told(Duration),
    /// The gateway was restarted at this time.
    Restarted(Duration),
    /// The gateway was restarted in vain, and is left alone.
    GivenUp,
}

/// The action that a gateway's watcher takes after a look at its channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HearingAction {
    /// Nothing.
    Wait,
    /// Report that a channel does not work.
    ReportLost,
    /// Restart the gateway.
    Restart,
    /// Report that the restart did not help.
    ReportInVain,
    /// Report that the channels work again by themselves.
    ReportRecovered,
    /// Report that the channels work again after the restart.
    ReportRepaired,
}

impl Hearing {
    /// Updates what the watcher knows of a gateway's channels, and returns what to do next. A gateway is restarted only
    /// where `may_restart`.
    pub(super) fn update(
        &mut self,
        now: Duration,
        is_deaf: bool,
        patience: Duration,
        may_restart: bool,
    ) -> HearingAction {
        let is_over = |since: Duration| now.saturating_sub(since) >= patience;
        let (next, action) = match *self {
            Self::Hears | Self::DeafSince(_) if !is_deaf => (Self::Hears, HearingAction::Wait),
            Self::Told(_) if !is_deaf => (Self::Hears, HearingAction::ReportRecovered),
            Self::Restarted(_) | Self::GivenUp if !is_deaf => (Self::Hears, HearingAction::ReportRepaired),
            Self::Hears => (Self::DeafSince(now), HearingAction::Wait),
            Self::DeafSince(since) if is_over(since) => (Self::Told(now), HearingAction::ReportLost),
            Self::Told(since) if is_over(since) && may_restart => {
                (Self::Restarted(now), HearingAction::Restart)
            }
            Self::Restarted(since) if is_over(since) => (Self::GivenUp, HearingAction::ReportInVain),
            unchanged => (unchanged, HearingAction::Wait),
        };
        *self = next;
        action
    }

    /// Leaves the gateway alone until its channels work again: it could not be restarted.
    pub(super) fn give_up(&mut self) {
        *self = Self::GivenUp;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// Updates at these times in seconds, deaf or not, and returns the actions.
    fn actions(hearing: &mut Hearing, looks: &[(u64, bool)], may_restart: bool) -> Vec<HearingAction> {
        let look = |&(at, is_deaf): &(u64, bool)| {
            hearing.update(Duration::from_secs(at), is_deaf, PATIENCE, may_restart)
        };
        looks.iter().map(look).collect()
    }

    #[test]
    fn channel_that_connects_again_within_the_patience_is_not_reported() {
        let mut hearing = Hearing::default();
        let looks = [
            (0, false),
            (10, true),
            (39, true),
            (40, false),
            (50, true),
            (79, true),
        ];
        assert_eq!(actions(&mut hearing, &looks, true), [HearingAction::Wait; 6]);
    }

    #[test]
    fn deaf_gateway_is_reported_restarted_once_and_then_left_alone_until_it_hears() {
        let mut hearing = Hearing::default();
        let looks = [
            (0, true),
            (30, true),
            (59, true),
            (60, true),
            (89, true),
            (90, true),
            (9000, true),
        ];
        assert_eq!(
            actions(&mut hearing, &looks, true),
            [
                HearingAction::Wait,
                HearingAction::ReportLost,
                HearingAction::Wait,
                HearingAction::Restart,
                HearingAction::Wait,
                HearingAction::ReportInVain,
                HearingAction::Wait,
            ]
        );
        assert_eq!(
            actions(&mut hearing, &[(9001, false)], true),
            [HearingAction::ReportRepaired]
        );
        assert_eq!(hearing, Hearing::Hears);
    }

    #[test]
    fn paused_repairs_leave_a_deaf_gateway_to_its_owner() {
        let mut hearing = Hearing::default();
        let looks = [(0, true), (30, true), (600, true), (601, false)];
        assert_eq!(
            actions(&mut hearing, &looks, false),
            [
                HearingAction::Wait,
                HearingAction::ReportLost,
                HearingAction::Wait,
                HearingAction::ReportRecovered,
            ]
        );
    }
}
