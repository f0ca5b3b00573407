//! UFTP: a day of flexibility as the messages of a public test suite tell it, from the portfolio to the settlement.

use std::collections::BTreeMap;

use bds_contracts::Code;
use bds_contracts::amount::WattHours;
use bds_contracts::energy::rules::{Minutes, Quality};
use bds_contracts::energy::{self, Energy, ResourceId};
use bds_contracts::flexibility::{Call, Flexibility, PointId};
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::Millis;
use bds_data::moment::{Date, Local, Zone};
use bds_data::uftp::{Body, Message, OfferOption};
use bds_node::import::messages::uftp::{Directory, Known, option_names};

use super::data;
use super::stage::{AGGREGATOR, CASH, GRID, OPERATOR, Stage, Who};

pub(super) const POINT: PointId = PointId(7);
pub(super) const ZONE: &str = "Europe/Amsterdam";
/// What the order of the messages costs.
pub(super) const PRICE: i64 = 600_000_000;

pub(super) fn text(name: &str) -> Option<String> {
    let file = data("vpp-uftp")?.join(name);
    let text = std::fs::read_to_string(&file);
    Some(text.unwrap_or_else(|error| panic!("{}: {error}", file.display())))
}

pub(super) fn message(name: &str) -> Option<Message> {
    let message = Message::read(text(name)?.as_bytes());
    Some(message.unwrap_or_else(|error| panic!("{name}: {error}")))
}

fn local(text: &str) -> u64 {
    let local = Local::parse(text).expect("a time");
    u64::try_from(local.utc(Zone::Central)).expect("after 1970")
}

/// A ledger in May 2020 with the congestion point of the messages.
pub(super) fn stage() -> (Stage, Directory) {
    let mut stage = Stage::new(local("2020-05-11T12:00:00"), Minutes::Fifteen);
    let address = "ea1.0000-00.xxx:xxx";
    let call = Call::RegisterPoint {
        point: POINT,
        microgrid: GRID,
        address,
        time_zone: ZONE,
        penalty_ppm: 0,
    };
    stage.done::<Flexibility>(Who::Operator, &call);
    let connection = |number: u64| {
        let address = format!("ea1.0000-0{number}.xxx:xxx");
        (address, (ResourceId(number), AGGREGATOR))
    };
    let directory = Directory {
        domains: ["yyy.com", "xxx.com"].map(str::to_owned),
        points: BTreeMap::from([(address.to_owned(), POINT)]),
        connections: (0..3).map(connection).collect(),
        point: POINT,
        aggregator: AGGREGATOR,
        // The numbers of these messages are too small to be watts: in kilowatts quarter hours come to whole watt hours.
        watts: 1_000,
        open_end: Millis(local("2021-01-01T00:00:00")),
        documents: BTreeMap::new(),
        options: BTreeMap::new(),
        prognoses: BTreeMap::new(),
        orders: BTreeMap::new(),
    };
    (stage, directory)
}

pub(super) fn known(number: u64, point: PointId) -> Known {
    Known { number, point }
}

/// Who sends such a message.
fn sender(body: &Body) -> Who {
    match body {
        Body::FlexRequest { .. }
        | Body::FlexOrder { .. }
        | Body::ReservationUpdate { .. }
        | Body::FlexSettlement { .. } => Who::Operator,
        Body::Response { to, .. } if to == "FlexOffer" => Who::Operator,
        _ => Who::Aggregator,
    }
}

/// Sends what a message says, when it was sent if that is to come; codes of its transactions.
pub(super) fn drive(stage: &mut Stage, directory: &mut Directory, message: &Message) -> Vec<Code> {
    let sent = u64::try_from(message.sent.utc(Zone::Central)).expect("after 1970");
    stage.now = stage.now.max(sent);
    let mut codes = Vec::new();
    let who = sender(&message.body);
    let mapped = directory.calls(message, &mut |calls| {
        codes.push(stage.send_all::<Flexibility>(who, calls));
    });
    mapped.expect("the directory knows all names");
    let tables = stage.machine.stores().read::<Flexibility>();
    let id = message.id.clone();
    match &message.body {
        Body::Prognosis { revision, .. } => {
            directory.prognoses.insert(id, *revision);
        }
        Body::FlexRequest { about, .. } => {
            let point = directory.points[&about.point];
            let last = tables.requests.range(..).next_back();
            last.map(|(number, _)| directory.documents.insert(id, known(*number, point)));
        }
        Body::FlexOffer { about, options, .. } => {
            let point = directory.points[&about.point];
            let names = option_names(options).expect("it was mapped");
            directory.options.insert(id.clone(), names);
            let last = tables.offers.range(..).next_back();
            last.map(|(number, _)| directory.documents.insert(id, known(*number, point)));
        }
        Body::FlexOrder { reference, .. } => {
            let last = tables.orders.range(..).next_back();
            last.map(|(number, _)| directory.orders.insert(reference.clone(), *number));
        }
        _ => {}
    }
    codes
}

