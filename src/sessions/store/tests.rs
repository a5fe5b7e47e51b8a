//! Tests of the store of sessions, on real files.

#![expect(clippy::disallowed_methods, reason = "tests make and read their own files")]

use std::time::Duration;

use super::*;

const REQUEST: &str = "idem-1";

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn key() -> SessionKey {
    SessionKey::of_agent("main", "main")
}

fn new(now: SystemTime) -> NewSession<'static> {
    NewSession {
        workspace: Path::new("/w"),
        fields: SessionFields::new(),
        now,
    }
}

/// Returns a state folder with a store of its sessions.
fn store() -> (tempfile::TempDir, SessionStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = SessionStore::new(dir.path());
    (dir, store)
}

fn lines(session: &Session) -> Vec<Value> {
    let text = std::fs::read_to_string(session.transcript_path().unwrap()).unwrap();
    let lines = text.lines().map(serde_json::from_str);
    lines.map(std::result::Result::unwrap).collect()
}

#[test]
fn session_is_begun_and_continued_in_the_format_of_openclaw() {
    let (_dir, store) = store();
    let session = store.open(&key(), &new(at(1))).unwrap();
    store.note_model(&session, "stub", "m1", at(2)).unwrap();
    store.note_model(&session, "stub", "m1", at(2)).unwrap();
    let said = SessionMessage::user("hi", Some(REQUEST), 3000);
    store
        .append(&session, std::slice::from_ref(&said), at(3))
        .unwrap();
    let lines = lines(&session);
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["version"], 3);
    assert_eq!(lines[0]["id"], session.id());
    assert_eq!(lines[0]["timestamp"], "1970-01-01T00:00:01.000Z");
    assert_eq!(
        (&lines[1]["type"], &lines[1]["parentId"]),
        (&json!("model_change"), &Value::Null)
    );
    assert_eq!(lines[2]["parentId"], lines[1]["id"]);
    assert_eq!(lines[2]["id"].as_str().unwrap().len(), 8);
    let again = SessionStore::new(&store.state_dir);
    let found = again.open(&key(), &new(at(9))).unwrap();
    assert_eq!(found, session);
    assert_eq!(SessionStore::transcript(&found).context().messages[0].1, said);
}

#[test]
fn message_of_a_request_is_taken_once_though_the_gateway_was_killed() {
    let (_dir, store) = store();
    let session = store.open(&key(), &new(at(1))).unwrap();
    let said = SessionMessage::user("hi", Some(REQUEST), 3000);
    assert!(store.append_once(&session, &said, at(3)).unwrap().is_some());
    let after_kill = SessionStore::new(&store.state_dir);
    assert!(after_kill.append_once(&session, &said, at(4)).unwrap().is_none());
    assert_eq!(
        SessionStore::transcript(&session).is_answered(REQUEST),
        Some(false)
    );
    let answer = SessionMessage::Assistant(super::super::AssistantMessage::default());
    store.append(&session, &[answer], at(5)).unwrap();
    assert_eq!(
        SessionStore::transcript(&session).is_answered(REQUEST),
        Some(true)
    );
    assert_eq!(SessionStore::transcript(&session).is_answered("other"), None);
    assert_eq!(lines(&session).len(), 3);
}

#[test]
fn message_that_waits_for_its_turn_is_kept_and_taken_once() {
    let (_dir, store) = store();
    let session = store.open(&key(), &new(at(1))).unwrap();
    let first = SessionMessage::user("one", Some("a"), 1);
    let second = SessionMessage::user("two", Some("b"), 2);
    assert_eq!(store.take_in(&session, &first, false, at(1)).unwrap(), None);
    assert_eq!(store.take_in(&session, &second, true, at(1)).unwrap(), None);
    assert_eq!(
        store.take_in(&session, &second, true, at(1)).unwrap(),
        Some(false)
    );
    let after_kill = SessionStore::transcript(&session);
    assert_eq!(
        (after_kill.history().len(), after_kill.context().messages.len()),
        (2, 1)
    );
    let open: Vec<_> = after_kill
        .unanswered()
        .into_iter()
        .map(|(request, _)| request)
        .collect();
    assert_eq!(open, ["a", "b"]);
    let answer = || SessionMessage::Assistant(super::super::AssistantMessage::default());
    store.append(&session, &[answer()], at(2)).unwrap();
    let place = store.append_once(&session, &second, at(3)).unwrap().unwrap();
    assert_eq!(place.number, 3);
    store.append(&session, &[answer()], at(4)).unwrap();
    let ended = SessionStore::transcript(&session);
    assert_eq!((ended.history().len(), ended.unanswered().len()), (4, 0));
    assert_eq!(
        store.take_in(&session, &second, false, at(5)).unwrap(),
        Some(true)
    );
}

