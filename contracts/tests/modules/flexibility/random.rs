//! Random days against a second implementation: what is ordered, what is delivered, and every cent of it.

use std::collections::BTreeMap;

use bds_contracts::Code;
use bds_contracts::amount::{Money as Amount, PPM, Watts};
use bds_contracts::flexibility::rules::SETTLE_LIFE;

use super::super::stage::{Random, Who};
use super::*;

/// Intervals that something happens in.
const SPAN: u8 = 6;

/// An option as it was offered: price, least part, power by interval.
type Choice = (i64, u32, BTreeMap<u8, i64>);

/// The second implementation: by fractions and sums, interval by interval.
#[derive(Default)]
struct Naive {
    foreseen: BTreeMap<u8, i64>,
    offers: BTreeMap<u64, Vec<Choice>>,
    /// Price and power by interval of what was ordered.
    orders: BTreeMap<u64, (i64, BTreeMap<u8, i64>)>,
    /// What both meters read, in watt hours.
    read: BTreeMap<u8, i64>,
    penalty: u32,
}

impl Naive {
    /// Whether a part of an option can be ordered, and as what.
    fn part(&self, offer: u64, option: usize, part: u32) -> Result<(i64, BTreeMap<u8, i64>), Code> {
        let options = &self.offers[&offer];
        let (price, least, powers) = options.get(option).ok_or(Code::OPTIONS_INVALID)?;
        if part < *least || part > PPM {
            return Err(Code::OPTIONS_INVALID);
        }
        let of = |whole: i64| {
            let size = i128::from(whole.abs()) * i128::from(part) / 1_000_000;
            size as i64 * whole.signum()
        };
        let powers = powers.iter().map(|(isp, power)| (*isp, of(*power)));
        let powers: BTreeMap<u8, i64> = powers.filter(|(_, power)| *power != 0).collect();
        if powers.is_empty() {
            return Err(Code::FLEX_ORDER_MISMATCH);
        }
        let mut others = self.orders.values();
        if others.any(|(_, other)| powers.keys().any(|isp| other.contains_key(isp))) {
            return Err(Code::ALREADY_ORDERED);
        }
        Ok((of(*price), powers))
    }

    /// What is paid of an order: by quarters of a watt hour, as a quarter of an hour has a fourth of a watt's hour.
    fn due(&self, order: u64) -> i64 {
        let (price, powers) = &self.orders[&order];
        let (mut all, mut good) = (0_i128, 0_i128);
        for (isp, power) in powers {
            let foreseen = self.foreseen.get(isp).copied().unwrap_or(0);
            all += i128::from(power.abs());
            if let Some(read) = self.read.get(isp) {
                let more = (4 * read - foreseen) * power.signum();
                good += i128::from(more.max(0).min(power.abs()));
            }
        }
        let kept = (all - good) * i128::from(self.penalty);
        let share = (good * 1_000_000 - kept).max(0);
        (i128::from(*price) * share / (all * 1_000_000)) as i64
    }
}

