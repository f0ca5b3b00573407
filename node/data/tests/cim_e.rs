//! CIM/E: the public samples, the spellings of the field, other forms of the same model, what is refused.

mod common;

use bds_data::cim_e::{Block, Body, Data, Document, Layout, Options, Part, Table, read};
use bds_data::cim_xml::{read_all, read_into};
use bds_data::loss::Losses;
use bds_data::model::{Model, Value};

fn told(bytes: &[u8]) -> (Document, Losses) {
    let mut losses = Losses::default();
    let document =
        read(bytes, &Options::default(), &mut losses).unwrap_or_else(|error| panic!("{error}"));
    (document, losses)
}

fn written(document: &Document) -> Vec<u8> {
    let (mut out, mut losses) = (Vec::new(), Losses::default());
    document.write(&mut out, &mut losses).expect("written");
    assert!(losses.is_empty(), "{losses:?}");
    out
}

fn block(document: &Document) -> &Block {
    let block = document.parts.iter().find_map(|part| match part {
        Part::Block(block) => Some(block),
        Part::Header(_) | Part::Free(_) => None,
    });
    block.expect("a block")
}

fn table(document: &Document) -> &Table {
    match block(document).body.first() {
        Some(Body::Table(table)) => table,
        _ => panic!("no table"),
    }
}

fn rows(table: &Table) -> Vec<Vec<Option<&str>>> {
    let mut rows = Vec::new();
    for row in &table.rows {
        match &row.data {
            Data::Items(items) => rows.push(items.iter().map(Option::as_deref).collect()),
            Data::Pointer { .. } => panic!("a pointer"),
        }
    }
    rows
}

fn sample(name: &str) -> Option<Document> {
    let bytes = std::fs::read(common::data("cim-e-elanguage")?.join(name)).expect("a sample");
    let (document, losses) = told(&bytes);
    assert!(losses.is_empty(), "{losses:?}");
    let (again, _) = told(&written(&document));
    assert!(again.same(&document), "{name} written and read again");
    Some(document)
}

/// The figures are those of the samples, read by eye: 58 rows of 4; 4 objects of 3 properties, twice.
#[test]
fn the_public_samples_of_all_three_layouts() {
    let Some(document) = sample("横表式.txt") else {
        return;
    };
    let Part::Header(header) = &document.parts[0] else {
        panic!("no header")
    };
    let pairs: Vec<(&str, &str)> = header
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        pairs,
        [
            ("Entity", "华东"),
            ("type", "测试2011-11-03"),
            ("dataTime", "20120411 11:12:14")
        ]
    );
    let found = block(&document);
    assert_eq!(
        (found.class.as_str(), found.entity.as_deref()),
        ("test", Some("华东"))
    );
    assert_eq!(
        found.attributes[1],
        ("date".to_owned(), "2012-04-11 11:12".to_owned())
    );
    let rows = rows(table(&document));
    assert_eq!((table(&document).layout, rows.len()), (Layout::Rows, 58));
    assert_eq!(
        rows[28],
        [Some("29"), Some("花花电网"), None, Some("11111")]
    );
    assert_eq!(rows[57], [Some("58"), Some("花花电网"), None, None]);

    for (name, layout, lines) in [
        ("单列式.txt", Layout::Single, 12),
        ("多列式.txt", Layout::Multi, 3),
    ] {
        let document = sample(name).expect("the folder is there");
        assert_eq!(
            (table(&document).layout, table(&document).rows.len()),
            (layout, lines)
        );
        let mut losses = Losses::default();
        let model = document.to_model(&mut losses);
        assert_eq!(model.objects().len(), 4, "{name}");
        for object in model.objects() {
            assert_eq!(object.class, "e:DG");
            assert_eq!(object.text("e:次数"), Some("32"));
            assert_eq!(object.text("e:发生时间"), Some("2011-11-03 00:00:02.0"));
            assert_eq!(object.text("e:单位名称"), Some("花花电网"));
        }
        // Two attributes of the block, its entity, three attributes of the header.
        assert_eq!(losses.told().len(), 6, "{losses:?}");
    }
}

#[test]
fn the_samples_as_xml_and_back() {
    for name in ["横表式.txt", "单列式.txt", "多列式.txt"] {
        let Some(document) = sample(name) else { return };
        let model = document.to_model(&mut Losses::default());
        let (xml, losses) = model.write_cim_xml(Vec::new()).expect("written");
        assert!(losses.is_empty(), "{losses:?}");
        assert_eq!(
            read_all(xml.as_slice(), &mut Losses::default()).expect("read"),
            model,
            "{name}"
        );
        assert_through_cim_e(&model);
    }
}

