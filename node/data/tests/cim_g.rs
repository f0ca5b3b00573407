//! CIM/G: drawings as field tools write them (domain.md, 4.2): devices, links, every attribute kept.

use bds_data::cim_g::{Drawing, Link};
use bds_data::cim_xml::read_all;
use bds_data::loss::Losses;

const DRAWING: &str = "<?xml version=\"1.0\" encoding=\"GBK\"?>\n<G w=\"2800\" h=\"2000\" bgc=\"0,0,0\" Substation=\"城东站\" facID=\"113997365567815680\">\n\
    <Layer name=\"第1平面\" show=\"1\" refreshcycle=\"-1\">\n\
    <Bus id=\"101\" d=\"10,20 300,20\" ls=\"1\" lc=\"255,0,0\" lw=\"2\" keyid=\"115404740451368961\" rdfid=\"_a1\" voltype=\"1\" link=\"0,0,102;\"/>\n\
    <CBreaker id=\"102\" x=\"50\" y=\"40\" tfr=\"rotate(90) scale(1.5,1)\" devref=\"#symbol.dlq.icn.g:断路器\" keyid=\"114560315521236993\" rdfid=\"b2\" \
    link=\"0,0,101;1,0,103\" x-vendor=\"&lt;kept&gt;\"/>\n\
    <ZhaiWaiJieDiDaoZha id=\"103\" keyid=\"0\" node_area=\"0,1,102;\"/>\n\
    <Text id=\"9\" ts=\"电网 &amp; 站\">行\n二</Text><rect id=\"10\"/></Layer></G>";

fn gbk(text: &str) -> Vec<u8> {
    let (bytes, _, unmapped) = encoding_rs::GBK.encode(text);
    assert!(!unmapped);
    bytes.into_owned()
}

fn read(bytes: &[u8]) -> Drawing {
    Drawing::read(bytes, None).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn devices_links_and_what_is_not_known() {
    let drawing = read(&gbk(DRAWING));
    assert_eq!(drawing.root.attribute("Substation"), Some("城东站"));
    assert_eq!(drawing.shapes().len(), 7);
    let devices = drawing.devices();
    assert_eq!(
        devices
            .iter()
            .map(|device| device.shape.name.as_str())
            .collect::<Vec<_>>(),
        ["Bus", "CBreaker"]
    );
    // 115404740451368961 = 410 x 2^48 + 1 and 114560315521236993 = 407 x 2^48 + 1.
    assert_eq!(
        devices
            .iter()
            .map(bds_data::cim_g::Device::table)
            .collect::<Vec<_>>(),
        [Some(410), Some(407)]
    );
    let link = |id, port, peer, peer_port| Link {
        id,
        port,
        peer,
        peer_port,
    };
    let expected = [
        link("101", 0, "102", 0),
        link("102", 0, "101", 0),
        link("102", 1, "103", 0),
        link("103", 0, "102", 1),
    ];
    assert_eq!(drawing.links().expect("links"), expected);
    let mut out = Vec::new();
    drawing.write(&mut out).expect("written");
    let again = read(&out);
    assert_eq!(again, drawing);
    assert_eq!(again.shapes()[3].attribute("x-vendor"), Some("<kept>"));
    assert_eq!(again.shapes()[5].text, "行\n二");
}

#[test]
fn devices_that_a_model_does_not_have() {
    let model = "<rdf:RDF xmlns:cim=\"http://iec.ch/TC57/CIM100#\" xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><cim:Breaker rdf:ID=\"_b2\"/></rdf:RDF>";
    let model = read_all(model.as_bytes(), &mut Losses::default()).expect("a model");
    let drawing = read(&gbk(DRAWING));
    let unknown: Vec<_> = drawing
        .unknown_to(&model)
        .iter()
        .map(|device| device.mrid)
        .collect();
    assert_eq!(unknown, [Some("_a1")]);
}

#[test]
fn what_is_wrong_is_refused() {
    for (from, to, what) in [
        ("0,0,101;1", "0,101;1", "like 0,1,peer"),
        ("1,0,103", "1,0,999", "not there"),
        ("1,0,103", "1,x,103", "a number"),
    ] {
        let drawing = read(&gbk(&DRAWING.replace(from, to)));
        let error = drawing.links().expect_err(what);
        assert!(
            error.to_string().contains(what) && error.to_string().contains("`102`"),
            "{error}"
        );
    }
    for (text, what) in [
        ("<H/>", "begins with G"),
        ("<!DOCTYPE G><G/>", "DOCTYPE"),
        ("<G><a>", "ends inside"),
        ("", "no element"),
    ] {
        let error = Drawing::read(text.as_bytes(), None).expect_err(what);
        assert!(
            error.to_string().contains(what) && error.place().is_some(),
            "{error}"
        );
    }
    let deep = "<G>".repeat(100_000);
    assert!(
        Drawing::read(deep.as_bytes(), None)
            .expect_err("deep")
            .to_string()
            .contains("64 elements")
    );
    let wrong = gbk(DRAWING)
        .iter()
        .map(|byte| if *byte == 0xB3 { 0xFF } else { *byte })
        .collect::<Vec<u8>>();
    assert!(
        Drawing::read(wrong.as_slice(), None)
            .expect_err("no GBK")
            .to_string()
            .contains("GBK")
    );
}
