//! CIM/XML: every public file read, written and read again; the union of profiles; difference models; what is refused.

mod common;

use std::collections::BTreeMap;

use bds_data::cim_xml::{Difference, read_all, read_into};
use bds_data::loss::Losses;
use bds_data::model::{Model, Value};

fn read(bytes: &[u8]) -> Result<Model, String> {
    read_all(bytes, &mut Losses::default()).map_err(|error| error.to_string())
}

fn folders() -> Vec<std::path::PathBuf> {
    let names = [
        "cim-xml-cgmes2-minigrid",
        "cim-xml-cgmes3-microgrid",
        "cim-xml-statnett",
    ];
    names
        .iter()
        .filter_map(|name| common::data(name))
        .flat_map(|folder| common::files(&folder, ".xml"))
        .collect()
}

/// A second, naive reading: lines of the files, which all have one element a line.
fn naive(text: &str) -> (usize, usize, usize) {
    let lines = text.lines().map(str::trim);
    let objects = lines
        .clone()
        .filter(|line| line.contains(" rdf:ID=\"") || line.contains(" rdf:about=\""))
        .count();
    let references = lines
        .clone()
        .filter(|line| line.contains(" rdf:resource=\""))
        .count();
    let texts = lines
        .filter(|line| line.starts_with('<') && line.contains("</") && !line.starts_with("</"))
        .count();
    (objects, references, texts)
}

#[test]
fn every_public_file_reads_writes_and_reads_the_same() {
    let files = folders();
    for file in &files {
        let bytes = std::fs::read(file).expect("a file");
        let mut losses = Losses::default();
        let model = read_all(bytes.as_slice(), &mut losses)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(losses.is_empty(), "{}: {losses:?}", file.display());
        let (objects, references, texts) = naive(&String::from_utf8(bytes).expect("UTF-8"));
        let values = || model.objects().iter().flat_map(|object| &object.properties);
        let resources = values()
            .filter(|property| matches!(property.value, Value::Resource(_)))
            .count();
        assert_eq!(
            (
                model.objects().len(),
                resources,
                values().count() - resources
            ),
            (objects, references, texts),
            "{}",
            file.display()
        );

        let (written, losses) = model.write_cim_xml(Vec::new()).expect("written");
        assert!(losses.is_empty(), "{losses:?}");
        let again = read(&written).expect("read again");
        assert_eq!(again, model, "{}", file.display());
        let (twice, _) = again.write_cim_xml(Vec::new()).expect("written");
        assert_eq!(String::from_utf8(twice), String::from_utf8(written));
    }
    assert!(files.is_empty() || files.len() == 20, "{}", files.len());
}

fn union(folder: &str, parts: &[&str]) -> Option<(Model, Losses)> {
    let folder = common::data(folder)?;
    let (mut model, mut losses) = (Model::default(), Losses::default());
    for file in common::files(&folder, ".xml") {
        if parts
            .iter()
            .any(|part| file.to_string_lossy().contains(part))
        {
            let bytes = std::fs::File::open(&file).expect("a file");
            read_into(&mut model, bytes, None, &mut losses).expect("read");
        }
    }
    Some((model, losses))
}

/// Boundary, EQ of Belgium and the Netherlands, SSH, TP, SV and GL are one model: nothing refers to what is not there.
#[test]
fn a_model_is_the_union_of_its_profiles() {
    let Some((model, losses)) = union("cim-xml-cgmes3-microgrid", &[".xml"]) else {
        return;
    };
    assert!(losses.is_empty(), "{losses:?}");
    assert_eq!(model.names.uri("cim"), Some("http://iec.ch/TC57/CIM100#"));
    assert_eq!(model.classes()["md:FullModel"], 9);
    let dangling: Vec<_> = model
        .dangling()
        .map(|(object, target)| (object.class.clone(), target.to_owned()))
        .collect();
    assert!(dangling.is_empty(), "{dangling:?}");
    // A terminal has its equipment from EQ, whether it is connected from SSH, its node from TP.
    let terminal = model
        .get("#_02a244ca-8bcb-4e25-8613-e948b8ba1f22")
        .expect("a terminal");
    assert!(terminal.defined && terminal.class == "cim:Terminal");
    assert_eq!(terminal.text("cim:ACDCTerminal.connected"), Some("true"));
    for reference in [
        "cim:Terminal.ConductingEquipment",
        "cim:Terminal.TopologicalNode",
    ] {
        assert_eq!(terminal.resources(reference).count(), 1, "{reference}");
    }

    let Some((alone, _)) = union("cim-xml-cgmes3-microgrid", &["BE_SSH"]) else {
        return;
    };
    assert!(
        alone.objects().iter().all(|object| !object.defined),
        "a profile that only extends"
    );
}