/// A model as CIM/E, written, read and made a model again.
fn assert_through_cim_e(model: &Model) {
    let document = Document::from_model(model).expect("a document");
    let (again, losses) = told(&written(&document));
    assert!(losses.is_empty(), "{losses:?}");
    assert!(again.same(&document));
    let mut losses = Losses::default();
    assert_eq!(&again.to_model(&mut losses), model);
    assert!(losses.is_empty(), "{losses:?}");
}

/// Every public CIM/XML file, and the union of one model, goes through CIM/E without a loss.
#[test]
fn models_of_cim_xml_survive() {
    for folder in [
        "cim-xml-cgmes2-minigrid",
        "cim-xml-cgmes3-microgrid",
        "cim-xml-statnett",
    ] {
        let Some(folder) = common::data(folder) else {
            return;
        };
        let mut union = Model::default();
        for file in common::files(&folder, ".xml") {
            let bytes = std::fs::read(&file).expect("a file");
            assert_through_cim_e(
                &read_all(bytes.as_slice(), &mut Losses::default()).expect("read"),
            );
            read_into(&mut union, bytes.as_slice(), None, &mut Losses::default()).expect("read");
        }
        assert_through_cim_e(&union);
    }
}

/// Each line is a liberty that domain.md, 4.1, or the library behind the samples takes.
#[test]
fn the_spellings_of_the_field() {
    let text = "\u{feff}// no header\r\n\
        \t <Bus::north.city date=2019-11-5 name = \"a b\" >  // a block\r\n\
        \t @Num  id\t name // names\r\n\
        /@ 序 标识 名称\r\n\
        % i s s\r\n$ - kV -\r\n: - 0:500 -\r\n\
        #1 #b1 'NORTH   '\r\n\
        # 2 NULL \"it's\" // 'x\r\n\
        \t#3\t2019-11-5 11:25\t－\r\n\
        #4 无 $\r\n\
        *Line:ACLine 1:3,7\r\n\
        </Bus::north.city>\r\n\
        <Empty>\r\n@a\r\n</Empty>\r\n\
        <One::x R=5 'n'='y'/>\r\n";
    let text = text.replace("'n'='y'", "n='y z'");
    let (document, losses) = told(text.as_bytes());
    assert!(losses.is_empty(), "{losses:?}");
    assert_eq!(document.parts.len(), 3);
    let found = block(&document);
    assert_eq!(found.entity.as_deref(), Some("north.city"));
    assert_eq!(
        found.attributes,
        [
            ("date".to_owned(), "2019-11-5".to_owned()),
            ("name".to_owned(), "a b".to_owned())
        ]
    );
    let first = table(&document);
    assert_eq!(first.columns, ["Num", "id", "name"]);
    assert_eq!(first.aliases[2].as_deref(), Some("名称"));
    assert_eq!(
        (first.units[0].as_deref(), first.units[1].as_deref()),
        (None, Some("kV"))
    );
    assert_eq!(first.limits[1].as_deref(), Some("0:500"));
    let mut only = first.clone();
    let pointer = only.rows.pop().expect("a row").data;
    assert_eq!(
        pointer,
        Data::Pointer {
            class: "Line:ACLine".to_owned(),
            rows: vec![(1, 3), (7, 7)]
        }
    );
    let expected = [
        [Some("1"), Some("#b1"), Some("NORTH   ")],
        [Some("2"), None, Some("it's")],
        [Some("3"), Some("2019-11-5 11:25"), None],
        [Some("4"), None, None],
    ];
    assert_eq!(rows(&only), expected);
    let (again, _) = told(&written(&document));
    assert!(again.same(&document));

    let mut losses = Losses::default();
    let model = document.to_model(&mut losses);
    assert_eq!(
        model.classes().into_iter().collect::<Vec<_>>(),
        [("e:Bus", 4), ("e:One", 1)]
    );
    assert_eq!(model.units[&("e:Bus".to_owned(), "e:id".to_owned())], "kV");
    let kinds: Vec<&str> = losses.counts().keys().copied().collect();
    let lost = [
        "is a limit of a column",
        "is a pointer to rows",
        "is an attribute of a block",
        "is another name of a column",
        "is the entity of a block",
    ];
    assert_eq!(kinds, lost);
    assert_through_cim_e(&model);
}

#[test]
fn a_date_without_quotes_between_blanks() {
    let (document, losses) =
        told("<A>\n@ a b c\n# 1 2019-11-5 11:25 x\n#1 2019/1/2 1:02:03.5 y\n</A>\n".as_bytes());
    assert!(losses.is_empty());
    assert_eq!(
        rows(table(&document)),
        [
            [Some("1"), Some("2019-11-5 11:25"), Some("x")],
            [Some("1"), Some("2019/1/2 1:02:03.5"), Some("y")]
        ]
    );
}

