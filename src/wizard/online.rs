//! Results of the servers that one run of the wizard asked about its answers: the models of providers, the servers of models on
//! this host, the names of bots. It outlives the passes of the interview, so that going back asks no server twice.

use std::cell::RefCell;
use std::time::Duration;

use crate::host::Host;
use crate::secret::Secret;
use crate::verify::bot::BotAccount;
use crate::verify::local_servers::{self, LocalServer};
use crate::verify::models::ModelServer;
use crate::verify::{Polled, Task};

/// Time for which a question waits for the search for servers on this host, which has begun before the first question.
const SEARCH_WAIT: Duration = Duration::from_secs(1);

/// The knowledge of the wizard from servers.
#[derive(Debug)]
pub(crate) struct OnlineChecks {
    host: Host,
    /// The models of each server that has listed them.
    models: RefCell<Vec<(ModelServer, Vec<String>)>>,
    /// The bots whose tokens are good, with their names.
    bots: RefCell<Vec<KnownBot>>,
    /// Tasks that go on while the wizard does.
    background: RefCell<Vec<Task<()>>>,
    search: RefCell<LocalSearch>,
    /// The steps whose answers were given before any question, and were verified.
    verified: RefCell<Vec<&'static str>>,
}

/// A bot that the wizard knows by its token.
#[derive(Clone, Debug)]
pub(crate) struct KnownBot {
    token: Secret,
    /// The account.
    pub(crate) account: BotAccount,
    /// The name of the bot.
    pub(crate) name: String,
}

/// The search for servers of models on this host.
#[derive(Debug)]
enum LocalSearch {
    /// The search has not begun.
    Off,
    /// The search is under way.
    Running(Task<Vec<LocalServer>>),
    /// The search is over.
    Over(Vec<LocalServer>),
}

impl OnlineChecks {
    /// Creates the knowledge of a run of the wizard, which has asked no server yet.
    pub(crate) fn new(host: &Host) -> Self {
        Self {
            host: host.clone(),
            models: RefCell::default(),
            bots: RefCell::default(),
            background: RefCell::default(),
            search: RefCell::new(LocalSearch::Off),
            verified: RefCell::default(),
        }
    }

    /// Returns the host, for requests.
    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    /// Starts to look for servers of models on this host, without waiting.
    pub(crate) fn start_search(&self) {
        *self.search.borrow_mut() = LocalSearch::Running(local_servers::start_search(&self.host));
    }

    /// Returns the servers of models that the search for them has found on this host. Waits for its end.
    pub(super) fn local_servers(&self) -> Vec<LocalServer> {
        let mut search = self.search.borrow_mut();
        if let LocalSearch::Running(task) = &*search {
            let found = match task.look(SEARCH_WAIT) {
                Polled::Done(found) => found,
                Polled::Running | Polled::Gone => Vec::new(),
            };
            for server in &found {
                if let Some(known) = ModelServer::custom(&server.base_url) {
                    self.learn_models(known, server.models.clone());
                }
            }
            *search = LocalSearch::Over(found);
        }
        match &*search {
            LocalSearch::Over(found) => found.clone(),
            LocalSearch::Off | LocalSearch::Running(_) => Vec::new(),
        }
    }

    /// Keeps the models that a server has listed.
    pub(super) fn learn_models(&self, server: ModelServer, models: Vec<String>) {
        let mut known = self.models.borrow_mut();
        known.retain(|(other, _)| *other != server);
        known.push((server, models));
    }

    /// Returns the models that a server has listed; `None` where it has listed none.
    pub(super) fn models_of(&self, server: &ModelServer) -> Option<Vec<String>> {
        let known = self.models.borrow();
        let found = known.iter().find(|(other, _)| other == server);
        found
            .map(|(_, models)| models.clone())
            .filter(|models| !models.is_empty())
    }

    /// Keeps the name of the bot with a token.
    pub(super) fn learn_bot(&self, token: Secret, account: BotAccount, name: String) {
        self.bots.borrow_mut().push(KnownBot { token, account, name });
    }

    /// Returns the bot with a token, where the servers of its channel have told its name.
    pub(super) fn bot_of(&self, token: &Secret) -> Option<KnownBot> {
        let known = self.bots.borrow();
        known.iter().rev().find(|bot| bot.token == *token).cloned()
    }

    /// Lets a task go on while the wizard does.
    pub(super) fn keep_running(&self, task: Task<()>) {
        self.background.borrow_mut().push(task);
    }

    /// Returns `true` if the answer to a step was verified although nobody typed it.
    pub(super) fn is_verified(&self, step: &str) -> bool {
        self.verified.borrow().contains(&step)
    }

    /// Keeps that the answer to a step is verified although nobody typed it: that is done once in a run.
    pub(super) fn note_verified(&self, step: &'static str) {
        self.verified.borrow_mut().push(step);
    }
}
