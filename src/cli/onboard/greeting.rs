//! The end of an onboarding whose gateway answers with a model: one real sentence from it, or the reason why there is none.

use crate::agent::{GREETING_TIMEOUT, ask_for_greeting};
use crate::answers::{Answers, Provider};
use crate::cli::Context;
use crate::i18n::{Msg, msg};
use crate::record::Engine;
use crate::settings::InstanceFiles;
use crate::text::sanitize;
use crate::verify::Polled;

/// Asks the model that was chosen in this onboarding for one sentence, and prints it. Where it gives none, the onboarding is done
/// all the same: the reason is a notice.
/// Without `asks`, no server is asked.
pub(super) fn print_greeting(context: &Context<'_>, answers: &Answers, asks: bool) {
    let is_chosen = asks
        && answers
            .provider
            .is_some_and(|provider| provider != Provider::Skip);
    let files = InstanceFiles::read(&context.instance).ok().filter(|_| is_chosen);
    let Some(files) = files.filter(|files| files.record.engine == Engine::Native) else {
        return;
    };
    let own = context.instance_context().to_owned();
    let Some(task) = ask_for_greeting(own, files.config, context.ui.lang()) else {
        return;
    };
    let answered = {
        let _asking = context.ui.spinner(&msg!("onboard.asking-model"));
        task.look(GREETING_TIMEOUT)
    };
    let silent = |why: Msg| {
        let msg = Msg::new("onboard.model-silent").with_msg("why", why);
        context.ui.print_note(&msg);
    };
    match answered {
        Polled::Done(Ok(greeting)) => context.ui.print_success(&msg!(
            "onboard.model-says",
            model = sanitize(&greeting.model),
            text = sanitize(&greeting.text)
        )),
        Polled::Done(Err(error)) => silent(error.msg()),
        Polled::Running | Polled::Gone => silent(msg!("onboard.model-too-slow")),
    }
}
