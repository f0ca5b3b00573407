//! The search for blocks by hand: which stand in the end, on curves of which one sees what each block does to the price.

use bds_contracts::amount::{Price, WattHours};
use bds_contracts::exchange::Side;
use bds_contracts::power::crossing::Curves;
use bds_contracts::power::select::{Candidate, Progress, Search, Standing};

const ALL: i64 = 0;

/// Intervals with demand 100 at 90 and supply 60 at 20, then 60 at 80: the price is 80 alone, 20 with 40 more sold.
fn curves(count: usize) -> Vec<Curves> {
    let one = Curves::new(
        Price(-500),
        [
            (Side::Buy, Price(90), WattHours(100)),
            (Side::Sell, Price(20), WattHours(60)),
            (Side::Sell, Price(80), WattHours(60)),
        ],
    );
    vec![one; count]
}

fn sell(rank: u32, (first, count): (u8, u8), energy: i64, price: i64, least: i64) -> Candidate {
    Candidate {
        side: Side::Sell,
        first,
        count,
        energy: WattHours(energy),
        least: WattHours(if least == ALL { energy } else { least }),
        price: Price(price),
        parent: None,
        group: None,
        rank,
    }
}

fn found(curves: &[Curves], candidates: &[Candidate]) -> (Vec<Standing>, Vec<i64>) {
    let mut search = Search::begin(curves, candidates);
    assert_eq!(search.run(4 * candidates.len() + 2), Progress::Done);
    // Put down after every round, it finds the same.
    let mut places = Search::begin(curves, candidates).places().to_vec();
    let mut progress = Progress::Throw;
    while progress != Progress::Done {
        let mut part = Search::resume(curves, candidates, places, progress);
        progress = part.run(1);
        places = part.places().to_vec();
    }
    assert_eq!(search.places(), places);
    let standing = places.iter().map(|place| place.standing).collect();
    let prices = curves.iter().enumerate().map(|(interval, curves)| {
        let there = candidates.iter().zip(&places);
        let there = there.filter(|(one, _)| one.intervals().contains(&interval));
        let net = there.map(|(one, place)| {
            let sign = if one.side == Side::Sell { 1 } else { -1 };
            sign * one.energy_at(place.standing).0
        });
        curves.price(net.sum()).expect("in balance").0
    });
    (standing, prices.collect())
}

#[test]
fn a_block_that_would_lose_by_its_own_weight_is_out() {
    let curves = curves(4);
    // 30 more leave the price at 80; 50 more lower it to 20, below its price of 50.
    let small = sell(0, (0, 4), 30, 50, ALL);
    assert_eq!(
        found(&curves, &[small]),
        (vec![Standing::Full], vec![80; 4])
    );
    let large = sell(0, (0, 4), 50, 50, ALL);
    assert_eq!(found(&curves, &[large]), (vec![Standing::Out], vec![80; 4]));
    // One that takes a part gets that.
    let part = sell(0, (0, 4), 50, 50, 30);
    assert_eq!(
        found(&curves, &[part]),
        (vec![Standing::Least], vec![80; 4])
    );
}

#[test]
fn of_two_that_are_too_much_the_one_that_loses_more_goes() {
    let curves = curves(2);
    let cheap = sell(1, (0, 2), 30, 40, ALL);
    let dear = sell(0, (0, 2), 30, 60, ALL);
    let out = vec![Standing::Full, Standing::Out];
    assert_eq!(found(&curves, &[cheap, dear]), (out.clone(), vec![80; 2]));
    // Alike, the higher rank goes.
    let other = sell(0, (0, 2), 30, 40, ALL);
    let out = vec![Standing::Out, Standing::Full];
    assert_eq!(found(&curves, &[cheap, other]), (out, vec![80; 2]));
}

#[test]
fn a_child_stands_with_its_parent_only_and_of_a_group_stands_one() {
    let curves = curves(4);
    let parent = sell(0, (0, 2), 50, 50, ALL);
    let child = Candidate {
        parent: Some(0),
        ..sell(1, (2, 2), 10, 10, ALL)
    };
    let both_out = vec![Standing::Out; 2];
    assert_eq!(found(&curves, &[parent, child]), (both_out, vec![80; 4]));
    let small = sell(0, (0, 2), 30, 50, ALL);
    let both = vec![Standing::Full; 2];
    assert_eq!(found(&curves, &[small, child]), (both, vec![80; 4]));
    let group = |candidate| Candidate {
        group: Some(7),
        ..candidate
    };
    // The second gains more; the third would too if the second did not stand.
    let three = [
        group(sell(0, (0, 2), 10, 50, ALL)),
        group(sell(1, (2, 2), 10, 40, ALL)),
        sell(2, (0, 1), 5, 79, ALL),
    ];
    let one = vec![Standing::Out, Standing::Full, Standing::Full];
    assert_eq!(found(&curves, &three), (one, vec![80; 4]));
}

#[test]
fn what_was_thrown_out_returns_when_there_is_room() {
    let curves = curves(2);
    // Together they are too much. The first loses most and goes, the second and third still are too much and the second goes;
    // then the first has room again.
    let candidates = [
        sell(0, (0, 2), 35, 30, ALL),
        sell(1, (0, 2), 38, 25, ALL),
        sell(2, (0, 2), 4, 21, ALL),
    ];
    let (standing, prices) = found(&curves, &candidates);
    assert_eq!(prices, [80, 80]);
    assert_eq!(standing, [Standing::Full, Standing::Out, Standing::Full]);
}

#[test]
fn what_no_curve_can_take_in_is_out() {
    let curves = curves(1);
    let flood = sell(0, (0, 1), 101, -400, ALL);
    assert_eq!(found(&curves, &[flood]), (vec![Standing::Out], vec![80]));
    let drought = Candidate {
        side: Side::Buy,
        ..sell(0, (0, 1), 121, 400, ALL)
    };
    assert_eq!(found(&curves, &[drought]), (vec![Standing::Out], vec![80]));
    // Each is the other's room.
    let both = [flood, Candidate { rank: 1, ..drought }];
    let (standing, _) = found(&curves, &both);
    assert_eq!(standing, [Standing::Full; 2]);
}
