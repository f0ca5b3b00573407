//! `bds import messages`: files become transactions that the ledger's own reader of descriptions takes, or nothing is written.

use std::path::Path;

use bds_contracts::kernel::describe::call_from_json;
use bds_contracts::modules::Modules;
use bds_tests::process::run;
use serde_json::{Value, json};

use super::data;

const HEAD: &str = "Version=\"3.0.0\" SenderDomain=\"agr.example\" RecipientDomain=\"dso.example\" \
    TimeStamp=\"2026-11-29T12:00:00\" ConversationID=\"c\" ISP-Duration=\"PT60M\" TimeZone=\"Europe/Amsterdam\"";
const DAY: &str = "Period=\"2026-12-01\" CongestionPoint=\"ea1.2026-11.example:1\"";

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("written");
}

/// A folder with names and some messages.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| write(folder.path(), name, text);
    let names = json!({
        "flexibility": {
            "domains": ["dso.example", "agr.example"],
            "point": 7,
            "aggregator": 2,
            "points": { "ea1.2026-11.example:1": 7 },
            "watts": 1_000,
            "documents": { "request": { "number": 11, "point": 7 }, "offer": { "number": 12, "point": 7 } },
        },
        "energy": { "domain": "10YNL----------L", "microgrid": 3, "minutes": 60 },
    });
    write("names.json", &names.to_string());
    write(
        "test.xml",
        &format!("<TestMessage {HEAD} MessageID=\"test\"/>"),
    );
    let isps = "<ISP Power=\"6\" Start=\"1\" Duration=\"12\"/><ISP Power=\"-4\" Start=\"13\" Duration=\"12\"/>";
    write(
        "prognosis.xml",
        &format!(
            "<D-Prognosis {HEAD} {DAY} MessageID=\"prognosis\" Revision=\"41\">{isps}</D-Prognosis>"
        ),
    );
    let option = "<OfferOption OptionReference=\"only\" Price=\"5.25\"><ISP Power=\"2\" Start=\"3\"/></OfferOption>";
    write(
        "offer.xml",
        &format!(
            "<FlexOffer {HEAD} {DAY} MessageID=\"offer\" FlexRequestMessageID=\"request\" \
             ExpirationDateTime=\"2026-11-30T18:00:00\" Currency=\"EUR\">{option}</FlexOffer>"
        ),
    );
    write(
        "order.xml",
        &format!(
            "<FlexOrder {HEAD} {DAY} MessageID=\"order\" FlexOfferMessageID=\"offer\" OptionReference=\"only\" \
             D-PrognosisMessageID=\"prognosis\" OrderReference=\"o\" Price=\"5.25\" Currency=\"EUR\">\
             <ISP Power=\"2\" Start=\"3\"/></FlexOrder>"
        ),
    );
    write(
        "revoked.xml",
        &format!(
            "<FlexOfferRevocation {HEAD} MessageID=\"revoked\" FlexOfferMessageID=\"offer\"/>"
        ),
    );
    write(
        "heard.xml",
        &format!(
            "<D-PrognosisResponse {HEAD} MessageID=\"heard\" D-PrognosisMessageID=\"prognosis\" Result=\"Accepted\"/>"
        ),
    );
    write(
        "load.xml",
        "<GL_MarketDocument xmlns=\"urn:iec62325.351:x\"><mRID>1</mRID><type>A65</type><process.processType>A16</process.processType>\
         <TimeSeries><mRID>2</mRID><outBiddingZone_Domain.mRID>10YNL----------L</outBiddingZone_Domain.mRID>\
         <quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name><Period><timeInterval>\
         <start>2026-11-01T00:00Z</start><end>2026-11-01T02:00Z</end></timeInterval><resolution>PT60M</resolution>\
         <Point><position>1</position><quantity>2.5</quantity></Point><Point><position>2</position><quantity>3</quantity></Point>\
         </Period></TimeSeries></GL_MarketDocument>",
    );
    folder
}

/// Runs the command on these files with these names; exit code and all that is printed.
fn import(folder: &Path, names: &str, files: &[&str], rest: &[&str]) -> (Option<i32>, String) {
    let verb = ["import", "messages", "--names", names];
    run(folder, &[&verb[..], files, rest].concat())
}

