//! Under which heading an argument stands, and in which order the headings come.

use clap::Arg;

/// The groups of `onboard`, which has too many flags for one list: heading and the arguments below it.
const ONBOARD: &[(&str, &[&str])] = &[
    (
        "help.heading.run",
        &[
            "flow",
            "non_interactive",
            "accept_risk",
            "answers",
            "save_answers",
            "dry_run",
            "json",
        ],
    ),
    (
        "help.heading.instance",
        &["workspace", "skip_bootstrap", "existing", "reset", "reset_scope"],
    ),
    (
        "help.heading.gateway",
        &[
            "gateway_port",
            "gateway_bind",
            "gateway_custom_host",
            "gateway_auth",
            "gateway_token",
            "gateway_token_file",
            "gateway_password",
            "gateway_password_file",
        ],
    ),
    (
        "help.heading.model",
        &[
            "auth_choice",
            "api_key_file",
            "anthropic_api_key",
            "openai_api_key",
            "openrouter_api_key",
            "gemini_api_key",
            "custom_api_key",
            "custom_base_url",
            "custom_model_id",
            "custom_provider_id",
            "model",
        ],
    ),
    (
        "help.heading.channel",
        &["channel", "channel_token", "channel_token_file", "skip_channels"],
    ),
    (
        "help.heading.service",
        &["install_daemon", "no_install_daemon", "skip_daemon"],
    ),
    (
        "help.heading.compatible",
        &[
            "mode",
            "tailscale",
            "skip_health",
            "skip_skills",
            "skip_ui",
            "skip_hooks",
            "skip_search",
        ],
    ),
];

/// Far behind every group of `onboard`.
const LAST: usize = 9_000;

/// The rank and the heading's key of an argument.
pub(super) fn of(path: &str, is_root: bool, arg: &Arg) -> (usize, &'static str) {
    if is_root {
        return (LAST, "help.heading.global");
    }
    if arg.is_positional() {
        return (0, "help.heading.arguments");
    }
    if path == "onboard" {
        for (group, (heading, ids)) in ONBOARD.iter().enumerate() {
            if let Some(at) = ids.iter().position(|id| arg.get_id() == id) {
                return (100 * (group + 1) + at, heading);
            }
        }
    }
    (LAST - 1, "help.heading.options")
}
