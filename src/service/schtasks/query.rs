//! Parses the answer of `schtasks /Query /V /FO CSV /NH`. Pure. Its words are translated, and in the code page of the
//! console, so only the positions of columns and numbers are used.

use super::super::manager::{RunState, ServiceState};

/// Index of the column with a task's last result in the CSV that `schtasks /Query` prints.
const LAST_RESULT_COLUMN: usize = 6;
/// The last result that the Task Scheduler reports for a task that runs (`SCHED_S_TASK_RUNNING`).
const TASK_RUNNING: i64 = 0x41301;
/// The last result that the Task Scheduler reports for a task that is queued (`SCHED_S_TASK_QUEUED`).
const TASK_QUEUED: i64 = 0x41325;
/// Results that the Task Scheduler reports in place of an exit code: ready, never run, ended by the user, ...
const SCHEDULER_RESULTS: std::ops::RangeInclusive<i64> = 0x41300..=0x413ff;

/// Parses the first row that `schtasks /Query` prints as CSV to the state of a service.
pub(super) fn parse(text: &str) -> ServiceState {
    let row = text
        .lines()
        .find(|line| line.starts_with('"'))
        .unwrap_or_default();
    let fields = split_csv(row);
    let result = fields
        .get(LAST_RESULT_COLUMN)
        .and_then(|field| parse_number(field));
    ServiceState {
        loaded: true,
        run: match result {
            Some(TASK_RUNNING) => RunState::Running(0),
            Some(TASK_QUEUED) => RunState::Starting,
            Some(_) => RunState::Stopped,
            None => RunState::Unknown,
        },
        exit_code: result
            .filter(|result| !SCHEDULER_RESULTS.contains(result))
            .and_then(|code| i32::try_from(code).ok()),
        ..ServiceState::default()
    }
}

/// Parses a decimal or hexadecimal number that `schtasks` printed: `267009`, `-1`, `0x41301`.
fn parse_number(field: &str) -> Option<i64> {
    match field.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => field.parse().ok(),
    }
}

/// Splits a row of CSV that `schtasks` printed into its fields; a quote within a field is doubled.
fn split_csv(row: &str) -> Vec<String> {
    let (mut fields, mut field, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut chars = row.trim_end().chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => field.extend(chars.next()),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    fields.push(field);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The CSV row that `schtasks` prints for a running task on systems of six languages; the Turkish one as the
    /// bytes of its console look when they are read as UTF-8.
    const RUNNING_ROWS: [&str; 6] = [
        r#""PC","\OpenClaw Gateway (rescue)","N/A","Running","Interactive only","11/22/2026 10:45:55 PM","267009","PC\ada","C:\x\gateway.cmd""#,
        r#""PC","\OpenClaw Gateway (rescue)","Nicht zutreffend","Wird ausgeführt","Nur interaktiv","22.11.2026 22:45:55","267009","PC\ada""#,
        r#""PC","\OpenClaw Gateway (rescue)","N/D","En ejecución","Solo interactivo","22/11/2026 22:45:55","267009","PC\ada""#,
        r#""PC","\OpenClaw Gateway (rescue)","N/D","Em execução","Somente interativo","22/11/2026 22:45:55","267009","PC\ada""#,
        r#""PC","\OpenClaw Gateway (rescue)","N/A","正在运行","只使用交互方式","2026/11/22 22:45:55","267009","PC\ada""#,
        "\"PC\",\"\\OpenClaw Gateway (rescue)\",\"Yok\",\"\u{fffd}al\u{fffd}\u{fffd}\u{fffd}yor\",\"Yaln\u{fffd}zca etkile\u{fffd}imli\",\"22.11.2026 22:45:55\",\"267009\",\"PC\\ay\u{fffd}e\"",
    ];

    #[test]
    fn running_task_is_known_in_every_language() {
        for row in RUNNING_ROWS {
            let state = parse(&format!("\r\n{row}\r\n"));
            assert_eq!(
                (state.run, state.exit_code),
                (RunState::Running(0), None),
                "{row}"
            );
        }
    }

    #[test]
    fn results_of_the_scheduler_are_no_exit_codes() {
        let parsed = |result: &str| {
            let state = parse(&RUNNING_ROWS[5].replace("267009", result));
            (state.run, state.exit_code)
        };
        assert_eq!(parsed("267011"), (RunState::Stopped, None));
        assert_eq!(parsed("267014"), (RunState::Stopped, None));
        assert_eq!(parsed("78"), (RunState::Stopped, Some(78)));
        assert_eq!(parsed("0x41301"), (RunState::Running(0), None));
        assert_eq!(parsed("267045"), (RunState::Starting, None));
        assert_eq!(parsed("267010"), (RunState::Stopped, None), "switched off");
        assert_eq!(parsed("-1073741510"), (RunState::Stopped, Some(-1_073_741_510)));
        assert_eq!(parsed("nonsense"), (RunState::Unknown, None));
        assert_eq!(parse("").run, RunState::Unknown);
    }

    #[test]
    fn commas_and_quotes_within_a_field_are_kept() {
        assert_eq!(split_csv(r#""a, b","c ""d""",e"#), ["a, b", "c \"d\"", "e"]);
    }
}
