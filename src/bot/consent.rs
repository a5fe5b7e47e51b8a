//! Consent: a plan was shown, and the person it was shown to may agree to it, once, in the same chat, for a quarter of an
//! hour.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::code;
use super::commands::act::ActionPlan;

/// Time for which a plan can be agreed to.
const LIFETIME: Duration = Duration::from_mins(15);
/// Maximum number of plans that wait for a yes; the oldest gives way.
const MAX_OPEN: usize = 32;
/// Number of characters of a token, which is typed by hand where a channel has no buttons.
pub(crate) const TOKEN_LENGTH: usize = 6;

/// The person who is asked for a yes, and the chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The channel and its account.
    pub(crate) account: String,
    /// The chat.
    pub(crate) chat: String,
    /// The person.
    pub(crate) person: String,
}

/// The plans that wait for a yes. They are lost when the bot ends: a plan must be shown again then.
#[derive(Debug, Default)]
pub(crate) struct Consents(VecDeque<OpenPlan>);

#[derive(Debug)]
struct OpenPlan {
    token: String,
    asked: Asked,
    plan: ActionPlan,
    until: Instant,
}

impl Consents {
    /// Keeps a plan that is shown to somebody, and returns the token by which it is agreed to, made of these random
    /// bytes.
    pub(crate) fn offer(
        &mut self,
        asked: Asked,
        plan: ActionPlan,
        random: [u8; TOKEN_LENGTH],
        now: Instant,
    ) -> String {
        let token = code::from_random(&random);
        if self.0.len() == MAX_OPEN {
            self.0.pop_front();
        }
        self.0.push_back(OpenPlan {
            token: token.clone(),
            asked,
            plan,
            until: now + LIFETIME,
        });
        token
    }

    /// Returns the plan that a person agrees to or declines, and forgets it; `None` where the token is none of this
    /// person's in this chat, was used, or is too old.
    pub(crate) fn take(&mut self, token: &str, asked: &Asked, now: Instant) -> Option<ActionPlan> {
        self.0.retain(|open| now < open.until);
        let index = self
            .0
            .iter()
            .position(|open| open.token == token && open.asked == *asked)?;
        self.0.remove(index).map(|open| open.plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bot::command::Action;
    use crate::bot::message::Message;
    use crate::profile::ProfileName;

    fn asked(person: &str, chat: &str) -> Asked {
        Asked {
            account: "telegram.default".to_owned(),
            chat: chat.to_owned(),
            person: person.to_owned(),
        }
    }

    fn plan() -> ActionPlan {
        ActionPlan {
            target: ProfileName::default_profile(),
            action: Action::Restart,
            reason: Message::default(),
            steps: Vec::new(),
        }
    }

    #[test]
    fn yes_is_good_once_for_one_person_in_one_chat_for_a_quarter_of_an_hour() {
        let (mut consents, start) = (Consents::default(), Instant::now());
        let token = consents.offer(asked("42", "42"), plan(), [1, 2, 3, 4, 5, 6], start);
        let later = start + (LIFETIME.saturating_sub(Duration::from_secs(1)));
        assert_eq!(consents.take("AAAAAA", &asked("42", "42"), later), None);
        assert_eq!(
            consents.take(&token, &asked("7", "42"), later),
            None,
            "another person"
        );
        assert_eq!(
            consents.take(&token, &asked("42", "-100"), later),
            None,
            "another chat"
        );
        assert!(consents.take(&token, &asked("42", "42"), later).is_some());
        assert_eq!(consents.take(&token, &asked("42", "42"), later), None, "used");
        let token = consents.offer(asked("42", "42"), plan(), [9; 6], start);
        assert_eq!(
            consents.take(&token, &asked("42", "42"), start + LIFETIME),
            None,
            "too old"
        );
    }

    #[test]
    fn number_of_open_plans_is_bounded() {
        let (mut consents, now) = (Consents::default(), Instant::now());
        for number in 0..100_u8 {
            consents.offer(asked("42", "42"), plan(), [number; 6], now);
        }
        assert_eq!(consents.0.len(), MAX_OPEN);
    }
}
