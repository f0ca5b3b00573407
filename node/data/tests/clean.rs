//! Cleaning: what a schema file alone achieves on public records with true ids, and what is refused where.

mod common;

use std::collections::BTreeMap;

use bds_data::clean::{self, Cleaned, Schema, clean, slices};
use bds_data::fault::Place;

const SITES: &str = include_str!("../schemas/organisation-sites.json");

fn sites() -> Schema {
    Schema::from_json(SITES).expect("a schema")
}

fn records() -> Option<String> {
    let file = common::data("dedup-records")?.join("csv_example_input_with_true_ids.csv");
    Some(std::fs::read_to_string(file).expect("the records"))
}

#[test]
fn every_schema_that_comes_along_is_right() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let files = common::files(&folder, ".json");
    assert_eq!(files.len(), 6);
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a file");
        Schema::from_json(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
}

/// The README of the data: 3,337 records, 1,162 entities, 6,608 true pairs. The bar: precision 0.95 at recall 0.80.
#[test]
fn public_records_with_true_ids() {
    let Some(text) = records() else { return };
    let cleaned = clean(&sites(), text.as_bytes(), Some("True Id")).expect("clean");
    let figures = cleaned.truth.expect("figures");
    assert_eq!(cleaned.counts.rows, 3_337);
    assert_eq!((figures.entities, figures.pairs_true), (1_162, 6_608));
    let (precision, recall) = (figures.precision_ppm(), figures.recall_ppm());
    eprintln!(
        "precision {precision} ppm, recall {recall} ppm, {} records, {} in doubt",
        cleaned.records.len(),
        cleaned.doubts.len()
    );
    assert!(precision >= 950_000 && recall >= 800_000, "{figures:?}");
    let mut lines: Vec<u64> = cleaned
        .records
        .iter()
        .flat_map(|record| record.lines.clone())
        .collect();
    assert_eq!(lines.len(), 3_337, "every row is in one record");
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), 3_337, "and in no other");
    assert_provenance(&text, &cleaned);
}

/// A second reading of the file: each value stands, in the words of `raw`, in at least one of its lines.
fn assert_provenance(text: &str, cleaned: &Cleaned) {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows: BTreeMap<u64, csv::StringRecord> = reader
        .records()
        .map(|row| row.expect("a row"))
        .map(|row| (row.position().expect("a place").line(), row))
        .collect();
    for record in &cleaned.records {
        for property in &record.properties {
            let said = property
                .lines
                .iter()
                .any(|line| rows[line].iter().any(|field| field.trim() == property.raw));
            assert!(said, "{property:?}");
            let all = property
                .lines
                .iter()
                .chain(property.others.iter().flat_map(|other| &other.lines));
            assert!(all.clone().all(|line| record.lines.contains(line)));
        }
    }
}

/// Records without their lines.
fn contents(cleaned: &Cleaned) -> Vec<String> {
    let of = |record: &clean::Record| {
        let properties: Vec<_> = record
            .properties
            .iter()
            .map(|property| {
                (
                    &property.name,
                    &property.value,
                    &property.raw,
                    property.lines.len(),
                    property.others.len(),
                )
            })
            .collect();
        format!(
            "{:?} {properties:?} {:?}",
            record.lines.len(),
            record.slices
        )
    };
    cleaned.records.iter().map(of).collect()
}

