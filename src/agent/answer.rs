//! An agent's answer in a channel: its text as a message of the bot, and its growth while the model writes.
//!
//! A channel limits how often a message may be edited, so that an answer is shown as it was a moment ago. The sign that the
//! bot is writing is shown until the first words are there, and again while a tool works.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::bot::chat::{Counterpart, Line, Message};
use crate::i18n::{Lang, msg};

/// Minimum time between two edits of the message with an answer that grows.
const EDIT_INTERVAL: Duration = Duration::from_millis(1500);
/// Maximum length of an answer that is shown while it grows, in characters: it fits one message of every channel. A longer one
/// is shown as it was, until it is complete and comes in parts.
const MAX_GROWING: usize = 1_000;
/// Time after which the sign that the bot is writing is shown again.
const TYPING_INTERVAL: Duration = Duration::from_secs(4);

/// Returns an answer of a model as a message of the bot. Headings and blocks of code are kept, and marks of emphasis are
/// left out: a channel escapes them.
pub(crate) fn message(text: &str) -> Message {
    let mut message = Message::default();
    let mut fence: Option<String> = None;
    for line in text.trim().lines() {
        let is_fence = line.trim_start().starts_with("```");
        match (&mut fence, is_fence) {
            (None, true) => fence = Some(String::new()),
            (Some(_), true) => message.lines.extend(fence.take().map(Line::Quote)),
            (Some(block), false) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, false) => message.lines.push(plain_line(line)),
        }
    }
    // A block that is still being written.
    message.lines.extend(fence.map(Line::Quote));
    message
}

/// Returns a line of Markdown as a line of a message.
fn plain_line(line: &str) -> Line {
    let line = line.trim_end().replace("**", "");
    let bare = line.trim_start_matches('#');
    if bare.len() < line.len() && bare.starts_with(' ') {
        return Line::Heading(msg!("bot.said", text = bare.trim()));
    }
    let start = line.trim_start();
    let item = start.strip_prefix("- ").or_else(|| start.strip_prefix("* "));
    Line::Paragraph(item.map_or_else(|| line.clone(), |item| format!("• {item}")))
}

/// A message in a channel that shows an answer as it was a moment ago.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ShownAnswer {
    /// The id of the message.
    pub(super) id: String,
    /// The text of the answer that it shows.
    pub(super) text: String,
}

/// Shows an answer in a channel while it grows, until its sender is gone, and returns the message that shows it; `None`
/// where none was sent. A message that is on its way is waited for: its id is needed to put the whole answer in its place.
pub(super) async fn show(
    mut growth: watch::Receiver<String>,
    other: &dyn Counterpart,
    lang: Lang,
) -> Option<ShownAnswer> {
    let ended = growth.clone();
    let mut shown = other.shown().map(|id| ShownAnswer {
        id,
        text: String::new(),
    });
    let mut next_edit = Instant::now();
    loop {
        if shown.is_none() {
            tokio::select! {
                () = other.show_typing() => {}
                () = has_ended(ended.clone()) => return shown,
            }
        }
        let has_grown = match tokio::time::timeout(TYPING_INTERVAL, growth.changed()).await {
            Ok(Err(_)) => return shown,
            grown => grown.is_ok(),
        };
        if !has_grown {
            continue;
        }
        if tokio::time::timeout_at(next_edit, has_ended(ended.clone()))
            .await
            .is_ok()
        {
            return shown;
        }
        let text = growth.borrow_and_update().clone();
        if text.trim().is_empty() || (shown.is_some() && text.chars().count() > MAX_GROWING) {
            continue;
        }
        let text: String = text.chars().take(MAX_GROWING).collect();
        let message = message(&text);
        let id = if let Some(shown) = shown.take() {
            other.replace(&shown.id, &message, lang).await;
            Some(shown.id)
        } else {
            let id = other.say(&message, lang).await;
            if let Some(id) = &id {
                other.keep_shown(id).await;
            }
            id
        };
        shown = id.map(|id| ShownAnswer { id, text });
        next_edit = Instant::now() + EDIT_INTERVAL;
    }
}

/// Waits until an answer does not grow any more.
async fn has_ended(mut growth: watch::Receiver<String>) {
    while growth.changed().await.is_ok() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_lines_of_a_message() {
        let text = "# Cause\n**Port** 18789 is taken:\n\n```sh\nss -ltn\n```\n- stop it\nDone #1";
        let lines = message(text).lines;
        let paragraph = |text: &str| Line::Paragraph(text.to_owned());
        assert_eq!(
            lines,
            [
                Line::Heading(msg!("bot.said", text = "Cause")),
                paragraph("Port 18789 is taken:"),
                paragraph(""),
                Line::Quote("ss -ltn\n".to_owned()),
                paragraph("• stop it"),
                paragraph("Done #1"),
            ]
        );
    }

    #[test]
    fn block_that_is_still_being_written_is_shown() {
        assert_eq!(message("```\nls").lines, [Line::Quote("ls\n".to_owned())]);
        assert_eq!(message("").lines, []);
    }
}
