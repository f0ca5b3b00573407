//! Sealed-bid auctions: by hand from the EU's rules, against every price tried, and bad input.

use bds_contracts::amount::{Price, Quantity};
use bds_contracts::exchange::OrderId;
use bds_contracts::exchange::auction::{Auction, Bid, Cancelled, Offer, Outcome};
use bds_contracts::exchange::reject::Reject;
use bds_contracts::tx::{AccountId, Millis};

use crate::generate::Random;

/// EUR with two decimals as ten-thousandths, lots of 500.
const OFFER: Offer = Offer {
    auction: 7,
    volume: Quantity(3_000),
    lot: Quantity(500),
    tick: 100,
    reserve: Price(0),
    opens: Millis(1_000),
    closes: Millis(2_000),
    bids_max: 100,
    account_max: Quantity(100_000),
};

fn beacon() -> [u8; 32] {
    std::array::from_fn(|place| place as u8)
}

fn id(account: u64, number: u64) -> OrderId {
    OrderId {
        account: AccountId(account),
        number,
    }
}

fn bid(price: i64, quantity: u64) -> Bid {
    Bid {
        price: Price(price),
        quantity: Quantity(quantity),
        reserve: -1,
    }
}

fn close(offer: Offer, bids: &[(u64, u64, i64, u64)]) -> Outcome {
    let mut auction = Auction::new(offer).expect("sound offer");
    for (account, number, price, quantity) in bids {
        auction
            .bid(id(*account, *number), bid(*price, *quantity), Millis(1_500))
            .expect("sound bid");
    }
    auction.close(&beacon(), Millis(2_000)).expect("over")
}

/// What each bid won, in the order of the sort.
fn won(outcome: &Outcome) -> Vec<(u64, u64, u64)> {
    let award = |award: &bds_contracts::exchange::auction::Award| {
        (award.id.account.0, award.id.number, award.quantity.0)
    };
    outcome.awards.iter().map(award).collect()
}

/// 3,000 on offer. From the top 1,000 at 65.00, 1,500 at 64.50 (2,500), 1,000 at 64.00 reach 3,500: the price is 64.00,
/// the last one gets the remaining 500, and 63.00 gets nothing.
#[test]
fn the_price_that_reaches_the_volume_clears_and_the_last_gets_the_rest() {
    let bids = [
        (4, 1, 630_000, 2_000),
        (2, 1, 645_000, 1_500),
        (3, 1, 640_000, 1_000),
        (1, 1, 650_000, 1_000),
    ];
    let outcome = close(OFFER, &bids);
    assert_eq!(outcome.price, Ok(Price(640_000)));
    assert_eq!(
        won(&outcome),
        [(1, 1, 1_000), (2, 1, 1_500), (3, 1, 500), (4, 1, 0)]
    );
    // The order in which bids come in is nothing.
    let mut turned = bids;
    turned.reverse();
    assert_eq!(close(OFFER, &turned), outcome);
}

/// The sum matches the volume exactly: the last price that was needed, not the next one.
#[test]
fn a_sum_that_matches_ends_there() {
    let bids = [
        (1, 1, 650_000, 1_000),
        (2, 1, 640_000, 2_000),
        (3, 1, 630_000, 500),
    ];
    let outcome = close(OFFER, &bids);
    assert_eq!(outcome.price, Ok(Price(640_000)));
    assert_eq!(won(&outcome), [(1, 1, 1_000), (2, 1, 2_000), (3, 1, 0)]);
}

/// 2,500 wanted and 3,000 offered: cancelled. 3,000 wanted: not.
#[test]
fn too_little_demand_cancels() {
    let outcome = close(OFFER, &[(1, 1, 650_000, 1_000), (2, 1, 640_000, 1_500)]);
    assert_eq!(outcome.price, Err(Cancelled::TooLittleDemand));
    assert_eq!(won(&outcome), [(1, 1, 0), (2, 1, 0)]);
    let outcome = close(OFFER, &[(1, 1, 650_000, 1_000), (2, 1, 640_000, 2_000)]);
    assert_eq!(outcome.price, Ok(Price(640_000)));
    assert_eq!(close(OFFER, &[]).price, Err(Cancelled::TooLittleDemand));
}

