//! Text that must fit a column.

/// The first `characters` of `text`.
pub(crate) fn cut(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).map_or(text, |(end, _)| text.get(..end).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(super::cut("Grüße", 3), "Grü");
        assert_eq!(super::cut("Grüße", 9), "Grüße");
    }
}