#[test]
fn the_order_of_rows_changes_nothing() {
    let Some(text) = records() else { return };
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let head = reader.headers().expect("a head").clone();
    let mut rows: Vec<csv::StringRecord> =
        reader.records().map(|row| row.expect("a row")).collect();
    let first = clean(&sites(), text.as_bytes(), None).expect("clean");
    let mut numbers = common::Numbers(7);
    for _ in 0..3 {
        for place in (1..rows.len()).rev() {
            rows.swap(place, numbers.below(place + 1));
        }
        let mut out = csv::Writer::from_writer(Vec::new());
        out.write_record(&head).expect("written");
        rows.iter()
            .for_each(|row| out.write_record(row).expect("written"));
        let mixed = out.into_inner().expect("bytes");
        let again = clean(&sites(), mixed.as_slice(), None).expect("clean");
        assert_eq!(contents(&again), contents(&first));
        let doubts = |cleaned: &Cleaned| {
            cleaned
                .doubts
                .iter()
                .map(|doubt| (doubt.score_ppm, doubt.values.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(doubts(&again), doubts(&first));
        assert_eq!(again.counts, first.counts);
    }
}

/// Worked out with Python's hashlib over the layout that `slices::hash` documents.
#[test]
fn a_slice_hash_of_a_second_implementation() {
    let fields = [("number", "1414", ""), ("power", "3500", "kW")];
    let expected = "ed50fa78a3380ce68d029e0d01a23d1ee2fff16da738cbc89243cadf8592d1e5c68a6eb9b5124943a84267bdb07c314c05427171fd4f95be23c8af39a7630fcb";
    assert_eq!(
        hex::encode(slices::hash("Site", "place", &fields)),
        expected
    );
    let moved = [("numbe", "r1414", ""), ("power", "3500", "kW")];
    assert_ne!(hex::encode(slices::hash("Site", "place", &moved)), expected);
}

const METERS: &str = include_str!("../schemas/meters.json");

fn refusal(schema: &str, table: &[u8]) -> (Option<Place>, String) {
    let schema = Schema::from_json(schema).expect("a schema");
    let error = clean(&schema, table, None).expect_err("refused");
    (error.place(), error.to_string())
}

#[test]
fn what_is_refused_has_line_and_column() {
    let cases: [(&[u8], u64, u64, &str); 9] = [
        (b"Meter,Power,Meter\n", 1, 3, "there already as number 1"),
        (b"Power,Energy\n1,2\n", 1, 0, "`Meter` is missing"),
        (
            b"Meter,Power\nA1,5\nA2,5,6\n",
            3,
            3,
            "3 fields where 2 columns",
        ),
        (b"Meter,Power\nA1\n", 2, 2, "1 fields where 2 columns"),
        (b"Meter,Power\nA1,3.000\n", 2, 2, "two ways"),
        (b"Meter,Power\nA1,3 mW\n", 2, 2, "unit"),
        (b"Meter,Since\nA1,03/04/2024\n", 2, 2, "two ways"),
        (b"Meter,Power\n,1\n", 2, 1, "every row must have one"),
        (b"Meter,Power\nA\0,1\n", 2, 1, "NUL"),
    ];
    for (table, line, column, what) in cases {
        let (place, error) = refusal(METERS, table);
        assert_eq!(place, Some(Place { line, column }), "{error}");
        assert!(error.contains(what), "{error}");
    }
    let (_, error) = refusal(METERS, b"Meter\n\xFF\n");
    assert!(
        error.contains("line 2, column 1") && error.contains("UTF-8"),
        "{error}"
    );
    let (_, error) = refusal(METERS, b"");
    assert!(error.contains("empty"), "{error}");
}

#[test]
fn an_endless_quote_does_not_take_the_file_into_memory() {
    let mut table = b"Meter,Power\nA1,\"".to_vec();
    table.resize(4 << 20, b'x');
    let (_, error) = refusal(METERS, &table);
    assert!(error.contains("1048576 bytes"), "{error}");
}

#[test]
fn identities_join_and_part() {
    let organisations =
        Schema::from_json(include_str!("../schemas/organisations.json")).expect("a schema");
    let table = "Name,LEI,Country,Town,Address\n\
        Example Power Limited,5493001KJTIIGC8Y1R12,UK,London,1 High Street\n\
        Renamed Holdings Ltd,5493001KJTIIGC8Y1R12,,,\n\
        EXAMPLE POWER LTD.,213800WSGIIZCXF1P572,United Kingdom,London,1 High St\n";
    let cleaned = clean(&organisations, table.as_bytes(), None).expect("clean");
    assert_eq!(cleaned.records.len(), 2);
    let lines: Vec<&[u64]> = cleaned
        .records
        .iter()
        .map(|record| record.lines.as_slice())
        .collect();
    assert!(
        lines.contains(&[2, 3].as_slice()) && lines.contains(&[4].as_slice()),
        "{lines:?}"
    );
    assert_eq!(cleaned.doubts.len(), 1, "alike, but another LEI");
    assert_eq!(
        (cleaned.doubts[0].why, cleaned.doubts[0].score_ppm),
        ("identity", 1_000_000)
    );
}

/// The second row has no identity and is like both others, which have two: it goes with one, and the other stays in doubt.
#[test]
fn a_row_without_identity_is_no_bridge() {
    let organisations =
        Schema::from_json(include_str!("../schemas/organisations.json")).expect("a schema");
    let rows = [
        "Example Power Limited,5493001KJTIIGC8Y1R12,UK,London,1 High Street",
        "Example Power Limited,,UK,London,1 High Street",
        "Example Power Limited,213800WSGIIZCXF1P572,UK,London,1 High Street",
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let rows = order.map(|row| rows[row]).join("\n");
        let table = format!("Name,LEI,Country,Town,Address\n{rows}\n");
        let cleaned = clean(&organisations, table.as_bytes(), None).expect("clean");
        assert_eq!(cleaned.records.len(), 2, "{rows}");
        assert!(cleaned.doubts.iter().all(|doubt| doubt.why == "identity"));
        assert_eq!(cleaned.doubts.len(), 2, "the two, and the row between");
    }
}

/// Three rows without a true id are no entity.
#[test]
fn rows_without_a_true_id_are_left_out_of_the_figures() {
    let meters = Schema::from_json(METERS).expect("a schema");
    let table = "Meter,Kind,Power,Address,True\nM1,load,3 kW,1 Road,a\nm-1,load,3 kW,1 Road,a\n\
        M2,load,3 kW,2 Road,\nM3,load,3 kW,3 Road,\nM4,load,3 kW,4 Road,\n";
    let cleaned = clean(&meters, table.as_bytes(), Some("True")).expect("clean");
    let figures = cleaned.truth.expect("asked for");
    assert_eq!((figures.entities, figures.pairs_true), (1, 1));
}

#[test]
fn units_merge_and_classes_divide() {
    let meters = Schema::from_json(METERS).expect("a schema");
    let table = "Meter,Kind,Power,Address\nm-001,PV,5.5 kW,1 Sun Lane\nM001,photovoltaic,5500 W,1 Sun Lane\nM002,load,3 kW,1 Sun Lane\n";
    let cleaned = clean(&meters, table.as_bytes(), None).expect("clean");
    assert_eq!(cleaned.records.len(), 2);
    let power = &cleaned.records[0].properties[2];
    assert_eq!(
        (
            power.value.as_str(),
            power.unit.as_deref(),
            power.lines.as_slice()
        ),
        ("5.5", Some("kW"), &[2, 3][..])
    );

    let two = r#"{"about": "t", "classes": [
        {"name": "A", "when": {"column": "K", "is": ["a"]}, "properties": [{"name": "n", "column": ["N"], "type": {"code": {}}}]},
        {"name": "B", "when": {"column": "K", "is": ["b"]}, "properties": [{"name": "n", "column": ["N"], "type": {"text": {}}}]}]}"#;
    let cleaned = clean(
        &Schema::from_json(two).expect("a schema"),
        &b"K,N\nB,x y\n A ,x y\nc,z\n"[..],
        None,
    )
    .expect("clean");
    let found: Vec<_> = cleaned
        .records
        .iter()
        .map(|record| (record.class.as_str(), record.properties[0].value.as_str()))
        .collect();
    assert_eq!(found, [("A", "XY"), ("B", "x y")]);
    assert_eq!(cleaned.counts.unclassed, 1);
}

/// Without values enough to name one thing, equal rows stay apart, and in the same order whatever theirs was.
#[test]
fn too_little_evidence_joins_nothing() {
    let rows = ["Head Start,,", "HEAD START,,", "head start,,"];
    let table = |order: [usize; 3]| {
        let rows = order.map(|row| rows[row]).join("\n");
        clean(
            &sites(),
            format!("Site name,Address,Phone\n{rows}\n").as_bytes(),
            None,
        )
        .expect("clean")
    };
    let first = table([0, 1, 2]);
    assert_eq!(first.records.len(), 3);
    for order in [[2, 1, 0], [1, 2, 0]] {
        assert_eq!(contents(&table(order)), contents(&first));
    }
}

#[test]
fn a_block_that_is_too_broad_is_told() {
    let mut table = "Site name,Address,Phone\n".to_owned();
    for number in 0..501 {
        table.push_str(&format!("Site {number},,3865286\n"));
    }
    let cleaned = clean(&sites(), table.as_bytes(), None).expect("clean");
    assert_eq!(
        (
            cleaned.counts.broad_blocks,
            cleaned.counts.compared,
            cleaned.records.len()
        ),
        (1, 0, 501)
    );
}

#[test]
fn pairs_in_doubt_are_written_for_a_person() {
    let table = "Site name,Address,Phone\n=cmd() Nursery,12 North Road,3865286\nOther School,12 Nort Rd,3865286\n";
    let mut schema = sites();
    let score = schema.classes[0].score.as_mut().expect("a score");
    (score.accept_ppm, score.review_ppm) = (1_000_000, 1);
    schema.classes[0].properties[0].kind =
        serde_json::from_str("{\"code\": {\"keep\": \"all\"}}").expect("a kind");
    let cleaned = clean(&schema, table.as_bytes(), None).expect("clean");
    let mut out = Vec::new();
    clean::write_review(&schema, &cleaned, &mut out).expect("written");
    let mut reader = csv::Reader::from_reader(out.as_slice());
    assert_eq!(
        reader
            .headers()
            .expect("a head")
            .iter()
            .skip(4)
            .collect::<Vec<_>>(),
        ["line", "name", "number", "street", "postcode", "telephone"]
    );
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
    assert_eq!(
        rows.iter().map(|row| &row[4]).collect::<Vec<_>>(),
        ["2", "3"]
    );
    assert_eq!(&rows[0][5], "'=CMD()NURSERY", "no spreadsheet runs it");
    assert!(
        rows[0][2]
            .parse::<u32>()
            .is_ok_and(|score| (1..1_000_000).contains(&score))
    );
}

#[test]
fn registry_projects_of_two_registries() {
    let Some(folder) = common::data("carbon-registry") else {
        return;
    };
    let schema =
        Schema::from_json(include_str!("../schemas/registry-projects.json")).expect("a schema");
    for file in ["verra/projects.csv", "gold-standard/projects.csv"] {
        let text = std::fs::read(folder.join(file)).expect("a file");
        let rows = csv::Reader::from_reader(text.as_slice()).records().count();
        let cleaned = clean(
            &schema,
            text.as_slice(),
            Some(if file.starts_with('v') { "ID" } else { "GSID" }),
        )
        .expect("clean");
        assert_eq!(cleaned.counts.rows as usize, rows);
        let figures = cleaned.truth.expect("figures");
        assert_eq!(
            figures.precision_ppm(),
            1_000_000,
            "a registry's number names one project"
        );
    }
}

#[test]
fn wrong_schemas_are_refused() {
    let base: serde_json::Value = serde_json::from_str(SITES).expect("JSON");
    let wrong: [(&str, serde_json::Value); 8] = [
        ("/classes/0/score/accept_ppm", 1_000_001.into()),
        ("/classes/0/score/evidence_min", 99.into()),
        ("/classes/0/score/comparisons/0/weight", 0.into()),
        ("/classes/0/score/comparisons/0/property", "nothing".into()),
        ("/classes/0/score/comparisons/3/measure", "near".into()),
        ("/classes/0/blocks/0/0", "number:0".into()),
        ("/classes/0/properties/1/name", "name".into()),
        ("/format/absent", 5.into()),
    ];
    for (path, value) in wrong {
        let mut schema = base.clone();
        *schema.pointer_mut(path).expect(path) = value;
        assert!(Schema::from_json(&schema.to_string()).is_err(), "{path}");
    }
    assert!(Schema::from_json("{").is_err());
}
