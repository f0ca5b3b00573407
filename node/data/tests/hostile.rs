//! Whatever bytes come in: an answer or a refusal with its place, never a panic; and what is taken can be written and read again.
//!
//! Each importer gets every beginning of a small file, then files with bytes changed at random, always the same.

mod common;

use bds_data::cim_e::{self, Document, Options};
use bds_data::cim_g::Drawing;
use bds_data::cim_xml::{Difference, read_all};
use bds_data::clean::{Schema, clean, schema};
use bds_data::fault::DataError;
use bds_data::loss::Losses;
use bds_data::market;
use bds_data::model::{Model, Names};
use bds_data::registry::Export;
use bds_data::scl;
use bds_data::uftp::Message;

const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- a -->\n<rdf:RDF xmlns:cim=\"http://iec.ch/TC57/CIM100#\" \
    xmlns:dm=\"http://iec.ch/TC57/61970-552/DifferenceModel/1#\" xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n  \
    <cim:Terminal rdf:ID=\"_a\">\n    <cim:Terminal.name>T &amp; &#x7535;网 &lt;1&gt;</cim:Terminal.name>\n    \
    <cim:Terminal.Node rdf:resource=\"#_b\" /><x:y xmlns:x=\"u\"><![CDATA[z]]></x:y>\n  </cim:Terminal>\n  \
    <dm:DifferenceModel rdf:about=\"urn:uuid:1\"><dm:reverseDifferences rdf:parseType=\"Statements\">\
    <cim:Line rdf:about=\"#_l\"/></dm:reverseDifferences></dm:DifferenceModel>\n</rdf:RDF>";

const E: &str = "<! Entity=华东 Code=UTF-8 type='a b' !> // head\n<Bus::north date='2012-04-11 11:12'>\n@ Num id name\n@/ 序 标 名\n% i p s\n$ - kV -\n\
    : - 0:5 -\n#1 #b 'NORTH  '\n# 2\tNULL\t\"it's\"\n# 3 2019-11-5 11:25\n*Line 1:3,7\n<In>\n@@ n a v\n#1 x 5\n#2 y 6\n#1 x 7\n</In>\n\
    </Bus::north>\n<P:=p Size=3>\nabc\n</P:=p>\n<One::x R=5 />\n<DG>\n@# n a 'o' 'p'\n#1 x 1 2\n</DG>\n";

const TABLE: &str = "Meter,Point,Kind,Power,Energy,Since,Address\nA1,,PV,\"5,5 kW\",\"1,000.5 MWh\",2024-01-31,\"1 \"\"Sun\"\" Lane\"\nA1,,solar,5500 W,,31.01.2024,1 Sun Lane\nÄ,,load,3,,,\"2\nB\"\n";

/// Reads bytes, and when that succeeds writes what was read and reads it again. Says whether it succeeded.
type Reading = fn(&[u8]) -> Result<(), DataError>;

fn read_xml(bytes: &[u8]) -> Result<(), DataError> {
    let (difference, _) = Difference::read(bytes, Names::default(), &mut Losses::default())?;
    drop(difference);
    let model = match read_all(bytes, &mut Losses::default()) {
        Ok(model) => model,
        Err(error) => {
            assert!(error.to_string().contains("difference model"), "{error}");
            return Ok(());
        }
    };
    let (written, losses) = model.write_cim_xml(Vec::new())?;
    let again = read_all(written.as_slice(), &mut Losses::default()).expect("what was written");
    assert!(
        !losses.is_empty() || again == model,
        "{}",
        String::from_utf8_lossy(bytes)
    );
    through_cim_e(&model);
    Ok(())
}

fn through_cim_e(model: &Model) {
    let document = Document::from_model(model).expect("a document");
    let (mut out, mut losses) = (Vec::new(), Losses::default());
    document.write(&mut out, &mut losses).expect("written");
    let again = cim_e::read(out.as_slice(), &Options::default(), &mut losses)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&out)));
    let again = again.to_model(&mut losses);
    assert!(
        !losses.is_empty() || &again == model,
        "{}",
        String::from_utf8_lossy(&out)
    );
}