#[test]
fn a_price_below_the_reserve_cancels_and_one_at_it_does_not() {
    let bids = [(1, 1, 650_000, 2_500), (2, 1, 600_000, 500)];
    let at = |reserve| {
        let reserve = Price(reserve);
        close(Offer { reserve, ..OFFER }, &bids).price
    };
    assert_eq!(at(600_000), Ok(Price(600_000)));
    assert_eq!(at(600_001), Err(Cancelled::BelowReserve));
}

/// Six equal bids of 1,000 for 3,000: who wins is drawn. The orders are those of Python's hashlib over
/// auction, beacon, account and number, each number in eight bytes, little-endian.
#[test]
fn equal_prices_are_ordered_by_lot() {
    let bids: Vec<_> = [1, 2, 3]
        .into_iter()
        .flat_map(|account| [(account, 1, 640_000, 1_000), (account, 2, 640_000, 1_000)])
        .collect();
    let order = |auction| {
        let outcome = close(Offer { auction, ..OFFER }, &bids);
        let won = won(&outcome);
        let quantities: Vec<u64> = won.iter().map(|award| award.2).collect();
        assert_eq!(quantities, [1_000, 1_000, 1_000, 0, 0, 0]);
        won.iter()
            .map(|award| (award.0, award.1))
            .collect::<Vec<_>>()
    };
    assert_eq!(order(7), LOTS_OF_7);
    assert_eq!(order(8), LOTS_OF_8);
}

const LOTS_OF_7: [(u64, u64); 6] = [(3, 2), (1, 2), (1, 1), (2, 2), (2, 1), (3, 1)];
const LOTS_OF_8: [(u64, u64); 6] = [(2, 2), (1, 1), (3, 1), (1, 2), (2, 1), (3, 2)];

/// Every price tried: the highest at which enough is wanted. Who wins: all above it, and at it as many as fit.
#[test]
fn it_clears_where_trying_every_price_does() {
    let mut random = Random(5);
    let mut cleared = 0;
    for _ in 0..4_000 {
        let lot = 1 + random.below(3);
        let offer = Offer {
            volume: Quantity(lot * (1 + random.below(30))),
            lot: Quantity(lot),
            tick: 1,
            reserve: Price(random.below(8) as i64),
            auction: random.next(),
            ..OFFER
        };
        let bids: Vec<(u64, u64, i64, u64)> = (0..random.below(12))
            .map(|number| {
                let price = 1 + random.below(12) as i64;
                (random.below(4), number, price, lot * (1 + random.below(10)))
            })
            .collect();
        let outcome = close(offer, &bids);
        let wanted = |price: i64| -> u64 {
            let willing = bids.iter().filter(|bid| bid.2 >= price);
            willing.map(|bid| bid.3).sum()
        };
        let highest = (1..=12)
            .rev()
            .find(|price| wanted(*price) >= offer.volume.0);
        let expected = match highest {
            None => Err(Cancelled::TooLittleDemand),
            Some(price) if price < offer.reserve.0 => Err(Cancelled::BelowReserve),
            Some(price) => Ok(Price(price)),
        };
        assert_eq!(outcome.price, expected, "{offer:?} {bids:?}");
        assert_eq!(outcome.awards.len(), bids.len());
        let all: u64 = outcome.awards.iter().map(|award| award.quantity.0).sum();
        let Ok(price) = outcome.price else {
            assert_eq!(all, 0);
            continue;
        };
        cleared += 1;
        assert_eq!(all, offer.volume.0);
        let mut partial = 0;
        for award in &outcome.awards {
            if award.bid.price > price {
                assert_eq!(award.quantity, award.bid.quantity);
            } else if award.bid.price < price {
                assert_eq!(award.quantity.0, 0);
            } else if award.quantity.0 > 0 && award.quantity < award.bid.quantity {
                partial += 1;
            }
        }
        assert!(partial <= 1, "only the last winner is cut");
    }
    assert!(cleared > 500);
}