#[test]
fn rows_that_do_not_fit_are_told_or_refused() {
    let text = b"<A>\n@ a b\n# 1\n# 1 2 3\n</A>\n";
    let (document, losses) = told(text);
    assert_eq!(losses.told().len(), 2);
    assert_eq!(
        (losses.told()[0].place.line, losses.told()[1].place.line),
        (3, 4)
    );
    let (again, _) = told(&written(&document));
    assert!(again.same(&document));
    let strict = Options {
        strict: true,
        ..Options::default()
    };
    let error = read(&text[..], &strict, &mut Losses::default()).expect_err("refused");
    assert_eq!(error.to_string(), "line 3: 1 items for 2 columns");
}

#[test]
fn references_are_typed_columns() {
    let text = "<! xmlns:cim='http://iec.ch/TC57/CIM100#' !>\n<cim:Terminal>\n@ rdf:ID cim:Terminal.Node cim:Terminal.Node x:y\n% s p p s\n# _t #_a #_b 1\n</cim:Terminal>\n";
    let model = told(text.as_bytes()).0.to_model(&mut Losses::default());
    let terminal = model.get("#_t").expect("a terminal");
    assert_eq!(terminal.class, "cim:Terminal");
    assert_eq!(
        terminal.resources("cim:Terminal.Node").collect::<Vec<_>>(),
        ["#_a", "#_b"]
    );
    assert_eq!(
        terminal.text("e:x:y"),
        Some("1"),
        "an undeclared prefix is part of a name"
    );
    assert_through_cim_e(&model);
    let (xml, losses) = model.write_cim_xml(Vec::new()).expect("written");
    assert_eq!(losses.told().len(), 1, "a name with a colon: {losses:?}");
    let again = read_all(xml.as_slice(), &mut Losses::default()).expect("read");
    assert_eq!(again.objects()[0].properties.len(), 3);
    assert!(
        again.objects()[0]
            .properties
            .iter()
            .any(|property| property.value == Value::Text("1".to_owned()))
    );
}

/// 电网 in GB18030 is B5 E7 CD F8; in UTF-8 E7 94 B5 E7 BD 91.
#[test]
fn encodings_declared_or_not() {
    let name = |bytes: &[u8], encoding: Option<&str>| {
        let encoding = encoding.map(|name| bds_data::text::encoding(name).expect("known"));
        let options = Options {
            encoding,
            strict: false,
        };
        read(bytes, &options, &mut Losses::default())
            .map(|document| block(&document).class.clone())
            .map_err(|error| error.to_string())
    };
    let gbk = b"<\xB5\xE7\xCD\xF8>\n@a\n</\xB5\xE7\xCD\xF8>\n";
    let utf8 = "<电网>\n@a\n</电网>\n".as_bytes();
    let declared = [
        b"<!System=OMS Version=1.0 Code=GB18030 Data=1.0!>\n",
        &gbk[..],
    ]
    .concat();
    let quoted = [b"<! Code='utf-8' !>\n", utf8].concat();
    for bytes in [&gbk[..], utf8, &declared, &quoted] {
        assert_eq!(name(bytes, None).as_deref(), Ok("电网"));
    }
    assert_eq!(name(gbk, Some("gbk")).as_deref(), Ok("电网"));
    let lie = [b"<! Code=UTF-8 !>\n", &gbk[..]].concat();
    assert_eq!(
        name(&lie, None),
        Err(
            "line 2: the line is no UTF-8, as the file was taken to be; name its encoding"
                .to_owned()
        )
    );
    let mixed = [utf8, gbk].concat();
    assert!(name(&mixed, None).expect_err("mixed").starts_with("line 4"));
    assert!(
        name(b"<! Code=klingon !>\n", None)
            .expect_err("unknown")
            .contains("klingon")
    );
}

#[test]
fn bytes_of_another_form() {
    let text = b"<Pic:=x type=png Size=11>\n\xFF\x00</Pic>\n# \n</Pic:=x>\n<A>\n@ a\n# 1\n</A>\n";
    let (document, _) = told(text);
    let Part::Free(free) = &document.parts[0] else {
        panic!("no bytes")
    };
    assert_eq!(
        (free.bytes.as_slice(), free.attributes.len()),
        (&b"\xFF\x00</Pic>\n# "[..], 1)
    );
    let (again, _) = told(&written(&document));
    assert!(again.same(&document));
    let short = b"<Pic:=x Size=99>\nabc\n</Pic:=x>\n";
    let long = b"<Pic:=x Size=1>\nabc\n</Pic:=x>\n";
    let huge = b"<Pic:=x Size=18446744073709551615>\nabc\n</Pic:=x>\n";
    for (text, what) in [
        (&short[..], "Size says 99"),
        (long, "do not end here"),
        (huge, "longer than"),
    ] {
        let error = read(text, &Options::default(), &mut Losses::default()).expect_err(what);
        assert!(error.to_string().contains(what), "{error}");
    }
}

