//! How alike two rows are, in whole millionths.

use super::normal::Value;
use super::schema::{Class, Kind, Measure, Score};
use super::table::Row;

const WHOLE: u64 = 1_000_000;
/// Characters of a text that are compared: the cost of one comparison has a bound.
const CHARS_MAX: usize = 512;

const DAYS_OF_A_YEAR: u128 = 365;

/// What two rows are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// One thing, by an identity or by the score.
    Same,
    /// For a person to decide: the score, and whether the identities speak against it.
    Doubt { score_ppm: u32, identity: bool },
    /// Nothing speaks for it.
    Different,
}

/// One comparison made ready: the runs of three characters of every row.
struct Ready {
    property: usize,
    measure: Measure,
    weight: u64,
    /// What a difference is measured against, where that is not the larger number.
    span: Option<u128>,
    /// Of each distinct row, where the measure is by runs.
    runs: Vec<Vec<[char; 3]>>,
}

/// Compares rows of one class.
pub(crate) struct Scorer<'a> {
    score: &'a Score,
    rows: Vec<&'a Row>,
    ready: Vec<Ready>,
    identity: Vec<Vec<usize>>,
}

impl<'a> Scorer<'a> {
    pub(crate) fn new(class: &'a Class, score: &'a Score, rows: Vec<&'a Row>) -> Self {
        let place = |name: &String| class.property(name).unwrap_or_default();
        let ready = score.comparisons.iter().map(|comparison| {
            let property = place(&comparison.property);
            let runs = match comparison.measure {
                Measure::Trigram => rows
                    .iter()
                    .map(|row| row.value(property).map_or_else(Vec::new, runs))
                    .collect(),
                Measure::Equal | Measure::Edit | Measure::Near => Vec::new(),
            };
            let span = match &class.properties[property].kind {
                Kind::Date(_) => Some(DAYS_OF_A_YEAR),
                Kind::Text(_) | Kind::Code(_) | Kind::Decimal(_) => None,
            };
            Ready {
                property,
                measure: comparison.measure,
                weight: u64::from(comparison.weight),
                runs,
                span,
            }
        });
        Scorer {
            score,
            ready: ready.collect(),
            identity: class
                .identity
                .iter()
                .map(|key| key.iter().map(place).collect())
                .collect(),
            rows,
        }
    }

    /// What a row says of each identity; nothing where a part of it is absent.
    pub(crate) fn identities(&self, row: usize) -> Vec<Option<Vec<&'a str>>> {
        let text = |place: &usize| Some(self.rows[row].value(*place)?.text.as_str());
        let keys = self.identity.iter();
        keys.map(|key| key.iter().map(text).collect()).collect()
    }

    /// Whether two rows agree in one of their identities.
    pub(crate) fn share_an_identity(&self, a: usize, b: usize) -> bool {
        let (one, other) = (self.identities(a), self.identities(b));
        let mut both = one.into_iter().zip(other);
        both.any(|(one, other)| one.is_some() && one == other)
    }

    /// What rows `a` and `b` are to each other. A row against itself: whether its values are enough to name one thing.
    pub(crate) fn verdict(&self, a: usize, b: usize) -> Verdict {
        let (mut same, mut other) = (false, false);
        for key in &self.identity {
            let both =
                |place: &usize| Some((self.rows[a].value(*place)?, self.rows[b].value(*place)?));
            let pairs: Option<Vec<_>> = key.iter().map(both).collect();
            match pairs {
                Some(pairs) if pairs.iter().all(|(a, b)| a == b) => same = true,
                Some(_) => other = true,
                None => {}
            }
        }
        if same && !other {
            return Verdict::Same;
        }
        let alike = self.alike(a, b);
        match (alike, other) {
            (Some(score_ppm), true) if score_ppm >= self.score.review_ppm || same => {
                Verdict::Doubt {
                    score_ppm,
                    identity: true,
                }
            }
            (None, true) if same => Verdict::Doubt {
                score_ppm: 0,
                identity: true,
            },
            (Some(score_ppm), false) if score_ppm >= self.score.accept_ppm => Verdict::Same,
            (Some(score_ppm), false) if score_ppm >= self.score.review_ppm => Verdict::Doubt {
                score_ppm,
                identity: false,
            },
            _ => Verdict::Different,
        }
    }

    /// The weighted mean over what both have; `None` when that is too little.
    pub(crate) fn alike(&self, a: usize, b: usize) -> Option<u32> {
        let (mut sum, mut weights) = (0, 0);
        for ready in &self.ready {
            let values = (
                self.rows[a].value(ready.property),
                self.rows[b].value(ready.property),
            );
            let (Some(left), Some(right)) = values else {
                continue;
            };
            let measured = match ready.measure {
                Measure::Equal => u64::from(left == right) * WHOLE,
                Measure::Trigram => dice(&ready.runs[a], &ready.runs[b]),
                Measure::Edit => edit(&left.text, &right.text),
                Measure::Near => near(left.number, right.number, ready.span),
            };
            sum += ready.weight * measured;
            weights += ready.weight;
        }
        (weights >= u64::from(self.score.evidence_min))
            .then(|| u32::try_from(sum / weights).unwrap_or(u32::MAX))
    }
}

