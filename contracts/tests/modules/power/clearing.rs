//! Clearing by hand: prices, shares at the price, blocks, negative prices, days on which clocks are set, and what everybody pays.

use bds_contracts::amount::{Money as Amount, Price, WattHours};
use bds_contracts::exchange::Side;
use bds_contracts::power::Event;
use bds_contracts::power::block::Outcome;
use bds_contracts::tx::Millis;

use super::super::stage::{Stage, Who};
use super::*;

const BUY: Side = Side::Buy;
const SELL: Side = Side::Sell;

fn outcome(stage: &Stage, session: u64, account: AccountId, number: u32) -> (Outcome, i64) {
    let decided = tables(stage).decided.get(&(session, account, number));
    let decided = decided.expect("a block of the test");
    (decided.outcome, decided.energy.0 / (MWH / 10))
}

/// Demand of 1 MWh at 90, 1 at 50 and 1 at 20 meets supply of 0.5 at 10, 1 at 40 and 2 at 70: above 40 there is more to buy than up to
/// 40 to sell, so the buyer at 50 makes the price and gets the half that is left. 1.5 MWh at 50 are 75 of the currency.
#[test]
fn curves_cross_at_one_price_and_everybody_pays_it() {
    let (mut stage, session) = market();
    bid(
        &mut stage,
        session,
        T[0],
        BUY,
        (8, 1),
        &[(90, 10), (50, 10), (20, 10)],
    );
    bid(
        &mut stage,
        session,
        T[1],
        SELL,
        (8, 1),
        &[(10, 5), (40, 10)],
    );
    bid(&mut stage, session, T[2], SELL, (8, 1), &[(70, 20)]);
    let told = cleared(&mut stage);
    assert_eq!(price(&stage, session, 8), (5_000, 15));
    assert_eq!(award(&stage, session, T[0], BUY, 8), (15, -75_000_000));
    assert_eq!(award(&stage, session, T[1], SELL, 8), (15, 75_000_000));
    assert_eq!(tables(&stage).awards.len(), 2);
    let money = [-75_000_000, 75_000_000, 0, 0, 0, 0];
    assert_eq!(books(&stage), (money, [0; 6]));
    assert_eq!(entries(&stage), [0; 6]);
    let cleared_8 = Event::IntervalCleared {
        session,
        interval: 8,
        price: Price(50 * PER_MWH),
        energy: WattHours(1_500_000),
    };
    let place = told.iter().position(|event| *event == cleared_8).unwrap();
    let accepted = |account, side, amount| Event::CurveAccepted {
        session,
        account,
        side,
        interval: 8,
        energy: WattHours(1_500_000),
        amount: Amount(amount),
    };
    assert_eq!(
        told[place - 2..place],
        [
            accepted(T[0], BUY, -75_000_000),
            accepted(T[1], SELL, 75_000_000)
        ]
    );
    let settled = |account, bought: i64, sold: i64, amount| Event::AccountSettled {
        session,
        account,
        bought: WattHours(bought),
        sold: WattHours(sold),
        amount: Amount(amount),
    };
    assert_eq!(
        told[told.len() - 4..],
        [
            settled(T[0], 1_500_000, 0, -75_000_000),
            settled(T[1], 0, 1_500_000, 75_000_000),
            settled(T[2], 0, 0, 0),
            Event::SessionCleared {
                session,
                zone: ZONE,
                accounts: 3,
                paradoxical: 0
            },
        ]
    );
    // The gate, 96 intervals, two awards, three accounts, the session.
    assert_eq!(told.len(), 1 + 96 + 2 + 3 + 1);
}

/// At 30 there are 1.0, 0.6 and 0.4 MWh to sell and 1.5 to buy: 0.75, 0.45 and 0.3 by proportion, in tenths 7, 4 and 3 and the one that
/// is left goes to one of the two with the largest remainder, a half, by lot.
#[test]
fn what_is_at_the_price_is_shared_in_proportion() {
    let (mut stage, session) = market();
    bid(&mut stage, session, T[0], BUY, (0, 1), &[(60, 15)]);
    for (account, energy) in [(T[1], 10), (T[2], 6), (T[3], 4)] {
        bid(&mut stage, session, account, SELL, (0, 1), &[(30, energy)]);
    }
    cleared(&mut stage);
    assert_eq!(price(&stage, session, 0), (3_000, 15));
    let got = [T[1], T[2], T[3]].map(|account| award(&stage, session, account, SELL, 0).0);
    assert!(got == [8, 4, 3] || got == [7, 5, 3], "{got:?}");
}

