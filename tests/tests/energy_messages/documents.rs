//! IEC 62325: what no public document says, in documents of these tests: units and curves of other kinds, and what is told twice.

use bds_contracts::Code;
use bds_contracts::amount::{Currency, Price, WattHours};
use bds_contracts::exchange::Side;
use bds_contracts::kernel::wire::List;
use bds_contracts::power::{Call, Power};
use bds_contracts::tx::Millis;
use bds_data::market::{Document, Period, Series};
use bds_node::import::messages::Unmapped;
use bds_node::import::messages::market::{Place, bids, curves, loads};

use super::data;
use super::market::{DOMAIN, HOUR, LOT, clear, read, session, utc};
use super::stage::{AGGREGATOR, CASH, GRID, OTHER, Who};

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

/// What loads are given in, and of which grid they are.
const LOAD: &str = "<outBiddingZone_Domain.mRID>10YCZ-CEPS-----N</outBiddingZone_Domain.mRID>\
    <quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name>";

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
    let of = |header: &str, more: &str, told: &[(u32, u32)]| {
        let fields = format!("{LOAD}{more}");
        let document = document("GL", header, &fields, 5, &points(told, ""));
        let calls = loads(&document, DOMAIN, GRID, 60)?;
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

/// Parts of one bid were made a chain across directions and quarter hours, so that one waited for another that says nothing of it.
#[test]
fn parts_of_a_bid_are_of_one_direction_and_quarter_hour() {
    let Some(folder) = data("market-mfrr-bids") else {
        return;
    };
    let file = "sn/bid_complex/SN_Complex_Multipart_ReserveBid_MarketDocument.xml";
    let document = read(&folder.join(file));
    let start = document.field("reserveBid_Period.timeInterval/start");
    let start = Millis(utc(start.expect("a period")));
    let of = |change: &dyn Fn(&mut Series)| {
        let mut other = document.clone();
        change(&mut other.series[1]);
        bids(&other, start, Currency::EUR)
    };
    assert!(of(&|_| ()).is_ok());
    let direction = "flowDirection.direction".to_owned();
    let turned = of(&|series| {
        let old = series.fields.insert(direction.clone(), "A01".to_owned());
        assert_eq!(old.as_deref(), Some("A02"));
    });
    let later = of(&|series| {
        let period = &mut series.periods[0];
        (period.start, period.end) = (period.start + 900_000, period.end + 900_000);
    });
    for told in [turned, later] {
        assert!(matches!(told, Err(Unmapped::NoWords(_))), "{told:?}");
    }
    // Under a name of its own it may be anywhere.
    let other = of(&|series| {
        let name = "multipartBidIdentification".to_owned();
        series.fields.insert(name, "other".to_owned());
        series.fields.insert(direction.clone(), "A01".to_owned());
    });
    assert!(other.is_ok(), "{other:?}");
}

/// Of two volumes of one interval the last one stood in place of the other.
#[test]
fn volumes_of_an_interval_are_steps_of_one_curve() {
    let first = document(
        "Publication",
        "",
        PRICED,
        2,
        &points(&[(1, 4), (2, 8)], "<price.amount>9</price.amount>"),
    );
    let with = |change: &dyn Fn(&mut Period)| {
        let mut both = first.clone();
        let mut second = both.series[0].clone();
        second.periods[0].points.truncate(1);
        change(&mut second.periods[0]);
        both.series.push(second);
        both
    };
    let cheaper = with(&|period| {
        (period.points[0].price, period.points[0].quantity) = (Some(80_000), 2_000_000);
    });
    let (mut stage, mut place) = session(MIDNIGHT, LOT);
    place.account = OTHER;
    let mut codes = Vec::new();
    let mapped = curves(&cheaper, &place, &mut |call| {
        codes.push(stage.send::<Power>(Who::Trader, call));
    });
    assert_eq!((mapped, codes), (Ok(()), vec![Code::OK; 2]));
    // Of two megawatts at 8 and four at 9 five are bought: all that is sold gets 9.
    let steps = [(Price(100_000), WattHours(5 * LOT))];
    let buy = Call::SubmitCurve {
        session: place.session,
        account: AGGREGATOR,
        side: Side::Buy,
        first: 0,
        count: 4,
        steps: List::Items(&steps),
    };
    stage.done::<Power>(Who::Aggregator, &buy);
    clear(&mut stage, &place);
    assert_eq!(stage.cash(OTHER).balance.0, CASH + 45_000_000);

    let quarters = |first: u32| {
        with(&|period| {
            period.minutes = 15;
            period.end = period.start + 3 * HOUR as i64;
            period.points[0].position = first;
        })
    };
    for (document, is_sound) in [
        (with(&|_| ()), false),
        (quarters(1), false),
        (quarters(8), false),
        (quarters(9), true),
    ] {
        let told = sold(&document);
        assert_eq!(told.is_ok(), is_sound, "{told:?}");
        assert!(is_sound || matches!(told, Err(Unmapped::NoWords(_))));
    }
}

/// Of two loads of one interval the last one counted, and those of any grid were taken.
#[test]
fn a_load_is_of_the_grid_and_told_once() {
    const HEADER: &str = "<type>A65</type><process.processType>A16</process.processType>";
    let one = document("GL", HEADER, LOAD, 5, &points(&[(1, 4), (2, 8)], ""));
    let count = |document: &Document, domain: &str| {
        let told = loads(document, domain, GRID, 60);
        assert!(
            matches!(told, Ok(_) | Err(Unmapped::NoWords(_))),
            "{told:?}"
        );
        told.ok().map(|all| all.len())
    };
    assert_eq!(count(&one, DOMAIN), Some(2));
    assert_eq!(count(&one, "10YSK-SEPS-----K"), None);
    let mut nameless = one.clone();
    nameless.series[0]
        .fields
        .remove("outBiddingZone_Domain.mRID");
    assert_eq!(count(&nameless, DOMAIN), None);
    let with = |position: u32| {
        let mut both = one.clone();
        let mut second = both.series[0].clone();
        second.periods[0].points.truncate(1);
        second.periods[0].points[0].position = position;
        both.series.push(second);
        both
    };
    assert_eq!(count(&with(2), DOMAIN), None, "a second value");
    assert_eq!(count(&with(3), DOMAIN), Some(3));
}

/// One point can stand for a year of intervals, and a document has many periods.
#[test]
fn a_curve_that_repeats_without_an_end_is_refused() {
    const HEADER: &str = "<type>A65</type><process.processType>A16</process.processType>";
    let grid = "outBiddingZone_Domain.mRID";
    let repeats = PRICED.replace("A01", "A03");
    let fields = format!("<{grid}>{DOMAIN}</{grid}>{repeats}");
    let sold_by = |kind: &str, times: usize| {
        let mut document = document(kind, HEADER, &fields, 20, &points(&[(1, 4)], ""));
        let period = document.series[0].periods[0].clone();
        // One behind the other.
        let periods = (0..times as i64).map(|number| {
            let mut next = period.clone();
            let length = period.end - period.start;
            (next.start, next.end) = (period.start + number * length, period.end + number * length);
            next
        });
        document.series[0].periods = periods.collect();
        document
    };
    for (times, is_sound) in [(1_760, true), (1_761, false)] {
        let told = loads(&sold_by("GL", times), DOMAIN, GRID, 60).map(|all| all.len());
        assert_eq!(told.is_ok(), is_sound, "{told:?}");
        assert!(told.is_ok_and(|count| count == 35_200) || !is_sound);
        // Without prices nothing is given, and nothing more is held.
        let told = sold(&sold_by("Publication", times));
        assert_eq!(told.is_ok(), is_sound, "{told:?}");
    }
}
