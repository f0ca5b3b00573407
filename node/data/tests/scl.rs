//! SCL: every element of the public files is an object, equipment has its class of CIM, references lead somewhere.

mod common;

use bds_data::cim_xml::read_all;
use bds_data::loss::Losses;
use bds_data::model::Model;
use bds_data::scl;

fn read(text: &str) -> (Model, Losses) {
    let mut losses = Losses::default();
    let model =
        scl::read(text.as_bytes(), None, &mut losses).unwrap_or_else(|error| panic!("{error}"));
    (model, losses)
}

fn files() -> Vec<(String, String)> {
    let Some(folder) = common::data("scl-openscd") else {
        return Vec::new();
    };
    let read = |file: std::path::PathBuf| {
        (
            file.file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned(),
            std::fs::read_to_string(&file).expect("text"),
        )
    };
    common::files(&folder, ".scd")
        .into_iter()
        .map(read)
        .collect()
}

/// A second, naive count: `<` and a name, outside of comments.
fn naive(text: &str, name: &str) -> usize {
    let mut rest = text.to_owned();
    while let Some(start) = rest.find("<!--") {
        let end = rest[start..].find("-->").expect("the end of a comment") + start + 3;
        rest.replace_range(start..end, "");
    }
    let begins = |at: usize| {
        rest[at + 1..].starts_with(name) && rest[at + 1..].starts_with(|c: char| c.is_alphabetic())
    };
    let ends = |at: usize| {
        name.is_empty()
            || rest[at + 1 + name.len()..].starts_with([' ', '>', '/', '\t', '\n', '\r'])
    };
    rest.match_indices('<')
        .filter(|(at, _)| begins(*at) && ends(*at))
        .count()
}

#[test]
fn every_element_of_the_public_files() {
    let files = files();
    for (name, text) in &files {
        let (model, losses) = read(text);
        assert_eq!(model.objects().len(), naive(text, ""), "{name}");
        assert_eq!(model.dangling().count(), 0, "{name}");
        let classes = model.classes();
        let count = |class: &str| classes.get(class).map_or(0, |count| *count as usize);
        for (class, element) in [
            ("cim:Asset", "IED"),
            ("cim:Substation", "Substation"),
            ("cim:VoltageLevel", "VoltageLevel"),
            ("cim:Bay", "Bay"),
            ("cim:Terminal", "Terminal"),
            ("cim:ConnectivityNode", "ConnectivityNode"),
            ("scl:DataSet", "DataSet"),
            ("scl:FCDA", "FCDA"),
        ] {
            assert_eq!(count(class), naive(text, element), "{name}: {element}");
        }
        let points = count("cim:Measurement") + count("cim:Control") + count("scl:LN");
        assert_eq!(points, naive(text, "LN"), "{name}");
        let (xml, lost) = model.write_cim_xml(Vec::new()).expect("written");
        assert!(lost.is_empty(), "{name}: {lost:?}");
        assert_eq!(
            read_all(xml.as_slice(), &mut Losses::default()).expect("read"),
            model,
            "{name}"
        );
        assert!(losses.is_empty(), "{name}: {losses:?}");
        let found = model
            .objects()
            .iter()
            .filter(|object| object.resources("scl:LNode.LN").count() == 1);
        let unassigned = text.matches("iedName=\"None\"").count();
        assert_eq!(found.count() + unassigned, naive(text, "LNode"), "{name}");
    }
    assert!(files.is_empty() || files.len() == 6);
}

/// 98 terminals, 51 nodes, 45 pieces of equipment in the file; T3 is a transformer of three windings.
#[test]
fn the_topology_of_a_substation() {
    let Some((_, text)) = files()
        .into_iter()
        .find(|(name, _)| name == "substation.scd")
    else {
        return;
    };
    let (model, losses) = read(&text);
    assert!(losses.is_empty(), "{losses:?}");
    for terminal in model
        .objects()
        .iter()
        .filter(|object| object.class == "cim:Terminal")
    {
        for (reference, class) in [
            ("cim:Terminal.ConnectivityNode", "cim:ConnectivityNode"),
            ("cim:Terminal.ConductingEquipment", ""),
        ] {
            let targets: Vec<&str> = terminal.resources(reference).collect();
            assert_eq!(targets.len(), 1, "{}: {reference}", terminal.id);
            assert!(model.get(targets[0]).expect("there").class.contains(class));
        }
    }
    let windings: Vec<_> = model
        .objects()
        .iter()
        .filter(|object| {
            object
                .text("cim:IdentifiedObject.name")
                .is_some_and(|name| name.starts_with("T3_"))
        })
        .collect();
    let ends = windings
        .iter()
        .filter(|object| object.class == "cim:PowerTransformerEnd");
    let transformers: std::collections::BTreeSet<&str> = ends
        .flat_map(|end| end.resources("cim:PowerTransformerEnd.PowerTransformer"))
        .collect();
    assert_eq!(transformers.len(), 1);
    // By eye: the breaker of bay BAY_T4_2 and the node that its first terminal shares with a disconnector.
    let breaker = model
        .objects()
        .iter()
        .find(|object| object.text("cim:IdentifiedObject.name") == Some("BREAKER25"))
        .expect("a breaker");
    assert_eq!(breaker.class, "cim:Breaker");
    let node = model
        .objects()
        .iter()
        .find(|object| object.text("cim:IdentifiedObject.name") == Some("CONNECTIVITY_NODE83"))
        .expect("a node");
    let meets: Vec<&str> = model
        .objects()
        .iter()
        .filter(|object| {
            object
                .resources("cim:Terminal.ConnectivityNode")
                .any(|id| id == node.id)
        })
        .filter_map(|object| object.text("cim:IdentifiedObject.name"))
        .collect();
    assert_eq!(meets, ["T4_2_ADDB1", "T4_2_ADD_DSC12"]);
}