#[test]
fn message_after_a_cut_line_follows_the_last_whole_entry() {
    let (_dir, store) = store();
    let session = store.open(&key(), &new(at(1))).unwrap();
    let ids = store
        .append(&session, &[SessionMessage::user("one", None, 1)], at(1))
        .unwrap();
    let path = session.transcript_path().unwrap();
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("{\"type\":\"message\",\"id\":\"0000");
    std::fs::write(&path, text).unwrap();
    store
        .append(&session, &[SessionMessage::user("two", None, 2)], at(2))
        .unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["parentId"], ids[0].id.as_str());
    assert_eq!(SessionStore::transcript(&session).history().len(), 2);
}

#[test]
fn reset_begins_a_transcript_and_keeps_the_old_file_and_unknown_fields() {
    let (_dir, store) = store();
    let first = store.open(&key(), &new(at(1))).unwrap();
    let changed = store.update(&key(), at(2), |fields| {
        fields.insert("label".to_owned(), "L".into());
        fields.insert("unknown".to_owned(), json!({"a": 1}));
        fields.insert("totalTokens".to_owned(), 9.into());
    });
    assert_eq!(changed.unwrap().unwrap().updated_at(), 2000);
    let second = store.reset(&key(), Path::new("/w"), at(3)).unwrap();
    assert_ne!(second.id(), first.id());
    assert!(first.transcript_path().unwrap().is_file());
    assert_eq!(second.fields["unknown"], json!({"a": 1}));
    assert_eq!(
        (second.text("label"), second.fields.get("totalTokens")),
        (Some("L"), None)
    );
    assert_eq!(store.get(&key()), Some(second));
}

#[test]
fn deleted_session_keeps_its_transcript_under_another_name() {
    let (_dir, store) = store();
    let session = store.open(&key(), &new(at(1))).unwrap();
    let deleted = store.delete(&key(), true, at(2)).unwrap();
    assert!(deleted.existed && deleted.archived[0].is_file());
    assert!(!session.transcript_path().unwrap().exists());
    assert_eq!(store.get(&key()), None);
    assert_eq!(
        store.delete(&key(), true, at(3)).unwrap(),
        DeletedSession::default()
    );
}

#[test]
fn broken_list_of_sessions_is_kept_aside_and_one_that_is_too_large_is_not_replaced() {
    let (dir, store) = store();
    let path = store.index_path("main");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "{\"agent:main:main\":{\"sessionId\":").unwrap();
    store.open(&key(), &new(at(1))).unwrap();
    assert_eq!(store.count("main"), 1);
    let aside = path.with_file_name("sessions.json.aside-1");
    assert!(std::fs::read_to_string(aside).unwrap().ends_with(':'));
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(64 * 1024 * 1024).unwrap();
    assert!(store.open(&key(), &new(at(1))).is_err());
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 64 * 1024 * 1024);
    assert_eq!(dir.path().join("agents/main/sessions/sessions.json"), path);
}

#[test]
fn compacted_session_is_continued_after_its_summary() {
    let (_dir, store) = store();
    let session = store.open(&key(), &new(at(1))).unwrap();
    let said = ["one", "two"].map(|text| SessionMessage::user(text, None, 1));
    let ids = store.append(&session, &said, at(1)).unwrap();
    store
        .compact(&session, "they said one", &ids[1].id, 90, at(2))
        .unwrap();
    let context = SessionStore::transcript(&session).context();
    assert_eq!(context.summary.as_deref(), Some("they said one"));
    assert_eq!(context.messages.len(), 1);
    assert_eq!(lines(&session)[3]["tokensBefore"], 90);
}

#[test]
fn database_of_a_later_release_is_found() {
    let (dir, store) = store();
    assert_eq!(store.later_release_database("main"), None);
    let path = dir.path().join("agents/main/agent/openclaw-agent.sqlite");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "x").unwrap();
    assert_eq!(store.later_release_database("main"), Some(path));
}
