//! Replaces `${NAME}` by the value of a variable.

use crate::limits::MAX_EXPANDED_BYTES;

/// The directory of the file that an import chain goes out from. No variable may have this name.
pub(crate) const CHAIN_ROOT: &str = "chain_root";
/// How it is written.
pub(crate) const CHAIN_ROOT_REFERENCE: &str = "${chain_root}";

/// The variables of a document, in its order, each as it is written and its value.
#[derive(Debug, Default)]
pub(crate) struct Variables(Vec<(String, String)>);

impl Variables {
    /// Adds one.
    pub fn add(&mut self, key: &str, value: &str) {
        self.0.push((format!("${{{key}}}"), value.to_owned()));
    }

    /// Replaces each variable once, in their order, so that a value may use variables that come later.
    ///
    /// # Errors
    ///
    /// When the text becomes longer than [`MAX_EXPANDED_BYTES`].
    pub fn expand(&self, text: &str) -> Result<String, String> {
        let mut text = text.to_owned();
        for (reference, value) in &self.0 {
            if !text.contains("${") {
                break;
            }
            let count = text.matches(reference.as_str()).count();
            let bytes = text.len().saturating_add(count.saturating_mul(value.len()));
            if bytes > MAX_EXPANDED_BYTES {
                return Err(format!(
                    "limit reached: with its variables it is longer than {MAX_EXPANDED_BYTES} bytes"
                ));
            }
            if count > 0 {
                text = text.replace(reference.as_str(), value);
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_variables_expand_in_earlier_ones() {
        let mut variables = Variables::default();
        variables.add("a.c", "<${later}>");
        variables.add("later", "${a.c}");
        assert_eq!(variables.expand("${a.c}${abc}").unwrap(), "<${a.c}>${abc}");
    }

    #[test]
    fn doubling_ends_at_the_limit() {
        let mut variables = Variables::default();
        (0..100).for_each(|n| variables.add(&format!("v{n}"), &format!("${{v{}}}", n + 1).repeat(10)));
        assert!(variables.expand("${v0}").unwrap_err().contains("limit reached"));
    }
}
