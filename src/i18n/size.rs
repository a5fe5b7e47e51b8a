//! Sizes in bytes as a person reads them.

use super::{Msg, msg};

/// The units of sizes above bytes, each 1024 times the one before.
const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];

/// Returns a size in bytes in the largest unit of which it holds at least one: `412 bytes`, `1.6 KiB`, `72 GiB`. Below ten it
/// has one decimal, which is rounded down as all digits are.
pub(crate) fn size_msg(bytes: u64) -> Msg {
    if bytes < 1024 {
        return msg!("size.bytes", count = bytes);
    }
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut units = UNITS.iter();
    let mut unit = units.next();
    while tenths >= 10_240
        && let Some(larger) = units.next()
    {
        tenths /= 1024;
        unit = Some(larger);
    }
    let unit = unit.copied().unwrap_or_default();
    if tenths < 100 {
        msg!(
            "size.tenths",
            whole = (tenths / 10),
            tenths = (tenths % 10),
            unit = unit
        )
    } else {
        msg!("size.whole", count = (tenths / 10), unit = unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;

    #[test]
    fn size_is_in_the_largest_unit_of_which_it_holds_one() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (1642, "1.6 KiB"),
            (10 * 1024, "10 KiB"),
            (1024 * 1024 - 1, "1023 KiB"),
            (77_622_935_552, "72 GiB"),
            (u64::MAX, "16777215 TiB"),
        ] {
            assert_eq!(size_msg(bytes).render(Lang::english()), text);
        }
        let turkish = Lang::from_code("tr").expect("a language of the program");
        assert_eq!(size_msg(1642).render(turkish), "1,6 KiB");
    }
}
