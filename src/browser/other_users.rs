//! The other people who use this machine, whom `browser doctor` warns about.
//!
//! Chromium's debugging port requires no authentication: any process that can connect to loopback can drive a running
//! browser, whatever the gateway in front of it requires. A web page cannot (Chromium refuses a WebSocket request
//! with an `Origin`, and a `Host` that is not an address), but a process of another user can, and no option of
//! Chromium prevents that on a port.

use crate::host::{self, Host};

/// The range of user ids that systems give to people (`UID_MIN` to `UID_MAX` of login.defs(5)). `nobody` lies above.
const PERSON_UIDS: std::ops::Range<u32> = 1000..60000;
/// Names of login shells that refuse every login.
const NO_LOGIN_SHELLS: [&str; 3] = ["nologin", "false", "sync"];

/// Returns the names of other people who can run programs on this machine, as far as `/etc/passwd` lists them.
pub(super) fn find_names(host: &Host) -> Vec<String> {
    let own = host.user_id();
    names_of_others(&host::user_file(), own)
}

/// Returns the names of people with a login shell in a passwd(5) file, without the user `own`.
fn names_of_others(passwd: &str, own: Option<u32>) -> Vec<String> {
    let others = host::parse_users(passwd).filter(|user| {
        let shell = user.shell.rsplit('/').next().unwrap_or_default();
        PERSON_UIDS.contains(&user.id) && Some(user.id) != own && !NO_LOGIN_SHELLS.contains(&shell)
    });
    others.map(|user| user.name.to_owned()).collect()
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
        assert_eq!(names_of_others(passwd, Some(1000)), ["bora"]);
        assert_eq!(names_of_others(passwd, Some(0)), ["ada", "bora"]);
        assert!(names_of_others("", None).is_empty());
    }
}
