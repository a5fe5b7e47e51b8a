//! YAML texts of manifests.

use serde_json::Value;

/// Returns documents as one YAML text, in order, separated by `---`.
///
/// # Panics
/// Where a key is no text, which no value of JSON has.
pub(super) fn to_yaml(documents: &[Value]) -> String {
    // Long texts are not folded: a line that is looked for is found.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    let text = |document: &Value| {
        let mut text = String::new();
        serde_saphyr::to_fmt_writer_with_options(&mut text, document, options.clone())
            .expect("values of JSON have text keys");
        text
    };
    documents.iter().map(text).collect::<Vec<_>>().join("---\n")
}
