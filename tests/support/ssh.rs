//! Remote hosts of a test: the real `sshd`, one for each host and each in a home folder of its own.
//!
//! `ssh` starts the server at each connection and talks to it over a pipe, so that no port is used and nothing runs on.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Reason, Sandbox, put_program, skipped};

/// Path of the server, which is on no user's search path.
const SSHD: &str = "/usr/sbin/sshd";

/// The other hosts of a sandbox, as its `ssh` knows them.
pub struct SshHosts {
    folder: PathBuf,
    user: String,
}

impl SshHosts {
    /// Gives a sandbox an `ssh` that knows hosts of this test only, and a key that they accept. `None` where there is no
    /// server; the test counts as skipped then.
    #[track_caller]
    pub fn new(sandbox: &Sandbox) -> Option<Self> {
        if !Path::new(SSHD).exists() {
            skipped(Reason::NoProgram("sshd"), "remote hosts");
            return None;
        }
        let folder = sandbox.path("ssh");
        std::fs::create_dir_all(&folder).expect("a folder");
        make_key(&folder.join("client"));
        let user = Command::new("id").arg("-un").output().expect("id").stdout;
        let user = String::from_utf8(user).expect("UTF-8").trim().to_owned();
        let config = format!(
            "Host *\n  IdentityFile {0}/client\n  UserKnownHostsFile {0}/known\n  StrictHostKeyChecking ask\n  User {user}\n",
            folder.display()
        );
        std::fs::write(folder.join("config"), config).expect("a file");
        std::fs::write(folder.join("known"), "").expect("a file");
        let script = format!(
            "#!/bin/sh\nexec /usr/bin/ssh -F {}/config \"$@\"\n",
            folder.display()
        );
        sandbox.script("bin/ssh", script);
        // The server of a user without privileges needs no folder for separating them.
        if rustix::process::geteuid().is_root() {
            std::fs::create_dir_all("/run/sshd").expect("the server's folder");
        }
        Some(Self { folder, user })
    }

    /// Returns the search path of a sandbox whose first program is its own `ssh`.
    pub fn search_path(sandbox: &Sandbox) -> String {
        format!("{}:/usr/bin:/bin", sandbox.path("bin").display())
    }

    /// Adds a host with this home folder. The programs there are this one as `openclaw`, and those of the system.
    pub fn add(&self, name: &str, home: &Path) {
        let programs = home.join("bin");
        std::fs::create_dir_all(&programs).expect("a folder");
        let program = programs.join("openclaw");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_openclaw"), &program).expect("a link");
        self.add_server(name, home);
        self.trust(name, &self.host_key(name));
    }

    /// Adds a host with a home folder, whose key is not known yet.
    pub fn add_server(&self, name: &str, home: &Path) {
        let folder = &self.folder;
        std::fs::create_dir_all(home).expect("a folder");
        make_key(&folder.join(format!("{name}.key")));
        let server = format!(
            "HostKey {folder}/{name}.key\nAuthorizedKeysFile {folder}/client.pub\nStrictModes no\nUsePAM no\nPidFile none\n\
             PermitRootLogin yes\nPrintMotd no\nSetEnv HOME={home} PATH={home}/bin:/usr/bin:/bin\n",
            folder = folder.display(),
            home = home.display(),
        );
        std::fs::write(folder.join(format!("{name}.server")), server).expect("a file");
        self.connect_by(name, &format!("{SSHD} -i -f {}/{name}.server", folder.display()));
    }

    /// Returns the command of a server that listens at an address for a host that was added, until it is killed.
    pub fn server(&self, name: &str, address: &str) -> Command {
        let mut command = Command::new(SSHD);
        command
            .args(["-D", "-e", "-f"])
            .arg(self.folder.join(format!("{name}.server")));
        command.args(["-o", &format!("ListenAddress={address}")]);
        command
    }

    /// Makes `ssh` reach a host by its address on the network, which takes the place of the pipe.
    pub fn connect_to(&self, name: &str, address: &str) {
        self.configure(
            name,
            &format!("ProxyCommand none\n  HostName {address}\n  HostKeyAlias {name}"),
        );
    }

    /// Makes `ssh` reach a host by the standard streams of a command.
    pub fn connect_by(&self, name: &str, command: &str) {
        self.configure(name, &format!("ProxyCommand {command}"));
    }

    /// Puts a setting of a host in front of the others: the first value that `ssh` reads is the one that it uses.
    fn configure(&self, name: &str, setting: &str) {
        let config = self.folder.join("config");
        let text = std::fs::read_to_string(&config).expect("the config");
        std::fs::write(config, format!("Host {name}\n  {setting}\n{text}")).expect("a file");
    }

    /// Returns the public key of a host.
    pub fn host_key(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join(format!("{name}.key.pub"))).expect("a key")
    }

    /// Makes this key the known one of a host.
    pub fn trust(&self, name: &str, key: &str) {
        let known = self.folder.join("known");
        let text = std::fs::read_to_string(&known).expect("the known hosts");
        let others = text.lines().filter(|line| !line.starts_with(&format!("{name} ")));
        let lines: Vec<_> = others
            .map(str::to_owned)
            .chain([format!("{name} {key}")])
            .collect();
        std::fs::write(known, lines.join("\n")).expect("a file");
    }

    /// Makes every host refuse the key of this sandbox.
    pub fn lose_key(&self) {
        make_key(&self.folder.join("other"));
        std::fs::copy(self.folder.join("other"), self.folder.join("client")).expect("a key");
        // `ssh` offers the public half beside it.
        std::fs::copy(self.folder.join("other.pub"), self.folder.join("client-now.pub")).expect("a key");
    }

    /// Returns the address of a host as a user gives it.
    pub fn address(&self, name: &str) -> String {
        format!("{}@{name}", self.user)
    }
}

/// Makes a key without a passphrase.
fn make_key(path: &Path) {
    if path.exists() {
        return;
    }
    let mut command = Command::new("ssh-keygen");
    command
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
        .arg(path);
    assert!(command.status().expect("ssh-keygen").success());
}

/// Puts a script in the place of `openclaw` on a host.
pub fn replace_program(remote: &Sandbox, script: &str) {
    let program = remote.path("bin/openclaw");
    std::fs::remove_file(&program).expect("the program");
    let text = remote.write("script.text", script);
    put_program(text, &program);
}
