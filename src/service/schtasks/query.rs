//! What `schtasks /Query /V /FO CSV /NH` answers, understood: pure. Its words are translated, and in the code
//! page of the console, so only columns and numbers are looked at.

use super::super::{Seen, State};

/// The column of the last result.
const LAST_RESULT: usize = 6;
/// `SCHED_S_TASK_RUNNING`
const RUNNING: i64 = 0x41301;
/// `SCHED_S_TASK_QUEUED`
const QUEUED: i64 = 0x41325;
/// What the Task Scheduler says of a task in the place of an exit code: ready, never run, ended by its user, ...
const STATES: std::ops::RangeInclusive<i64> = 0x41300..=0x413ff;

/// Understands the first row.
pub(super) fn parse(text: &str) -> Seen {
    let row = text
        .lines()
        .find(|line| line.starts_with('"'))
        .unwrap_or_default();
    let fields = fields(row);
    let result = fields.get(LAST_RESULT).and_then(|field| number(field));
    Seen {
        loaded: true,
        state: match result {
            Some(RUNNING) => State::Running(0),
            Some(QUEUED) => State::Starting,
            Some(_) => State::Stopped,
            None => State::Unknown,
        },
        exit_code: result
            .filter(|result| !STATES.contains(result))
            .and_then(|code| i32::try_from(code).ok()),
        ..Seen::default()
    }
}

/// `267009`, `-1`, `0x41301`
fn number(field: &str) -> Option<i64> {
    match field.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => field.parse().ok(),
    }
}

/// The fields of a row of CSV; a quote within is doubled.
fn fields(row: &str) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = row.trim_end().chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => field.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    fields.push(field);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same running task on systems of six languages; the Turkish one as its console's bytes come
    /// through where they are taken for UTF-8.
    const RUNNING_ROWS: [&str; 6] = [
        r#""PC","\OpenClaw Gateway (rescue)","N/A","Running","Interactive only","11/22/2026 10:45:55 PM","267009","PC\ada","C:\x\gateway.cmd""#,
        r#""PC","\OpenClaw Gateway (rescue)","Nicht zutreffend","Wird ausgeführt","Nur interaktiv","22.11.2026 22:45:55","267009","PC\ada""#,
        r#""PC","\OpenClaw Gateway (rescue)","N/D","En ejecución","Solo interactivo","22/11/2026 22:45:55","267009","PC\ada""#,
        r#""PC","\OpenClaw Gateway (rescue)","N/D","Em execução","Somente interativo","22/11/2026 22:45:55","267009","PC\ada""#,
        r#""PC","\OpenClaw Gateway (rescue)","N/A","正在运行","只使用交互方式","2026/11/22 22:45:55","267009","PC\ada""#,
        "\"PC\",\"\\OpenClaw Gateway (rescue)\",\"Yok\",\"\u{fffd}al\u{fffd}\u{fffd}\u{fffd}yor\",\"Yaln\u{fffd}zca etkile\u{fffd}imli\",\"22.11.2026 22:45:55\",\"267009\",\"PC\\ay\u{fffd}e\"",
    ];

    #[test]
    fn a_running_task_is_one_in_every_language() {
        for row in RUNNING_ROWS {
            let seen = parse(&format!("\r\n{row}\r\n"));
            assert_eq!((seen.state, seen.exit_code), (State::Running(0), None), "{row}");
        }
    }

    #[test]
    fn one_that_never_ran_one_that_was_ended_one_that_failed() {
        let of = |result: &str| {
            let seen = parse(&RUNNING_ROWS[5].replace("267009", result));
            (seen.state, seen.exit_code)
        };
        assert_eq!(of("267011"), (State::Stopped, None));
        assert_eq!(of("267014"), (State::Stopped, None));
        assert_eq!(of("78"), (State::Stopped, Some(78)));
        assert_eq!(of("0x41301"), (State::Running(0), None));
        assert_eq!(of("267045"), (State::Starting, None));
        assert_eq!(of("267010"), (State::Stopped, None), "switched off");
        assert_eq!(of("-1073741510"), (State::Stopped, Some(-1_073_741_510)));
        assert_eq!(of("nonsense"), (State::Unknown, None));
        assert_eq!(parse("").state, State::Unknown);
    }

    #[test]
    fn a_comma_and_a_quote_within_a_field() {
        assert_eq!(fields(r#""a, b","c ""d""",e"#), ["a, b", "c \"d\"", "e"]);
    }
}
