//! Tests of the parsing, reading and following of log files.

#![expect(clippy::disallowed_methods, reason = "tests write their own files")]

use super::*;

#[test]
fn lines_of_both_engines_are_parsed() {
    let ours = LogLine::parse(
        r#"{"timestamp":"2026-11-22T10:00:00Z","level":"WARN","fields":{"message":"refused","peer":"127.0.0.1"},"target":"x"}"#,
    );
    assert_eq!(
        (ours.time.as_str(), ours.level.as_str()),
        ("2026-11-22T10:00:00Z", "WARN")
    );
    assert_eq!(ours.message, "refused peer=127.0.0.1");
    let flat = LogLine::parse(
        r#"{"timestamp":"T","level":"INFO","message":"Ended.","code":"gateway.ended","target":"x"}"#,
    );
    assert_eq!(
        (flat.message.as_str(), flat.code.as_str()),
        ("Ended.", "gateway.ended")
    );
    let node = LogLine::parse(r#"{"0":"gateway","1":"ready","_meta":{"logLevelName":"INFO"},"time":"T"}"#);
    assert_eq!((node.message.as_str(), node.level.as_str()), ("ready", "INFO"));
    assert_eq!(
        LogLine::parse("a \u{1b}[2Jplain line").message,
        "a  [2Jplain line"
    );
}

#[test]
fn last_lines_span_files_and_a_follower_returns_new_lines() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (
        dir.path().join("gateway.2026-01-01.log"),
        dir.path().join("gateway.2026-01-02.log"),
    );
    std::fs::write(&old, "one\ntwo\n").unwrap();
    let earlier = std::time::SystemTime::now() - std::time::Duration::from_mins(1);
    File::options()
        .write(true)
        .open(&old)
        .unwrap()
        .set_modified(earlier)
        .unwrap();
    std::fs::write(&new, "three\n").unwrap();
    assert_eq!(messages(last_lines(dir.path(), 2)), ["two", "three"]);
    let mut follower = LogFollower::new(LogSource::Folder(dir.path().to_path_buf()), 0).0;
    std::fs::write(&new, "three\nfour\nfi").unwrap();
    assert_eq!(messages(follower.new_lines()), ["four"]);
    std::fs::write(&new, "three\nfour\nfive\n").unwrap();
    assert_eq!(messages(follower.new_lines()), ["five"]);
}

/// Returns the messages of log lines.
fn messages(lines: Vec<LogLine>) -> Vec<String> {
    lines.into_iter().map(|line| line.message).collect()
}

#[test]
fn partial_line_before_a_truncation_is_not_joined_to_the_first_line_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gateway.2026-01-01.log");
    std::fs::write(&path, "one\n").unwrap();
    let mut follower = LogFollower::new(LogSource::Folder(dir.path().to_path_buf()), 0).0;
    std::fs::write(&path, "one\na long half line").unwrap();
    assert_eq!(messages(follower.new_lines()), [""; 0]);
    std::fs::write(&path, "new\n").unwrap();
    assert_eq!(messages(follower.new_lines()), ["new"]);
}

#[test]
fn no_line_is_lost_and_none_is_returned_twice_after_rename_and_creation() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gateway.log");
    for source in [
        LogSource::Folder(dir.path().to_path_buf()),
        LogSource::File(path.clone()),
    ] {
        std::fs::write(&path, "one\ntwo\nthr").unwrap();
        let (mut follower, last) = LogFollower::new(source, 1);
        assert_eq!(messages(last), ["two"], "half a line is none");
        let mut writer = File::options().append(true).open(&path).unwrap();
        let mut append = |text: &str| std::io::Write::write_all(&mut writer, text.as_bytes()).unwrap();
        append("ee\n");
        assert_eq!(messages(follower.new_lines()), ["three"], "the whole line, once");
        append("four\n");
        std::fs::rename(&path, dir.path().join("gateway.log.1")).unwrap();
        std::fs::write(&path, "a new file that is longer than the old one\n").unwrap();
        // A writer that does not know of the rename yet.
        append("five\n");
        let expected = ["four", "five", "a new file that is longer than the old one"];
        assert_eq!(messages(follower.new_lines()), expected);
        append("six\n");
        std::fs::remove_file(dir.path().join("gateway.log.1")).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "a third\n").unwrap();
        assert_eq!(messages(follower.new_lines()), ["six", "a third"]);
        assert_eq!(messages(follower.new_lines()), [""; 0]);
        assert_eq!(follower.files.len(), 1, "files that are gone are closed");
        std::fs::remove_file(&path).unwrap();
    }
}

/// Copies a log file as logrotate's `copytruncate` does, without cutting it off yet.
fn copy_log(path: &Path) {
    std::fs::copy(path, path.with_extension("log.1")).unwrap();
}