const HEAD: &str =
    "<SCL xmlns=\"http://www.iec.ch/61850/2003/SCL\" version=\"2007\" revision=\"B\">";

#[test]
fn logical_nodes_and_values() {
    let text = format!(
        "{HEAD}<Substation name=\"S\"><VoltageLevel name=\"E 1\"><Bay name=\"B\"><LNode iedName=\"I\" ldInst=\"L\" prefix=\"Q\" lnClass=\"XCBR\" lnInst=\"1\"/>\
        <LNode iedName=\"X\" ldInst=\"L\" lnClass=\"XCBR\" lnInst=\"9\"/><LNode iedName=\"None\" lnClass=\"CSWI\"/><ConductingEquipment name=\"C\" type=\"CTR\" desc=\"d\"/></Bay></VoltageLevel></Substation>\
        <IED name=\"I\"><AccessPoint name=\"A\"><Server><LDevice inst=\"L\"><LN0 lnClass=\"LLN0\" inst=\"\"/><LN prefix=\"Q\" lnClass=\"XCBR\" inst=\"1\">\
        <DOI name=\"Pos\"><DAI name=\"ctlModel\"><Val>direct</Val><Val>again</Val></DAI></DOI></LN><LN lnClass=\"MMXU\" inst=\"1\"/></LDevice></Server></AccessPoint></IED>\
        <p:Private xmlns:p=\"urn:p\" p:a=\"1\">x</p:Private></SCL>"
    );
    let (model, losses) = read(&text);
    assert_eq!(
        losses.told().len(),
        1,
        "one device is not there: {losses:?}"
    );
    let node = model.get("#_S.E_x20_1.B.LNode").expect("by its path");
    assert_eq!(
        node.resources("scl:LNode.LN").collect::<Vec<_>>(),
        ["#_I.A.Server.L.QXCBR1"]
    );
    assert_eq!(
        model.get("#_I.A.Server.L.QXCBR1").expect("there").class,
        "cim:Control"
    );
    assert_eq!(
        model.get("#_I.A.Server.L.MMXU1").expect("there").class,
        "cim:Measurement"
    );
    assert_eq!(
        model
            .get("#_I.A.Server.L.QXCBR1.Pos.ctlModel.Val..2")
            .expect("there")
            .text("scl:text"),
        Some("again")
    );
    let transformer = model.get("#_S.E_x20_1.B.C").expect("there");
    assert_eq!(
        (
            transformer.class.as_str(),
            transformer.text("cim:IdentifiedObject.description")
        ),
        ("cim:CurrentTransformer", Some("d"))
    );
    assert_eq!(
        transformer
            .resources("cim:Equipment.EquipmentContainer")
            .collect::<Vec<_>>(),
        ["#_S.E_x20_1.B"]
    );
    let private = model
        .objects()
        .iter()
        .find(|object| object.class == "p:Private")
        .expect("kept");
    assert_eq!(
        (private.text("p:a"), private.text("scl:text")),
        (Some("1"), Some("x"))
    );
}

#[test]
fn what_is_refused_has_a_place() {
    for (text, what) in [
        ("<SCL/>".to_owned(), "begins with SCL"),
        ("<rdf/>".to_owned(), "begins with SCL"),
        (
            format!("{HEAD}{}", "<Bay name=\"b\">".repeat(100_000)),
            "64 elements",
        ),
        (format!("<!DOCTYPE SCL>{HEAD}</SCL>"), "DOCTYPE"),
        (format!("{HEAD}<Bay>"), "ends inside"),
        (
            format!("{HEAD}<IED name=\"{}\"/></SCL>", "x".repeat(2_000)),
            "1024 bytes",
        ),
    ] {
        let error = scl::read(text.as_bytes(), None, &mut Losses::default()).expect_err(what);
        assert!(
            error.to_string().contains(what) && error.place().is_some(),
            "{error}"
        );
    }
}

/// Names that make paths long do not make identities long.
#[test]
fn identities_have_a_bound() {
    let long = "n".repeat(10_000);
    let text = format!(
        "{HEAD}{}{}</SCL>",
        format!("<Private name=\"{long}\">").repeat(60),
        "</Private>".repeat(60)
    );
    let (model, _) = read(&text);
    assert_eq!(model.objects().len(), 61);
    assert!(model.objects().iter().all(|object| object.id.len() < 600));
}
