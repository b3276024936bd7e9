//! Which version of a blob a Nimbus may claim to hold: Storm's `KeySequenceNumber`.

/// What is known of a key when a Nimbus registers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    /// The highest number handed out, from `/blobstoremaxkeysequencenumber`.
    pub max: i32,
    /// Who holds which version: the children of `/blobstore/<key>`.
    pub holders: Vec<(String, i32)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Choice {
    pub sequence: i32,
    /// The new highest number, if it has to be stored.
    pub store: Option<i32>,
}

/// `known` is `None` for a key that nobody has registered yet. Zero means: fetch the blob first.
pub(crate) fn choose(known: Option<&Known>, host: &str) -> Choice {
    let keep = |sequence| Choice { sequence, store: None };
    let Some(Known { max, holders }) = known else {
        return Choice { sequence: 1, store: Some(1) };
    };
    let max = *max;
    let mut sequences: Vec<i32> = holders.iter().map(|(_, sequence)| *sequence).collect();
    sequences.sort_unstable();
    sequences.dedup();
    let Some(&last) = sequences.last() else {
        return keep(max);
    };
    if !holders.iter().any(|(holder, _)| holder.contains(host)) {
        return keep(if last < max { max } else { 0 });
    }
    if sequences.len() > 1 {
        return keep(last);
    }
    // Everybody has the same version and this host is one of them: it is updating the blob.
    let next = max.saturating_add(1);
    let sequence = if last < max { next } else { last.saturating_add(1) };
    Choice { sequence, store: Some(next) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(max: i32, holders: &[(&str, i32)]) -> Known {
        Known { max, holders: holders.iter().map(|(h, s)| ((*h).to_owned(), *s)).collect() }
    }

    #[test]
    fn storms_cases() {
        let n1 = "n1";
        assert_eq!(choose(None, n1), Choice { sequence: 1, store: Some(1) });
        assert_eq!(choose(Some(&known(4, &[])), n1), Choice { sequence: 4, store: None });
        // Another one holds it: up to date means that we have to fetch it, behind means that it has to fetch ours.
        assert_eq!(choose(Some(&known(2, &[("n2:6627:0", 2)])), n1), Choice { sequence: 0, store: None });
        assert_eq!(choose(Some(&known(3, &[("n2:6627:0", 2)])), n1), Choice { sequence: 3, store: None });
        // We hold it and write it again.
        assert_eq!(choose(Some(&known(1, &[("n1:6627:0", 1)])), n1), Choice { sequence: 2, store: Some(2) });
        assert_eq!(choose(Some(&known(5, &[("n1:6627:0", 3)])), n1), Choice { sequence: 6, store: Some(6) });
        assert_eq!(
            choose(Some(&known(2, &[("n1:6627:0", 2), ("n2:6627:0", 2)])), n1),
            Choice { sequence: 3, store: Some(3) }
        );
        // We have fetched what another one had updated.
        assert_eq!(
            choose(Some(&known(2, &[("n1:6627:0", 1), ("n2:6627:0", 2)])), n1),
            Choice { sequence: 2, store: None }
        );
    }
}