fn read_e(bytes: &[u8]) -> Result<(), DataError> {
    let document = cim_e::read(bytes, &Options::default(), &mut Losses::default())?;
    let (mut out, mut losses) = (Vec::new(), Losses::default());
    document.write(&mut out, &mut losses)?;
    // What declares another encoding than it is written in comes back only when told.
    let utf8 = Options {
        encoding: bds_data::text::encoding("utf-8").ok(),
        strict: false,
    };
    let again = cim_e::read(out.as_slice(), &utf8, &mut Losses::default())
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&out)));
    assert!(
        !losses.is_empty() || again.same(&document),
        "{}\n{}",
        String::from_utf8_lossy(bytes),
        String::from_utf8_lossy(&out)
    );
    let model = document.to_model(&mut Losses::default());
    let (xml, losses) = model.write_cim_xml(Vec::new())?;
    let again = read_all(xml.as_slice(), &mut Losses::default())
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&xml)));
    let named = losses
        .counts()
        .keys()
        .any(|what| what.contains("name") || what.contains("characters"));
    assert!(
        named || again.objects() == model.objects(),
        "{}",
        String::from_utf8_lossy(&xml)
    );
    Ok(())
}

fn read_table(bytes: &[u8]) -> Result<(), DataError> {
    let schema = Schema::from_json(schema::included("meters").expect("a schema")).expect("right");
    let cleaned = clean(&schema, bytes, None)?;
    let lines: usize = cleaned
        .records
        .iter()
        .map(|record| record.lines.len())
        .sum();
    assert_eq!(lines as u64 + cleaned.counts.unclassed, cleaned.counts.rows);
    Ok(())
}

const SCL: &str = "<?xml version=\"1.0\"?>\n<SCL xmlns=\"http://www.iec.ch/61850/2003/SCL\" xmlns:x=\"u\" version=\"2007\"><Header id=\"h\"/>\
    <Substation name=\"S 1\"><VoltageLevel name=\"E1\"><Voltage unit=\"V\">110</Voltage><Bay name=\"B\"><ConductingEquipment name=\"Q\" type=\"CBR\">\
    <Terminal name=\"T\" connectivityNode=\"S 1/E1/B/N\"/></ConductingEquipment><ConnectivityNode name=\"N\" pathName=\"S 1/E1/B/N\"/>\
    <LNode iedName=\"I\" ldInst=\"L\" lnClass=\"XCBR\" lnInst=\"1\"/></Bay></VoltageLevel></Substation><IED name=\"I\"><AccessPoint name=\"A\"><Server>\
    <LDevice inst=\"L\"><LN0 lnClass=\"LLN0\"/><LN lnClass=\"XCBR\" inst=\"1\"/></LDevice></Server></AccessPoint></IED><x:y/></SCL>";

const G: &str = "<?xml version=\"1.0\"?>\n<G w=\"2\" h=\"3\"><Layer name=\"平面\"><Bus id=\"1\" keyid=\"115404740451368961\" rdfid=\"_a\" link=\"0,0,2;\"/>\
    <CBreaker id=\"2\" tfr=\"rotate(90)\" link=\"0,0,1;\"/><Text ts=\"a &amp; b\">t</Text></Layer></G>";

const EXPORT: &str = "Serial Number,Quantity,Note\nGS1-1-KE-GS1-16-2025-7-1-100,100,\"a\nb\"\nACR-US-9-2024-2-58384 to 58673,290,\n\
    RW-5-1-2-2-0-7 - RW-5-9-2-2-0-7,9,\n1-5-9-VCS-VCU-1-VER-ET-1-1-01012020-31122020-1,\"5\",\n";

