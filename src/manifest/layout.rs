//! Paths, user and limits inside of a container, which are those of both images.

/// Home folder in a container: the one folder of it that is kept. It is that of OpenClaw's image and of this program's.
pub(super) const CONTAINER_HOME: &str = "/home/node";
/// State folder in a container.
pub(super) const CONTAINER_STATE: &str = "/home/node/.openclaw";
/// Path of the config in a container.
pub(super) const CONTAINER_CONFIG: &str = "/home/node/.openclaw/openclaw.json";
/// Path at which a container reads the config that it starts with when it has none; its folder, and its name there.
pub(super) const SEED_CONFIG: &str = "/etc/openclaw/openclaw.json";
pub(super) const SEED_FOLDER: &str = "/etc/openclaw";
pub(super) const SEED_FILE_NAME: &str = "openclaw.json";
/// User and group of a container: `node` in both images.
pub(super) const CONTAINER_USER: u32 = 1000;
/// Maximum number of processes in a container.
pub(super) const MAX_PROCESSES: u32 = 512;
