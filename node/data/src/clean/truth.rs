//! How right groups are, by the pairs they make against the pairs of the true ids.

use std::collections::BTreeMap;

/// Pairs counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Things that there are.
    pub entities: u64,
    /// Pairs of rows with one true id.
    pub pairs_true: u64,
    /// Pairs of rows put together.
    pub pairs_found: u64,
    /// Pairs of rows put together that have one true id.
    pub pairs_right: u64,
}

impl Figures {
    /// Share of the found pairs that are right, in millionths; all when nothing was found.
    #[must_use]
    pub fn precision_ppm(&self) -> u64 {
        ppm(self.pairs_right, self.pairs_found)
    }

    /// Share of the true pairs that were found, in millionths; all when there are none.
    #[must_use]
    pub fn recall_ppm(&self) -> u64 {
        ppm(self.pairs_right, self.pairs_true)
    }
}

fn ppm(part: u64, whole: u64) -> u64 {
    const WHOLE: u128 = 1_000_000;
    if whole == 0 {
        return 1_000_000;
    }
    u64::try_from(u128::from(part) * WHOLE / u128::from(whole)).unwrap_or(u64::MAX)
}

/// Counts pairs, without making them.
///
/// - `labels`: for each row its true id and the number of its group.
pub(crate) fn figures(labels: impl Iterator<Item = (String, usize)>) -> Figures {
    let mut entities: BTreeMap<String, u64> = BTreeMap::new();
    let mut groups: BTreeMap<usize, u64> = BTreeMap::new();
    let mut both: BTreeMap<(String, usize), u64> = BTreeMap::new();
    for (id, group) in labels {
        *entities.entry(id.clone()).or_default() += 1;
        *groups.entry(group).or_default() += 1;
        *both.entry((id, group)).or_default() += 1;
    }
    let pairs = |count: &u64| count * (count - 1) / 2;
    Figures {
        entities: entities.len() as u64,
        pairs_true: entities.values().map(pairs).sum(),
        pairs_found: groups.values().map(pairs).sum(),
        pairs_right: both.values().map(pairs).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Worked out by hand: true {a a a} {b b}, found {a a b} {a b}.
    #[test]
    fn pairs_by_hand() {
        let labels = [("a", 0), ("a", 0), ("b", 0), ("a", 1), ("b", 1)];
        let figures = figures(labels.into_iter().map(|(id, group)| (id.to_owned(), group)));
        let expected = Figures {
            entities: 2,
            pairs_true: 4,
            pairs_found: 4,
            pairs_right: 1,
        };
        assert_eq!(figures, expected);
        assert_eq!(
            (figures.precision_ppm(), figures.recall_ppm()),
            (250_000, 250_000)
        );
        assert_eq!(Figures::default().precision_ppm(), 1_000_000);
    }
}