fn read_scl(bytes: &[u8]) -> Result<(), DataError> {
    let model = scl::read(bytes, None, &mut Losses::default())?;
    assert_eq!(model.dangling().count(), 0);
    let (written, _) = model.write_cim_xml(Vec::new())?;
    let again = read_all(written.as_slice(), &mut Losses::default()).expect("what was written");
    assert_eq!(again, model, "{}", String::from_utf8_lossy(bytes));
    Ok(())
}

fn read_g(bytes: &[u8]) -> Result<(), DataError> {
    let drawing = Drawing::read(bytes, None)?;
    let mut out = Vec::new();
    drawing.write(&mut out)?;
    let again = Drawing::read(out.as_slice(), None).expect("what was written");
    assert_eq!(again, drawing);
    drawing.links().map(drop)
}

fn read_export(bytes: &[u8]) -> Result<(), DataError> {
    let export = Export::read(bytes)?;
    assert!(
        export
            .faults
            .iter()
            .all(|(place, what)| place.line > 1 && !what.is_empty())
    );
    Ok(())
}

const UFTP: &str = "<?xml version=\"1.0\"?><FlexOffer Version=\"3.0.0\" SenderDomain=\"a\" RecipientDomain=\"b\" TimeStamp=\"2020-05-12T15:09:09.628\" \
    MessageID=\"1\" ConversationID=\"2\" ISP-Duration=\"PT15M\" TimeZone=\"Europe/Amsterdam\" Period=\"2020-05-13\" CongestionPoint=\"ea1.x\" \
    ExpirationDateTime=\"2020-05-12T18:00:00\" FlexRequestMessageID=\"3\" Currency=\"EUR\"><OfferOption Price=\"600.5\" \
    MinActivationFactor=\"0.25\"><ISP Power=\"-1\" Start=\"29\" Duration=\"4\"/></OfferOption></FlexOffer>";

const MARKET: &str = "<?xml version=\"1.0\"?><A_MarketDocument xmlns=\"urn:iec62325.351:x\"><mRID>1</mRID><text>a document about a bid of five megawatts in some quarter of an hour that nobody took</text><status><value>A06</value></status>\
    <TimeSeries><mRID>2</mRID><Period><timeInterval><start>2021-09-03T22:00Z</start><end>2021-09-03T22:15Z</end></timeInterval>\
    <resolution>PT15M</resolution><Point><position>1</position><quantity>2.5</quantity><price.amount>-9.13</price.amount></Point></Period>\
    </TimeSeries></A_MarketDocument>";

fn read_uftp(bytes: &[u8]) -> Result<(), DataError> {
    Message::read(bytes).map(drop)
}

fn read_market(bytes: &[u8]) -> Result<(), DataError> {
    market::Document::read(bytes).map(drop)
}

const READERS: [(&str, &str, Reading); 8] = [
    ("uftp", UFTP, read_uftp),
    ("market", MARKET, read_market),
    ("cim-xml", XML, read_xml),
    ("scl", SCL, read_scl),
    ("cim-g", G, read_g),
    ("cim-e", E, read_e),
    ("table", TABLE, read_table),
    ("registry", EXPORT, read_export),
];

/// Bytes that mean something in one of the forms.
const SPECIAL: &[u8] = b"<>&;'\"/=#@%$:*-! \t\n\r\0\xFF,.";
const JSON: &[u8] = b"0123456789\"{}[],:-ab.";

fn assert_refusal(name: &str, bytes: &[u8], error: &DataError) {
    let told =
        error.place().is_some_and(|place| place.line > 0) || matches!(error, DataError::Whole(_));
    assert!(
        told && !error.to_string().is_empty(),
        "{name}: {error:?}: {}",
        String::from_utf8_lossy(bytes)
    );
}