/// What no reader would take is not written either.
#[test]
fn a_line_that_could_not_be_read_is_not_written() {
    let read = |bytes: usize| {
        let text = format!("<! a={} !>\n", "x".repeat(bytes));
        read(text.as_bytes(), &Options::default(), &mut Losses::default())
    };
    let mut document = read(1_000).expect("a header");
    document
        .write(Vec::new(), &mut Losses::default())
        .expect("written");
    let Part::Header(attributes) = &mut document.parts[0] else {
        panic!("a header was read");
    };
    attributes[0].1 = "x".repeat(1 << 20);
    let error = document.write(Vec::new(), &mut Losses::default());
    assert!(error.expect_err("too long").to_string().contains("1048576"));
    assert!(read(1 << 20).is_err());
}

#[test]
fn what_is_refused_has_a_line() {
    let deep = "<A>\n".repeat(100_000);
    let name = "n".repeat(257);
    let long = format!("<A>\n@ a\n# {}\n</A>\n", "x".repeat(2 << 20));
    let cases = [
        ("# 1\n", 1, "outside of all blocks"),
        ("<A>\n# 1\n</A>\n", 2, "before the names"),
        ("<A>\n@ a\n# 1\n</B>\n", 4, "ends as"),
        ("<A>\n@ a\n", 3, "not closed"),
        ("</A>\n", 1, "no block"),
        ("<A\n", 1, "ends with >"),
        ("<! a=b\n", 1, "ends with !>"),
        ("<A>\n<! a=b !>\n", 2, "inside a block"),
        ("<A x>\n", 1, "no value"),
        ("<A>\n@ a\n# 'x\n</A>\n", 3, "not closed"),
        ("<A>\n@ a\n? x\n</A>\n", 3, "begins with none"),
        ("<A>\n@ a\n*B x\n</A>\n", 3, "pointer"),
        ("<A>\n@ a\n*B 3:1\n</A>\n", 3, "pointer"),
        ("<A>\n@@ a b\n</A>\n", 2, "columns"),
        ("<A>\n@ a\n# \0\n</A>\n", 3, "control character"),
        ("<P:=x>\n", 1, "Size"),
        (&deep, 33, "32 blocks"),
        (&long, 3, "1048576 bytes"),
        (&format!("<{name}>\n"), 1, "longer than 256 bytes"),
        (&format!("<A>\n@ {name} b\n"), 2, "longer than 256 bytes"),
        (
            &format!("<A>\n@# n a 1 2\n# 1 {name} 3 4\n"),
            3,
            "longer than 256 bytes",
        ),
    ];
    for (text, line, what) in cases {
        let error =
            read(text.as_bytes(), &Options::default(), &mut Losses::default()).expect_err(what);
        assert_eq!(error.place().map(|place| place.line), Some(line), "{error}");
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[test]
fn what_cannot_be_quoted_is_told() {
    let mut document = told(b"<A>\n@ a\n# x\n</A>\n").0;
    let Part::Block(block) = &mut document.parts[0] else {
        panic!("no block")
    };
    let Body::Table(table) = &mut block.body[0] else {
        panic!("no table")
    };
    table.rows[0].data = Data::Items(vec![Some("it's \"so\"\nand so".to_owned())]);
    let (mut out, mut losses) = (Vec::new(), Losses::default());
    document.write(&mut out, &mut losses).expect("written");
    assert_eq!(losses.told().len(), 2);
    let (again, _) = told(&out);
    assert_eq!(rows(crate::table(&again)), [[Some("it’s \"so\" and so")]]);
}

/// Ten thousand objects with nothing in common would be a table of a hundred million cells.
#[test]
fn a_table_that_would_be_mostly_empty_is_refused() {
    let mut text = "<! Code=UTF-8 !>\n".to_owned();
    for number in 0..9_000 {
        text.push_str(&format!("<A p{number}=1 />\n"));
    }
    let model = told(text.as_bytes()).0.to_model(&mut Losses::default());
    let error = Document::from_model(&model).expect_err("too large");
    assert!(
        error.to_string().contains("9000 rows and 9000 columns"),
        "{error}"
    );
}
