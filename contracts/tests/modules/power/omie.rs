//! A whole day-ahead curve of the Iberian market: hour 1 of 2009-01-02, 141 bids and 1,100 asks as OMIE published them.
//!
//! By the steps alone the market clears 25,347.1 MWh at 4.994 c/kWh; the published match is smaller, for it has complex orders.

use std::collections::BTreeMap;

use bds_contracts::amount::{Price, WattHours};
use bds_contracts::exchange::Side;
use bds_contracts::kernel::wire::List;
use bds_contracts::money::{self, Money};
use bds_contracts::power::Call;
use bds_contracts::tx::Millis;

use super::super::stage::{EUR, Who};
use super::*;

/// Digits of a number such as `3.922,0`, as a whole number of its last place.
fn digits(text: &str) -> i64 {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

/// Offered steps by side: thousandths of a cent a kilowatt hour, and tenths of megawatt hours.
fn curves() -> Option<[Vec<(i64, i64)>; 2]> {
    let shared = std::env::var("BDS_SHARED").unwrap_or_else(|_| "../shared".to_owned());
    let file =
        "data/auction-omie/downloaders_tests/InputTesting/OfferAndDemandCurve_1_20090102.TXT";
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let Ok(bytes) = std::fs::read(root.join(shared).join(file)) else {
        assert!(std::env::var("CI").is_err(), "the data is missing");
        return None;
    };
    let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    let mut sides = [Vec::new(), Vec::new()];
    for line in text.lines() {
        let fields: Vec<&str> = line.split(';').collect();
        if fields.len() < 8 || fields[0] != "1" || fields[7] != "O" {
            continue;
        }
        let side = usize::from(fields[4] == "V");
        sides[side].push((digits(fields[6]), digits(fields[5])));
    }
    Some(sides)
}

#[test]
fn a_published_curve_clears_at_its_crossing() {
    let Some(sides) = curves() else { return };
    assert_eq!(sides.each_ref().map(Vec::len), [141, 1_100]);
    let mut stage = traders();
    // Buyers at 180.30 EUR/MWh for 50 GWh need some money.
    for account in T {
        let deposit = money::Call::Deposit {
            account,
            currency: EUR,
            amount: Amount(10_000_000_000_000),
        };
        assert_eq!(stage.call::<Money>(Who::Bank, &deposit), Code::OK);
    }
    let call = Call::OpenSession {
        zone: ZONE,
        start: Millis(START),
        end: Millis(START + 96 * QUARTER),
        gate: Millis(GATE),
        price_min: Price(0),
        price_max: Price(1_803_000),
        // 0.001 c/kWh are 0.01 EUR/MWh.
        tick: 100,
        lot: WattHours(MWH / 10),
        currency: EUR,
        steps_max: 2_000,
        blocks_max: 0,
        account_blocks_max: 0,
    };
    let session = opened(&mut stage, &call);
    // Of one account a price stands once, and each has 256 steps at most: steps go to six accounts in turn.
    for (side, steps) in [Side::Buy, Side::Sell].into_iter().zip(&sides) {
        let mut of: [BTreeMap<i64, i64>; 6] = Default::default();
        for (place, (price, energy)) in steps.iter().enumerate() {
            *of[place % 6].entry(*price).or_default() += energy;
        }
        for (account, steps) in T.into_iter().zip(of) {
            let one =
                |(price, energy): (&i64, &i64)| (Price(price * 100), WattHours(energy * MWH / 10));
            let mut steps: Vec<_> = steps.iter().map(one).collect();
            if side == Side::Buy {
                steps.reverse();
            }
            let call = Call::SubmitCurve {
                session,
                account,
                side,
                first: 4,
                count: 1,
                steps: List::Items(&steps),
            };
            done(&mut stage, owner(account), &call);
        }
    }
    cleared(&mut stage);
    // 4.994 c/kWh are 49.94 EUR/MWh.
    assert_eq!(price(&stage, session, 4), (4_994, 253_471));
    let of = |side| -> i64 {
        let all = T.map(|account| award(&stage, session, account, side, 4).0);
        all.iter().sum()
    };
    assert_eq!((of(Side::Buy), of(Side::Sell)), (253_471, 253_471));
    let (money, reserved) = books(&stage);
    assert_eq!(money.iter().sum::<i64>(), 6 * 10_000_000_000_000);
    assert_eq!(reserved, [0; 6]);
    // 25,347.1 MWh at 49.94 come to 1,265,834.174 EUR.
    let paid: i64 = T
        .map(|account| award(&stage, session, account, Side::Buy, 4).1)
        .iter()
        .sum();
    assert_eq!(paid, -1_265_834_174_000);
}
