//! Language models: asks the models of a config one after the other until one answers, whichever provider each is from.
//!
//! It knows servers, keys and formats, and nothing of conversations, tools or gateways: a caller says which models it wants,
//! in order, and what they are told. One [`Models`] serves a whole gateway.
//!
//! A key that a provider refuses is left alone for a while and the next key, else the next model, takes over; that is said. A rate
//! limit is waited for only where nobody else can answer, and all waiting of one request together is bounded.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::host::random_bytes;
use crate::https::HttpsClient;
use crate::instance::OwnedInstanceContext;
use crate::secret::Secret;
use crate::sync::lock;

mod configured;
mod conversation;
mod cool_down;
mod error;
mod event;
mod exchange;
mod format;
mod keys;
mod known_servers;
mod limits;
mod message;
mod provider;
mod refusal;
mod reply;
mod sse;
mod wire;

use conversation::complete;
use cool_down::CoolDowns;
use exchange::Exchange;
use format::Question;
use limits::Limits;
use provider::{ModelProvider, ModelProviders, read_providers};

pub(crate) use configured::ConfiguredModels;
pub(crate) use error::{ModelError, ModelErrorKind};
pub(crate) use event::ModelEvent;
pub(crate) use message::{
    ModelMessage, ModelName, ModelReply, ModelRequest, Part, StopReason, TokenUsage, ToolCall, ToolSpec,
};

/// Number of times that a server in trouble is asked again before the next model takes over.
const MAX_RETRIES: u32 = 2;

/// The models that one gateway may ask.
pub(crate) struct Models {
    context: OwnedInstanceContext,
    /// The client for servers on the network.
    remote: HttpsClient,
    /// The client for servers on this host.
    local: HttpsClient,
    providers: Mutex<Arc<ModelProviders>>,
    cool_downs: Mutex<CoolDowns>,
    limits: Limits,
}

impl Models {
    /// Creates the models of a gateway, of which none can be asked before [`Self::apply`].
    pub(crate) fn new(context: OwnedInstanceContext) -> Self {
        let local = HttpsClient::direct();
        Self {
            remote: HttpsClient::new(&context.host, None).unwrap_or_else(|_| local.clone()),
            local,
            context,
            providers: Mutex::default(),
            cool_downs: Mutex::default(),
            limits: Limits::default(),
        }
    }

    /// Takes over the providers and keys of a config, included files merged in, of the `.env` and of the stores of keys. Waits
    /// for files.
    pub(crate) fn apply(&self, config: &Value) {
        let providers = read_providers(self.context.borrowed(), config);
        // A key that is not there any more begins anew when it comes back.
        lock(&self.cool_downs).retain(|provider, key| {
            let provider = providers.get(provider);
            provider.is_some_and(|provider| key.is_none_or(|key| provider.has_key(key)))
        });
        *lock(&self.providers) = Arc::new(providers);
    }

    /// Returns the number of tokens that a model can read and write together.
    pub(crate) fn context_window(&self, model: &ModelName) -> u64 {
        let providers = lock(&self.providers).clone();
        let settings = providers
            .get(&model.provider)
            .map(|provider| provider.model(&model.id));
        settings.unwrap_or_default().context_window
    }

    /// Asks the first model, and the next one where it gives no answer, until one does. Once a part of an answer was passed on, no
    /// other model is asked: nobody wants the beginning of one answer before another one. Dropping the future ends the request.
    ///
    /// # Errors
    /// The reason for which the last model gave no answer.
    pub(crate) async fn ask(
        &self,
        chain: &[ModelName],
        request: &ModelRequest,
        on_event: &mut (dyn FnMut(ModelEvent) + Send),
    ) -> Result<ModelReply, ModelError> {
        let providers = lock(&self.providers).clone();
        let mut waiting = Waiting(self.limits.waiting);
        let mut models = chain.iter().peekable();
        while let Some(model) = models.next() {
            let next = models.peek();
            let answer = self.ask_one(&providers, model, request, next.is_none(), &mut waiting, on_event);
            let error = match answer.await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            let can_other_help = !error.is_partial && error.kind != ModelErrorKind::ContextTooLong;
            match next.filter(|_| can_other_help) {
                Some(next) => on_event(ModelEvent::Switched {
                    from: model.clone(),
                    to: (*next).clone(),
                    why: error,
                }),
                None => return Err(error),
            }
        }
        Err(ModelError::no_model())
    }

    /// Asks one model, with each of its keys, and again after a pause where that may help. `is_last` where no other model can take
    /// over, so that a rate limit is waited for.
    async fn ask_one(
        &self,
        providers: &ModelProviders,
        model: &ModelName,
        request: &ModelRequest,
        is_last: bool,
        waiting: &mut Waiting,
        on_event: &mut (dyn FnMut(ModelEvent) + Send),
    ) -> Result<ModelReply, ModelError> {
        let provider = providers.get(&model.provider);
        let provider = provider.ok_or_else(|| ModelError::new(ModelErrorKind::UnknownProvider, model, ""))?;
        let (mut retries, mut refusal) = (0, None);
        loop {
            let key = match self.choose_key(provider, model, request) {
                Ok(key) => key,
                Err(error) => match error.kind {
                    ModelErrorKind::CoolingDown { left } if is_last && waiting.wait(left).await => continue,
                    // The reason for which the last key was refused says more.
                    _ => return Err(refusal.unwrap_or(error)),
                },
            };
            let error = match self.ask_once(provider, key, model, request, on_event).await {
                Ok(reply) => {
                    lock(&self.cool_downs).accept(&model.provider, key);
                    return Ok(reply);
                }
                Err(error) => error,
            };
            let was_refused = self.cool_down(&error, key);
            if error.is_partial {
                return Err(error);
            }
            if was_refused {
                refusal = Some(error);
                continue;
            }
            let may_pass = matches!(
                error.kind,
                ModelErrorKind::Overloaded | ModelErrorKind::Unreachable
            );
            let pause = error.retry_after.unwrap_or_default().max(self.backoff(retries));
            if !may_pass || retries == MAX_RETRIES || !waiting.wait(pause).await {
                return Err(error);
            }
            retries += 1;
        }
    }

