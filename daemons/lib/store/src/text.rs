//! Small pieces of statements: text that must fit a column, lists of numbers.

use std::fmt::Display;

/// Numbers for `IN (…)`: `1,2,3`. Empty for none, which no `IN` takes: callers ask before.
pub(crate) fn list<T: Display>(ids: impl IntoIterator<Item = T>) -> String {
    ids.into_iter().map(|id| id.to_string()).collect::<Vec<_>>().join(",")
}

/// The first `characters` of `text`.
pub(crate) fn cut(text: &str, characters: usize) -> &str {
    // No text has more characters than bytes.
    if text.len() <= characters {
        return text;
    }
    text.char_indices().nth(characters).map_or(text, |(end, _)| text.get(..end).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_listed() {
        assert_eq!(super::list([3, -1]), "3,-1");
        assert_eq!(super::list::<i64>([]), "");
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(super::cut("Grüße", 3), "Grü");
        assert_eq!(super::cut("Grüße", 9), "Grüße");
    }
}
