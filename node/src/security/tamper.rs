//! How likely it is that history is rewritten on a chain that is extended by work or stake: equations 1 to 3 of Su & Wang, Sci Rep 12:20286
//! (2022), which are those of section 11 of Nakamoto's paper.
//!
//! They say nothing of this ledger, where a block is final once more than two thirds of the weight have signed it: nobody rewrites it
//! while less than a third is faulty, however long it is tried.

use std::fmt;

/// Largest gap that is computed: the cost of one probability is its gap.
pub const GAP_MAX: u32 = 100_000;

/// Part of the work or stake that an attacker has, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Share(f64);

/// Not a share, or a gap beyond [`GAP_MAX`].
#[derive(Debug, Clone, PartialEq)]
pub enum Invalid {
    /// Not a number from 0 to 1.
    Share(f64),
    /// Too far behind.
    Gap(u32),
    /// Not a probability above 0 and below 1.
    Probability(f64),
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(q) => write!(f, "{q} is no share of all work or stake: it must be 0 to 1"),
            Self::Gap(n) => write!(f, "a gap of {n} blocks: it must be at most {GAP_MAX}"),
            Self::Probability(p) => {
                write!(
                    f,
                    "{p} is no probability to stay below: it must be above 0 and below 1"
                )
            }
        }
    }
}

impl std::error::Error for Invalid {}

impl Share {
    /// A share.
    ///
    /// # Errors
    /// [`Invalid::Share`].
    pub fn new(q: f64) -> Result<Self, Invalid> {
        if (0.0..=1.0).contains(&q) {
            Ok(Self(q))
        } else {
            Err(Invalid::Share(q))
        }
    }

    /// As a number.
    #[must_use]
    pub fn value(self) -> f64 {
        self.0
    }

    /// q/p: what the attacker finds for every block of the others; `None` when it finds no less than they.
    fn pace(self) -> Option<f64> {
        let others = 1.0 - self.0;
        (self.0 < others).then(|| self.0 / others)
    }

    /// Equation 1: that an attacker who is `gap` blocks behind ever catches up.
    #[must_use]
    pub fn catches_up(self, gap: u32) -> f64 {
        self.pace().map_or(1.0, |pace| pace.powf(f64::from(gap)))
    }

    /// Equation 2: how many blocks the attacker has found, on average, when the others have found `gap`; infinite when it has all.
    #[must_use]
    pub fn expected(self, gap: u32) -> f64 {
        f64::from(gap) * self.0 / (1.0 - self.0)
    }

    /// Equation 3: that a block with `gap` blocks on top is replaced. Cost: `gap` terms.
    ///
    /// # Errors
    /// [`Invalid::Gap`].
    pub fn rewrites(self, gap: u32) -> Result<f64, Invalid> {
        if gap > GAP_MAX {
            return Err(Invalid::Gap(gap));
        }
        let pace = match self.pace() {
            Some(pace) if gap > 0 => pace,
            _ => return Ok(1.0),
        };
        if pace == 0.0 {
            return Ok(0.0);
        }
        // All terms are positive and by logarithms: no difference of numbers near one, and no power that is too small to be one.
        let (mean, pace_ln) = (self.expected(gap), pace.ln());
        let (mut sum, mut chance_ln, mut found) = (0.0, -mean, 0_u32);
        loop {
            let behind = f64::from(gap.saturating_sub(found));
            let term = (chance_ln + behind * pace_ln).exp();
            sum += term;
            // Beyond the gap the mean is passed, and each term is a part of the one before.
            if found > gap && term <= sum * 1e-17 {
                return Ok(f64::min(sum, 1.0));
            }
            found += 1;
            chance_ln += mean.ln() - f64::from(found).ln();
        }
    }

