//! Which of the known names a mistyped one is likely to mean.

/// The most alike of the names, if one is alike at all; for people who typed it just now.
pub fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = names.into_iter().map(|n| (distance(name, n), n)).min()?;
    (near.0 <= 1 + name.len() / 4).then_some(near.1)
}

/// The same, only where hardly anything else can be meant; for names in files, which may well be somebody's own.
pub fn alike<'a>(name: &str, names: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let plain = folded(name);
    if let Some(same) = names.clone().find(|n| n.len() == name.len() && folded(n) == plain) {
        return Some(same);
    }
    let limit = 1 + name.len() / 12;
    // Of another length it cannot be, and most are.
    let near =
        names.filter(|n| n.len().abs_diff(name.len()) <= limit).map(|n| (distance(&plain, &folded(n)), n)).min()?;
    (near.0 <= limit).then_some(near.1)
}

/// Without what is easily mistaken: case, and which sign separates words.
fn folded(name: &str) -> String {
    name.chars().map(|c| if matches!(c, '_' | '-') { '.' } else { c.to_ascii_lowercase() }).collect()
}

/// Levenshtein's, with two neighbours in the wrong order as one change.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let changed = last[j] + usize::from(a[i] != b[j]);
            let mut least = changed.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered_and_far_ones_not() {
        assert_eq!(nearest("wordcuont", ["other", "wordcount"]), Some("wordcount"));
        assert_eq!(nearest("x", ["wordcount"]), None);
        assert_eq!(nearest("x", []), None);
    }

    #[test]
    fn distances() {
        for (a, b, d) in
            [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("seeds", "sedes", 1), ("a", "a", 0)]
        {
            assert_eq!(distance(a, b), d, "{a} {b}");
        }
    }
}
