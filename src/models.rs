//! Language models: asks the models of a config one after the other until one answers, whichever provider each is from.
//!
//! It knows servers, keys and formats, and nothing of conversations, tools or gateways: a caller says which models it wants,
//! in order, and what they are told. One [`Models`] serves a whole gateway.

use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::https::HttpsClient;
use crate::instance::OwnedInstanceContext;
use crate::sync::lock;

mod error;
mod exchange;
mod message;
mod provider;
mod reply;
mod sse;
mod wire;

use exchange::Exchange;
use provider::{ModelProvider, ModelProviders, read_providers};
use wire::Question;

pub(crate) use error::{ModelError, ModelErrorKind};
pub(crate) use message::{
    ModelEvent, ModelMessage, ModelName, ModelReply, ModelRequest, Part, StopReason, TokenUsage, ToolCall,
    ToolSpec,
};

/// The models that one gateway may ask.
pub(crate) struct Models {
    context: OwnedInstanceContext,
    /// The client for servers on the network.
    remote: HttpsClient,
    /// The client for servers on this host.
    local: HttpsClient,
    providers: Mutex<Arc<ModelProviders>>,
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
        }
    }

    /// Takes over the providers and keys of a config, included files merged in, of the `.env` and of the stores of keys. Waits
    /// for files.
    pub(crate) fn apply(&self, config: &Value) {
        let providers = read_providers(self.context.borrowed(), config);
        *lock(&self.providers) = Arc::new(providers);
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
        let mut models = chain.iter().peekable();
        while let Some(model) = models.next() {
            let error = match self.ask_one(&providers, model, request, on_event).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            let can_other_help = !error.is_partial && error.kind != ModelErrorKind::ContextTooLong;
            match models.peek().filter(|_| can_other_help) {
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

    /// Asks one model.
    async fn ask_one(
        &self,
        providers: &ModelProviders,
        model: &ModelName,
        request: &ModelRequest,
        on_event: &mut (dyn FnMut(ModelEvent) + Send),
    ) -> Result<ModelReply, ModelError> {
        let fail = |kind| ModelError::new(kind, model, "");
        let provider = providers.get(&model.provider);
        let provider = provider.ok_or_else(|| fail(ModelErrorKind::UnknownProvider))?;
        let exchange = self.exchange(provider, model, request)?;
        on_event(ModelEvent::Asked(model.clone()));
        let mut is_partial = false;
        let mut on_text = |text| {
            is_partial = true;
            on_event(ModelEvent::Text(text));
        };
        let answer = exchange.run(&mut on_text).await;
        answer.map_err(|error| ModelError { is_partial, ..error })
    }

    /// Prepares the request to one model.
    fn exchange<'a>(
        &'a self,
        provider: &'a ModelProvider,
        model: &'a ModelName,
        request: &ModelRequest,
    ) -> Result<Exchange<'a>, ModelError> {
        let fail = |kind| ModelError::new(kind, model, "");
        let format = provider.format.ok_or_else(|| fail(ModelErrorKind::UnknownApi))?;
        let is_local = provider.server.is_local();
        let key = provider.keys.first();
        if key.is_none() && !is_local {
            return Err(fail(ModelErrorKind::NoKey));
        }
        let settings = provider.models.get(&model.id);
        let question = Question {
            model_id: &model.id,
            request,
            max_tokens: request.max_output_tokens.or_else(|| settings?.max_tokens),
            max_tokens_key: "max_completion_tokens",
        };
        Ok(Exchange {
            client: if is_local { &self.local } else { &self.remote },
            model,
            format,
            url: provider.server.url(&(format.path)(&model.id)),
            headers: provider
                .server
                .headers(key)
                .ok_or_else(|| fail(ModelErrorKind::Auth))?,
            key,
            body: (format.body)(&question),
        })
    }
}