#[test]
fn copy_of_a_log_is_not_read_again_whether_it_is_found_before_or_after_the_log_was_cut_off() {
    for is_found_before in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gateway.log");
        std::fs::write(&path, "1 one\n2 two\n3 thr").unwrap();
        let (mut follower, _) = LogFollower::new(LogSource::Folder(dir.path().to_path_buf()), 1);
        let append = |text: &str| {
            let mut writer = File::options().append(true).open(&path).unwrap();
            std::io::Write::write_all(&mut writer, text.as_bytes()).unwrap();
        };
        append("ee\n4 four\n5 fi");
        let mut expected = vec!["3 three", "4 four", "5 five", "6 six", "7 seven"];
        let mut lines = Vec::new();
        if is_found_before {
            copy_log(&path);
            lines = messages(follower.new_lines());
            assert_eq!(lines, ["3 three", "4 four"]);
            // The copy grows with the file until it is whole.
            append("ve\n");
            copy_log(&path);
            lines.extend(messages(follower.new_lines()));
            append("6 six\n");
        } else {
            append("ve\n6 six\n");
        }
        copy_log(&path);
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(0)
            .unwrap();
        append("7 seven\n");
        lines.extend(messages(follower.new_lines()));
        assert_eq!(lines, expected, "found before: {is_found_before}");
        // Once more: the copy of the first rotation is renamed.
        std::fs::rename(path.with_extension("log.1"), path.with_extension("log.2")).unwrap();
        copy_log(&path);
        assert_eq!(messages(follower.new_lines()), [""; 0]);
        std::fs::write(&path, "8 eight, in a file that grew beyond its old length\n").unwrap();
        expected = vec!["8 eight, in a file that grew beyond its old length"];
        assert_eq!(messages(follower.new_lines()), expected);
        assert_eq!(messages(follower.new_lines()), [""; 0]);
    }
}

#[test]
fn new_file_that_begins_as_the_log_before_is_read_as_soon_as_it_goes_on_otherwise() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gateway.log");
    std::fs::write(&path, "started\nready\n").unwrap();
    let (mut follower, _) = LogFollower::new(LogSource::Folder(dir.path().to_path_buf()), 0);
    std::fs::rename(&path, dir.path().join("gateway.log.1")).unwrap();
    std::fs::write(&path, "started\n").unwrap();
    let mut lines = messages(follower.new_lines());
    std::fs::write(&path, "started\nfailed\n").unwrap();
    lines.extend(messages(follower.new_lines()));
    assert_eq!(lines, ["started", "failed"]);
}

#[test]
fn compressed_log_is_no_text() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("gateway.log");
    std::fs::write(&log, "one\n").unwrap();
    for ending in ["1.gz", "2.xz", "3.bz2", "4.zst"] {
        std::fs::write(dir.path().join(format!("gateway.log.{ending}")), [31, 139, 8]).unwrap();
    }
    assert_eq!(log_files(dir.path()), [log]);
}

#[test]
fn rest_of_a_file_is_read_before_the_next_file() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (
        dir.path().join("gateway.2026-01-01.log"),
        dir.path().join("gateway.2026-01-02.log"),
    );
    std::fs::write(&old, "").unwrap();
    let mut follower = LogFollower::new(LogSource::Folder(dir.path().to_path_buf()), 0).0;
    let count = 2 * usize::try_from(MAX_READ_BYTES).unwrap() / 1000 + 1;
    std::fs::write(&old, format!("{:0>1000}\n", 1).repeat(count)).unwrap();
    std::fs::write(&new, "next day\n").unwrap();
    let later = std::time::SystemTime::now() + std::time::Duration::from_mins(1);
    let file = File::options().write(true).open(&new).unwrap();
    file.set_modified(later).unwrap();
    let lines = messages(follower.new_lines());
    assert_eq!(
        (lines.len(), lines.last().unwrap().as_str()),
        (count + 1, "next day")
    );
}

#[test]
fn slice_begins_at_the_cursor_of_the_previous_one_and_has_complete_lines_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("openclaw.2026-01-01.log");
    std::fs::write(&path, "one\ntwo\nthr").unwrap();
    let read = |cursor, count, max_bytes| {
        let slice = read_from(&path, cursor, count, max_bytes).unwrap();
        assert_eq!(slice.size, std::fs::metadata(&path).unwrap().len());
        (slice.lines.join(" "), slice.cursor, slice.truncated, slice.reset)
    };
    let expected = |lines: &str, cursor, truncated, reset| (lines.to_owned(), cursor, truncated, reset);
    assert_eq!(read(None, 9, 99), expected("one two", 8, false, false));
    assert_eq!(read(None, 1, 99), expected("two", 8, false, false));
    assert_eq!(
        read(None, 9, 8),
        expected("two", 8, true, false),
        "half a line is none"
    );
    assert_eq!(
        read(None, 9, 7),
        expected("two", 8, true, false),
        "a line starts right there"
    );
    assert_eq!(read(Some(8), 9, 99), expected("", 8, false, false));
    std::fs::write(&path, "one\ntwo\nthree\n").unwrap();
    assert_eq!(read(Some(8), 9, 99), expected("three", 14, false, false));
    assert_eq!(
        read(Some(0), 9, 8),
        expected("three", 14, true, true),
        "too far behind"
    );
    std::fs::write(&path, "new\n").unwrap();
    assert_eq!(
        read(Some(14), 9, 99),
        expected("new", 4, false, true),
        "another file"
    );
}

#[test]
fn files_of_a_service_manager_are_used_only_without_others() {
    let dir = tempfile::tempdir().unwrap();
    let manager = dir.path().join("launchd.log");
    std::fs::write(&manager, "a line for people\n").unwrap();
    assert_eq!(log_files(dir.path()), [manager]);
    let own = dir.path().join("openclaw.2026-01-01.log");
    std::fs::write(&own, "{}\n").unwrap();
    assert_eq!(log_files(dir.path()), [own]);
}

#[test]
fn profile_is_encoded_in_a_file_name_as_the_later_release_does() {
    assert_eq!(encode_profile("Rescue"), "-1rescue");
    assert_eq!(encode_profile("a-b_c"), "a--b-0c");
}