/// The two connections that are in the portfolio all day read what the settlement says was measured.
fn read_day(stage: &mut Stage, settlement: &Message) {
    let Body::FlexSettlement { orders, .. } = &settlement.body else {
        panic!("no settlement");
    };
    let day = orders[0].period.begins(Zone::Central);
    for run in &orders[0].runs {
        for isp in run.first..run.first + run.count {
            let start = u64::try_from(day).expect("after 1970") + u64::from(isp - 1) * 900_000;
            // A kilowatt over a quarter of an hour, the other way round.
            let all = -250 * run.actual;
            let readings = [(ResourceId(0), 100), (ResourceId(1), all - 100)];
            let readings =
                readings.map(|(of, energy)| ((of, WattHours(energy)), Quality::Measured));
            let call = energy::Call::SubmitMeter {
                microgrid: GRID,
                start: Millis(start),
                minutes: Minutes::Fifteen,
                readings: List::Items(&readings),
            };
            stage.done::<Energy>(Who::Reader, &call);
        }
    }
}

#[test]
fn a_day_of_flexibility_as_the_messages_tell_it() {
    let Some(portfolio) = message("TestAGRPortfolioUpdate_Correct.XML") else {
        return;
    };
    let read = |name| message(name).expect("it is there");
    let (mut stage, mut directory) = stage();
    let all_money = stage.money();

    // Of the three connections one ends before it begins: all of the message is refused, and done without that one.
    let codes = drive(&mut stage, &mut directory, &portfolio);
    assert_eq!(codes, [Code::FLEX_PERIOD_INVALID]);
    let mut mended = portfolio;
    let Body::PortfolioUpdate(connections) = &mut mended.body else {
        panic!("no portfolio");
    };
    let is_sound =
        |(_, start, end): &(String, Date, Option<Date>)| end.is_none_or(|end| *start <= end);
    connections.retain(is_sound);
    assert_eq!(connections.len(), 2);
    let done = [Code::OK];
    assert_eq!(drive(&mut stage, &mut directory, &mended), done);
    let answered = read("TestDSOPortfolioUpdateResponse_AcceptedCorrect.XML");
    assert_eq!(drive(&mut stage, &mut directory, &answered), []);

    for name in [
        "TestD-Prognosis.XML",
        "TestFlexRequest.XML",
        "TestFlexRequestResponse.XML",
        "TestFlexOffer.XML",
        "TestFlexOfferResponse.XML",
    ] {
        assert_eq!(
            drive(&mut stage, &mut directory, &read(name)),
            done,
            "{name}"
        );
    }
    for name in ["TestD-PrognosisResponse.XML", "TestFlexOrderResponse.XML"] {
        assert_eq!(drive(&mut stage, &mut directory, &read(name)), [], "{name}");
    }
    let order = read("TestFlexOrder.XML");
    // Another price or power is not what was offered.
    for change in 0..3 {
        let mut other = order.clone();
        let Body::FlexOrder { price, runs, .. } = &mut other.body else {
            panic!("no order");
        };
        match change {
            0 => *price -= 1,
            1 => runs[7].power -= 1,
            _ => runs.truncate(13),
        }
        let codes = drive(&mut stage, &mut directory, &other);
        assert_eq!(codes, [Code::FLEX_ORDER_MISMATCH]);
    }
    assert_eq!(drive(&mut stage, &mut directory, &order), done);
    assert_eq!(stage.cash(OPERATOR).reserved.0, PRICE);
    // Ordered once more, nothing is set aside once more.
    let codes = drive(&mut stage, &mut directory, &order);
    assert_eq!(codes, [Code::UNKNOWN_FLEX_OFFER]);
    assert_eq!(stage.cash(OPERATOR).reserved.0, PRICE);
    // What is foreseen anew does not reach what was ordered.
    for name in ["TestD-Prognosis2.XML", "TestD-PrognosisResponse2.XML"] {
        drive(&mut stage, &mut directory, &read(name));
    }

    let settlement = read("TestFlexSettlement.XML");
    let codes = drive(&mut stage, &mut directory, &settlement);
    assert_eq!(codes, [Code::UNKNOWN_READING], "sent before the day");
    stage.at(local("2020-05-14T00:00:00"));
    read_day(&mut stage, &settlement);
    // Of the order: its day, its price, its currency; of an interval, what was foreseen, ordered, measured and delivered.
    for (isp, field) in [
        (0, 0),
        (0, 1),
        (0, 2),
        (7, 3),
        (7, 4),
        (7, 5),
        (7, 6),
        (0, 5),
    ] {
        let mut other = settlement.clone();
        let Body::FlexSettlement { currency, orders } = &mut other.body else {
            panic!("no settlement");
        };
        let order = &mut orders[0];
        let run = &mut order.runs[isp];
        match field {
            0 => order.period = order.period.next(),
            1 => order.price += 1,
            2 => *currency = "USD".to_owned(),
            3 => run.baseline += 1,
            4 => run.ordered += 1,
            5 => run.actual += 1,
            _ => run.delivered += 1,
        }
        let codes = drive(&mut stage, &mut directory, &other);
        assert_eq!(codes, [Code::SETTLEMENT_MISMATCH]);
    }
    assert_eq!(drive(&mut stage, &mut directory, &settlement), done);
    let codes = drive(&mut stage, &mut directory, &settlement);
    assert_eq!(codes, [Code::FLEX_ORDER_SETTLED]);
    let response = read("TestFlexSettlementResponse.XML");
    assert_eq!(drive(&mut stage, &mut directory, &response), []);
    // All of it was delivered.
    assert_eq!(stage.cash(AGGREGATOR).balance.0, CASH + PRICE);
    assert_eq!(stage.cash(OPERATOR).balance.0, CASH - PRICE);
    assert_eq!(stage.cash(OPERATOR).reserved.0, 0);
    assert_eq!(stage.money(), all_money);
}