/// Runs of three characters, two blanks before and one behind, in order.
fn runs(value: &Value) -> Vec<[char; 3]> {
    let padded: Vec<char> = "  "
        .chars()
        .chain(value.text.chars().take(CHARS_MAX))
        .chain([' '])
        .collect();
    let mut runs: Vec<[char; 3]> = padded
        .windows(3)
        .map(|run| [run[0], run[1], run[2]])
        .collect();
    runs.sort_unstable();
    runs
}

/// Twice the shared runs against all: Dice's coefficient of two multisets, in millionths.
fn dice(a: &[[char; 3]], b: &[[char; 3]]) -> u64 {
    let (mut left, mut right, mut shared) = (0, 0, 0u64);
    while left < a.len() && right < b.len() {
        match a[left].cmp(&b[right]) {
            std::cmp::Ordering::Less => left += 1,
            std::cmp::Ordering::Greater => right += 1,
            std::cmp::Ordering::Equal => {
                shared += 1;
                left += 1;
                right += 1;
            }
        }
    }
    let all = (a.len() + b.len()) as u64;
    (2 * shared * WHOLE).checked_div(all).unwrap_or(0)
}

/// One less the share of characters to change: Levenshtein's distance against the longer text, in millionths.
fn edit(a: &str, b: &str) -> u64 {
    if a == b {
        return WHOLE;
    }
    let a: Vec<char> = a.chars().take(CHARS_MAX).collect();
    let b: Vec<char> = b.chars().take(CHARS_MAX).collect();
    let longest = a.len().max(b.len()) as u64;
    if longest == 0 {
        return WHOLE;
    }
    let mut row: Vec<u64> = (0..=b.len() as u64).collect();
    for (i, left) in (1u64..).zip(&a) {
        let mut diagonal = row[0];
        row[0] = i;
        for (j, right) in b.iter().enumerate() {
            let replaced = diagonal + u64::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    let distance = row[b.len()];
    (longest - distance) * WHOLE / longest
}

/// One less the difference against `span`, else against the larger number, in millionths; without a span nothing for different signs.
fn near(a: i128, b: i128, span: Option<u128>) -> u64 {
    if a == b {
        return WHOLE;
    }
    if span.is_none() && (a < 0) != (b < 0) {
        return 0;
    }
    // Correctness: above zero, as the numbers differ.
    let against = span.unwrap_or(a.unsigned_abs().max(b.unsigned_abs()));
    let difference = a.abs_diff(b);
    // Decimals are below 2^120: where the product does not fit, `against` is large enough to be divided first.
    let share = match difference.checked_mul(u128::from(WHOLE)) {
        Some(product) => product / against,
        None => difference / (against / u128::from(WHOLE)).max(1),
    };
    WHOLE - u64::try_from(share).unwrap_or(WHOLE).min(WHOLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        Value {
            text: text.to_owned(),
            number: 0,
        }
    }

    /// "night" and "nacht" share one of seven bigrams in the usual example; of padded trigrams they share "  n" and "ht ".
    #[test]
    fn measures_of_known_pairs() {
        assert_eq!(
            dice(&runs(&value("night")), &runs(&value("nacht"))),
            2 * 2 * WHOLE / 12
        );
        assert_eq!(dice(&runs(&value("aaaa")), &runs(&value("aaaa"))), WHOLE);
        // The distance of the textbook pair is 3, of the longer word of 7.
        assert_eq!(edit("kitten", "sitting"), 4 * WHOLE / 7);
        assert_eq!(edit("", "abc"), 0);
        assert_eq!(edit("电网", "电站"), WHOLE / 2);
        assert_eq!(near(100, 90, None), 900_000);
        assert_eq!(near(-5, 5, None), 0);
        assert_eq!(near(19_000, 19_073, Some(DAYS_OF_A_YEAR)), 800_000);
        assert_eq!(near(-400, 400, Some(DAYS_OF_A_YEAR)), 0);
        assert_eq!(near(0, 0, None), WHOLE);
        assert_eq!(near(0, 5, None), 0);
        assert_eq!(near(i128::MAX, i128::MAX / 2, None), 500_000);
    }
}