    /// Asks one model once.
    async fn ask_once(
        &self,
        provider: &ModelProvider,
        key: Option<&Secret>,
        model: &ModelName,
        request: &ModelRequest,
        on_event: &mut (dyn FnMut(ModelEvent) + Send),
    ) -> Result<ModelReply, ModelError> {
        let exchange = self.exchange(provider, key, model, request)?;
        on_event(ModelEvent::Asked(model.clone()));
        let mut is_partial = false;
        let mut on_text = |text| {
            is_partial = true;
            on_event(ModelEvent::Text(text));
        };
        let answer = exchange.run(&mut on_text).await;
        answer.map_err(|error| ModelError { is_partial, ..error })
    }

    /// Chooses the first key that is not left alone; `None` for a server that needs none.
    fn choose_key<'a>(
        &self,
        provider: &'a ModelProvider,
        model: &ModelName,
        request: &ModelRequest,
    ) -> Result<Option<&'a Secret>, ModelError> {
        let keys: Vec<Option<&Secret>> = provider.keys(&request.agent).map(Some).collect();
        let keys = match keys.is_empty() {
            true if provider.server.is_local() => vec![None],
            true => return Err(ModelError::new(ModelErrorKind::NoKey, model, "")),
            false => keys,
        };
        let cool_downs = lock(&self.cool_downs);
        let now = Instant::now();
        let mut soonest = Duration::MAX;
        for key in keys {
            match cool_downs.time_left(&model.provider, key, now) {
                None => return Ok(key),
                Some(left) => soonest = soonest.min(left),
            }
        }
        Err(ModelError::new(
            ModelErrorKind::CoolingDown { left: soonest },
            model,
            "",
        ))
    }

    /// Leaves a key alone for a while where it was refused, and returns whether it was.
    fn cool_down(&self, error: &ModelError, key: Option<&Secret>) -> bool {
        let Some(model) = &error.model else {
            return false;
        };
        let asked = match error.kind {
            ModelErrorKind::RateLimit => Some(error.retry_after.unwrap_or(self.limits.usual_rate_limit)),
            ModelErrorKind::Auth | ModelErrorKind::Billing if key.is_some() => None,
            _ => return false,
        };
        lock(&self.cool_downs).refuse(&model.provider, key, asked, Instant::now());
        true
    }

    /// Returns the pause before the next try at a server in trouble, longer each time and never the same for two gateways.
    fn backoff(&self, retries: u32) -> Duration {
        let [random] = random_bytes();
        let pause = self.limits.first_retry.saturating_mul(1 << retries);
        pause + pause.mul_f64(f64::from(random) / 512.0)
    }

    /// Prepares the request to one model.
    fn exchange<'a>(
        &'a self,
        provider: &'a ModelProvider,
        key: Option<&'a Secret>,
        model: &'a ModelName,
        request: &ModelRequest,
    ) -> Result<Exchange<'a>, ModelError> {
        let fail = |kind| ModelError::new(kind, model, "");
        let format = provider.format.ok_or_else(|| fail(ModelErrorKind::UnknownApi))?;
        let settings = provider.model(&model.id);
        let question = Question {
            model_id: &model.id,
            system: &request.system,
            messages: &complete(&request.messages, settings.sees_images),
            tools: &request.tools,
            max_tokens: request.max_output_tokens.or(settings.max_tokens),
            max_tokens_key: settings
                .max_tokens_key
                .unwrap_or_else(|| provider.max_tokens_key()),
            tells_usage: settings.tells_usage,
        };
        let is_local = provider.server.is_local();
        let mut headers = provider
            .server
            .headers(key)
            .ok_or_else(|| fail(ModelErrorKind::Auth))?;
        headers.extend(provider.headers.clone());
        Ok(Exchange {
            client: if is_local { &self.local } else { &self.remote },
            model,
            format,
            url: provider.server.url(&(format.path)(&model.id)),
            headers,
            key,
            body: (format.body)(&question),
            limits: self.limits,
        })
    }
}

/// The time that one request may still wait, for all models together.
struct Waiting(Duration);

impl Waiting {
    /// Waits, unless that would be too long for whoever waits for an answer, and returns whether it did.
    async fn wait(&mut self, time: Duration) -> bool {
        let Some(left) = self.0.checked_sub(time) else {
            return false;
        };
        self.0 = left;
        tokio::time::sleep(time).await;
        true
    }
}

#[cfg(test)]
mod tests;