#[test]
fn messages_that_speak_of_time_in_another_way_are_refused() {
    let Some(good) = message("TestMessageCorrect.XML") else {
        return;
    };
    let read = |name| message(name).expect("it is there");
    let (mut stage, mut directory) = stage();
    assert_eq!(drive(&mut stage, &mut directory, &good), [Code::OK]);
    let wrong = read("TestMessageIncorrectISPDuration.XML");
    let codes = drive(&mut stage, &mut directory, &wrong);
    assert_eq!(codes, [Code::ISP_DURATION_MISMATCH]);
    let wrong = read("TestMessageIncorrectTimezone.XML");
    let codes = drive(&mut stage, &mut directory, &wrong);
    assert_eq!(codes, [Code::TIME_ZONE_MISMATCH]);

    let mut portfolio = read("TestAGRPortfolioUpdate_Correct.XML");
    let Body::PortfolioUpdate(connections) = &mut portfolio.body else {
        panic!("no portfolio");
    };
    connections.truncate(2);
    assert_eq!(drive(&mut stage, &mut directory, &portfolio), [Code::OK]);
    // Every kind of message that tells of intervals, as it comes to its turn: wrong first, then right.
    for name in [
        "TestD-Prognosis.XML",
        "TestFlexRequest.XML",
        "TestFlexOffer.XML",
        "TestFlexOrder.XML",
    ] {
        let right = read(name);
        for (minutes, zone, code) in [
            (Some(30), ZONE, Code::ISP_DURATION_MISMATCH),
            (Some(0), ZONE, Code::ISP_DURATION_MISMATCH),
            (None, ZONE, Code::ISP_DURATION_MISMATCH),
            (Some(15), "Europe/Berlin", Code::TIME_ZONE_MISMATCH),
            (Some(15), "Etc/UTC", Code::TIME_ZONE_MISMATCH),
        ] {
            let mut wrong = right.clone();
            wrong.isp_minutes = minutes;
            wrong.time_zone = Some(zone.to_owned());
            let known = directory.clone();
            assert_eq!(drive(&mut stage, &mut directory, &wrong), [code], "{name}");
            directory = known;
        }
        assert_eq!(
            drive(&mut stage, &mut directory, &right),
            [Code::OK],
            "{name}"
        );
    }
}

/// A ledger and a directory on which the messages up to the offer were sent, with this done to the offer; none without the files.
pub(super) fn offered(change: impl Fn(&mut Vec<OfferOption>)) -> Option<(Stage, Directory)> {
    let mut portfolio = message("TestAGRPortfolioUpdate_Correct.XML")?;
    let Body::PortfolioUpdate(connections) = &mut portfolio.body else {
        panic!("no portfolio");
    };
    connections.truncate(2);
    let mut offer = message("TestFlexOffer.XML")?;
    let Body::FlexOffer { options, .. } = &mut offer.body else {
        panic!("no offer");
    };
    change(options);
    let (mut stage, mut directory) = stage();
    let day = ["TestD-Prognosis.XML", "TestFlexRequest.XML"].map(message);
    let day = day.into_iter().flatten().chain([offer]);
    for message in std::iter::once(portfolio).chain(day) {
        assert_eq!(drive(&mut stage, &mut directory, &message), [Code::OK]);
    }
    Some((stage, directory))
}
