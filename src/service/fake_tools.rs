//! Fake tools of service managers for tests: scripts that end as a test wants and record how they were called.

use crate::environment::Environment;
use crate::host::Host;
use crate::instance::{Instance, InstanceContext};
use crate::profile::ProfileName;

/// Runs `act` in a test on a host where these tools run a shell script, in which `$0` is the tool and `$n` the number
/// of the call. Returns the result of `act`, and the command line of each call.
pub(super) fn with_tools<T>(
    tools: &[&str],
    script: &str,
    act: impl FnOnce(InstanceContext<'_>) -> T,
) -> (T, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    crate::apply::write_file(&folder.join("script"), script.as_bytes()).unwrap();
    for tool in tools {
        let shim = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/shim");
        #[expect(clippy::disallowed_methods, reason = "a tool is a link to the shim")]
        std::os::unix::fs::symlink(shim, folder.join(tool)).unwrap();
    }
    let vars = [
        ("PATH", format!("{}:/usr/bin:/bin", folder.display())),
        ("USERDOMAIN", "PC".to_owned()),
        ("USERNAME", "ada".to_owned()),
    ];
    let host = Host::fixed(&[], vars);
    let env = Environment {
        home: folder.join("home"),
        ..Environment::default()
    };
    let instance = Instance::canonical(&env.home, ProfileName::parse("rescue").unwrap());
    let result = act(InstanceContext {
        host: &host,
        env: &env,
        instance: &instance,
    });
    let calls = crate::host::read::text(&folder.join("calls")).unwrap_or_default();
    (result, calls.lines().map(str::to_owned).collect())
}