#[test]
fn bids_are_taken_changed_and_withdrawn_in_the_window_alone() {
    let good = bid(640_000, 500);
    let other = bid(630_000, 1_000);
    for now in [0, 999, 2_000, u64::MAX] {
        let now = Millis(now);
        let mut auction = Auction::new(OFFER).expect("sound offer");
        auction.bid(id(1, 1), good, Millis(1_000)).expect("open");
        let before = auction.clone();
        assert_eq!(auction.bid(id(1, 2), good, now), Err(Reject::AuctionClosed));
        assert_eq!(
            auction.change(id(1, 1), other, now),
            Err(Reject::AuctionClosed)
        );
        assert_eq!(auction.withdraw(id(1, 1), now), Err(Reject::AuctionClosed));
        assert_eq!(auction, before);
        assert_eq!(auction.close(&beacon(), now).is_ok(), now.0 >= 2_000);
    }
    for now in [1_000, 1_999] {
        let now = Millis(now);
        let mut auction = Auction::new(OFFER).expect("sound offer");
        assert_eq!(auction.bid(id(1, 1), good, now), Ok(()));
        assert_eq!(
            auction.bid(id(1, 1), other, now),
            Err(Reject::BidNumberUsed)
        );
        assert_eq!(auction.change(id(1, 1), other, now), Ok(good));
        assert_eq!(auction.bid_of(id(1, 1)), Some(&other));
        assert_eq!(auction.withdraw(id(1, 1), now), Ok(other));
        assert_eq!(auction.withdraw(id(1, 1), now), Err(Reject::UnknownBid));
        assert_eq!(auction.close(&beacon(), now), Err(Reject::WrongPhase));
    }
}

#[test]
fn bad_bids_and_offers_change_nothing() {
    let offer = Offer {
        bids_max: 2,
        account_max: Quantity(2_000),
        ..OFFER
    };
    let mut auction = Auction::new(offer).expect("sound offer");
    let now = Millis(1_500);
    auction
        .bid(id(1, 1), bid(640_000, 1_500), now)
        .expect("good");
    let before = auction.clone();
    let bad = [
        (bid(640_000, 0), Reject::QuantityZero),
        (bid(640_000, 499), Reject::QuantityNotLot),
        (bid(640_000, u64::MAX), Reject::QuantityNotLot),
        (bid(640_000, u64::MAX - 115), Reject::QuantityTooLarge),
        (bid(640_000, 2_500), Reject::QuantityTooLarge),
        (bid(0, 500), Reject::PriceInvalid),
        (bid(-100, 500), Reject::PriceInvalid),
        (bid(i64::MIN, 500), Reject::PriceInvalid),
        (bid(i64::MAX, 500), Reject::PriceInvalid),
        (bid(640_001, 500), Reject::PriceInvalid),
    ];
    for (bad, reject) in bad {
        assert_eq!(auction.bid(id(1, 2), bad, now), Err(reject));
        assert_eq!(auction.change(id(1, 1), bad, now), Err(reject));
    }
    let good = bid(640_000, 1_000);
    assert_eq!(auction.bid(id(1, 2), good, now), Err(Reject::PositionLimit));
    assert_eq!(auction.change(id(1, 2), good, now), Err(Reject::UnknownBid));
    assert_eq!(auction.withdraw(id(2, 1), now), Err(Reject::UnknownBid));
    assert_eq!(auction, before);
    assert_eq!(
        auction.change(id(1, 1), bid(100, 2_000), now),
        Ok(bid(640_000, 1_500))
    );
    assert_eq!(auction.bid(id(2, 1), good, now), Ok(()));
    assert_eq!(auction.bid(id(3, 1), good, now), Err(Reject::BookFull));

    let refused = |offer| Auction::new(offer).err();
    for offer in [
        Offer {
            volume: Quantity(0),
            ..OFFER
        },
        Offer {
            volume: Quantity(501),
            ..OFFER
        },
        Offer {
            lot: Quantity(0),
            ..OFFER
        },
        Offer { tick: 0, ..OFFER },
        Offer {
            tick: i64::MIN,
            ..OFFER
        },
        Offer {
            reserve: Price(-1),
            ..OFFER
        },
        Offer {
            closes: OFFER.opens,
            ..OFFER
        },
        Offer {
            bids_max: 0,
            ..OFFER
        },
        Offer {
            account_max: Quantity(0),
            ..OFFER
        },
    ] {
        assert_eq!(refused(offer), Some(Reject::RuleInvalid), "{offer:?}");
    }
    let bytes = borsh::to_vec(&auction).expect("encodes");
    assert_eq!(
        borsh::from_slice::<Auction>(&bytes).expect("own bytes"),
        auction
    );
}
