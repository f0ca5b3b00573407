//! UFTP: messages that are refused before any call is made of them, and those that name one of several things.

use std::collections::BTreeMap;

use bds_contracts::Code;
use bds_contracts::energy::ResourceId;
use bds_contracts::flexibility::{Call, Flexibility, PointId};
use bds_contracts::tx::AccountId;
use bds_data::uftp::{Body, Message, OfferOption};
use bds_node::import::messages::Unmapped;
use bds_node::import::messages::uftp::Directory;

use super::stage::{OPERATOR, OTHER, Stage};
use super::uftp::{POINT, PRICE, ZONE, drive, known, message, offered, stage, text};

/// When a day of an unknown zone begins nobody can say: it was taken as one of UTC, and what the ledger then said of it was about another day.
#[test]
fn a_zone_whose_rule_is_not_known_is_refused_by_its_name() {
    let Some(portfolio) = message("TestAGRPortfolioUpdate_Correct.XML") else {
        return;
    };
    let read = |name| message(name).expect("it is there");
    let (_, mut directory) = stage();
    let number = |id: &str| BTreeMap::from([(id.to_owned(), 1)]);
    let request = "55360a08-81cd-18a3-f80d-ec2d61e0a2f8".to_owned();
    directory.documents.insert(request, known(1, POINT));
    let offer = "d77aa5f6-6e31-3574-3bf4-c3ddd3725559".to_owned();
    directory.options.insert(offer.clone(), vec![None]);
    directory.documents.insert(offer, known(2, POINT));
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
    directory.documents.insert(request, known(1, POINT));
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

/// What anybody said to anybody was taken as said between the two.
#[test]
fn only_the_two_sides_are_heard() {
    let Some(message) = message("TestD-Prognosis.XML") else {
        return;
    };
    let (_, directory) = stage();
    let told = |sender: &str, recipient: &str| {
        let mut other = message.clone();
        (other.sender, other.recipient) = (sender.to_owned(), recipient.to_owned());
        let mut count = 0;
        let told = directory.calls(&other, &mut |_| count += 1);
        assert_eq!(count, usize::from(told.is_ok()));
        told.map_err(|error| error.to_string())
    };
    assert_eq!(message.sender, "xxx.com");
    for (sender, recipient) in [
        ("xxx.com", "yyy.com"),
        ("yyy.com", "xxx.com"),
        ("XXX.com", "yyy.COM"),
    ] {
        assert_eq!(told(sender, recipient), Ok(()));
    }
    for (sender, recipient) in [
        ("xxx.com", "zzz.com"),
        ("zzz.com", "yyy.com"),
        ("xxx.com", "xxx.com"),
        ("yyy.com", "yyy.com"),
        ("", "yyy.com"),
        ("xxx.com.zzz.com", "yyy.com"),
    ] {
        let error = told(sender, recipient).expect_err("somebody else");
        assert!(
            error.contains(&format!("{sender} to {recipient}")),
            "{error}"
        );
    }
}

/// The ledger takes the point of an offer from its request and that of an order from its offer; what the message says of it was lost.
#[test]
fn an_answer_is_about_the_point_of_what_it_answers() {
    let Some(offer) = message("TestFlexOffer.XML") else {
        return;
    };
    let order = message("TestFlexOrder.XML").expect("it is there");
    let (_, mut directory) = stage();
    let other = "ea1.0000-00.xxx:other";
    directory.points.insert(other.to_owned(), PointId(8));
    let numbers = [
        ("55360a08-81cd-18a3-f80d-ec2d61e0a2f8", 1),
        ("d77aa5f6-6e31-3574-3bf4-c3ddd3725559", 2),
    ];
    for (id, number) in numbers {
        let known = known(number, POINT);
        directory.documents.insert(id.to_owned(), known);
        directory.options.insert(id.to_owned(), vec![None]);
    }
    let prognosis = "597ed29c-38b3-acf9-32bc-5c153b753874".to_owned();
    directory.prognoses.insert(prognosis, 1);
    for right in [offer, order] {
        let at = |address: &str| {
            let mut message = right.clone();
            match &mut message.body {
                Body::FlexOffer { about, .. } | Body::FlexOrder { about, .. } => {
                    about.point = address.to_owned();
                }
                _ => panic!("{message:?}"),
            }
            directory.calls(&message, &mut |_| ())
        };
        assert_eq!(at("ea1.0000-00.xxx:xxx"), Ok(()));
        let told = at(other);
        assert!(matches!(told, Err(Unmapped::NoWords(_))), "{told:?}");
        let told = at("ea1.0000-00.xxx:none");
        assert!(matches!(told, Err(Unmapped::Unknown { .. })), "{told:?}");
    }
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
