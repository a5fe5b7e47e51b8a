//! One-time codes that sign a browser in to the dashboard: whoever may use the command line of the instance reads one
//! there and types it into the page, which gets the token or the password in exchange.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::bot::code;
use crate::gateway::access::secrets_equal;
use crate::sync::lock;

/// Number of characters of a code.
pub(crate) const CODE_LENGTH: usize = 8;
/// Time for which a code can be used.
pub(crate) const CODE_LIFETIME: Duration = Duration::from_mins(2);

/// The one-time code of a gateway's dashboard: at most one is valid, the one that was made last.
#[derive(Debug, Default)]
pub(crate) struct SignInCode(Mutex<Option<IssuedCode>>);

/// A code that was made and not used.
#[derive(Debug)]
struct IssuedCode {
    code: String,
    issued: Instant,
}

impl SignInCode {
    /// Makes a code of random bytes in place of the one before, and returns it as people read it: `ABCD-EFGH`.
    pub(crate) fn issue(&self, random: [u8; CODE_LENGTH], now: Instant) -> String {
        let code = code::from_random(&random);
        let (first, second) = code.split_at(CODE_LENGTH / 2);
        let shown = format!("{first}-{second}");
        *lock(&self.0) = Some(IssuedCode { code, issued: now });
        shown
    }

    /// Returns whether a typed code is the valid one, which it is not any more then. Neither its case nor hyphens and
    /// blanks matter.
    pub(crate) fn redeem(&self, typed: &str, now: Instant) -> bool {
        let is_meant = |c: &char| !c.is_whitespace() && *c != '-';
        let typed: String = typed.chars().filter(is_meant).collect();
        let typed = typed.to_ascii_uppercase();
        let mut issued = lock(&self.0);
        issued.take_if(|issued| now.saturating_duration_since(issued.issued) >= CODE_LIFETIME);
        issued
            .take_if(|issued| secrets_equal(&issued.code, &typed))
            .is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANDOM: [u8; CODE_LENGTH] = [0, 1, 2, 3, 4, 5, 6, 7];

    #[test]
    fn code_is_good_once_however_it_is_typed() {
        let (code, now) = (SignInCode::default(), Instant::now());
        assert!(
            !code.redeem("", now) && !code.redeem("ABCDEFGH", now),
            "none was made"
        );
        assert_eq!(code.issue(RANDOM, now), "ABCD-EFGH");
        assert!(!code.redeem("ABCD-EFGA", now) && !code.redeem("", now));
        assert!(code.redeem(" abcd efgh ", now));
        assert!(!code.redeem("ABCD-EFGH", now), "it was used");
    }

    #[test]
    fn code_ends_after_its_time_and_with_the_next_one() {
        let (code, now) = (SignInCode::default(), Instant::now());
        code.issue(RANDOM, now);
        assert!(!code.redeem("ABCD-EFGH", now + CODE_LIFETIME));
        code.issue(RANDOM, now);
        code.issue([8; CODE_LENGTH], now);
        assert!(!code.redeem("ABCD-EFGH", now));
        assert!(code.redeem("JJJJ-JJJJ", now + Duration::from_secs(119)));
    }
}