#[test]
fn every_beginning_of_a_file() {
    for (name, text, read) in READERS {
        read(text.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        for end in 0..text.len() {
            let bytes = &text.as_bytes()[..end];
            let read = read(bytes);
            if let Err(error) = &read {
                assert_refusal(name, bytes, error);
            }
            assert!(
                read.is_err() || !text.starts_with("<?xml"),
                "{name} taken though only {end} bytes are there"
            );
        }
    }
}

#[test]
fn bytes_changed_at_random() {
    for (name, text, read) in READERS {
        let mut numbers = common::Numbers(0xB1_0C5);
        let (mut taken, mut refused) = (0, 0);
        for _ in 0..4_000 {
            let mut bytes = text.as_bytes().to_vec();
            for _ in 0..=numbers.below(3) {
                let at = numbers.below(bytes.len());
                match numbers.below(4) {
                    0 => bytes[at] ^= 1 << numbers.below(8),
                    1 => bytes[at] = SPECIAL[numbers.below(SPECIAL.len())],
                    2 => {
                        bytes.remove(at);
                    }
                    _ => {
                        let from = numbers.below(text.len());
                        let piece =
                            &text.as_bytes()[from..(from + numbers.below(20)).min(text.len())];
                        bytes.splice(at..at, piece.iter().copied());
                    }
                }
            }
            match read(&bytes) {
                Ok(()) => taken += 1,
                Err(error) => {
                    refused += 1;
                    assert_refusal(name, &bytes, &error);
                }
            }
        }
        assert!(
            taken > 100 && refused > 100,
            "{name}: {taken} taken, {refused} refused"
        );
    }
}

#[test]
fn schemas_changed_at_random() {
    let mut numbers = common::Numbers(0x5C4E);
    let (mut taken, mut refused) = (0, 0);
    for name in [
        "meters",
        "organisation-sites",
        "organisations",
        "persons",
        "products",
        "registry-projects",
    ] {
        let text = schema::included(name).expect("a schema");
        for _ in 0..500 {
            let mut bytes = text.as_bytes().to_vec();
            let at = numbers.below(bytes.len());
            bytes[at] = JSON[numbers.below(JSON.len())];
            let Ok(text) = std::str::from_utf8(&bytes) else {
                continue;
            };
            match Schema::from_json(text) {
                Ok(schema) => {
                    taken += 1;
                    // Whatever it says, it can be used.
                    let _ = clean(&schema, TABLE.as_bytes(), None);
                }
                Err(error) => {
                    refused += 1;
                    assert!(!error.to_string().is_empty());
                }
            }
        }
    }
    assert!(
        taken > 300 && refused > 300,
        "{taken} taken, {refused} refused"
    );
}

#[test]
fn whole_files_of_nothing_sensible() {
    let mut numbers = common::Numbers(9);
    let noise: Vec<u8> = (0..100_000).map(|_| numbers.below(256) as u8).collect();
    let files: [Vec<u8>; 8] = [
        Vec::new(),
        vec![0; 100_000],
        vec![b'<'; 100_000],
        vec![b'"'; 100_000],
        vec![b'\n'; 100_000],
        b"\xEF\xBB\xBF".to_vec(),
        b"\xFF\xFE".to_vec(),
        noise,
    ];
    for (name, _, read) in READERS {
        for file in &files {
            if let Err(error) = read(file) {
                assert_refusal(name, file, &error);
            }
        }
    }
}

/// A reader that fails is not a fault of the data.
#[test]
fn a_reader_that_fails() {
    struct Fails(usize);
    impl std::io::Read for Fails {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let text = &XML.as_bytes()[self.0..100];
            let amount = into.len().min(text.len());
            into[..amount].copy_from_slice(&text[..amount]);
            self.0 += amount;
            if amount == 0 {
                Err(std::io::Error::other("the disk is gone"))
            } else {
                Ok(amount)
            }
        }
    }
    let schema = Schema::from_json(schema::included("meters").expect("a schema")).expect("right");
    let errors = [
        read_all(Fails(0), &mut Losses::default()).map(drop),
        cim_e::read(Fails(0), &Options::default(), &mut Losses::default()).map(drop),
        clean(&schema, Fails(0), None).map(drop),
    ];
    for error in errors {
        let error = error.expect_err("it fails");
        assert!(
            error.to_string().contains("the disk is gone") || error.place().is_some(),
            "{error:?}"
        );
    }
}
