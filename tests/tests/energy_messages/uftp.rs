//! UFTP: a day of flexibility as the messages of a public test suite tell it, from the portfolio to the settlement.

use std::collections::BTreeMap;

use bds_contracts::Code;
use bds_contracts::amount::WattHours;
use bds_contracts::energy::rules::{Minutes, Quality};
use bds_contracts::energy::{self, Energy, ResourceId};
use bds_contracts::flexibility::{Call, Flexibility, PointId};
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::{AccountId, Millis};
use bds_data::moment::{Date, Local, Zone};
use bds_data::uftp::{Body, Message, OfferOption};
use bds_node::import::messages::Unmapped;
use bds_node::import::messages::uftp::{Directory, option_names};

use super::data;
use super::stage::{AGGREGATOR, CASH, GRID, OPERATOR, OTHER, Stage, Who};

const POINT: PointId = PointId(7);
const ZONE: &str = "Europe/Amsterdam";
/// What the order of the messages costs.
const PRICE: i64 = 600_000_000;

fn text(name: &str) -> Option<String> {
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
fn stage() -> (Stage, Directory) {
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
        Body::FlexRequest { .. } => {
            let last = tables.requests.range(..).next_back();
            last.map(|(number, _)| directory.documents.insert(id, *number));
        }
        Body::FlexOffer { options, .. } => {
            let names = option_names(options).expect("it was mapped");
            directory.options.insert(id.clone(), names);
            let last = tables.offers.range(..).next_back();
            last.map(|(number, _)| directory.documents.insert(id, *number));
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

/// When a day of an unknown zone begins nobody can say: it was taken as one of UTC, and what the ledger then said of it was about another day.
#[test]
fn a_zone_whose_rule_is_not_known_is_refused_by_its_name() {
    let Some(portfolio) = message("TestAGRPortfolioUpdate_Correct.XML") else {
        return;
    };
    let read = |name| message(name).expect("it is there");
    let (_, mut directory) = stage();
    let number = |id: &str| BTreeMap::from([(id.to_owned(), 1)]);
    directory.documents = number("55360a08-81cd-18a3-f80d-ec2d61e0a2f8");
    let offer = "d77aa5f6-6e31-3574-3bf4-c3ddd3725559".to_owned();
    directory.options.insert(offer.clone(), vec![None]);
    directory.documents.insert(offer, 2);
    directory.prognoses = number("597ed29c-38b3-acf9-32bc-5c153b753874");
    directory.orders = number("20200512155341");
    let mut all = vec![portfolio];
    all.extend(
        [
            "TestD-Prognosis.XML",
            "TestFlexRequest.XML",
            "TestFlexOffer.XML",
            "TestFlexOrder.XML",
            "TestFlexSettlement.XML",
        ]
        .map(read),
    );
    for message in all {
        let told = |zone: Option<&str>| {
            let mut wrong = message.clone();
            wrong.time_zone = zone.map(str::to_owned);
            let mut count = 0;
            let told = directory.calls(&wrong, &mut |_| count += 1);
            assert_eq!(count, usize::from(told.is_ok()), "{zone:?}");
            told
        };
        assert_eq!(told(Some(ZONE)), Ok(()), "{message:?}");
        for zone in [
            "Mars/Olympus",
            "Europe/London",
            "europe/amsterdam",
            "+01:00",
        ] {
            assert_eq!(told(Some(zone)), Err(Unmapped::Zone(zone.to_owned())));
        }
        for none in [None, Some("")] {
            assert_eq!(told(none), Err(Unmapped::NoZone));
        }
    }
    let text = Unmapped::Zone("Mars/Olympus".to_owned()).to_string();
    assert!(
        text.contains("Mars/Olympus") && text.contains(ZONE),
        "{text}"
    );
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

/// An order of an offer with several options was always one of the first.
#[test]
fn an_order_takes_the_option_that_it_names() {
    let two = |options: &mut Vec<OfferOption>| {
        let mut dear = options[0].clone();
        dear.price *= 2;
        dear.reference = Some("dear".to_owned());
        options[0].reference = Some("cheap".to_owned());
        options.push(dear);
    };
    let Some((mut stage, mut directory)) = offered(two) else {
        return;
    };
    let order = message("TestFlexOrder.XML").expect("it is there");
    let named = |name: Option<&str>, times: i64| {
        let mut order = order.clone();
        let Body::FlexOrder { option, price, .. } = &mut order.body else {
            panic!("no order");
        };
        *option = name.map(str::to_owned);
        *price *= times;
        order
    };
    let refused = |order: &Message| {
        let told = directory.calls(order, &mut |_| panic!("no call is made of it"));
        told.expect_err("which option?").to_string()
    };
    let told = refused(&named(None, 1));
    assert!(told.contains("none of 2 options"), "{told}");
    let told = refused(&named(Some("other"), 1));
    assert!(told.contains("no option `other`"), "{told}");

    for (name, times) in [("dear", 1), ("cheap", 2)] {
        let codes = drive(&mut stage, &mut directory, &named(Some(name), times));
        assert_eq!(codes, [Code::FLEX_ORDER_MISMATCH], "{name}");
    }
    let codes = drive(&mut stage, &mut directory, &named(Some("dear"), 2));
    assert_eq!(codes, [Code::OK]);
    assert_eq!(stage.cash(OPERATOR).reserved.0, 2 * PRICE);
}

#[test]
fn options_that_cannot_be_told_apart_are_no_offer() {
    let Some(offer) = message("TestFlexOffer.XML") else {
        return;
    };
    let (_, mut directory) = stage();
    let request = "55360a08-81cd-18a3-f80d-ec2d61e0a2f8".to_owned();
    directory.documents.insert(request, 1);
    let of = |count: usize, name: Option<&str>| {
        let mut offer = offer.clone();
        let Body::FlexOffer { options, .. } = &mut offer.body else {
            panic!("no offer");
        };
        options[0].reference = name.map(str::to_owned);
        *options = vec![options[0].clone(); count];
        let mut given = 0;
        let told = directory.calls(&offer, &mut |calls| {
            let Call::Offer { options, .. } = &calls[0] else {
                panic!("{calls:?}");
            };
            given = options.len();
        });
        (told, given)
    };
    // As many as have a place reach the ledger, which refuses what is more than eight.
    assert_eq!(of(256, None), (Ok(()), 256));
    let told = "257 options of one offer".to_owned();
    assert_eq!(of(257, None), (Err(Unmapped::NoWords(told)), 0));
    assert_eq!(of(1, Some("a")), (Ok(()), 1));
    let told = "two options `a`".to_owned();
    assert_eq!(of(2, Some("a")), (Err(Unmapped::NoWords(told)), 0));
}

/// Of a portfolio the connections of one account were taken, and those of the next refused.
#[test]
fn a_portfolio_is_taken_whole_or_not_at_all() {
    let Some(mut portfolio) = message("TestAGRPortfolioUpdate_Correct.XML") else {
        return;
    };
    let Body::PortfolioUpdate(connections) = &mut portfolio.body else {
        panic!("no portfolio");
    };
    connections.truncate(2);
    let (first, second) = (connections[0].0.clone(), connections[1].0.clone());
    let (mut stage, mut directory) = stage();
    let right = directory.clone();
    // Said to be of somebody else, whose it is not.
    let other = (ResourceId(1), OTHER);
    directory.connections.insert(second.clone(), other);
    let codes = drive(&mut stage, &mut directory, &portfolio);
    assert_eq!(codes, [Code::NOT_OWN_RESOURCE]);
    let connected = |stage: &Stage| {
        let tables = stage.machine.stores().read::<Flexibility>();
        let all = [ResourceId(0), ResourceId(1)].into_iter();
        all.filter(|one| tables.connections.get(one).is_some())
            .count()
    };
    assert_eq!(connected(&stage), 0);
    // A name that is not known comes behind one that is.
    directory.connections.remove(&second);
    let told = directory.calls(&portfolio, &mut |_| panic!("no call is made of it"));
    assert!(matches!(told, Err(Unmapped::Unknown { .. })), "{told:?}");
    // Of more accounts than a transaction has calls, or of none.
    let Body::PortfolioUpdate(connections) = &mut portfolio.body else {
        panic!("no portfolio");
    };
    let (_, start, end) = connections[0].clone();
    let sound = connections.clone();
    for (count, is_sound) in [(0, false), (16, true), (17, false)] {
        let one = |number: u64| {
            let address = format!("{first}/{number}");
            let whose = (ResourceId(number), AccountId(number));
            directory.connections.insert(address.clone(), whose);
            (address, start, end)
        };
        let Body::PortfolioUpdate(connections) = &mut portfolio.body else {
            panic!("no portfolio");
        };
        *connections = (0..count).map(one).collect();
        let mut given = Vec::new();
        let told = directory.calls(&portfolio, &mut |calls| given.push(calls.len()));
        assert_eq!(told.is_ok(), is_sound, "{told:?}");
        assert_eq!(given, if is_sound { vec![16] } else { vec![] });
    }
    portfolio.body = Body::PortfolioUpdate(sound);
    directory = right;
    assert_eq!(drive(&mut stage, &mut directory, &portfolio), [Code::OK]);
    assert_eq!(connected(&stage), 2);
}

/// An order that is not known stopped a settlement after the orders before it.
#[test]
fn a_settlement_with_an_unknown_order_settles_none() {
    let Some(mut settlement) = message("TestFlexSettlement.XML") else {
        return;
    };
    let (_, mut directory) = stage();
    directory.orders.insert("20200512155341".to_owned(), 1);
    let count = |message: &Message| {
        let mut count = 0;
        let told = directory.calls(message, &mut |calls| count += calls.len());
        (told, count)
    };
    assert_eq!(count(&settlement), (Ok(()), 1));
    let Body::FlexSettlement { orders, .. } = &mut settlement.body else {
        panic!("no settlement");
    };
    let mut other = orders[0].clone();
    other.reference = "other".to_owned();
    orders.push(other);
    let expected = Unmapped::Unknown {
        what: "order",
        name: "other".to_owned(),
    };
    assert_eq!(count(&settlement), (Err(expected), 0));
}

#[test]
fn entities_and_strangers_are_refused_before_any_call() {
    let Some(text) = text("TestFlexRequest.XML") else {
        return;
    };
    let (_, body) = text.split_once("?>").expect("a declaration");
    let attack = format!(
        "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>{}",
        body.replace("SenderDomain=\"xxx.com\"", "SenderDomain=\"&x;\"")
    );
    assert_ne!(attack.len(), text.len());
    let refused = Message::read(attack.as_bytes()).expect_err("an entity");
    assert!(refused.to_string().contains("DOCTYPE"), "{refused}");

    let (_, directory) = stage();
    let message = Message::read(text.as_bytes()).expect("a message");
    let strange = Directory {
        points: BTreeMap::new(),
        ..directory
    };
    let mut count = 0;
    let told = strange.calls(&message, &mut |_| count += 1);
    let expected = Unmapped::Unknown {
        what: "congestion point",
        name: "ea1.0000-00.xxx:xxx".to_owned(),
    };
    assert_eq!((told, count), (Err(expected), 0));
}
