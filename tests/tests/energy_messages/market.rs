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

const HOUR: u64 = 3_600_000;
/// A megawatt over a quarter of an hour.
const LOT: i64 = 250_000;

fn read(file: &PathBuf) -> Document {
    let open = std::fs::File::open(file).expect("a file");
    Document::read(open).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn utc(text: &str) -> u64 {
    let time = moment::utc(text).unwrap_or_else(|| panic!("{text} is no time"));
    u64::try_from(time).expect("after 1970")
}

/// A session of the day of 24 hours that begins then, open for an hour more.
fn session(start: u64, lot: i64) -> (Stage, Place) {
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
fn clear(stage: &mut Stage, place: &Place) {
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
    let calls = loads(&load, GRID, 60).expect("loads");
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

    let told = loads(&load, GRID, 15);
    assert_eq!(
        told,
        Err(Unmapped::NoWords("intervals of 60 minutes".to_owned()))
    );
    // Imbalances are no load.
    let other = read(&folder.join("balancing.xml"));
    let told = loads(&other, GRID, 1);
    let no_words = "a Balancing_MarketDocument as loads".to_owned();
    assert_eq!(told, Err(Unmapped::NoWords(no_words)));
}

/// Midnight of the day of the documents below.
const MIDNIGHT: u64 = 1_630_627_200_000; // 2021-09-03T00:00Z

/// A document of one series with these fields, and points of one period of this length.
fn document(kind: &str, header: &str, fields: &str, hours: u32, points: &str) -> Document {
    let text = format!(
        "<{kind}_MarketDocument xmlns=\"urn:iec62325.351:x\">{header}<TimeSeries>{fields}<Period><timeInterval>\
         <start>2021-09-03T00:00Z</start><end>2021-09-03T{hours:02}:00Z</end></timeInterval>\
         <resolution>PT60M</resolution>{points}</Period></TimeSeries></{kind}_MarketDocument>"
    );
    Document::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Position, megawatts and what else is said of each.
fn points(all: &[(u32, u32)], more: &str) -> String {
    let all = all.iter().map(|(position, quantity)| {
        format!(
            "<Point><position>{position}</position><quantity>{quantity}</quantity>{more}</Point>"
        )
    });
    all.collect()
}

const PRICED: &str = "<quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name>\
    <currency_Unit.name>EUR</currency_Unit.name><price_Measure_Unit.name>MWH</price_Measure_Unit.name>\
    <curveType>A01</curveType>";

/// First quarter hour, how many, and energy of each curve.
fn sold(document: &Document) -> Result<Vec<(u8, u8, i64)>, Unmapped> {
    let place = Place {
        session: 1,
        start: Millis(MIDNIGHT),
        account: OTHER,
        currency: Currency::EUR,
    };
    let mut all = Vec::new();
    let mapped = curves(document, &place, &mut |call| {
        let Call::SubmitCurve {
            first,
            count,
            steps,
            ..
        } = call
        else {
            panic!("{call:?}");
        };
        let (_, energy) = steps.iter().next().expect("a step");
        all.push((*first, *count, energy.0));
    });
    assert!(mapped.is_ok() || all.is_empty(), "{mapped:?} {all:?}");
    mapped.map(|()| all)
}

#[test]
fn prices_in_another_unit_are_no_curves() {
    let priced = |from: &str, to: &str| {
        let fields = PRICED.replace(from, to);
        assert!(from == to || fields != PRICED, "{from}");
        let price = "<price.amount>8</price.amount>";
        sold(&document(
            "Publication",
            "",
            &fields,
            2,
            &points(&[(1, 4), (2, 8)], price),
        ))
    };
    assert_eq!(priced("", ""), Ok(vec![(0, 4, 4 * LOT), (4, 4, 8 * LOT)]));
    for (from, to) in [
        ("EUR", "USD"),
        ("<currency_Unit.name>EUR</currency_Unit.name>", ""),
        (">MWH<", ">KWH<"),
        ("<price_Measure_Unit.name>MWH</price_Measure_Unit.name>", ""),
        ("A01", "A02"),
        (">MAW<", ">KWT<"),
    ] {
        let told = priced(from, to);
        assert!(matches!(told, Err(Unmapped::NoWords(_))), "{to}: {told:?}");
    }
}

#[test]
fn a_curve_repeats_what_it_leaves_out() {
    let fields = PRICED.replace("A01", "A03");
    let of = |fields: &str, hours, told: &[(u32, u32)]| {
        let points = points(told, "<price.amount>8</price.amount>");
        sold(&document("Publication", "", fields, hours, &points))
    };
    let all = of(&fields, 5, &[(1, 4), (3, 8)]).expect("curves");
    let energies: Vec<_> = all
        .iter()
        .map(|(first, _, energy)| (*first, *energy / LOT))
        .collect();
    assert_eq!(energies, [(0, 4), (4, 4), (8, 8), (12, 8), (16, 8)]);
    // Of the other kind nothing is said where nothing is.
    let all = of(PRICED, 5, &[(1, 4), (3, 8)]).expect("curves");
    assert_eq!(all.len(), 2);
    for (fields, told) in [
        (PRICED, &[(1, 4), (6, 8)][..]),
        (PRICED, &[(3, 4), (3, 8)]),
        (PRICED, &[(3, 4), (1, 8)]),
        (&fields, &[(1, 4), (6, 8)]),
        (&fields, &[(2, 4), (3, 8)]),
    ] {
        let told = of(fields, 5, told);
        assert!(matches!(told, Err(Unmapped::NoWords(_))), "{told:?}");
    }
}

#[test]
fn loads_are_what_was_realised_in_all() {
    const HEADER: &str = "<type>A65</type><process.processType>A16</process.processType>";
    const UNIT: &str = "<quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name>";
    let of = |header: &str, more: &str, told: &[(u32, u32)]| {
        let fields = format!("{UNIT}{more}");
        let document = document("GL", header, &fields, 5, &points(told, ""));
        let calls = loads(&document, GRID, 60)?;
        let all = calls.iter().map(|call| match call {
            bds_contracts::energy::Call::DeclareBalance {
                start, exchange, ..
            } => ((start.0 - MIDNIGHT) / HOUR, exchange.0 / 4 / LOT),
            other => panic!("{other:?}"),
        });
        Ok::<_, Unmapped>(all.collect::<Vec<_>>())
    };
    let told = [(1, 4), (4, 9)];
    assert_eq!(of(HEADER, "", &told), Ok(vec![(0, 4), (3, 9)]));
    let repeated = of(HEADER, "<curveType>A03</curveType>", &told);
    let expected = vec![(0, 4), (1, 4), (2, 4), (3, 9), (4, 9)];
    assert_eq!(repeated, Ok(expected));
    let down = "<flowDirection.direction>A02</flowDirection.direction>";
    for (header, more) in [
        (HEADER.replace("A65", "A75"), ""),
        (HEADER.replace("A16", "A01"), ""),
        (String::new(), ""),
        (HEADER.to_owned(), down),
        (HEADER.to_owned(), "<curveType>A02</curveType>"),
    ] {
        let told = of(&header, more, &told);
        assert!(matches!(told, Err(Unmapped::NoWords(_))), "{told:?}");
    }
    let outside = of(HEADER, "", &[(6, 1)]);
    let no_words = "a point outside its period".to_owned();
    assert_eq!(outside, Err(Unmapped::NoWords(no_words)));
}

/// The price whose negative is none made the sort panic, or put the worst part in front.
#[test]
fn the_lowest_price_there_is_comes_last() {
    const UNITS: &str = "<quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name>\
        <currency_Unit.name>EUR</currency_Unit.name><energyPrice_Measure_Unit.name>MWH</energyPrice_Measure_Unit.name>\
        <divisible>A02</divisible><status><value>A06</value></status>\
        <flowDirection.direction>A02</flowDirection.direction>\
        <multipartBidIdentification>m</multipartBidIdentification>";
    let series = |price: &str| {
        format!(
            "<Bid_TimeSeries>{UNITS}<Period><timeInterval><start>2021-09-03T00:00Z</start>\
             <end>2021-09-03T00:15Z</end></timeInterval><resolution>PT15M</resolution><Point><position>1</position>\
             <quantity.quantity>1</quantity.quantity><energy_Price.amount>{price}</energy_Price.amount></Point></Period></Bid_TimeSeries>"
        )
    };
    let text = |first: &str, second: &str| {
        format!(
            "<ReserveBid_MarketDocument xmlns=\"urn:iec62325.351:x\">{}{}</ReserveBid_MarketDocument>",
            series(first),
            series(second)
        )
    };
    let of = |text: &str, money| {
        let document = Document::read(text.as_bytes()).expect("a document");
        bids(&document, Millis(MIDNIGHT), money)
    };
    let text = text("-922337203685477.5808", "1");
    let all = of(&text, Currency::EUR).expect("bids");
    let prices: Vec<i64> = all.iter().map(|bid| bid.price.0).collect();
    assert_eq!(prices, [10_000, i64::MIN]);
    assert_eq!(all[1].parent, Some(1));
    // Nor are bids in another currency, or in none, the session's.
    for wrong in [
        text.replace("EUR", "SEK"),
        text.replace("<currency_Unit.name>EUR</currency_Unit.name>", ""),
        text.replace("<divisible>", "<curveType>A02</curveType><divisible>"),
    ] {
        let told = of(&wrong, Currency::EUR);
        assert!(matches!(told, Err(Unmapped::NoWords(_))), "{told:?}");
    }
}

/// One point can stand for a year of intervals, and a document has many periods.
#[test]
fn a_curve_that_repeats_without_an_end_is_refused() {
    const HEADER: &str = "<type>A65</type><process.processType>A16</process.processType>";
    let fields = PRICED.replace("A01", "A03");
    let sold_by = |kind: &str, times: usize| {
        let mut document = document(kind, HEADER, &fields, 20, &points(&[(1, 4)], ""));
        let period = document.series[0].periods[0].clone();
        document.series[0].periods = vec![period; times];
        document
    };
    for (times, is_sound) in [(1_760, true), (1_761, false)] {
        let told = loads(&sold_by("GL", times), GRID, 60).map(|all| all.len());
        assert_eq!(told.is_ok(), is_sound, "{told:?}");
        assert!(told.is_ok_and(|count| count == 35_200) || !is_sound);
        // Without prices nothing is given, and nothing more is held.
        let told = sold(&sold_by("Publication", times));
        assert_eq!(told.is_ok(), is_sound, "{told:?}");
    }
}