    /// The smallest gap at which a block is replaced with less than this probability; `None` when there is none up to [`GAP_MAX`].
    ///
    /// # Errors
    /// [`Invalid::Probability`].
    pub fn gap_below(self, probability: f64) -> Result<Option<u32>, Invalid> {
        if !(probability > 0.0 && probability < 1.0) {
            return Err(Invalid::Probability(probability));
        }
        let is_below = |gap| Ok::<_, Invalid>(self.rewrites(gap)? < probability);
        let mut high = 1;
        while !is_below(high)? {
            if high == GAP_MAX || self.pace().is_none() {
                return Ok(None);
            }
            high = (2 * high).min(GAP_MAX);
        }
        // It falls with the gap.
        let mut low = high / 2;
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if is_below(middle)? {
                high = middle;
            } else {
                low = middle;
            }
        }
        Ok(Some(high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(q: f64) -> Share {
        Share::new(q).unwrap()
    }

    /// Two tables of Nakamoto's paper: P for q = 0.1 and q = 0.3, with seven digits.
    #[test]
    fn probabilities_are_those_of_the_published_tables() {
        let table = [
            (0.1, 0, 1.0),
            (0.1, 1, 0.204_587_3),
            (0.1, 2, 0.050_977_9),
            (0.1, 5, 0.000_913_7),
            (0.1, 10, 0.000_001_2),
            (0.3, 0, 1.0),
            (0.3, 5, 0.177_352_3),
            (0.3, 10, 0.041_660_5),
            (0.3, 25, 0.000_613_2),
            (0.3, 50, 0.000_000_6),
        ];
        for (q, gap, expected) in table {
            let found = share(q).rewrites(gap).unwrap();
            assert!((found - expected).abs() < 5.1e-8, "{q} {gap}: {found}");
        }
    }

    /// And the gaps for less than 0.1 %.
    #[test]
    fn gaps_are_those_of_the_published_table() {
        let table = [
            (0.10, 5),
            (0.15, 8),
            (0.20, 11),
            (0.25, 15),
            (0.30, 24),
            (0.35, 41),
            (0.40, 89),
            (0.45, 340),
        ];
        for (q, gap) in table {
            assert_eq!(share(q).gap_below(0.001).unwrap(), Some(gap), "{q}");
        }
        for q in [0.5, 0.7, 1.0] {
            assert_eq!(share(q).gap_below(0.001).unwrap(), None);
        }
        assert_eq!(share(0.0).gap_below(1e-300).unwrap(), Some(1));
    }

    #[test]
    fn it_falls_with_the_gap_and_rises_with_the_share() {
        for q in [0.0, 0.01, 0.2, 0.45, 0.499] {
            let of: Vec<_> = (0..400).map(|n| share(q).rewrites(n).unwrap()).collect();
            assert!(of.windows(2).all(|pair| pair[1] <= pair[0]), "{q}");
            let more = share(q + 0.001);
            for (gap, less) in (0..400).zip(of) {
                assert!(less <= more.rewrites(gap).unwrap() + 1e-12, "{q} {gap}");
                assert!(
                    share(q).catches_up(gap) <= more.catches_up(gap),
                    "{q} {gap}"
                );
            }
        }
        for gap in [0, 1, 1_000, GAP_MAX] {
            assert_eq!(share(0.5).rewrites(gap).unwrap(), 1.0);
            assert_eq!(share(0.5).catches_up(gap), 1.0);
        }
        // Far out it is still a number, and no rounding makes it negative.
        let far = share(0.499).rewrites(GAP_MAX).unwrap();
        assert!(far > 0.0 && far < 1.0, "{far}");
        assert!(share(0.1).rewrites(GAP_MAX).unwrap() >= 0.0);
    }

    #[test]
    fn what_is_no_share_or_too_far_is_refused() {
        for q in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(matches!(Share::new(q), Err(Invalid::Share(_))));
        }
        assert_eq!(
            share(0.1).rewrites(GAP_MAX + 1),
            Err(Invalid::Gap(GAP_MAX + 1))
        );
        for p in [0.0, 1.0, -1.0, f64::NAN] {
            assert!(share(0.1).gap_below(p).is_err());
        }
    }
}
