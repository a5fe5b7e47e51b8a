//! Servers with `OpenAI`'s format that a config may name without saying where they are, beside the providers of the wizard and
//! the servers on this host that it finds.

/// A server with `OpenAI`'s format.
pub(super) struct KnownServer {
    /// The id of the provider, which is OpenClaw's.
    pub(super) id: &'static str,
    /// The base URL.
    pub(super) base_url: &'static str,
    /// The environment variable with the key.
    pub(super) variable: &'static str,
}

/// Creates a row of the table.
const fn server(id: &'static str, base_url: &'static str, variable: &'static str) -> KnownServer {
    KnownServer {
        id,
        base_url,
        variable,
    }
}

/// The servers.
static SERVERS: [KnownServer; 9] = [
    server("cerebras", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    server("deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    server("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    server("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    server("moonshot", "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY"),
    server("together", "https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    server("vllm", "http://127.0.0.1:8000/v1", "VLLM_API_KEY"),
    server("xai", "https://api.x.ai/v1", "XAI_API_KEY"),
    server("zai", "https://api.z.ai/api/paas/v4", "ZAI_API_KEY"),
];

impl KnownServer {
    /// Returns every server.
    pub(super) fn all() -> impl Iterator<Item = &'static Self> {
        SERVERS.iter()
    }

    /// Finds the server of a provider.
    pub(super) fn find(id: &str) -> Option<&'static Self> {
        Self::all().find(|server| server.id == id)
    }
}