/// The transactions in a file: each a list of calls by name with their fields, which the ledger's reader takes.
fn transactions(file: &Path) -> Vec<Vec<(String, Value)>> {
    let text = std::fs::read_to_string(file).expect("it is written");
    let lines = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let calls = line["calls"].as_array().expect("a list of calls");
        let calls = calls.iter().map(|call| {
            let (name, fields) = call
                .as_object()
                .expect("a call")
                .iter()
                .next()
                .expect("its name");
            call_from_json::<Modules>(name, fields).unwrap_or_else(|wrong| panic!("{wrong}"));
            (name.clone(), fields.clone())
        });
        calls.collect()
    });
    lines.collect()
}

#[test]
fn messages_become_transactions_for_a_batch() {
    let folder = folder();
    let all = [
        "test.xml",
        "prognosis.xml",
        "heard.xml",
        "offer.xml",
        "order.xml",
        "revoked.xml",
        "load.xml",
    ];
    let out = ["--out", "calls.jsonl"];
    let (code, text) = import(folder.path(), "names.json", &all, &out);
    assert_eq!(code, Some(0), "{text}");
    for word in [
        "7 messages, 7 transactions; 1 messages say",
        "1  flexibility.withdraw-offer",
        "2  energy.declare-balance",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let made = transactions(&folder.path().join("calls.jsonl"));
    let names: Vec<&str> = made.iter().map(|calls| calls[0].0.as_str()).collect();
    let expected = [
        "flexibility.test",
        "flexibility.submit-prognosis",
        "flexibility.offer",
        "flexibility.order",
        "flexibility.withdraw-offer",
        "energy.declare-balance",
        "energy.declare-balance",
    ];
    assert_eq!(names, expected);
    assert!(made.iter().all(|calls| calls.len() == 1));
    // Consumed in the message is out of the grid on the ledger; the day begins at midnight of its zone.
    let prognosis = &made[1][0].1;
    assert_eq!(prognosis["start"], json!(1_796_079_600_000_u64));
    assert_eq!(
        prognosis["powers"],
        json!([[[0, 12], -6_000], [[12, 12], 4_000]])
    );
    // What the prognosis and the offer of the same run said is known to the order.
    let order = &made[3][0].1;
    assert_eq!(
        (&order["prognosis"], &order["option"]),
        (&json!(41), &json!(0))
    );
    assert_eq!(
        (&order["offer"], &order["price"]),
        (&json!(12), &json!(5_250_000))
    );
    assert_eq!(made[4][0].1["offer"], json!(12));
    assert_eq!(made[6][0].1["exchange"], json!(3_000_000));

    let (code, text) = import(folder.path(), "names.json", &all, &["--json"]);
    assert_eq!(code, Some(0), "{text}");
    let told: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&told["messages"], &told["silent"]), (&json!(7), &json!(1)));
    assert_eq!(told["calls"]["energy.declare-balance"], json!(2));
}

