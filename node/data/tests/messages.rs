//! Messages of the energy markets that others wrote, read whole; and what is no message, refused where it stops being one.

mod common;

use bds_data::fault::DataError;
use bds_data::market::Document;
use bds_data::moment::{Date, Zone};
use bds_data::uftp::{Body, Message, Run};

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