/// The header of the MiniGrid's EQ file, read off the file by eye.
#[test]
fn the_header_of_a_model() {
    let Some((model, _)) = union("cim-xml-cgmes2-minigrid", &["_EQ_"]) else {
        return;
    };
    assert_eq!(
        model.names.uri("cim"),
        Some("http://iec.ch/TC57/2013/CIM-schema-cim16#")
    );
    let header = model
        .get("urn:uuid:239ecbd2-9a39-11e0-aa80-0800200c9a66")
        .expect("a header");
    assert_eq!(header.class, "md:FullModel");
    assert_eq!(
        header.text("md:Model.created"),
        Some("2015-02-05T12:20:50.830")
    );
    assert_eq!(
        header.text("md:Model.scenarioTime"),
        Some("2030-01-02T09:00:00")
    );
    let profiles = header
        .properties
        .iter()
        .filter(|property| property.name == "md:Model.profile")
        .count();
    assert_eq!(profiles, 3);
    assert_eq!(
        header.resources("md:Model.DependentOn").collect::<Vec<_>>(),
        ["urn:uuid:2399cbd0-9a39-11e0-aa80-0800200c9a66"]
    );
}

/// SOURCE.txt calls these small models hand-checkable; this one was counted by hand, with its one dangling reference.
#[test]
fn a_model_checked_by_hand() {
    let Some((model, _)) = union("cim-xml-statnett", &["first_intro.xml"]) else {
        return;
    };
    let expected = BTreeMap::from([
        ("cim:ConnectivityNode", 1),
        ("cim:EnergyConsumer", 1),
        ("cim:Terminal", 1),
    ]);
    assert_eq!(model.classes(), expected);
    let dangling: Vec<&str> = model.dangling().map(|(_, target)| target).collect();
    assert_eq!(dangling, ["#_705e0aca-674d-47e6-b550-d9f6afecdb25"]);
    let load = model
        .get("#_334e4a67-6496-47a1-b623-d306f83f3bbf")
        .expect("a load");
    assert_eq!(load.text("cim:IdentifiedObject.name"), Some("Load-1"));
}

const HEAD: &str = "<?xml version=\"1.0\"?><rdf:RDF xmlns:cim=\"http://iec.ch/TC57/CIM100#\" xmlns:dm=\"http://iec.ch/TC57/61970-552/DifferenceModel/1#\" \
    xmlns:md=\"http://iec.ch/TC57/61970-552/ModelDescription/1#\" xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">";

fn file(body: &str) -> String {
    format!("{HEAD}{body}</rdf:RDF>")
}

/// After the example of a difference model in IEC 61970-552: one value changes, one object goes, one comes.
const DIFFERENCE: &str = "<dm:DifferenceModel rdf:about=\"urn:uuid:d1\"><md:Model.created>2026-01-01T00:00:00Z</md:Model.created>\
    <dm:preconditions rdf:parseType=\"Statements\"/>\
    <dm:reverseDifferences rdf:parseType=\"Statements\">\
    <rdf:Description rdf:about=\"#_l\"><cim:Line.r>1</cim:Line.r></rdf:Description>\
    <cim:Switch rdf:about=\"#_s\"><cim:Switch.open>false</cim:Switch.open></cim:Switch></dm:reverseDifferences>\
    <dm:forwardDifferences rdf:parseType=\"Statements\">\
    <rdf:Description rdf:about=\"#_l\"><cim:Line.r>2</cim:Line.r></rdf:Description>\
    <cim:Load rdf:ID=\"_n\"><cim:Load.p>5</cim:Load.p></cim:Load></dm:forwardDifferences>\
    <md:Model.version>7</md:Model.version></dm:DifferenceModel>";
const BASE: &str = "<cim:Line rdf:ID=\"_l\"><cim:Line.r>1</cim:Line.r><cim:Line.x>9</cim:Line.x></cim:Line>\
    <cim:Switch rdf:ID=\"_s\"><cim:Switch.open>false</cim:Switch.open></cim:Switch>";