/// What cannot be taken is told with the file, its place where it has one, and leaves no file behind.
#[test]
fn what_cannot_be_taken_is_told_and_nothing_is_written() {
    let folder = folder();
    let write = |name: &str, text: &str| write(folder.path(), name, text);
    let test = format!("<TestMessage {HEAD} MessageID=\"test\"/>");
    // An entity that is a file of the machine; and more bytes than any message has.
    let entity = "<!DOCTYPE t [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>";
    write(
        "entity.xml",
        &format!("{entity}{}", test.replace("\"test\"", "\"&x;\"")),
    );
    write(
        "large.xml",
        &test.replace("/>", &format!(">{}</TestMessage>", " \n".repeat(9 << 20))),
    );
    write(
        "unit.xml",
        &test.replace("MessageID", "Unit=\"KW\" MessageID"),
    );
    write(
        "zone.xml",
        &std::fs::read_to_string(folder.path().join("prognosis.xml"))
            .expect("it")
            .replace("Europe/Amsterdam", "Mars/Olympus"),
    );
    write(
        "other.xml",
        "<A_MarketDocument xmlns=\"urn:iec62325.351:x\"><mRID>1</mRID></A_MarketDocument>",
    );
    write(
        "bids.xml",
        "<ReserveBid_MarketDocument xmlns=\"urn:iec62325.351:x\"><mRID>1</mRID></ReserveBid_MarketDocument>",
    );
    write(
        "odd.json",
        "{\"flexibility\": {\"domains\": [\"dso.example\", \"agr.example\"], \"point\": 7, \"aggregator\": 2, \"wats\": 1}}",
    );
    write(
        "zero.json",
        "{\"flexibility\": {\"domains\": [\"dso.example\", \"agr.example\"], \"point\": 7, \"aggregator\": 2, \"watts\": 0}}",
    );
    write("none.json", "{}");
    for (names, file, words) in [
        ("names.json", "entity.xml", &["entity.xml", "DOCTYPE"][..]),
        ("names.json", "large.xml", &["large.xml"]),
        ("names.json", "unit.xml", &["unit.xml", "line 1", "unit"]),
        (
            "names.json",
            "zone.xml",
            &["zone.xml", "Mars/Olympus", "Europe/Amsterdam"],
        ),
        (
            "names.json",
            "other.xml",
            &["no words for a A_MarketDocument"],
        ),
        ("names.json", "bids.xml", &["bids.xml", "no part `power`"]),
        (
            "names.json",
            "order.xml",
            &["order.xml", "no offer `offer`"],
        ),
        ("names.json", "missing.xml", &["missing.xml"]),
        (
            "none.json",
            "test.xml",
            &["test.xml", "no part `flexibility`"],
        ),
        ("odd.json", "test.xml", &["odd.json", "wats"]),
        ("zero.json", "test.xml", &["zero.json", "more than 0 W"]),
        ("missing.json", "test.xml", &["missing.json"]),
    ] {
        // What comes before it is sound, and is not written either.
        let files = ["test.xml", file];
        let (code, text) = import(folder.path(), names, &files, &["--out", "calls.jsonl"]);
        assert_eq!(code, Some(3), "{file}: {text}");
        for word in words {
            assert!(text.contains(word), "{file}: {word} is missing in {text}");
        }
        assert!(!text.contains("root:"), "{text}");
        assert!(!folder.path().join("calls.jsonl").exists(), "{file}");
    }
    let (code, text) = run(folder.path(), &["import", "messages", "test.xml"]);
    assert_eq!(code, Some(2), "{text}");
}

/// The messages that others wrote, as far as no number of the ledger is needed for them.
#[test]
fn public_messages_become_transactions() {
    let Some(messages) = data("vpp-uftp") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a directory");
    let connection = |number: u64| json!({ "resource": number, "account": 2 });
    let names = json!({
        "flexibility": {
            "domains": ["yyy.com", "xxx.com"],
            "point": 7,
            "aggregator": 2,
            "points": { "ea1.0000-00.xxx:xxx": 7 },
            "connections": {
                "ea1.0000-00.xxx:xxx": connection(0),
                "ea1.0000-01.xxx:xxx": connection(1),
                "ea1.0000-02.xxx:xxx": connection(2),
            },
            "watts": 1_000,
            "open_end": 1_609_455_600_000_u64,
        },
    });
    write(folder.path(), "names.json", &names.to_string());
    let files = [
        "TestMessageCorrect.XML",
        "TestAGRPortfolioUpdate_Correct.XML",
        "TestD-Prognosis.XML",
        "TestD-PrognosisResponse.XML",
        "TestFlexRequest.XML",
    ];
    let files = files.map(|name| messages.join(name).display().to_string());
    let files = files.each_ref().map(String::as_str);
    let out = ["--out", "calls.jsonl"];
    let (code, text) = import(folder.path(), "names.json", &files, &out);
    assert_eq!(code, Some(0), "{text}");
    let made = transactions(&folder.path().join("calls.jsonl"));
    let names: Vec<&str> = made.iter().map(|calls| calls[0].0.as_str()).collect();
    let expected = ["test", "connect", "submit-prognosis", "request"];
    assert_eq!(names, expected.map(|name| format!("flexibility.{name}")));
}
