//! Ranges of versions of Node, as the `engines` of an npm package name them: `>=24.16.0 <25 || >=26.1.0`.

/// The major, minor and patch number of a version of Node.
pub(crate) type NodeVersion = (u64, u64, u64);

/// A range of versions of Node: one of its alternatives has to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeRange(Vec<Vec<Bounds>>);

/// The versions from the first one, which is included, to the last one, which is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bounds {
    from: NodeVersion,
    to: NodeVersion,
}

/// A version that is above every other.
const ABOVE_ALL: NodeVersion = (u64::MAX, u64::MAX, u64::MAX);

impl NodeRange {
    /// Parses a range of versions of Node; `None` where it is written in a way that the packages of OpenClaw do not use.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let alternative = |text: &str| {
            // An operator may stand apart from its version.
            let mut joined = text.to_owned();
            for operator in [">=", "<=", ">", "<", "=", "^", "~"] {
                joined = joined.replace(&format!("{operator} "), operator);
            }
            joined.split_whitespace().map(Bounds::parse).collect()
        };
        text.split("||").map(alternative).collect::<Option<_>>().map(Self)
    }

    /// Returns whether a version of Node lies in the range.
    pub(crate) fn contains(&self, version: NodeVersion) -> bool {
        let holds = |bounds: &Bounds| bounds.from <= version && version < bounds.to;
        self.0.iter().any(|alternative| alternative.iter().all(holds))
    }
}

impl Bounds {
    /// Parses one part of a range of versions, such as `>=24.16.0` or `^22`.
    fn parse(text: &str) -> Option<Self> {
        let operator = text.trim_end_matches(|c: char| !matches!(c, '<' | '>' | '=' | '^' | '~'));
        let (first, next) = spanned_versions(&text[operator.len()..])?;
        let (from, to) = match operator {
            "" | "=" => (first, next),
            ">=" => (first, ABOVE_ALL),
            ">" => (next, ABOVE_ALL),
            "<" => ((0, 0, 0), first),
            "<=" => ((0, 0, 0), next),
            "^" => (first, (first.0 + 1, 0, 0)),
            "~" => (first, next.max((first.0, first.1 + 1, 0))),
            _ => return None,
        };
        Some(Self { from, to })
    }
}

/// Returns the first version that a partial one such as `22`, `22.x` or `22.12.0` means, and the first one beyond it.
fn spanned_versions(text: &str) -> Option<(NodeVersion, NodeVersion)> {
    let text = text.trim_start_matches('v');
    let is_number = |part: &&str| !matches!(*part, "" | "x" | "X" | "*");
    let parts: Vec<_> = text.split('.').take_while(is_number).collect();
    let numbers: Vec<u64> = parts
        .iter()
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    match numbers[..] {
        [] => Some(((0, 0, 0), ABOVE_ALL)),
        [major] => Some(((major, 0, 0), (major + 1, 0, 0))),
        [major, minor] => Some(((major, minor, 0), (major, minor + 1, 0))),
        [major, minor, patch] => Some(((major, minor, patch), (major, minor, patch + 1))),
        _ => None,
    }
}

/// Parses a version of Node such as `v24.16.0`; `None` for one before a release.
pub(crate) fn parse_version(text: &str) -> Option<NodeVersion> {
    let mut numbers = text
        .trim()
        .trim_start_matches('v')
        .split('.')
        .map(|part| part.parse().ok());
    let version = (numbers.next()??, numbers.next()??, numbers.next()??);
    numbers.next().is_none().then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(range: &str, version: &str) -> bool {
        let range = NodeRange::parse(range).unwrap();
        range.contains(parse_version(version).unwrap())
    }

    #[test]
    fn ranges_of_the_known_releases_hold_as_npm_reads_them() {
        let late = ">=24.16.0 <25 || >=26.1.0";
        for version in ["v24.16.0", "24.22.3", "26.1.0", "27.0.0"] {
            assert!(contains(late, version), "{version}");
        }
        for version in ["20.20.2", "24.15.9", "25.0.0", "26.0.9"] {
            assert!(!contains(late, version), "{version}");
        }
        assert!(contains(">=22.12.0", "v22.12.0") && !contains(">=22.12.0", "22.11.9"));
    }

    #[test]
    fn every_operator_has_its_bounds() {
        for (range, inside, outside) in [
            ("^22.3.1", "22.99.0", "23.0.0"),
            ("~22.3.1", "22.3.9", "22.4.0"),
            ("22", "22.0.0", "23.0.0"),
            ("22.x", "22.7.0", "21.9.9"),
            ("=22.1.0", "22.1.0", "22.1.1"),
            ("> 22", "23.0.0", "22.9.9"),
            ("<= 22.1", "22.1.9", "22.2.0"),
        ] {
            assert!(contains(range, inside), "{range} {inside}");
            assert!(!contains(range, outside), "{range} {outside}");
        }
        assert!(contains("*", "1.0.0") && contains("", "1.0.0"));
        assert_eq!(NodeRange::parse("18 - 22"), None);
        assert_eq!(parse_version("v24.0.0-nightly"), None);
    }
}
