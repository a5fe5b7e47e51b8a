use std::collections::BTreeMap;

use super::assignments;

/// Env files, and what dotenv 17.4.2 reads from them.
const READ_BY_DOTENV: &[(&str, &[(&str, &str)])] = &[
    ("A=\"tok\" # from vault", &[("A", "tok")]),
    ("A=tok # c", &[("A", "tok")]),
    ("A=tok#c", &[("A", "tok")]),
    ("A='it''s'", &[("A", "it''s")]),
    ("A=`x \"y\" 'z'`", &[("A", "x \"y\" 'z'")]),
    ("export A=1", &[("A", "1")]),
    ("A: yaml", &[("A", "yaml")]),
    ("A=", &[("A", "")]),
    ("A=\nB=2", &[("A", ""), ("B", "2")]),
    ("A = spaced  ", &[("A", "spaced")]),
    ("A=\"a\\nb\\rc\"", &[("A", "a\nb\rc")]),
    ("A='a\\nb'", &[("A", "a\\nb")]),
    ("A=\"line1\nline2\"\nB=3", &[("A", "line1\nline2"), ("B", "3")]),
    ("A=\"open\nB=2", &[("A", "\"open"), ("B", "2")]),
    ("A=x=y", &[("A", "x=y")]),
    ("# A=1", &[]),
    ("A=\"a#b\"", &[("A", "a#b")]),
    ("A=a\\\"b", &[("A", "a\\\"b")]),
    ("A=\"a\\\"b\"", &[("A", "a\\\"b")]),
    ("1.x-Y=ok", &[("1.x-Y", "ok")]),
    ("A=1\r\nB=2\rC=3", &[("A", "1"), ("B", "2"), ("C", "3")]),
    ("A=1\nA=2", &[("A", "2")]),
    ("  A  =  1  ", &[("A", "1")]),
    ("A=\"\" # empty", &[("A", "")]),
    ("A=''", &[("A", "")]),
    ("A= \"q\" ", &[("A", "q")]),
    ("A=\"x\" y", &[("A", "\"x\" y")]),
    ("noassign\nB=1", &[("B", "1")]),
    ("A=\u{FEFF}v", &[("A", "v")]),
    ("A=\n\"next\"\nB=1", &[("A", "next"), ("B", "1")]),
];

#[test]
fn assignments_are_those_that_dotenv_reads() {
    for (text, expected) in READ_BY_DOTENV {
        let read: BTreeMap<_, _> = assignments(text).into_iter().collect();
        let expected: BTreeMap<_, _> = expected
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(read, expected, "{text:?}");
    }
}

proptest::proptest! {
    #[test]
    fn a_line_that_was_written_quoted_is_read_back(value in "[^'\\r\\\\]*") {
        let text = format!("A='{value}'\nB=1\n");
        let read = assignments(&text);
        proptest::prop_assert_eq!(&read[0], &("A".to_owned(), value));
        proptest::prop_assert_eq!(&read[1].1, "1");
    }
}
