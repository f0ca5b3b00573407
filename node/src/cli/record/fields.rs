//! Slices from the fields of a JSON object, and back: the text of each is kept byte for byte, so numbers have all their digits and a
//! commitment can be reckoned from the file.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context as _, bail, ensure};
use bds_seal::document::Opened;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// Label of the one slice of a file that is sealed as a whole.
pub(super) const WHOLE: &str = "document";

/// Labels and contents of the slices of a file: its fields, or all of it as one.
///
/// # Errors
/// When the fields of something else than a JSON object are asked for; for a field that is there twice or has a comma in its name.
pub(super) fn split(content: &[u8], fields: bool) -> anyhow::Result<Vec<(String, &[u8])>> {
    if !fields {
        return Ok(vec![(WHOLE.to_owned(), content)]);
    }
    // The words of the parser may hold parts of the file.
    let Fields(all) = serde_json::from_slice(content).map_err(|problem| {
        let (line, column) = (problem.line(), problem.column());
        anyhow::anyhow!("the file is no JSON object: line {line} column {column}")
    })?;
    let mut labels = BTreeSet::new();
    for (label, _) in &all {
        ensure!(
            labels.insert(label),
            "the field {label:?} is there twice; rename one"
        );
        ensure!(
            !label.contains(','),
            "the field {label:?} has a comma in its name, and `--to ACCOUNT:LABEL,LABEL` could not name it; rename it"
        );
    }
    let parts = all.into_iter();
    Ok(parts
        .map(|(label, text)| (label, text.get().as_bytes()))
        .collect())
}

/// What [`split`] took apart, as far as it was opened: the file, or an object of those fields. A slice that is no JSON becomes a string.
///
/// # Errors
/// When one of several slices is no text.
pub(super) fn join(slices: &[Opened]) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    if let [whole] = slices
        && *whole.label == WHOLE
    {
        return Ok(whole.content.clone());
    }
    // In one piece from the start: a vector that grows leaves copies behind. Quoting makes a byte six at most.
    let bytes = slices
        .iter()
        .map(|slice| 6 * (slice.label.len() + slice.content.len()) + 16);
    let mut object = Zeroizing::new(Vec::with_capacity(bytes.sum::<usize>() + 16));
    let mut between = "{\n  ";
    for slice in slices {
        object.extend_from_slice(between.as_bytes());
        serde_json::to_writer(&mut *object, slice.label.as_str())?;
        object.extend_from_slice(b": ");
        let text = std::str::from_utf8(&slice.content);
        let text = text.with_context(|| {
            format!(
                "the slice {:?} is no text and fits into no JSON object",
                *slice.label
            )
        })?;
        if serde_json::from_str::<&RawValue>(text).is_ok() {
            object.extend_from_slice(text.as_bytes());
        } else {
            serde_json::to_writer(&mut *object, text)?;
        }
        between = ",\n  ";
    }
    if slices.is_empty() {
        bail!("no slice was given");
    }
    object.extend_from_slice(b"\n}\n");
    Ok(object)
}

/// The fields of an object in order, repeated ones too.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Fields<'de>, M::Error> {
                let mut all = Vec::new();
                while let Some(field) = map.next_entry()? {
                    all.push(field);
                }
                Ok(Fields(all))
            }
        }
        d.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(label: &str, content: &[u8]) -> Opened {
        Opened {
            index: 0,
            label: Zeroizing::new(label.to_owned()),
            content: Zeroizing::new(content.to_vec()),
            salt: Zeroizing::new([0; 32]),
        }
    }

    /// Digits that no float holds, zeros at the end, an escape, spaces inside: all as written.
    #[test]
    fn a_field_keeps_its_text() {
        let text = br#" { "price" : 71.250, "volume":12345678901234567890123, "by": "a\u0062", "of": { "a": [1,  2] } } "#;
        let found = split(text, true).expect("an object");
        let expected: [(&str, &[u8]); 4] = [
            ("price", b"71.250"),
            ("volume", b"12345678901234567890123"),
            ("by", br#""a\u0062""#),
            ("of", br#"{ "a": [1,  2] }"#),
        ];
        let expected = expected.map(|(label, text)| (label.to_owned(), text));
        assert_eq!(found, expected);
        let slices: Vec<Opened> = found
            .iter()
            .map(|(label, text)| opened(label, text))
            .collect();
        let object = join(&slices).expect("text");
        assert_eq!(split(&object, true).expect("an object"), expected);
    }

    #[test]
    fn a_file_as_a_whole_is_one_slice_and_comes_back_as_it_was() {
        let bytes = [0xff, 0, b'{'];
        let found = split(&bytes, false).expect("anything");
        assert_eq!(found, [("document".to_owned(), &bytes[..])]);
        assert_eq!(*join(&[opened("document", &bytes)]).expect("it"), bytes);
    }

    #[test]
    fn what_is_no_json_becomes_a_string_or_is_refused() {
        let object = join(&[opened("a", b"x \"y\""), opened("b", b"")]).expect("text");
        assert_eq!(*object, b"{\n  \"a\": \"x \\\"y\\\"\",\n  \"b\": \"\"\n}\n");
        let refused = join(&[opened("a", &[0xff])]).expect_err("no text");
        assert!(refused.to_string().contains("\"a\""), "{refused}");
    }

    #[test]
    fn what_is_wrong_with_an_object_is_named_and_its_content_is_not() {
        for (text, word) in [
            (r#"{"a": 1, "b": 2, "a": 3}"#, "\"a\" is there twice"),
            (r#"{"a": 1, "\u0061": 3}"#, "\"a\" is there twice"),
            (r#"{"a,b": 1}"#, "comma"),
            (r#"{"a": secret}"#, "line 1 column 7"),
            (r#"["secret"]"#, "no JSON object"),
            (r#""secret""#, "no JSON object"),
            ("", "no JSON object"),
            (r#"{"a": 1} secret"#, "no JSON object"),
        ] {
            let error = split(text.as_bytes(), true).expect_err(text).to_string();
            assert!(error.contains(word), "{text}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
