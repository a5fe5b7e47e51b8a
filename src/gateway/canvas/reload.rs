//! Tells pages that something in the folder has changed: the text `reload`, 75 ms after the last of a
//! burst of changes.
//!
//! The folder is watched from the first page that asks on. Only names below it are looked at: it lies
//! itself in a hidden folder, and OpenClaw 2026.1.30, which looks at the whole path, tells nobody anything.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::Canvas;
use crate::gateway::shared::Shared;

/// After a change, as long without another one before pages are told (docs/openclaw.md#canvas-reload).
const QUIET: Duration = Duration::from_millis(75);
/// A page takes the word within this time, or it is let go.
const WRITE: Duration = Duration::from_secs(10);

/// A folder that is watched.
#[derive(Debug)]
pub(super) struct Watcher {
    root: PathBuf,
    /// Which folder stood there: one that was removed and made anew is another.
    identity: Option<(u64, u64)>,
    changes: watch::Receiver<u64>,
    /// Watches for as long as it is kept.
    _kept: RecommendedWatcher,
}

impl Watcher {
    fn new(root: &Path) -> notify::Result<Self> {
        let (heard, mut events) = mpsc::unbounded_channel();
        let below = root.to_owned();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // Events that were lost are a change, too. Nobody listening any more is no error.
            if event.map_or(true, |event| counts(&event, &below)) {
                let _ = heard.send(());
            }
        })?;
        watcher.watch(root, RecursiveMode::Recursive)?;
        let (tell, changes) = watch::channel(0);
        tokio::spawn(async move {
            while events.recv().await.is_some() {
                while let Ok(Some(())) = timeout(QUIET, events.recv()).await {}
                tell.send_modify(|count| *count += 1);
            }
        });
        Ok(Self {
            root: root.to_owned(),
            identity: identity(root),
            changes,
            _kept: watcher,
        })
    }
}

/// Whether something visible has changed. That a file was read is no change, or each answer would be one.
fn counts(event: &Event, root: &Path) -> bool {
    let visible = |path: &PathBuf| {
        let below = path.strip_prefix(root).unwrap_or(path);
        !below
            .components()
            .any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"."))
    };
    !matches!(event.kind, EventKind::Access(_)) && (event.paths.is_empty() || event.paths.iter().any(visible))
}

#[cfg(unix)]
fn identity(folder: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let facts = std::fs::metadata(folder).ok()?;
    Some((facts.dev(), facts.ino()))
}

#[cfg(not(unix))]
fn identity(_folder: &Path) -> Option<(u64, u64)> {
    None
}

impl Canvas {
    /// The changes of this folder from now on. `None` where it can't be watched.
    fn changes(&self, root: &Path) -> Option<watch::Receiver<u64>> {
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |watcher: &Watcher| watcher.root == root && watcher.identity == identity(root);
        if !watcher.as_ref().is_some_and(same) {
            *watcher = Watcher::new(root).ok();
        }
        let mut changes = watcher.as_ref()?.changes.clone();
        changes.mark_unchanged();
        Some(changes)
    }
}

/// One page that wants to know.
pub(super) async fn serve(shared: Arc<Shared>, mut socket: WebSocket) {
    let of = shared.clone();
    // Off this thread: the whole folder is walked, and a workspace may be a large one.
    let begun = tokio::task::spawn_blocking(move || {
        let root = of.canvas.root(&of.live().config);
        of.canvas.changes(&root)
    });
    let Ok(Some(mut changes)) = begun.await else {
        return;
    };
    loop {
        tokio::select! {
            ended = changes.changed() => {
                let told = timeout(WRITE, socket.send(Message::Text("reload".into())));
                if ended.is_err() || !matches!(told.await, Ok(Ok(()))) {
                    return;
                }
            }
            heard = socket.recv() => if !matches!(heard, Some(Ok(_))) {
                return;
            },
            _ = shared.stopped() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{AccessKind, CreateKind};

    #[test]
    fn only_what_is_visible_below_the_folder_counts() {
        let root = Path::new("/home/u/.openclaw-rescue/canvas");
        let counts = |kind: EventKind, path: &str| counts(&Event::new(kind).add_path(root.join(path)), root);
        let made = EventKind::Create(CreateKind::File);
        assert!(counts(made, "index.html"), "below a hidden folder");
        assert!(counts(made, "a/b.css"));
        assert!(!counts(made, ".index.html.tmp"));
        assert!(!counts(made, ".git/index"));
        assert!(!counts(EventKind::Access(AccessKind::Any), "index.html"));
    }

    #[tokio::test(start_paused = true)]
    #[expect(
        clippy::disallowed_methods,
        reason = "the test changes the files that are watched"
    )]
    async fn a_change_below_a_hidden_folder_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join(".openclaw-rescue/canvas");
        std::fs::create_dir_all(&root).unwrap();
        let watcher = Watcher::new(&root).unwrap();
        let mut changes = watcher.changes.clone();
        std::fs::write(root.join("index.html"), "1").unwrap();
        changes.changed().await.unwrap();
        assert!(*changes.borrow() >= 1);
    }
}
