//! The names that Windows reserves for devices, whatever the folder and the extension (Win32 "Naming Files").

/// Returns whether Windows takes a file name for a device: no file and no folder can have it there.
pub(crate) fn is_device_name(name: &str) -> bool {
    const UNNUMBERED: [&str; 4] = ["con", "prn", "aux", "nul"];
    let stem = name.split('.').next().unwrap_or_default();
    if UNNUMBERED.iter().any(|d| stem.eq_ignore_ascii_case(d)) {
        return true;
    }
    let Some((stem, digit)) = stem.split_at_checked(3) else {
        return false;
    };
    let numbered = matches!(digit.as_bytes(), [b'1'..=b'9']);
    numbered && (stem.eq_ignore_ascii_case("com") || stem.eq_ignore_ascii_case("lpt"))
}
