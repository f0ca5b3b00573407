//! Messages of the energy markets that others wrote, read whole; and what is no message, refused where it stops being one.

mod common;

use std::io::Read;

use bds_data::fault::DataError;
use bds_data::market::{Document, POINTS_MAX, SERIES_MAX};
use bds_data::message::Format;
use bds_data::moment::{Date, Zone};
use bds_data::uftp::{Body, ELEMENTS_MAX, Message, Run};

use common::{data, files};

fn uftp(name: &str) -> Option<Result<Message, DataError>> {
    let file = data("vpp-uftp")?.join(name);
    let file = std::fs::File::open(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
    Some(Message::read(file))
}

#[test]
fn every_public_uftp_message_is_read() {
    let Some(folder) = data("vpp-uftp") else {
        return;
    };
    let all = files(&folder, ".XML");
    assert_eq!(all.len(), 17);
    for file in all {
        let message = Message::read(std::fs::File::open(&file).expect("a file"));
        let message = message.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(message.sender, "xxx.com");
    }
}

#[test]
fn a_prognosis_says_what_its_file_says() {
    let Some(message) = uftp("TestD-Prognosis.XML") else {
        return;
    };
    let message = message.expect("a message");
    assert_eq!(message.isp_minutes, Some(15));
    assert_eq!(message.time_zone.as_deref(), Some("Europe/Amsterdam"));
    let Body::Prognosis {
        about,
        revision,
        runs,
    } = message.body
    else {
        panic!("{:?}", message.body);
    };
    assert_eq!(about.point, "ea1.0000-00.xxx:xxx");
    assert_eq!(about.period, Date::parse("2020-05-13").expect("a day"));
    assert_eq!(about.period.begins(Zone::Central), 1_589_320_800_000);
    assert_eq!(revision, 20_200_512_133_443);
    assert_eq!(runs.len(), 24);
    let run = |first, power| Run {
        first,
        count: 4,
        power,
    };
    assert_eq!(runs[0], run(1, 6));
    assert_eq!(runs[12], run(49, -13));
    assert_eq!(runs[23], run(93, 6));
}

#[test]
fn what_is_wrong_with_time_is_kept_for_whoever_refuses_it() {
    let Some(message) = uftp("TestMessageIncorrectISPDuration.XML") else {
        return;
    };
    let message = message.expect("a message");
    assert_eq!((message.body, message.isp_minutes), (Body::Test, Some(0)));
    let message = uftp("TestMessageIncorrectTimezone.XML").expect("it is there");
    let message = message.expect("a message");
    assert_eq!(message.time_zone.as_deref(), Some("Etc/UTC"));
}

#[test]
fn a_revocation_names_the_message_of_its_offer() {
    let text = "<FlexOfferRevocation Version=\"3.0.0\" SenderDomain=\"a\" RecipientDomain=\"b\" \
        TimeStamp=\"2020-05-12T15:30:00\" MessageID=\"1\" ConversationID=\"2\" FlexOfferMessageID=\"offer\"/>";
    let message = Message::read(text.as_bytes()).expect("a message");
    let offer = "offer".to_owned();
    assert_eq!(message.body, Body::OfferRevocation { offer });
    for wrong in [
        text.replace("FlexOfferMessageID", "MessageOfOffer"),
        text.replace("/>", "><ISP/></FlexOfferRevocation>"),
    ] {
        assert!(Message::read(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

const TEST: &str = "<TestMessage Version=\"3.0.0\" SenderDomain=\"a\" RecipientDomain=\"b\" \
    TimeStamp=\"2020-05-11T15:03:36.647\" MessageID=\"1\" ConversationID=\"2\"/>";

#[test]
fn what_is_no_message_is_refused_with_its_place() {
    let refused = |text: &str| match Message::read(text.as_bytes()) {
        Ok(message) => panic!("{message:?}"),
        Err(error) => error.to_string(),
    };
    Message::read(TEST.as_bytes()).expect("a message");
    // A file of the machine, by an entity: the oldest attack on readers of XML.
    let entity = "<!DOCTYPE t [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>";
    for text in [
        format!("{entity}{TEST}"),
        format!(
            "<?xml version=\"1.0\"?>{entity}{}",
            TEST.replace("\"1\"", "\"&x;\"")
        ),
        format!("<!DOCTYPE t SYSTEM \"http://localhost/t.dtd\">{TEST}"),
    ] {
        let told = refused(&text);
        assert!(told.contains("DOCTYPE"), "{told}");
        assert!(!told.contains("root:"), "{told}");
    }
    // Without the declaration the entity is unknown.
    refused(&TEST.replace("\"1\"", "\"&x;\""));
    let flex = "<FlexRequest Version=\"3.0.0\" SenderDomain=\"a\" RecipientDomain=\"b\" TimeStamp=\"2020-05-11T15:03:36\" \
        MessageID=\"1\" ConversationID=\"2\" Period=\"2020-05-13\" CongestionPoint=\"p\" Revision=\"1\" \
        ExpirationDateTime=\"2020-05-12T18:00:00\"><ISP Disposition=\"Requested\" MinPower=\"1\" MaxPower=\"2\" Start=\"1\"/></FlexRequest>";
    Message::read(flex.as_bytes()).expect("a message");
    for (from, to) in [
        ("3.0.0", "2.0.0"),
        ("FlexRequest", "FlexRequests"),
        ("Requested", "Perhaps"),
        ("Start=\"1\"", "Start=\"0\""),
        ("Start=\"1\"", "Start=\"256\""),
        ("Start=\"1\"", ""),
        ("MinPower=\"1\"", "MinPower=\"1.5\""),
        ("MinPower=\"1\"", "MinPower=\"99999999999999999999\""),
        ("2020-05-13", "2020-02-30"),
        ("18:00:00", "25:00:00"),
        ("<ISP", "text<ISP"),
        ("<ISP", "<Other/><ISP"),
        ("MessageID=\"1\"", "MessageID=\"\""),
        ("MessageID=\"1\"", "MessageID=\"1\" Unit=\"KW\""),
        ("<ISP", "<ISP Unit=\"MW\""),
        ("</FlexRequest>", ""),
    ] {
        let wrong = flex.replace(from, to);
        assert_ne!(wrong, flex);
        let told = refused(&wrong);
        assert!(told.starts_with("line "), "{told}");
    }
    let many =
        "<ISP Disposition=\"Requested\" MinPower=\"1\" MaxPower=\"2\" Start=\"1\"/>".repeat(1_025);
    refused(&flex.replace(
        "<ISP Disposition=\"Requested\" MinPower=\"1\" MaxPower=\"2\" Start=\"1\"/>",
        &many,
    ));
    // Cut anywhere, it is refused and nothing else.
    for end in 0..flex.len() {
        refused(&flex[..end]);
    }
}

/// The root alone says who reads a file, before anything else of it is looked at; what no reader takes is refused there already.
#[test]
fn the_root_says_which_reader_a_file_is_for() {
    let format = |text: &str| Format::of(text.as_bytes());
    assert_eq!(format(TEST).ok(), Some(Format::Uftp));
    assert_eq!(
        format("<x:A_MarketDocument xmlns:x=\"u\">").ok(),
        Some(Format::Market)
    );
    for (text, word) in [
        ("", "no element"),
        ("<!-- -->", "no element"),
        (
            "<!DOCTYPE t [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><t>&x;</t>",
            "DOCTYPE",
        ),
    ] {
        let told = format(text).expect_err("it is refused").to_string();
        assert!(told.contains(word), "{text}: {told}");
    }
}

#[test]
fn every_public_market_document_is_read() {
    let (Some(bids), Some(market)) = (data("market-mfrr-bids"), data("market-iec62325")) else {
        return;
    };
    let mut all = files(&bids, ".xml");
    all.extend(files(&market, ".xml"));
    assert_eq!(all.len(), 19);
    let mut points = 0;
    for file in &all {
        let document = Document::read(std::fs::File::open(file).expect("a file"));
        let document = document.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let periods = document.series.iter().flat_map(|one| &one.periods);
        points += periods.map(|period| period.points.len()).sum::<usize>();
    }
    // As `grep -c "<position>"` counts them, one a line.
    let written = all.iter().map(|file| {
        let text = std::fs::read_to_string(file).expect("a text");
        text.matches("<position>").count()
    });
    assert_eq!(points, written.sum::<usize>());
}

#[test]
fn a_bid_says_what_its_file_says() {
    let Some(folder) = data("market-mfrr-bids") else {
        return;
    };
    let file = folder.join("sn/bid_simple/SN_Simple_ReserveBid_MarketDocument.xml");
    let document = Document::read(std::fs::File::open(file).expect("a file")).expect("a document");
    assert_eq!(document.kind, "ReserveBid_MarketDocument");
    assert_eq!(document.field("process.processType"), Some("A47"));
    assert_eq!(document.series.len(), 4);
    let second = &document.series[1];
    assert_eq!(second.field("divisible"), Some("A01"));
    assert_eq!(second.field("status/value"), Some("A06"));
    let period = &second.periods[0];
    assert_eq!((period.start, period.minutes), (1_630_746_900_000, 15)); // 2021-09-04T09:15Z
    let point = period.points[0];
    assert_eq!(
        (point.quantity, point.least),
        (43_000_000, Some(10_000_000))
    );
    assert_eq!(point.price, Some(74_200), "7.42");
}

#[test]
fn what_is_no_market_document_is_refused() {
    let good = "<A_MarketDocument xmlns=\"urn:iec62325.351:x\"><mRID>1</mRID><TimeSeries><mRID>2</mRID><Period><timeInterval>\
        <start>2021-09-03T22:00Z</start><end>2021-09-03T22:15Z</end></timeInterval><resolution>PT15M</resolution><Point><position>1</position>\
        <quantity>2.5</quantity></Point></Period></TimeSeries></A_MarketDocument>";
    let document = Document::read(good.as_bytes()).expect("a document");
    assert_eq!(document.series[0].periods[0].points[0].quantity, 2_500_000);
    for (from, to) in [
        ("urn:iec62325.351:x", "urn:other:iec62325"),
        ("A_MarketDocument", "A_Document"),
        ("PT15M", "15"),
        ("PT15M", "PT0M"),
        ("22:15Z", "22:00Z"),
        ("22:15Z", "22:15"),
        ("<position>1", "<position>0"),
        ("2.5", "2.5000001"),
        ("2.5", "x"),
        ("2.5", "99999999999999"),
        ("<quantity>2.5</quantity>", ""),
        ("<mRID>1</mRID>", "<!DOCTYPE a><mRID>1</mRID>"),
    ] {
        let wrong = good.replace(from, to);
        assert_ne!(wrong, good);
        assert!(Document::read(wrong.as_bytes()).is_err(), "{to}");
    }
    let deep = good.replace("<mRID>1</mRID>", &"<a>".repeat(100));
    assert!(Document::read(deep.as_bytes()).is_err());
    for end in 0..good.len() {
        assert!(Document::read(&good.as_bytes()[..end]).is_err(), "{end}");
    }
}

/// The same bytes over and over: what reads them stops at a bound, or never.
struct Endless {
    all: Vec<u8>,
    next: usize,
}

impl Read for Endless {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let rest = &self.all[self.next..];
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.next = (self.next + count) % self.all.len();
        Ok(count)
    }
}

/// What is told of a file that begins so and goes on with `again` for ever.
fn endless<T: std::fmt::Debug>(
    read: impl FnOnce(&mut dyn Read) -> Result<T, DataError>,
    head: &str,
    again: &str,
) -> String {
    let all = again.as_bytes().to_vec();
    let mut file = head.as_bytes().chain(Endless { all, next: 0 });
    read(&mut file).expect_err("no end").to_string()
}

const SETTLEMENT: &str = "<FlexSettlement Version=\"3.0.0\" SenderDomain=\"a\" RecipientDomain=\"b\" \
    TimeStamp=\"2020-05-11T15:03:36.647\" MessageID=\"1\" ConversationID=\"2\" Currency=\"EUR\">";

/// An order of a settlement with `count` of these in it.
fn settled(isp: &str, count: usize) -> String {
    let order = "<FlexOrderSettlement OrderReference=\"20200512155341\" Period=\"2020-05-13\" Price=\"600\">";
    format!("{order}{}</FlexOrderSettlement>\n", isp.repeat(count))
}

#[test]
fn the_largest_settlement_is_read_and_one_without_an_end_is_not() {
    let isp = "    <ISP Start=\"1\" Duration=\"1\" BaselinePower=\"-1000000\" OrderedFlexPower=\"-1000000\" \
        ActualPower=\"-1000000\" DeliveredFlexPower=\"-1000000\" PowerDeficiency=\"0\"/>\n";
    let month = settled(isp, 100).repeat(16 * 31);
    let text = format!("{SETTLEMENT}{month}</FlexSettlement>");
    assert!(text.len() > 7_900_000, "{}", text.len());
    let message = Message::read(text.as_bytes()).expect("a settlement");
    let Body::FlexSettlement { orders, .. } = message.body else {
        panic!("no settlement");
    };
    assert_eq!(orders.len(), 496);
    assert!(orders.iter().all(|order| order.runs.len() == 100));

    let attributes: String = (0..200).map(|place| format!(" a{place}=\"\"")).collect();
    for (again, told) in [
        (settled("<ISP/>", 1_000), "more than 65536 elements"),
        (
            settled(&format!("<ISP{attributes}/>"), 100),
            "more than 33554432 bytes",
        ),
        (
            settled(&format!("<ISP a=\"{}\"/>", "x".repeat(100_000)), 1),
            "longer than 16777216 bytes",
        ),
        ("<ISP/>".to_owned(), "more than 1024 elements in one"),
        ("<!-- nothing -->".to_owned(), "longer than 16777216 bytes"),
        ("x".to_owned(), "longer than the 1048576 bytes"),
        ("<a>".to_owned(), "more than 4 elements inside each other"),
    ] {
        let found = endless(|file| Message::read(file), SETTLEMENT, &again);
        assert!(found.contains(told), "{found}, not {told}");
        assert!(found.starts_with("line "), "{found}");
    }
    assert_eq!(ELEMENTS_MAX, 65_536);
}

#[test]
fn the_largest_documents_are_read_and_those_without_an_end_are_not() {
    let head = "<A_MarketDocument xmlns=\"urn:iec62325.351:x\">";
    let times = "<timeInterval><start>2021-01-01T00:00Z</start><end>2022-01-01T00:00Z</end></timeInterval>\
        <resolution>PT15M</resolution>";
    let point = "<Point><position>1</position><quantity>2.5</quantity></Point>";
    let period = |points: &str| format!("<Period>{times}{points}</Period>");
    let series = |inner: &str| format!("<TimeSeries>{inner}</TimeSeries>");
    let read = |inner: &str| {
        let text = format!("{head}{inner}</A_MarketDocument>");
        Document::read(text.as_bytes())
    };
    let year = read(&series(&period(&point.repeat(35_040)))).expect("a year");
    assert_eq!(year.series[0].periods[0].points.len(), 35_040);
    let fields: String = (0..64)
        .map(|place| format!("<f{place}>{}</f{place}>", "x".repeat(50)))
        .collect();
    let bids = read(&series(&format!("{fields}{}", period(point))).repeat(SERIES_MAX));
    assert_eq!(bids.expect("many bids").series.len(), SERIES_MAX);
    let many: String = (0..65)
        .map(|place| format!("<f{place}>x</f{place}>"))
        .collect();
    let told = read(&many).expect_err("too many").to_string();
    assert!(told.contains("more than 64 fields"), "{told}");

    let long: String = (0..64)
        .map(|place| format!("<f{place}>{}</f{place}>", "x".repeat(1_000)))
        .collect();
    for (before, again, told) in [
        ("", series(""), "more than 2000 series"),
        ("", series(&long), "more than 8388608 bytes of fields"),
        ("<TimeSeries>", period(""), "more than 35200 periods"),
        (
            "<TimeSeries><Period>",
            point.to_owned(),
            "more than 35200 points",
        ),
        (
            "",
            "<f>xxxxx</f>".to_owned(),
            "a field is longer than 1024 bytes",
        ),
        (
            "<f>",
            "x<g/>".to_owned(),
            "a field is longer than 1024 bytes",
        ),
        ("<f>", "x".to_owned(), "longer than the 1048576 bytes"),
        ("", "<f/>".to_owned(), "longer than 16777216 bytes"),
        (
            "",
            "<!-- nothing -->".to_owned(),
            "longer than 16777216 bytes",
        ),
        (
            "",
            "<f>".to_owned(),
            "more than 8 elements inside each other",
        ),
    ] {
        let found = endless(
            |file| Document::read(file),
            &format!("{head}{before}"),
            &again,
        );
        assert!(found.contains(told), "{found}, not {told}");
        assert!(found.starts_with("line "), "{found}");
    }
    assert_eq!(POINTS_MAX, 35_200);
}