/// 10 MWh are blown into a night that takes 3 at any price and 4 more if it is paid 40: who sells pays.
#[test]
fn at_a_negative_price_the_seller_pays() {
    let (mut stage, session) = market();
    bid(&mut stage, session, T[1], SELL, (0, 4), &[(-100, 100)]);
    bid(&mut stage, session, T[0], BUY, (0, 4), &[(300, 30)]);
    bid(&mut stage, session, T[2], BUY, (0, 4), &[(-40, 100)]);
    // 10 MWh at -100 in four intervals, and a unit each.
    assert_eq!(books(&stage).1[1], 4 * 1_000_000_001);
    cleared(&mut stage);
    // 13 MWh are asked for at -40 or above, 10 are there: the price is -40.
    assert_eq!(price(&stage, session, 3), (-4_000, 100));
    assert_eq!(award(&stage, session, T[0], BUY, 0), (30, 120_000_000));
    assert_eq!(award(&stage, session, T[1], SELL, 0), (100, -400_000_000));
    assert_eq!(award(&stage, session, T[2], BUY, 0), (70, 280_000_000));
    let money = [480_000_000, -1_600_000_000, 1_120_000_000, 0, 0, 0];
    assert_eq!(books(&stage), (money, [0; 6]));
}

/// Prices with 0.01 of the currency and tenths of megawatt hours come out even; odd parts are less than a unit off and come to the
/// same on both sides. 0.3 Wh of three sellers at 33.33.
#[test]
fn whatever_the_rounding_both_sides_come_to_the_same() {
    let mut stage = traders();
    let mut call = plain_day();
    if let Call::OpenSession { tick, lot, .. } = &mut call {
        (*tick, lot.0) = (1, 1);
    }
    let session = opened(&mut stage, &call);
    let sell = [(Price(333_333), WattHours(7))];
    for account in [T[1], T[2], T[3]] {
        let call = curve(session, account, SELL, (0, 1), &sell);
        done(&mut stage, owner(account), &call);
    }
    let buy = [(Price(400_000), WattHours(20))];
    done(
        &mut stage,
        Who::Anna,
        &curve(session, T[0], BUY, (0, 1), &buy),
    );
    cleared(&mut stage);
    // 20 Wh at 33.3333 are 666.666 units: the buyer pays 666. Sellers have 7, 7 and 6 Wh by lot: sums of 233.3, 466.7 or 433.3, and 666.7.
    let (money, _) = books(&stage);
    assert_eq!(money[0], -666);
    assert_eq!(money[1] + money[2] + money[3], 666);
    for part in &money[1..4] {
        assert!([199, 200, 201, 233, 234].contains(part), "{money:?}");
    }
}

/// The days of 2026 on which clocks are set in Berlin, and one between: each interval has its price, the last one too.
#[test]
fn days_have_92_96_and_100_intervals() {
    for (start, hours, intervals) in [
        (1_774_738_800_000_u64, 23, 92_u8),
        (1_774_738_800_000 + 23 * 3_600_000, 24, 96),
        (1_792_879_200_000, 25, 100),
    ] {
        let mut stage = traders();
        let gate = start - 12 * 3_600_000;
        wait(&mut stage, gate - 3_600_000);
        let session = opened(&mut stage, &day(start, start + hours * 3_600_000, gate));
        bid(
            &mut stage,
            session,
            T[0],
            BUY,
            (intervals - 4, 4),
            &[(40, 10)],
        );
        let call = block(session, T[1], 1, SELL, (0, intervals), (0, 1));
        done(&mut stage, Who::Bert, &call);
        bid(
            &mut stage,
            session,
            T[1],
            SELL,
            (intervals - 1, 1),
            &[(20, 10)],
        );
        let beyond = steps(&[(40, 10)]);
        let call = curve(session, T[0], BUY, (intervals, 1), &beyond);
        refused(
            &mut stage,
            Who::Anna,
            &call,
            bds_contracts::Code::DELIVERY_INVALID,
        );
        cleared_from(&mut stage, gate);
        assert_eq!(tables(&stage).prices.len(), usize::from(intervals));
        assert_eq!(price(&stage, session, intervals - 1), (2_000, 10));
        // Nobody takes the block in the first intervals.
        assert_eq!(outcome(&stage, session, T[1], 1), (Outcome::Rejected, 0));
        let found = tables(&stage).sessions.get(&session).copied().unwrap();
        assert_eq!(found.end(), Millis(start + u64::from(intervals) * QUARTER));
    }
}

