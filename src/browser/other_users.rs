//! The other people who use this machine, whom `browser doctor` warns about.
//!
//! Chromium's debugging port requires no authentication: any process that can connect to loopback can drive a running
//! browser, whatever the gateway in front of it requires. A web page cannot (Chromium refuses a WebSocket request
//! with an `Origin`, and a `Host` that is not an address), but a process of another user can, and no option of
//! Chromium prevents that on a port.

use std::path::Path;

use crate::host::{Host, read};

/// The range of user ids that systems give to people (`UID_MIN` to `UID_MAX` of login.defs(5)). `nobody` lies above.
const PERSON_UIDS: std::ops::Range<u32> = 1000..60000;
/// Names of login shells that refuse every login.
const NO_LOGIN_SHELLS: [&str; 3] = ["nologin", "false", "sync"];

/// Returns the names of other people who can run programs on this machine, as far as `/etc/passwd` lists them.
pub(super) fn find_names(host: &Host) -> Vec<String> {
    let own = host.user_id();
    let text = read::text(Path::new("/etc/passwd")).unwrap_or_default();
    parse_names(&text, own)
}

/// Parses the names of people with a login shell from a passwd(5) file, without the user `own`.
fn parse_names(passwd: &str, own: Option<u32>) -> Vec<String> {
    let other_person = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, _, _, _, shell] = fields[..] else {
            return None;
        };
        let uid: u32 = uid.parse().ok()?;
        let shell = shell.rsplit('/').next().unwrap_or_default();
        let is_other = PERSON_UIDS.contains(&uid) && Some(uid) != own && !NO_LOGIN_SHELLS.contains(&shell);
        is_other.then(|| name.to_owned())
    };
    passwd.lines().filter_map(other_person).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_people_are_users_with_a_login_shell_except_oneself() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\n\
            daemon:x:1:1::/usr/sbin:/usr/sbin/nologin\n\
            ada:x:1000:1000:Ada,,,:/home/ada:/bin/bash\n\
            bora:x:1001:1001::/home/bora:/usr/bin/zsh\n\
            backup:x:1002:1002::/srv:/usr/sbin/nologin\n\
            broken:x:1003\n\
            nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n";
        assert_eq!(parse_names(passwd, Some(1000)), ["bora"]);
        assert_eq!(parse_names(passwd, Some(0)), ["ada", "bora"]);
        assert!(parse_names("", None).is_empty());
    }
}