fn day(stage: &Stage, penalty: u32, random: &mut Random) -> (u32, u32) {
    let mut stage = stage.clone();
    let mut naive = Naive {
        penalty,
        ..Naive::default()
    };
    let mut runs = vec![];
    for isp in 0..SPAN {
        let power = random.below(40_001) as i64 - 20_000;
        naive.foreseen.insert(isp, power);
        runs.push(((isp, 1), Watts(power)));
    }
    runs.push(((SPAN, 96 - SPAN), Watts(0)));
    done(&mut stage, Who::Bert, &prognosis(1, &runs));
    let request = requested(&mut stage);
    let (mut accepted, mut refusals) = (0, 0);
    let mut aside = 0;
    for _ in 0..8 {
        if random.below(2) == 0 || naive.offers.is_empty() {
            offer_something(&mut stage, &mut naive, request, random);
            continue;
        }
        let offers: Vec<u64> = naive.offers.keys().copied().collect();
        let offer = offers[random.below(offers.len() as u64) as usize];
        let option = random.below(3) as u8;
        let part = [PPM, PPM, 500_000, 333_333, 1, PPM + 1][random.below(6) as usize];
        let expected = naive.part(offer, usize::from(option), part);
        let (price, powers) = expected.clone().unwrap_or((0, BTreeMap::new()));
        let runs: Vec<_> = powers
            .iter()
            .map(|(isp, power)| ((*isp, 1), Watts(*power)))
            .collect();
        // Where the second implementation refuses, what is asked for must be what the first would work out.
        let (price, runs) = match expected {
            Err(Code::ALREADY_ORDERED) => worked_out(&stage, offer, option, part),
            _ => (price, runs),
        };
        let call = order_part(offer, (option, part), (price, &runs));
        match expected {
            Ok(new) => {
                done(&mut stage, Who::Bank, &call);
                naive.offers.remove(&offer);
                aside += new.0;
                naive.orders.insert(last(&tables(&stage).orders), new);
                accepted += 1;
            }
            Err(code) => {
                refused(&mut stage, Who::Bank, &call, code);
                refusals += 1;
            }
        }
        assert_eq!(books(&stage), (0, aside, 0));
    }
    at(&mut stage, END);
    for isp in 0..SPAN {
        // Mostly near what was said; sometimes nobody reads it.
        if random.below(12) == 0 {
            continue;
        }
        let near = naive.foreseen[&isp] / 4 + random.below(8_001) as i64 - 4_000;
        let first = random.below(2_001) as i64 - 1_000;
        read(&mut stage, isp, [first, near - first]);
        naive.read.insert(isp, near);
    }
    let mut paid = 0;
    for order in naive.orders.keys() {
        let complete = naive.orders[order]
            .1
            .keys()
            .all(|isp| naive.read.contains_key(isp));
        let call = settle(*order);
        if complete {
            done(&mut stage, Who::Bert, &call);
            paid += naive.due(*order);
            aside -= naive.orders[order].0;
            assert_eq!(books(&stage), (paid, aside, paid));
        } else {
            refused(&mut stage, Who::Bert, &call, Code::UNKNOWN_READING);
        }
    }
    at(&mut stage, END + SETTLE_LIFE);
    let all: i64 = naive.orders.keys().map(|order| naive.due(*order)).sum();
    assert_eq!(books(&stage), (all, 0, all));
    let left = tables(&stage);
    assert!(left.orders.is_empty() && left.ordered.is_empty() && left.offers.is_empty());
    (accepted, refusals)
}

/// First interval and how many, and the power in each.
type Powers = Vec<((u8, u8), Watts)>;

/// What the ledger's own option comes to in this part.
fn worked_out(stage: &Stage, offer: u64, option: u8, part: u32) -> (i64, Powers) {
    let offers = &tables(stage).offers;
    let options = &offers.get(&offer).expect("it stands").options;
    let (price, powers) = options[usize::from(option)].part(part);
    let runs = (0..).zip(powers).map(|(isp, power)| ((isp, 1), power));
    (price.0, runs.collect())
}

fn offer_something(stage: &mut Stage, naive: &mut Naive, request: u64, random: &mut Random) {
    let count = 1 + random.below(2) as u8;
    let mut options = Vec::new();
    let mut powers = Vec::new();
    let mut choices = Vec::new();
    for option in 0..count {
        let price = random.below(5_000_000) as i64;
        let least = [PPM, 400_000, 1][random.below(3) as usize];
        let first = random.below(u64::from(SPAN)) as u8;
        let length = 1 + random.below(u64::from(SPAN - first).min(3)) as u8;
        let mut choice = BTreeMap::new();
        for isp in first..first + length {
            let power = random.below(8_001) as i64 - 4_000;
            powers.push(((option, isp), (1, Watts(power))));
            choice.insert(isp, power);
        }
        options.push((Amount(price), least));
        choices.push((price, least, choice));
    }
    let sound = choices
        .iter()
        .all(|(.., powers)| powers.values().any(|power| *power != 0));
    let stands = tables(stage).offers.len();
    let call = offer(request, &options, &powers);
    if sound && stands < 8 {
        done(stage, Who::Bert, &call);
        naive.offers.insert(last(&tables(stage).offers), choices);
    }
}

#[test]
fn random_days_are_ordered_and_paid_as_by_a_second_implementation() {
    let mut random = Random(21);
    let (mut accepted, mut refusals) = (0, 0);
    for penalty in [0, 250_000, PPM] {
        let stage = grid_of(penalty);
        for _ in 0..200 {
            let (more, others) = day(&stage, penalty, &mut random);
            accepted += more;
            refusals += others;
        }
    }
    assert!(accepted > 400 && refusals > 1_000, "{accepted} {refusals}");
}
