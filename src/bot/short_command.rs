//! Commands of buttons for channels that limit their length: a long name of a profile is replaced by a key that is made of
//! it, so that a button works after a restart of the bot too.

use sha2::{Digest as _, Sha256};

use crate::profile::ProfileName;

/// Maximum size of a button's command in any channel, in bytes: that of Telegram
/// (<https://core.telegram.org/bots/api#inlinekeyboardbutton>).
const MAX_BYTES: usize = 64;
/// The mark of a key, which no name of a profile begins with.
const MARK: char = '=';
/// Number of bytes of a hash that make a key.
const KEY_BYTES: usize = 8;

/// Returns a command as a button has it: the name of a profile at its end is replaced by its key where the command is too
/// long.
pub(super) fn shorten(command: &str) -> String {
    match command.rsplit_once(' ') {
        Some((words, name)) if command.len() > MAX_BYTES => format!("{words} {}", key(name)),
        _ => command.to_owned(),
    }
}

/// Returns whether the command of a button has a key in the place of a name.
pub(super) fn is_short(command: &str) -> bool {
    command
        .rsplit_once(' ')
        .is_some_and(|(_, last)| last.starts_with(MARK))
}

/// Returns the command of a button with the name for which its key stands; as it is where it has no key, or none of these
/// names is meant.
pub(super) fn expand<'a>(command: &str, mut names: impl Iterator<Item = &'a ProfileName>) -> String {
    let expanded = command
        .rsplit_once(' ')
        .filter(|(_, last)| last.starts_with(MARK))
        .and_then(|(words, last)| {
            let name = names.find(|name| key(name.as_str()) == last)?;
            Some(format!("{words} {name}"))
        });
    expanded.unwrap_or_else(|| command.to_owned())
}

/// Returns the key of a name.
fn key(name: &str) -> String {
    let hash = Sha256::digest(name);
    format!("{MARK}{}", hex::encode(&hash[..KEY_BYTES]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_name_becomes_a_key_and_is_found_again() {
        let name = ProfileName::parse(&"n".repeat(64)).unwrap();
        let other = ProfileName::parse(&"m".repeat(64)).unwrap();
        for word in ["/repair", "/diagnose", "/logs", "/start", "/status"] {
            let command = format!("{word} {name}");
            let short = shorten(&command);
            assert!(short.len() <= MAX_BYTES && is_short(&short), "{short}");
            assert_eq!(expand(&short, [&other, &name].into_iter()), command);
            assert_eq!(expand(&short, [&other].into_iter()), short, "it is gone");
        }
    }

    #[test]
    fn command_that_fits_stays_as_it_is() {
        for command in ["/repair default", "/yes ABC234", "/mute 1h", "/help"] {
            assert_eq!(shorten(command), command);
            assert!(!is_short(command));
            assert_eq!(expand(command, std::iter::empty()), command);
        }
    }
}
