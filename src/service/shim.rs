//! Tools of managers that are not here, for tests: scripts that end as a test wants and note how they were
//! called.

use crate::environment::Environment;
use crate::host::Host;
use crate::instance::Instance;
use crate::profile::ProfileName;

use super::Site;

/// Runs `act` where these tools do what this script of the shell says: `$0` is the tool, `$n` tells for the how
/// manieth call in all it is. Gives what came of it, and each call as it was typed.
pub(super) fn with<T>(tools: &[&str], script: &str, act: impl FnOnce(Site<'_>) -> T) -> (T, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    crate::apply::write_file(&here.join("script"), script.as_bytes()).unwrap();
    for tool in tools {
        let shim = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/shim");
        std::os::unix::fs::symlink(shim, here.join(tool)).unwrap();
    }
    let vars = [
        ("PATH", format!("{}:/usr/bin:/bin", here.display())),
        ("USERDOMAIN", "PC".to_owned()),
        ("USERNAME", "ada".to_owned()),
    ];
    let host = Host::fixed(&[], vars);
    let env = Environment {
        home: here.join("home"),
        ..Environment::default()
    };
    let instance = Instance::canonical(&env.home, ProfileName::parse("rescue").unwrap());
    let came = act(Site {
        host: &host,
        env: &env,
        instance: &instance,
    });
    let calls = crate::host::read::text(&here.join("calls")).unwrap_or_default();
    (came, calls.lines().map(str::to_owned).collect())
}
