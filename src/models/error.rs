//! The reasons why a model gave no answer: for a sentence in both languages, for the next model in line, and for the clients
//! of a gateway, which know OpenClaw's words for them.

use std::time::Duration;

use super::message::ModelName;
use crate::i18n::{Msg, duration_msg, msg};

/// The kind of reason why a model gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ModelErrorKind {
    /// The provider refuses the key.
    Auth,
    /// The account has no money left, or has to be paid for.
    Billing,
    /// There were too many requests.
    RateLimit,
    /// The provider has trouble of its own, or too much to do.
    Overloaded,
    /// The conversation is longer than the model can read.
    ContextTooLong,
    /// The provider knows no such model.
    UnknownModel,
    /// The provider refuses the request as it is.
    Refused,
    /// There is no connection to the provider, or it broke.
    Unreachable,
    /// The provider said nothing for too long.
    TimedOut,
    /// The answer is none that can be read, or is larger than any that is wanted.
    BadAnswer,
    /// No key for the provider was found.
    NoKey,
    /// Every key of the provider was refused a while ago and is left alone.
    CoolingDown {
        /// The time until one is tried again.
        left: Duration,
    },
    /// Neither this program nor the config knows the provider.
    UnknownProvider,
    /// The config gives the provider an interface that this program has not.
    UnknownApi,
    /// No model is configured.
    NoModel,
}

/// The reason why a model gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModelError {
    /// The kind.
    pub(crate) kind: ModelErrorKind,
    /// The model; `None` where none was configured.
    pub(crate) model: Option<ModelName>,
    /// What the provider said, or the connection, without secrets and in one line; it may be empty.
    pub(crate) words: String,
    /// The time that the provider asks to wait.
    pub(crate) retry_after: Option<Duration>,
    /// `true` where a part of the answer had been passed on, so that no other model was asked.
    pub(crate) is_partial: bool,
}

impl ModelError {
    /// Creates the reason why this model gave no answer. `words` must hold no secret.
    pub(super) fn new(kind: ModelErrorKind, model: &ModelName, words: impl Into<String>) -> Self {
        Self {
            kind,
            model: Some(model.clone()),
            words: words.into(),
            retry_after: None,
            is_partial: false,
        }
    }

    /// Creates the reason for an empty list of models.
    pub(super) fn no_model() -> Self {
        Self {
            kind: ModelErrorKind::NoModel,
            model: None,
            words: String::new(),
            retry_after: None,
            is_partial: false,
        }
    }

    /// Returns OpenClaw's word for the reason (`failoverReason`).
    pub(crate) fn failover_reason(&self) -> &'static str {
        match self.kind {
            ModelErrorKind::Auth | ModelErrorKind::NoKey => "auth",
            ModelErrorKind::Billing => "billing",
            ModelErrorKind::RateLimit | ModelErrorKind::CoolingDown { .. } => "rate_limit",
            ModelErrorKind::Overloaded => "overloaded",
            ModelErrorKind::UnknownModel | ModelErrorKind::UnknownProvider | ModelErrorKind::NoModel => {
                "model_not_found"
            }
            ModelErrorKind::Refused | ModelErrorKind::ContextTooLong | ModelErrorKind::UnknownApi => "format",
            ModelErrorKind::Unreachable | ModelErrorKind::TimedOut => "timeout",
            ModelErrorKind::BadAnswer => "unknown",
        }
    }

    /// Returns the sentence about the reason, with the provider's own words where it said some.
    pub(crate) fn msg(&self) -> Msg {
        let model = self.model.as_ref().map(ToString::to_string).unwrap_or_default();
        let provider = self
            .model
            .as_ref()
            .map_or_else(String::new, |model| model.provider.clone());
        let said = match self.kind {
            ModelErrorKind::Auth => msg!("models.auth", provider = provider),
            ModelErrorKind::Billing => msg!("models.billing", provider = provider),
            ModelErrorKind::RateLimit => match self.retry_after {
                Some(wait) => {
                    msg!("models.rate-limit-wait", provider = provider).with_msg("wait", duration_msg(wait))
                }
                None => msg!("models.rate-limit", provider = provider),
            },
            ModelErrorKind::Overloaded => msg!("models.overloaded", provider = provider),
            ModelErrorKind::ContextTooLong => msg!("models.context-too-long", model = model),
            ModelErrorKind::UnknownModel => msg!("models.unknown-model", model = model),
            ModelErrorKind::Refused => msg!("models.refused", model = model),
            ModelErrorKind::Unreachable => msg!("models.unreachable", provider = provider),
            ModelErrorKind::TimedOut => msg!("models.timed-out", model = model),
            ModelErrorKind::BadAnswer => msg!("models.bad-answer", model = model),
            ModelErrorKind::NoKey => msg!("models.no-key", provider = provider),
            ModelErrorKind::CoolingDown { left } => {
                msg!("models.cooling-down", provider = provider).with_msg("wait", duration_msg(left))
            }
            ModelErrorKind::UnknownProvider => msg!("models.unknown-provider", provider = provider),
            ModelErrorKind::UnknownApi => msg!("models.unknown-api", provider = provider),
            ModelErrorKind::NoModel => msg!("models.no-model"),
        };
        if self.words.is_empty() {
            return said;
        }
        msg!("models.with-words", words = self.words).with_msg("said", said)
    }
}
