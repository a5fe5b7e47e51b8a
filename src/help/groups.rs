//! The headings of a help page, and the order of the arguments below them.

use clap::Arg;

/// The groups of flags in the help of `onboard`, which has too many for one list: the key of a heading, and the
/// arguments below it.
const ONBOARD_GROUPS: &[(&str, &[&str])] = &[
    (
        "help.heading.run",
        &[
            "flow",
            "non_interactive",
            "accept_risk",
            "check",
            "answers",
            "save_answers",
            "dry_run",
            "json",
        ],
    ),
    (
        "help.heading.instance",
        &[
            "engine",
            "workspace",
            "skip_bootstrap",
            "existing",
            "reset",
            "reset_scope",
            "watch",
        ],
    ),
    (
        "help.heading.gateway",
        &[
            "mode",
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
        &[
            "channel",
            "channel_token",
            "channel_token_file",
            "channel_owner",
            "skip_channels",
        ],
    ),
    (
        "help.heading.service",
        &["install_daemon", "no_install_daemon", "linger", "skip_health"],
    ),
    (
        COMPATIBILITY_HEADING,
        &[
            "skip_daemon",
            "tailscale",
            "skip_skills",
            "skip_ui",
            "skip_hooks",
            "skip_search",
        ],
    ),
];

/// Key of the heading above the flags that are accepted only because OpenClaw has them. A help page shows them where
/// `--help-all` is given.
const COMPATIBILITY_HEADING: &str = "help.heading.compatible";

/// Rank of the global command-line arguments in a help page, far behind every group of `onboard`.
const GLOBAL_RANK: usize = 9_000;

/// Returns `true` if a flag of a command is accepted only because OpenClaw has it.
pub(super) fn is_compatibility_flag(path: &str, arg: &Arg) -> bool {
    rank_and_heading(path, false, arg).1 == COMPATIBILITY_HEADING
}

/// Returns the rank of a command-line argument in a help page, and the catalogue key of its heading.
pub(super) fn rank_and_heading(path: &str, is_root: bool, arg: &Arg) -> (usize, &'static str) {
    if is_root {
        return (GLOBAL_RANK, "help.heading.global");
    }
    if arg.is_positional() {
        return (0, "help.heading.arguments");
    }
    if path == "onboard" {
        for (group, (heading, ids)) in ONBOARD_GROUPS.iter().enumerate() {
            if let Some(at) = ids.iter().position(|id| arg.get_id() == id) {
                return (100 * (group + 1) + at, heading);
            }
        }
    }
    (GLOBAL_RANK - 1, "help.heading.options")
}
