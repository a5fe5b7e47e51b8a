//! The users of the system, as its file passwd(5) lists them. Users of a directory service are not among them.

use std::path::Path;

use super::read;

/// The file with the users of the system.
const USER_FILE: &str = "/etc/passwd";

/// A user of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UserEntry<'t> {
    /// The name of the user.
    pub(crate) name: &'t str,
    /// The number of the user.
    pub(crate) id: u32,
    /// The program that a login starts.
    pub(crate) shell: &'t str,
}

/// Returns the text of the file with the users of the system; an empty one where it can't be read.
pub(crate) fn user_file() -> String {
    read::text(Path::new(USER_FILE)).unwrap_or_default()
}

/// Parses the text of a passwd(5) file. Lines of another form are left out.
pub(crate) fn parse_users(passwd: &str) -> impl Iterator<Item = UserEntry<'_>> {
    passwd.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, id, _, _, _, shell] = fields[..] else {
            return None;
        };
        let id = id.parse().ok()?;
        Some(UserEntry { name, id, shell })
    })
}
