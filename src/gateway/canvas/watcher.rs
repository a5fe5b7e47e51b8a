//! The watcher of the canvas folder: counts bursts of changes.
//!
//! The folder is watched from the first page that asks on. Only names below it are considered: it lies in a
//! hidden folder itself, and OpenClaw 2026.1.30, which considers the whole path, reports no change at all.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::gateway::debounce::next_burst;
use crate::sync::lock;

/// Time without a change in the canvas folder after which a burst of changes is over
/// (docs/openclaw.md#canvas-reload).
const QUIET_PERIOD: Duration = Duration::from_millis(75);
/// Maximum time from the first change of a burst in the canvas folder until canvas pages are reloaded.
const MAX_BURST: Duration = Duration::from_millis(750);

/// The watcher of the canvas folder, which starts when it is first needed.
#[derive(Debug, Default)]
pub(crate) struct CanvasWatcher(Mutex<Option<WatchedFolder>>);

impl CanvasWatcher {
    /// Returns the number of bursts of changes in the canvas folder, as a channel that changes with the next burst.
    /// `None` where the folder can't be watched.
    pub(super) fn changes(&self, root: &Path) -> Option<watch::Receiver<u64>> {
        let mut watched = lock(&self.0);
        let is_current = |folder: &WatchedFolder| folder.root == root && folder.file_id == file_id(root);
        if !watched.as_ref().is_some_and(is_current) {
            *watched = WatchedFolder::new(root).ok();
        }
        let mut changes = watched.as_ref()?.changes.clone();
        changes.mark_unchanged();
        Some(changes)
    }
}

/// A canvas folder that is watched for changes for as long as the value lives.
#[derive(Debug)]
struct WatchedFolder {
    root: PathBuf,
    /// The folder that was at `root`: one that was deleted and created again is another.
    file_id: Option<(u64, u64)>,
    changes: watch::Receiver<u64>,
    _watcher: RecommendedWatcher,
    /// The task that counts the changes; it ends with this value.
    _counter: JoinSet<()>,
}

impl WatchedFolder {
    /// Starts watching a canvas folder for changes.
    fn new(root: &Path) -> notify::Result<Self> {
        let change = Arc::new(Notify::new());
        let (notified, folder) = (change.clone(), root.to_owned());
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // An error may have swallowed a change.
            if event.map_or(true, |event| is_visible_change(&event, &folder)) {
                notified.notify_one();
            }
        })?;
        watcher.watch(root, RecursiveMode::Recursive)?;
        let (bursts, counted) = watch::channel(0);
        let mut tasks = JoinSet::new();
        tasks.spawn(count_bursts(change, bursts));
        Ok(Self {
            root: root.to_owned(),
            file_id: file_id(root),
            changes: counted,
            _watcher: watcher,
            _counter: tasks,
        })
    }
}

/// Counts bursts of changes in the canvas folder for ever.
async fn count_bursts(change: Arc<Notify>, bursts: watch::Sender<u64>) {
    loop {
        next_burst(&change, QUIET_PERIOD, MAX_BURST).await;
        bursts.send_modify(|count| *count += 1);
    }
}

/// Returns whether an event of the file system changed something visible below `root`, the canvas folder. Reading is
/// not a change, or each request would cause one.
fn is_visible_change(event: &Event, root: &Path) -> bool {
    let is_visible = |path: &PathBuf| {
        let below = path.strip_prefix(root).unwrap_or(path);
        !below
            .components()
            .any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"."))
    };
    !matches!(event.kind, EventKind::Access(_))
        && (event.paths.is_empty() || event.paths.iter().any(is_visible))
}

/// Returns the device and inode number of a canvas folder, where the system has them.
#[cfg(unix)]
fn file_id(folder: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(folder).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn file_id(_folder: &Path) -> Option<(u64, u64)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{AccessKind, CreateKind};
    use tokio::time::timeout;

    #[test]
    fn only_changes_of_visible_names_below_the_folder_count() {
        let root = Path::new("/home/u/.openclaw-rescue/canvas");
        let counts = |kind: EventKind, path: &str| {
            is_visible_change(&Event::new(kind).add_path(root.join(path)), root)
        };
        let created = EventKind::Create(CreateKind::File);
        assert!(counts(created, "index.html"), "below a hidden folder");
        assert!(counts(created, "a/b.css"));
        assert!(!counts(created, ".index.html.tmp"));
        assert!(!counts(created, ".git/index"));
        assert!(!counts(EventKind::Access(AccessKind::Any), "index.html"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_folder_that_is_never_quiet_still_reloads_pages() {
        let change = Arc::new(Notify::new());
        let (bursts, mut counted) = watch::channel(0);
        tokio::spawn(count_bursts(change.clone(), bursts));
        tokio::spawn(async move {
            loop {
                change.notify_one();
                tokio::time::sleep(QUIET_PERIOD / 2).await;
            }
        });
        timeout(MAX_BURST * 2, counted.changed())
            .await
            .expect("in time")
            .unwrap();
    }

    #[tokio::test(start_paused = true)]
    #[expect(
        clippy::disallowed_methods,
        reason = "the test changes the files that are watched"
    )]
    async fn a_change_in_a_hidden_folder_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join(".openclaw-rescue/canvas");
        std::fs::create_dir_all(&root).unwrap();
        let watcher = CanvasWatcher::default();
        let mut changes = watcher.changes(&root).unwrap();
        std::fs::write(root.join("index.html"), "1").unwrap();
        changes.changed().await.unwrap();
        assert!(*changes.borrow() >= 1);
    }
}