#[test]
fn a_difference_changes_its_model_and_no_other() {
    let mut losses = Losses::default();
    let mut model = read(file(BASE).as_bytes()).expect("a model");
    let (difference, names) = Difference::read(
        file(DIFFERENCE).as_bytes(),
        model.names.clone(),
        &mut losses,
    )
    .expect("a difference");
    model.names = names;
    let header: Vec<&str> = difference
        .header
        .iter()
        .flat_map(|object| &object.properties)
        .map(|property| property.name.as_str())
        .collect();
    assert_eq!(header, ["md:Model.created", "md:Model.version"]);
    model
        .apply(&difference.reverse, difference.forward.clone(), &mut losses)
        .expect("applied");
    let then = "<cim:Line rdf:ID=\"_l\"><cim:Line.x>9</cim:Line.x><cim:Line.r>2</cim:Line.r></cim:Line><cim:Load rdf:ID=\"_n\"><cim:Load.p>5</cim:Load.p></cim:Load>";
    let then = read(file(then).as_bytes()).expect("a model");
    assert_eq!(model, then);
    let error = model
        .apply(&difference.reverse, difference.forward, &mut losses)
        .expect_err("a second time");
    assert!(error.to_string().contains("another model"), "{error}");
    assert_eq!(model, then, "nothing changed");
    assert!(
        read(file(DIFFERENCE).as_bytes())
            .expect_err("no full model")
            .contains("difference model")
    );
}

#[test]
fn texts_come_back_as_they_were() {
    let body = "<cim:A rdf:ID=\"_a\"><cim:A.t> a &lt;b&gt; &amp;amp; \"c\" &#13;&#10;\t&#x7535;<![CDATA[<x>&]]></cim:A.t><cim:A.e/>\
        <cim:A.r rdf:resource=\"http://x/?a=1&amp;b=&quot;\"/></cim:A>";
    let model = read(file(body).as_bytes()).expect("a model");
    let object = model.get("#_a").expect("an object");
    assert_eq!(
        object.text("cim:A.t"),
        Some(" a <b> &amp; \"c\" \r\n\t电<x>&")
    );
    assert_eq!(object.text("cim:A.e"), Some(""));
    assert_eq!(
        object.resources("cim:A.r").collect::<Vec<_>>(),
        ["http://x/?a=1&b=\""]
    );
    let (written, _) = model.write_cim_xml(Vec::new()).expect("written");
    assert_eq!(read(&written).expect("again"), model);
}

/// A namespace is what its declaration means, not how it is written.
#[test]
fn a_namespace_with_a_reference() {
    let body = "<q:A xmlns:q=\"http://x/?a&amp;b\" rdf:ID=\"_a\"/>";
    let model = read(file(body).as_bytes()).expect("a model");
    assert_eq!(model.names.uri("q"), Some("http://x/?a&b"));
    let (written, _) = model.write_cim_xml(Vec::new()).expect("written");
    assert_eq!(read(&written).expect("again"), model);
    let blank = body.replace("&amp;", "&#10;");
    assert!(
        read(file(&blank).as_bytes())
            .expect_err("no URI")
            .contains("a blank")
    );
}

/// The same namespace under another prefix is the same; another namespace under the same prefix is not.
#[test]
fn names_are_namespaces_not_prefixes() {
    let other = file(BASE)
        .replace("cim:", "x:")
        .replace("xmlns:cim", "xmlns:x");
    let alone = read(other.as_bytes()).expect("a model");
    assert_eq!(alone.objects()[0].class, "x:Line");
    let (mut model, mut losses) = (Model::default(), Losses::default());
    read_into(&mut model, file(BASE).as_bytes(), None, &mut losses).expect("one");
    read_into(&mut model, other.as_bytes(), None, &mut losses).expect("two");
    assert_eq!(
        model.objects()[0].properties.len(),
        2,
        "the same statements"
    );
    let older = file(BASE)
        .replace("CIM100#", "2013/CIM-schema-cim16#")
        .replace("_l", "_m");
    read_into(&mut model, older.as_bytes(), None, &mut losses).expect("three");
    assert_eq!(model.get("#_m").expect("there").class, "cim2:Line");
}

#[test]
fn what_is_lost_is_told() {
    let body = "<cim:A rdf:ID=\"_a\" cim:b=\"1\"><cim:A.t rdf:datatype=\"x\" xml:lang=\"de\">t</cim:A.t></cim:A><cim:B rdf:ID=\"_a\"/>";
    let mut losses = Losses::default();
    read_all(file(body).as_bytes(), &mut losses).expect("a model");
    let counts: Vec<u64> = losses.counts().values().copied().collect();
    assert_eq!(
        (counts.iter().sum::<u64>(), losses.told().len()),
        (5, 5),
        "{losses:?}"
    );
    assert!(losses.told().iter().all(|loss| loss.place.line == 1));
}

