//! Who else uses this machine. Chromium's debugging port asks nobody for a proof: whoever can connect to
//! the loopback can drive a browser that runs, whatever the gateway in front of it demands. No page can
//! (Chromium refuses a WebSocket that brings an `Origin`, and a `Host` that is no address), but another
//! user's process can, and nothing that Chromium offers on a port changes that. So who that would be is
//! said before it matters.

use std::path::Path;

use crate::host::{Host, read};

/// The numbers that systems give to people (login.defs(5)); `nobody` lies above.
const PEOPLE: std::ops::Range<u32> = 1000..60000;
/// Shells that let nobody in.
const CLOSED: [&str; 3] = ["nologin", "false", "sync"];

/// The names of other people who may run programs on this machine, as far as its own list of users tells.
pub fn others(host: &Host) -> Vec<String> {
    let own = host.user_id();
    let text = read::text(Path::new("/etc/passwd")).unwrap_or_default();
    people(&text, own)
}

/// Those in the text of passwd(5) who are not `own`.
fn people(passwd: &str, own: Option<u32>) -> Vec<String> {
    let person = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, _, _, _, shell] = fields[..] else {
            return None;
        };
        let uid: u32 = uid.parse().ok()?;
        let shell = shell.rsplit('/').next().unwrap_or_default();
        let is_other = PEOPLE.contains(&uid) && Some(uid) != own && !CLOSED.contains(&shell);
        is_other.then(|| name.to_owned())
    };
    passwd.lines().filter_map(person).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_those_who_may_log_in_and_are_not_oneself() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\n\
            daemon:x:1:1::/usr/sbin:/usr/sbin/nologin\n\
            ada:x:1000:1000:Ada,,,:/home/ada:/bin/bash\n\
            bora:x:1001:1001::/home/bora:/usr/bin/zsh\n\
            backup:x:1002:1002::/srv:/usr/sbin/nologin\n\
            broken:x:1003\n\
            nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n";
        assert_eq!(people(passwd, Some(1000)), ["bora"]);
        assert_eq!(people(passwd, Some(0)), ["ada", "bora"]);
        assert!(people("", None).is_empty());
    }
}
