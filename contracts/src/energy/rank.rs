//! Algorithm 4 as a function: in which order offers are taken, and how much of each.
//!
//! Offers of one block have one time; there the score of the prosumer decides, and the order of acceptance last. Source: Su & Wang,
//! section "Virtual power plant": "the first total energy quotation that can provide VPP expectations"; where it is more than
//! required, "the energy provided by the first few prosumers will be retained".

use std::cmp::Reverse;

use borsh::{BorshDeserialize, BorshSerialize};

use super::ResourceId;
use super::rules::{Ranking, Role};
use crate::amount::{Price, WattHours};
use crate::tx::Millis;

/// What one prosumer offers in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Offer {
    /// By which resource.
    pub resource: ResourceId,
    /// How much; above zero.
    pub energy: WattHours,
    /// At which price.
    pub price: Price,
    /// The prosumer's score when it made the offer, in parts per million.
    pub score: u32,
    /// Time of the block that accepted it.
    pub time: Millis,
    /// Its place in the order of acceptance in the session, from 1.
    pub sequence: u32,
}

/// Puts offers into the order in which an initiator of this role takes them.
pub fn sort<K>(ranking: Ranking, initiator: Role, offers: &mut [(K, Offer)]) {
    offers.sort_unstable_by_key(|(_, offer)| {
        let price = match (ranking, initiator) {
            (Ranking::Arrival, _) => 0,
            (Ranking::PriceArrival, Role::Consume) => offer.price.0,
            // Whoever has energy to give takes the highest bid first. Correctness: no price is negative.
            (Ranking::PriceArrival, Role::Supply) => -offer.price.0,
        };
        (price, offer.time, Reverse(offer.score), offer.sequence)
    });
}

/// How much of each of the first offers is taken so that the sum is what is required: all of them but a part of the last. None when
/// all offers together are too little.
#[must_use]
pub fn cut(
    required: WattHours,
    offers: impl IntoIterator<Item = WattHours>,
) -> Option<Vec<WattHours>> {
    let (mut left, mut taken) = (required.0, Vec::new());
    for WattHours(energy) in offers {
        if left <= 0 {
            break;
        }
        let part = energy.min(left);
        left -= part;
        taken.push(WattHours(part));
    }
    (left <= 0).then_some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wh(all: &[i64]) -> Vec<WattHours> {
        all.iter().copied().map(WattHours).collect()
    }

    #[test]
    fn the_first_that_come_to_what_is_required_are_taken_and_the_last_is_cut() {
        let offers = wh(&[300, 500, 400, 100]);
        let cut = |required| cut(WattHours(required), offers.iter().copied());
        assert_eq!(cut(1_000), Some(wh(&[300, 500, 200])));
        assert_eq!(cut(800), Some(wh(&[300, 500])));
        assert_eq!(cut(801), Some(wh(&[300, 500, 1])));
        assert_eq!(cut(1_300), Some(offers.clone()));
        assert_eq!(cut(1_301), None);
        assert_eq!(cut(1), Some(wh(&[1])));
    }

    #[test]
    fn price_then_time_then_score_then_acceptance() {
        let offer = |price, time, score, sequence| Offer {
            resource: ResourceId(1),
            energy: WattHours(1),
            price: Price(price),
            score,
            time: Millis(time),
            sequence,
        };
        let offers = [
            ('a', offer(50, 3, 900, 1)),
            ('b', offer(40, 5, 900, 2)),
            ('c', offer(40, 5, 950, 3)),
            ('d', offer(40, 5, 950, 4)),
            ('e', offer(40, 4, 100, 5)),
        ];
        let order = |ranking, role| {
            let mut all = offers;
            sort(ranking, role, &mut all);
            all.map(|(name, _)| name).iter().collect::<String>()
        };
        assert_eq!(order(Ranking::PriceArrival, Role::Consume), "ecdba");
        assert_eq!(order(Ranking::PriceArrival, Role::Supply), "aecdb");
        assert_eq!(order(Ranking::Arrival, Role::Consume), "aecdb");
    }
}
