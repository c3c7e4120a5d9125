//! Finds the known word an unknown one was meant to be.

/// The candidate nearest to `word`, if one is near enough to be a slip of the keyboard:
/// at most a third of its letters differ (and never more than three).
pub(crate) fn closest<'c>(
    word: &str,
    candidates: impl Iterator<Item = &'c str>,
) -> Option<&'c str> {
    let most = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edit distance (Levenshtein): insertions, removals and replacements of letters.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, letter) in left.chars().enumerate() {
        let mut diagonal = above;
        let mut last = above + 1;
        let mut next = Vec::with_capacity(row.len());
        next.push(last);
        for (other, over) in right.iter().zip(row.iter().skip(1)) {
            let replaced = diagonal + usize::from(letter != *other);
            last = replaced.min(last + 1).min(over + 1);
            diagonal = *over;
            next.push(last);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("listen", "listen"), 0);
        assert_eq!(distance("lisetn", "listen"), 2);
    }

    #[test]
    fn finds_the_word_that_was_meant_and_no_stranger() {
        let known = ["listen", "identity", "pins"];
        assert_eq!(closest("lissten", known.into_iter()), Some("listen"));
        assert_eq!(closest("pin", known.into_iter()), Some("pins"));
        assert_eq!(closest("colour", known.into_iter()), None);
    }
}