#[test]
fn what_is_refused_has_a_place() {
    let laughs = "<?xml version=\"1.0\"?>\n<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;&lol;\">]><rdf:RDF/>";
    let deep = format!("{HEAD}<cim:A rdf:ID=\"_a\">{}", "<cim:a>".repeat(100_000));
    let long = "n".repeat(257);
    let cases = [
        (
            format!("{HEAD}<cim:A xmlns:{long}=\"u\"/>"),
            "longer than 256 bytes",
        ),
        (
            format!("{HEAD}<cim:A xmlns:a=\"{long}\"/>"),
            "longer than 256 bytes",
        ),
        (format!("{HEAD}<cim:{long}/>"), "longer than 256 bytes"),
        (laughs.to_owned(), "DOCTYPE"),
        (
            file("<cim:A rdf:ID=\"_a\"><cim:A.t>&lol;</cim:A.t></cim:A>"),
            "entity `lol`",
        ),
        (deep, "inside"),
        (file("<cim:A rdf:ID=\"_a\">text</cim:A>"), "between objects"),
        (file("<cim:A/>"), "neither rdf:ID nor rdf:about"),
        (
            file("<cim:A rdf:ID=\"_a\" rdf:about=\"#_b\"/>"),
            "one rdf:ID",
        ),
        (file("<A rdf:ID=\"_a\"/>"), "no namespace"),
        (file("<y:A rdf:ID=\"_a\"/>"), "not declared"),
        (
            file("<cim:A rdf:ID=\"_a\"><cim:A.t rdf:parseType=\"Literal\"/></cim:A>"),
            "parseType",
        ),
        (
            file("<cim:A rdf:ID=\"_a\"><cim:A.t>\u{1}</cim:A.t></cim:A>"),
            "U+0001",
        ),
        (
            file("<cim:A rdf:ID=\"_a\"><cim:A.t>\0</cim:A.t></cim:A>"),
            "U+0000",
        ),
        (
            file("<cim:A rdf:ID=\"_a\"><cim:A.t>&#0;</cim:A.t></cim:A>"),
            "reference",
        ),
        (file("<cim:A rdf:ID=\"_a\" rdf:ID=\"_a\"/>"), "attribute"),
        (format!("{}<x/>", file("")), "second root"),
        (format!("{}x", file("")), "outside"),
        (HEAD.to_owned(), "ends inside"),
        (String::new(), "no element"),
        ("<svg/>".to_owned(), "rdf:RDF"),
        (
            file(&format!(
                "<cim:A rdf:ID=\"_a\"><cim:A.t>{}</cim:A.t></cim:A>",
                "x".repeat(2 << 20)
            )),
            "1048576 bytes",
        ),
        (
            file(&format!(
                "<cim:A rdf:ID=\"_a\" {}/>",
                (0..300).map(|i| format!("a{i}=\"\" ")).collect::<String>()
            )),
            "256 attributes",
        ),
    ];
    for (text, what) in cases {
        let error = read(text.as_bytes()).expect_err(what);
        assert!(
            error.contains(what) && error.starts_with("line "),
            "{what}: {error}"
        );
    }
    let latin = file("<cim:A rdf:ID=\"_a\"><cim:A.t>\u{e4}</cim:A.t></cim:A>")
        .replace("?>", " encoding=\"gbk\"?>");
    assert!(
        read(latin.as_bytes()).is_ok(),
        "two bytes that GBK knows as well"
    );
    let bytes = [
        HEAD.as_bytes(),
        b"<cim:A rdf:ID=\"_a\">\xFF</cim:A></rdf:RDF>",
    ]
    .concat();
    assert!(read(&bytes).expect_err("no UTF-8").contains("UTF-8"));
}

/// An object that is added to in every line: the work grows with the file, not with its square.
#[test]
fn one_object_in_many_pieces() {
    const PIECES: usize = 100_000;
    let pieces: String = (0..PIECES)
        .map(|piece| {
            format!(
                "<cim:A rdf:about=\"#_a\"><cim:A.p>{}</cim:A.p></cim:A>",
                piece / 2
            )
        })
        .collect();
    let model = read(file(&pieces).as_bytes()).expect("a model");
    assert_eq!(model.objects().len(), 1);
    assert_eq!(
        model.objects()[0].properties.len(),
        PIECES / 2,
        "each statement once"
    );
}
