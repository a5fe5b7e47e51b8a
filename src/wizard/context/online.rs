//! The questions to servers about the answers of a wizard.

use crate::answers::{Answers, Channel, Provider};
use crate::bot::channels;
use crate::i18n::{Msg, msg};
use crate::instance::InstanceContext;
use crate::secret::Secret;
use crate::verify::bot::BotAccount;
use crate::verify::claim::Claimant;
use crate::verify::local_servers::LocalServer;
use crate::verify::models::ModelServer;
use crate::verify::{Task, Verdict};

use super::InterviewContext;
use crate::wizard::online::{KnownBot, OnlineChecks};
use crate::wizard::verification::Verification;

impl InterviewContext<'_> {
    /// Returns the server of the model provider that the wizard's answers choose; `None` where there is none, or its URL is
    /// no URL.
    fn model_server(&self, answers: &Answers) -> Option<ModelServer> {
        let provider = answers.provider?;
        let in_config = || {
            let key = format!("models.providers.{}.baseUrl", provider.id());
            self.current_text(answers, &key)
        };
        let configured = match provider {
            Provider::Custom => answers.custom.base_url.as_deref(),
            _ => in_config(),
        };
        ModelServer::find(provider, configured, self.host)
    }

    /// Returns the models of the provider that the wizard's answers choose, where its server has listed them.
    pub(crate) fn listed_models(&self, answers: &Answers) -> Option<Vec<String>> {
        self.online?.models_of(&self.model_server(answers)?)
    }

    /// Returns the servers of models on this host that the wizard has found. Waits for the end of the search.
    pub(crate) fn local_servers(&self) -> Vec<LocalServer> {
        self.online.map(OnlineChecks::local_servers).unwrap_or_default()
    }

    /// Returns the base URL at which a server of models of this kind is reached on this host.
    pub(crate) fn local_server_url(&self, id: &str) -> Option<(&'static str, String)> {
        let mut kinds = crate::verify::local_servers::LOCAL_SERVERS.iter();
        let kind = kinds.find(|kind| kind.id == id)?;
        Some((kind.key, kind.base_url(self.host)?))
    }

    /// Starts to ask the server of the chosen provider for its models, with the API key of the wizard's answers where it has
    /// one. `None` where no server is asked.
    pub(crate) fn verify_models(&self, answers: &Answers, provider: Msg) -> Option<Verification<'_>> {
        let server = self.model_server(answers)?;
        self.list_models(
            server,
            answers,
            msg!("verify.models").with_msg("provider", provider),
        )
    }

    /// Starts to ask a server for its models. `accepted` is the sentence about them, without their number.
    fn list_models(&self, server: ModelServer, answers: &Answers, accepted: Msg) -> Option<Verification<'_>> {
        let online = self.online?;
        let task = server.start_listing(online.host(), answers.provider_key.clone());
        let what = msg!("verify.asking", server = server.address());
        let accept = move |models: Vec<String>| {
            let accepted = accepted.with("count", models.len());
            online.learn_models(server, models);
            accepted
        };
        Some(Verification::new(what, task, accept))
    }

    /// Starts to ask a custom server for its models, before it is known whether it wants an API key: most that people run
    /// themselves want none. `None` where no server is asked, or one wants a key.
    pub(crate) fn verify_open_server(&self, answers: &Answers) -> Option<Verification<'_>> {
        let server = self.model_server(answers)?;
        let address = server.address();
        let answered = msg!("verify.open-models", server = address);
        let verification = self.list_models(server, answers, answered)?;
        Some(verification.asking_for_more(msg!("verify.wants-key", server = address)))
    }

    /// Starts to ask the servers of a channel who the bot with this token is. `None` where no server is asked.
    pub(crate) fn verify_bot(&self, channel: Channel, token: &Secret) -> Option<Verification<'_>> {
        let online = self.online?;
        let channel = channels::by_name(channel.name())?;
        let at = InstanceContext {
            host: self.host,
            env: self.input.env,
            instance: &self.input.instance,
        };
        let account = BotAccount::with_token(at, &self.input.effective, channel, token)?;
        let task = account.start_identifying(online.host());
        let what = msg!("verify.asking", server = channel.label);
        let token = token.clone();
        let accept = move |name: String| {
            let known = msg!("verify.bot", channel = channel.label, name = name);
            online.learn_bot(token, account, name);
            known
        };
        Some(Verification::new(what, task, accept))
    }

    /// Returns the bot whose token the wizard's answers have, where the servers of its channel know it.
    pub(crate) fn known_bot(&self, answers: &Answers) -> Option<KnownBot> {
        self.online?.bot_of(answers.channel_token.as_ref()?)
    }

    /// Starts to wait for the person who sends a code to a bot.
    pub(crate) fn start_claim(&self, bot: &KnownBot, code: String) -> Task<Verdict<Claimant>> {
        bot.account.start_claim(self.host, code)
    }

    /// Greets the owner of a bot, while the wizard goes on.
    pub(crate) fn greet_owner(&self, bot: &KnownBot, owner: &Claimant) {
        let at = InstanceContext {
            host: self.host,
            env: self.input.env,
            instance: &self.input.instance,
        };
        if let Some(online) = self.online {
            online.keep_running(bot.account.start_greeting(at.to_owned(), owner));
        }
    }

    /// Returns random bytes for a code.
    pub(crate) fn random<const N: usize>(&self) -> [u8; N] {
        self.host.random()
    }
}
