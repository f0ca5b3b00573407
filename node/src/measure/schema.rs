//! The form of a report, as a JSON Schema: made from the types that write them, so that it says what they write.

use serde_json::{Value, json};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::report::{Report, SCHEMA};

/// Dialect of the document.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The document: what it is made of under `$defs`, references to those within it.
///
/// # Panics
/// When the types describe themselves in a way that is no JSON.
#[must_use]
pub fn document() -> Value {
    let mut parts: Vec<(String, RefOr<Schema>)> = Vec::new();
    Report::schemas(&mut parts);
    let mut document = serde_json::to_value(Report::schema()).expect("a schema is JSON");
    let parts = parts.into_iter().map(|(name, part)| {
        let part = serde_json::to_value(part).expect("a schema is JSON");
        (name, part)
    });
    let parts: serde_json::Map<String, Value> = parts.collect();
    document["$schema"] = json!(DIALECT);
    document["$id"] = json!(format!("urn:bds:{SCHEMA}"));
    document["title"] = json!(SCHEMA);
    document["$defs"] = Value::Object(parts);
    document["properties"]["schema"]["const"] = json!(SCHEMA);
    point_inside(&mut document);
    document
}

/// References lead to where the parts lie.
fn point_inside(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if name == "$ref"
                    && let Value::String(place) = field
                {
                    *place = place.replace("#/components/schemas/", "#/$defs/");
                }
                point_inside(field);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(point_inside),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::assemble::tests::report;
    use super::super::report::{Stage, ValidatorReport};
    use super::super::tally::Tally;
    use super::*;

    /// What of JSON Schema the document uses: types, what is required and known of an object, values of a map, items, references,
    /// constants, the least of a number, and one of several. Says what does not fit.
    fn check(document: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
        let fields = schema.as_object().expect("a schema is an object");
        for (keyword, rule) in fields {
            match keyword.as_str() {
                "$ref" => {
                    let name = rule
                        .as_str()
                        .and_then(|place| place.strip_prefix("#/$defs/"));
                    let part = &document["$defs"][name.expect("a reference within")];
                    check(document, part, value, at, wrong);
                }
                "type" => {
                    let types = match rule {
                        Value::Array(types) => types.clone(),
                        one => vec![one.clone()],
                    };
                    let has = |name: &Value| match name.as_str().expect("a name") {
                        "object" => value.is_object(),
                        "array" => value.is_array(),
                        "string" => value.is_string(),
                        "boolean" => value.is_boolean(),
                        "number" => value.is_number(),
                        "integer" => value.is_i64() || value.is_u64(),
                        "null" => value.is_null(),
                        other => panic!("{at}: a type {other}"),
                    };
                    if !types.iter().any(has) {
                        wrong.push(format!("{at}: {value} is no {rule}"));
                    }
                }
                "required" => {
                    for name in rule.as_array().expect("names") {
                        if value.get(name.as_str().expect("a name")).is_none() {
                            wrong.push(format!("{at}: without {name}"));
                        }
                    }
                }
                "properties" => {
                    for (name, field) in value.as_object().into_iter().flatten() {
                        match rule.get(name) {
                            Some(part) => {
                                check(document, part, field, &format!("{at}.{name}"), wrong);
                            }
                            None => wrong.push(format!("{at}: {name} is not known")),
                        }
                    }
                }
                "additionalProperties" => {
                    for (name, field) in value.as_object().into_iter().flatten() {
                        check(document, rule, field, &format!("{at}.{name}"), wrong);
                    }
                }
                "items" => {
                    for (place, item) in value.as_array().into_iter().flatten().enumerate() {
                        check(document, rule, item, &format!("{at}[{place}]"), wrong);
                    }
                }
                "const" => {
                    if value != rule {
                        wrong.push(format!("{at}: {value}, not {rule}"));
                    }
                }
                "oneOf" => {
                    let fits = |one: &&Value| {
                        let mut wrong = Vec::new();
                        check(document, one, value, at, &mut wrong);
                        wrong.is_empty()
                    };
                    let forms = rule.as_array().expect("forms");
                    if forms.iter().filter(fits).count() != 1 {
                        wrong.push(format!("{at}: {value} is not one of {rule}"));
                    }
                }
                "minimum" => {
                    if value.is_number() && value.as_f64() < rule.as_f64() {
                        wrong.push(format!("{at}: {value} below {rule}"));
                    }
                }
                "description" | "format" | "propertyNames" | "$schema" | "$id" | "$defs"
                | "title" => {}
                other => panic!("{at}: the document uses `{other}`, and this does not know it"),
            }
        }
    }

    fn misfits(value: &Value) -> Vec<String> {
        let document = document();
        let mut wrong = Vec::new();
        check(&document, &document, value, "report", &mut wrong);
        wrong
    }

    fn produced() -> Report {
        let mut report = report(&Tally::default());
        report.validators.push(ValidatorReport::default());
        report.stages.insert("execute".to_owned(), Stage::default());
        report.setup.mix = BTreeMap::from([("transfer".to_owned(), 1000)]);
        report.counts.failed.insert("Expired (5)".to_owned(), 1);
        report.happened.insert("units.Transferred".to_owned(), 3);
        (report.conserved, report.formed_watt_hours) = (Some(true), Some(-1));
        report
    }

    #[test]
    fn a_report_fits() {
        let value = |report: &Report| serde_json::to_value(report).expect("JSON");
        assert_eq!(misfits(&value(&produced())), Vec::<String>::new());
        let mut script = produced();
        (script.window.sustained, script.conserved) = (None, None);
        script.window.backlog = None;
        assert_eq!(misfits(&value(&script)), Vec::<String>::new());
    }

    /// The check itself: a field less, one of another type, one that nobody knows, another version, and below the least.
    #[test]
    fn what_is_no_report_does_not_fit() {
        let good = serde_json::to_value(produced()).expect("JSON");
        let spoilt = |spoil: fn(&mut Value)| {
            let mut value = good.clone();
            spoil(&mut value);
            misfits(&value).len()
        };
        let spoils: [fn(&mut Value); 6] = [
            |v| drop(v.as_object_mut().expect("fields").remove("window")),
            |v| v["window"]["backlog"]["start"] = json!("none"),
            |v| v["window"]["sustained"] = json!(1),
            |v| v["luck"] = json!(1),
            |v| v["schema"] = json!("bds-report/1"),
            |v| v["counts"]["failed"]["Expired (5)"] = json!(-1),
        ];
        assert_eq!(spoils.map(spoilt), [1; 6]);
    }

    /// The document that lies beside the results is this one: `bds bench schema > benches/results/report.schema.json`.
    #[test]
    fn the_file_beside_the_results_is_this_document() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../benches/results/report.schema.json"
        );
        let text = std::fs::read_to_string(path).expect("the file");
        let found: Value = serde_json::from_str(&text).expect("JSON");
        assert!(found == document(), "make it anew: bds bench schema");
    }
}
