//! Texts inside of XML and HTML.

/// Escapes the characters that have a meaning in the text and the attribute values of XML and
/// HTML.
pub(crate) fn escape_xml(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&apos;")
}
