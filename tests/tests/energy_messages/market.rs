//! IEC 62325: bids for reserves as blocks of the day-ahead market, priced volumes as curves, loads as exchanges.

use std::path::PathBuf;

use bds_contracts::Code;
use bds_contracts::amount::{Currency, Price, WattHours};
use bds_contracts::energy::Energy;
use bds_contracts::energy::rules::Minutes;
use bds_contracts::exchange::Side;
use bds_contracts::kernel::wire::List;
use bds_contracts::power::block::Outcome;
use bds_contracts::power::{Call, Power, ZoneId};
use bds_contracts::tx::Millis;
use bds_data::market::Document;
use bds_data::moment;
use bds_node::import::messages::Unmapped;
use bds_node::import::messages::market::{Place, bids, curves, loads};

use super::data;
use super::stage::{AGGREGATOR, CASH, GRID, OTHER, Stage, Who};

pub(super) const HOUR: u64 = 3_600_000;
/// What the documents call the grid.
pub(super) const DOMAIN: &str = "10YCZ-CEPS-----N";
/// A megawatt over a quarter of an hour.
pub(super) const LOT: i64 = 250_000;

pub(super) fn read(file: &PathBuf) -> Document {
    let open = std::fs::File::open(file).expect("a file");
    Document::read(open).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

pub(super) fn utc(text: &str) -> u64 {
    let time = moment::utc(text).unwrap_or_else(|| panic!("{text} is no time"));
    u64::try_from(time).expect("after 1970")
}

/// A session of the day of 24 hours that begins then, open for an hour more.
pub(super) fn session(start: u64, lot: i64) -> (Stage, Place) {
    let mut stage = Stage::new(start - 2 * HOUR, Minutes::Sixty);
    let call = Call::OpenSession {
        zone: ZoneId(1),
        start: Millis(start),
        end: Millis(start + 24 * HOUR),
        gate: Millis(start - HOUR),
        price_min: Price(-5_000_000),
        price_max: Price(40_000_000),
        tick: 1,
        lot: WattHours(lot),
        currency: Currency::EUR,
        steps_max: 1_000,
        blocks_max: 100,
        account_blocks_max: 50,
    };
    stage.done::<Power>(Who::Market, &call);
    let sessions = &stage.machine.stores().read::<Power>().sessions;
    let (number, _) = sessions.range(..).next().expect("it is open");
    let place = Place {
        session: *number,
        start: Millis(start),
        account: AGGREGATOR,
        currency: Currency::EUR,
    };
    (stage, place)
}

/// Closes the gate and goes on until everything is cleared and paid.
pub(super) fn clear(stage: &mut Stage, place: &Place) {
    stage.at(place.start.0 - HOUR);
    for _ in 0..100 {
        if stage.machine.stores().read::<Power>().waiting.is_empty() {
            return;
        }
        stage.at(stage.now);
    }
    panic!("it is never cleared");
}

/// What the ledger has words for, by the names of the files: conditions that it does not know refuse all of a document.
const BIDS: [(&str, bool); 9] = [
    ("bid_complex/SN_Complex_Exclusive_ReserveBid", true),
    ("bid_complex/SN_Complex_Inclusive_ReserveBid", false),
    ("bid_complex/SN_Complex_Multipart_ReserveBid", true),
    (
        "bid_national_bid_attributes/SN_Simple_FasterActivation_ReserveBid",
        true,
    ),
    (
        "bid_national_bid_attributes/SN_Simple_MaxDurationAndRestingTime_ReserveBid",
        false,
    ),
    (
        "bid_national_bid_attributes/SN_Simple_PeriodShift_ReserveBid",
        true,
    ),
    ("bid_simple/SN_Simple_ReserveBid", true),
    (
        "bid_simple_conditionally_linked/SN_Simple_ConditionallyLinked_ReserveBid",
        false,
    ),
    (
        "bid_simple_techlinked/SN_Simple_Techlinked_ReserveBid",
        false,
    ),
];

#[test]
fn bids_for_reserves_are_blocks_of_the_market() {
    let Some(folder) = data("market-mfrr-bids") else {
        return;
    };
    let mut accepted = 0;
    for (name, has_words) in BIDS {
        let document = read(&folder.join(format!("sn/{name}_MarketDocument.xml")));
        let start = document.field("reserveBid_Period.timeInterval/start");
        let start = utc(start.expect("a period"));
        let mapped = bids(&document, Millis(start), Currency::EUR);
        if !has_words {
            assert!(
                matches!(mapped, Err(Unmapped::NoWords(_))),
                "{name}: {mapped:?}"
            );
            continue;
        }
        let all = mapped.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(all.len(), document.series.len());
        let (mut stage, mut place) = session(start, LOT);
        place.account = OTHER;
        for bid in &all {
            stage.done::<Power>(Who::Trader, &bid.call(&place));
        }
        // Somebody who takes and gives whatever it costs, so that what is better is accepted.
        for bid in &all {
            let (side, price) = match bid.side {
                Side::Sell => (Side::Buy, 1_000_000),
                Side::Buy => (Side::Sell, -1_000_000),
            };
            let steps = [(Price(price), WattHours(200 * LOT))];
            let call = Call::SubmitCurve {
                session: place.session,
                account: AGGREGATOR,
                side,
                first: bid.first,
                count: 1,
                steps: List::Items(&steps),
            };
            stage.done::<Power>(Who::Aggregator, &call);
        }
        let money = stage.money();
        clear(&mut stage, &place);
        assert_eq!(stage.money(), money);
        let decided = &stage.machine.stores().read::<Power>().decided;
        let outcome = |number| {
            let found = decided.get(&(place.session, OTHER, number));
            found.expect("it is decided").outcome
        };
        let stands = |number| matches!(outcome(number), Outcome::Accepted | Outcome::Cut);
        for bid in &all {
            let parent = bid.parent.is_none_or(stands);
            assert!(
                parent || !stands(bid.number),
                "{name}: a part without the one before it"
            );
            let others = all.iter().filter(|other| other.group == bid.group);
            let standing = others.filter(|other| stands(other.number)).count();
            assert!(
                bid.group.is_none() || standing <= 1,
                "{name}: two of a group"
            );
            accepted += u32::from(stands(bid.number));
        }
    }
    assert!(accepted > 5, "{accepted}");
}

#[test]
fn a_bid_keeps_its_least_power_and_its_price() {
    let Some(folder) = data("market-mfrr-bids") else {
        return;
    };
    let document = read(&folder.join("sn/bid_simple/SN_Simple_ReserveBid_MarketDocument.xml"));
    let start = Millis(utc("2021-09-03T22:00Z"));
    let all = bids(&document, start, Currency::EUR).expect("bids");
    let second = all
        .iter()
        .find(|bid| bid.price == Price(74_200))
        .expect("7.42");
    // 43 MW downwards at 09:15, of which 10 at least.
    assert_eq!((second.side, second.first), (Side::Buy, 45));
    assert_eq!(second.energy, WattHours(43 * LOT));
    let (mut stage, mut place) = session(start.0, LOT);
    place.account = OTHER;
    stage.done::<Power>(Who::Trader, &second.call(&place));
    let blocks = &stage.machine.stores().read::<Power>().blocks;
    let (_, waiting) = blocks.range(..).next().expect("it waits");
    assert_eq!(waiting.block.least(WattHours(LOT)), WattHours(10 * LOT));
    // Divisible without a least part, as the negative acknowledgement of the same folder tells it.
    let mut wrong = document;
    wrong.series[1].periods[0].points[0].least = None;
    let told = bids(&wrong, start, Currency::EUR).expect_err("no least part");
    assert!(told.to_string().contains("divisible"), "{told}");
    let name =
        "sn/bid_acknowledgement/SN_Negative_Acknowledgement_MarketDocument_TimeSeries_level.xml";
    let answer = read(&folder.join(name));
    let reason = answer.series[0].field("Reason/text");
    assert_eq!(reason, Some("Minimum quantity required for divisible bids"));
    assert!(matches!(
        bids(&answer, start, Currency::EUR),
        Err(Unmapped::NoWords(_))
    ));
}

#[test]
fn priced_volumes_are_curves_and_loads_are_exchanges() {
    let Some(folder) = data("market-iec62325") else {
        return;
    };
    let publication = read(&folder.join("publication.explicitallocations.xml"));
    let (mut stage, mut place) = session(utc("2016-01-01T23:00Z"), LOT);
    place.account = OTHER;
    let mut codes = Vec::new();
    let mapped = curves(&publication, &place, &mut |call| {
        codes.push(stage.send::<Power>(Who::Trader, call));
    });
    assert_eq!((mapped, codes), (Ok(()), vec![Code::OK; 2]));
    // 100 MW are bought in the second hour, at the price of the curve: 100 MWh at 9.
    let steps = [(Price(100_000), WattHours(100 * LOT))];
    let buy = Call::SubmitCurve {
        session: place.session,
        account: AGGREGATOR,
        side: Side::Buy,
        first: 4,
        count: 4,
        steps: List::Items(&steps),
    };
    stage.done::<Power>(Who::Aggregator, &buy);
    clear(&mut stage, &place);
    assert_eq!(stage.cash(OTHER).balance.0, CASH + 900_000_000);
    assert_eq!(stage.cash(AGGREGATOR).balance.0, CASH - 900_000_000);

    let load = read(&folder.join("gl.load.singlepoint.xml"));
    let calls = loads(&load, DOMAIN, GRID, 60).expect("loads");
    let start = utc("2015-12-31T23:00Z");
    let mut stage = Stage::new(start, Minutes::Sixty);
    assert_eq!(
        stage.send::<Energy>(Who::Operator, &calls[0]),
        Code::READING_INVALID,
        "not over"
    );
    stage.at(start + HOUR);
    stage.done::<Energy>(Who::Operator, &calls[0]);
    let balances = &stage.machine.stores().read::<Energy>().balances;
    let balance = balances
        .get(&(Millis(start), GRID))
        .expect("it is declared");
    assert_eq!(
        balance.declared,
        Some((WattHours(6_288_000_000), WattHours(0)))
    );

    let told = loads(&load, DOMAIN, GRID, 15);
    assert_eq!(
        told,
        Err(Unmapped::NoWords("intervals of 60 minutes".to_owned()))
    );
    // Imbalances are no load.
    let other = read(&folder.join("balancing.xml"));
    let told = loads(&other, DOMAIN, GRID, 1);
    let no_words = "a Balancing_MarketDocument as loads".to_owned();
    assert_eq!(told, Err(Unmapped::NoWords(no_words)));
}