/// Demand of 10 MWh at 90, supply of 6 at 20 and 6 more at 80, in four intervals: the price is 80, and 20 with 4 MWh more.
fn with_blocks(blocks: &[Call<'static>]) -> (Stage, u64, Vec<Event>) {
    let (mut stage, session) = market();
    bid(&mut stage, session, T[0], BUY, (0, 4), &[(90, 100)]);
    bid(
        &mut stage,
        session,
        T[1],
        SELL,
        (0, 4),
        &[(20, 60), (80, 60)],
    );
    for call in blocks {
        done(&mut stage, Who::Anna, call);
    }
    let told = cleared(&mut stage);
    (stage, session, told)
}

/// The session of a fresh market has this number.
fn number() -> u64 {
    market().1
}

#[test]
fn a_block_in_the_money_is_accepted_and_paid_the_price_of_each_interval() {
    let session = number();
    let sells = block(session, T[2], 1, SELL, (0, 4), (50, 30));
    let (stage, session, told) = with_blocks(&[sells]);
    assert_eq!(outcome(&stage, session, T[2], 1), (Outcome::Accepted, 30));
    assert_eq!(price(&stage, session, 0), (8_000, 100));
    // 3 MWh at 80 in four intervals.
    assert!(told.contains(&Event::BlockDecided {
        session,
        account: T[2],
        number: 1,
        outcome: Outcome::Accepted,
        energy: WattHours(3_000_000),
        amount: Amount(960_000_000),
    }));
    assert_eq!(
        books(&stage).0[..3],
        [-3_200_000_000, 2_240_000_000, 960_000_000]
    );
}

#[test]
fn one_that_spoils_its_own_price_is_rejected_paradoxically_and_listed() {
    let session = number();
    let large = block(session, T[2], 1, SELL, (0, 4), (50, 50));
    let (stage, session, told) = with_blocks(&[large]);
    assert_eq!(outcome(&stage, session, T[2], 1), (Outcome::Paradoxical, 0));
    assert_eq!(price(&stage, session, 0), (8_000, 100));
    let Some(Event::SessionCleared { paradoxical, .. }) = told.last() else {
        panic!("{told:?}");
    };
    assert_eq!(*paradoxical, 1);
    assert_eq!(books(&stage).0[2], 0);
    // One that need not be whole gets its least.
    let part = with(large, 600_000, None, None);
    let (stage, session, _) = with_blocks(&[part]);
    assert_eq!(outcome(&stage, session, T[2], 1), (Outcome::Cut, 30));
    assert_eq!(books(&stage).0[2], 960_000_000);
    // What asks for more than the price is rejected and gains nothing by it.
    let dear = block(number(), T[2], 1, SELL, (0, 4), (81, 10));
    let (stage, session, _) = with_blocks(&[dear]);
    assert_eq!(outcome(&stage, session, T[2], 1), (Outcome::Rejected, 0));
}

#[test]
fn a_child_needs_its_parent_and_of_a_group_one_is_accepted() {
    let session = number();
    let parent = |energy| block(session, T[2], 1, SELL, (0, 2), (50, energy));
    let child = block(session, T[2], 2, SELL, (2, 2), (10, 10));
    let child = with(child, 1_000_000, Some(1), None);
    let (stage, session, _) = with_blocks(&[parent(50), child]);
    assert_eq!(outcome(&stage, session, T[2], 1).0, Outcome::Paradoxical);
    assert_eq!(outcome(&stage, session, T[2], 2).0, Outcome::Paradoxical);
    let (stage, session, _) = with_blocks(&[parent(30), child]);
    assert_eq!(outcome(&stage, session, T[2], 1).0, Outcome::Accepted);
    assert_eq!(outcome(&stage, session, T[2], 2).0, Outcome::Accepted);
    let of = |number, price| {
        let call = block(session, T[2], number, SELL, (0, 4), (price, 5));
        with(call, 1_000_000, None, Some(9))
    };
    let (stage, session, _) = with_blocks(&[of(1, 60), of(2, 40), of(3, 50)]);
    let all = [1, 2, 3].map(|number| outcome(&stage, session, T[2], number).0);
    let other = Outcome::Paradoxical;
    assert_eq!(all, [other, Outcome::Accepted, other]);
}

/// A block that buys at an average of 70 over an interval at 80 and one at 20 pays both.
#[test]
fn a_block_looks_at_the_average_of_its_intervals() {
    let (mut stage, session) = market();
    bid(&mut stage, session, T[1], SELL, (0, 1), &[(80, 100)]);
    bid(&mut stage, session, T[1], SELL, (1, 1), &[(20, 100)]);
    for (number, limit) in [(1, 50), (2, 49)] {
        let call = block(session, T[0], number, BUY, (0, 2), (limit, 10));
        done(&mut stage, Who::Anna, &call);
    }
    cleared(&mut stage);
    assert_eq!(outcome(&stage, session, T[0], 1), (Outcome::Accepted, 10));
    // At the prices without it the second would lose, and stays out.
    assert_eq!(outcome(&stage, session, T[0], 2).1, 0);
    assert_eq!(books(&stage).0[..2], [-100_000_000, 100_000_000]);
    let prices = [price(&stage, session, 0), price(&stage, session, 1)];
    assert_eq!(prices, [(8_000, 10), (2_000, 10)]);
}
