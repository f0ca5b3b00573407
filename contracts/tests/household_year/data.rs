//! What five real homes took and what their roofs gave, hour by hour of a year, straight from the public files; and what must come of it,
//! worked out without a ledger.

use super::homes::{HOMES, ROOF, YEAR, column, file};

/// A year of the homes, in watt hours; and the tariff, in ten-thousandths of the currency for a megawatt hour.
pub(crate) struct Homes {
    pub(crate) produced: Vec<[i64; HOMES]>,
    pub(crate) consumed: Vec<[i64; HOMES]>,
    pub(crate) tariff: Vec<i64>,
}

impl Homes {
    pub(crate) fn read() -> Option<Self> {
        let mut produced = vec![[0; HOMES]; YEAR];
        let mut consumed = vec![[0; HOMES]; YEAR];
        for home in 0..HOMES {
            let text = file(&format!("Building_{}.csv", home + 1))?;
            // Watts for a kilowatt of the roof over an hour; kilowatt hours.
            let roof = column(&text, "solar_generation", 0, ROOF[home]);
            let load = column(&text, "non_shiftable_load", 3, 1);
            for hour in 0..YEAR {
                produced[hour][home] = roof[hour];
                consumed[hour][home] = load[hour];
            }
        }
        // Of the currency for a kilowatt hour, which is a thousandth of a megawatt hour.
        let tariff = column(&file("pricing.csv")?, "electricity_pricing", 7, 1);
        Some(Self {
            produced,
            consumed,
            tariff,
        })
    }

    /// Who gives whom how much of an hour: what is over and what is missing, each laid end to end in the order of the homes, meet where
    /// they overlap.
    pub(crate) fn trades(&self, hour: usize) -> Vec<(usize, usize, i64)> {
        let net = |home| self.produced[hour][home] - self.consumed[hour][home];
        let ends = |sign: i64| {
            let mut all = [(0, 0); HOMES];
            let mut end = 0;
            for (home, span) in all.iter_mut().enumerate() {
                let begin = end;
                end += (sign * net(home)).max(0);
                *span = (begin, end);
            }
            all
        };
        let (over, missing) = (ends(1), ends(-1));
        let mut all = Vec::new();
        for (giver, given) in over.iter().enumerate() {
            for (taker, taken) in missing.iter().enumerate() {
                let both = given.1.min(taken.1) - given.0.max(taken.0);
                if both > 0 {
                    all.push((giver, taker, both));
                }
            }
        }
        all
    }
}

/// What must come of the first hours, by sums over the files alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sums {
    pub(crate) produced: i64,
    pub(crate) consumed: i64,
    /// Energy that went from home to home.
    pub(crate) traded: i64,
    /// Certificates that were used up: in each hour the smaller one of all that was produced and all that was consumed.
    pub(crate) claimed: i64,
    /// What each home has more, in millionths of the currency.
    pub(crate) money: [i64; HOMES],
}

impl Sums {
    pub(crate) fn of(homes: &Homes, hours: usize) -> Self {
        let mut sums = Self::default();
        for hour in 0..hours {
            let (all, used) = (&homes.produced[hour], &homes.consumed[hour]);
            let (produced, consumed): (i64, i64) = (all.iter().sum(), used.iter().sum());
            sums.produced += produced;
            sums.consumed += consumed;
            sums.claimed += produced.min(consumed);
            let over: i64 = all.iter().zip(used).map(|(p, c)| (p - c).max(0)).sum();
            let missing: i64 = all.iter().zip(used).map(|(p, c)| (c - p).max(0)).sum();
            sums.traded += over.min(missing);
            for (giver, taker, energy) in homes.trades(hour) {
                // Ten-thousandths of the currency for 10^6 Wh, in millionths: cut off once.
                let paid = i128::from(energy) * i128::from(homes.tariff[hour]) / 10_000;
                let paid = i64::try_from(paid).expect("it fits");
                sums.money[giver] += paid;
                sums.money[taker] -= paid;
            }
        }
        sums
    }
}
