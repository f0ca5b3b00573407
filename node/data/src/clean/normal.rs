//! One form for values that mean the same.

use unicode_normalization::UnicodeNormalization as _;

use super::decimal::{self, DecimalFault, Marks, parse_decimal};
use super::schema::{Code, Decimal, Format, Keep, Kind, Take, Text};

/// A value in the form that is compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Value {
    /// The form as text.
    pub text: String,
    /// Of a decimal its digits at the property's scale, of a date its days since 1970; otherwise 0.
    pub number: i128,
}

/// NFKC in small letters without blanks around: how texts of the schema and of a table meet.
pub(crate) fn folded(text: &str) -> String {
    text.trim().nfkc().flat_map(char::to_lowercase).collect()
}

/// The form of a cell; `None` when nothing of it is left.
pub(crate) fn normal(cell: &str, kind: &Kind, format: &Format) -> Result<Option<Value>, String> {
    let plain = |text: String| Value { text, number: 0 };
    let value = match kind {
        Kind::Text(how) => plain(words(cell, how)),
        Kind::Code(how) => plain(code(cell, how)?),
        Kind::Decimal(how) => {
            let number = number(cell, how, format)?;
            let text = decimal::shown(number, how.scale);
            Value { text, number }
        }
        Kind::Date(how) => {
            let cell: String = cell.trim().nfkc().collect();
            let (days, text) = super::date::parse(&cell, how).map_err(|fault| fault.to_string())?;
            Value {
                text,
                number: i128::from(days),
            }
        }
    };
    Ok((!value.text.is_empty()).then_some(value))
}

fn words(cell: &str, how: &Text) -> String {
    let folded = folded(cell);
    // An apostrophe joins (St. Catherine's); any other mark divides.
    let joined: String = folded.chars().filter(|c| !"'’`´".contains(*c)).collect();
    let mut words = joined
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .peekable();
    let number = match how.take {
        Take::All => None,
        Take::LeadingNumber | Take::AfterLeadingNumber => {
            words.next_if(|word| word.starts_with(|c: char| c.is_ascii_digit()))
        }
    };
    if how.take == Take::LeadingNumber {
        return number
            .unwrap_or_default()
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
    }
    let kept = words.filter(|word| !how.drop.contains(*word));
    let renamed = kept.map(|word| how.synonyms.get(word).map_or(word, String::as_str));
    renamed
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn code(cell: &str, how: &Code) -> Result<String, String> {
    let counts = |c: &char| match how.keep {
        Keep::LettersDigits => c.is_alphanumeric(),
        Keep::Digits => c.is_ascii_digit(),
        Keep::All => !c.is_whitespace(),
    };
    let kept: Vec<char> = cell
        .nfkc()
        .flat_map(char::to_uppercase)
        .filter(counts)
        .collect();
    let first = how.first.unwrap_or(usize::MAX).min(kept.len());
    let kept = &kept[..first];
    let kept = &kept[kept.len() - how.last.unwrap_or(usize::MAX).min(kept.len())..];
    if !kept.is_empty() && !how.lengths.is_empty() && !how.lengths.contains(&kept.len()) {
        return Err(format!(
            "has {} characters that count, and {:?} are right",
            kept.len(),
            how.lengths
        ));
    }
    Ok(kept.iter().collect())
}

fn number(cell: &str, how: &Decimal, format: &Format) -> Result<i128, String> {
    let cell: String = cell.trim().nfkc().collect();
    let end = cell.find(|c: char| !(c.is_ascii_digit() || ".,' +-\u{2212}".contains(c)));
    let (digits, unit) = cell.split_at(end.unwrap_or(cell.len()));
    let marks = Marks {
        decimal: how.decimal.or(format.decimal),
        thousands: how.thousands.or(format.thousands),
    };
    let (digits, unit) = (digits.trim(), unit.trim());
    let said = |fault: DecimalFault| fault.to_string();
    if unit.is_empty() || how.unit.as_deref() == Some(unit) {
        return parse_decimal(digits, marks, how.scale).map_err(said);
    }
    let factor = how
        .units
        .get(unit)
        .and_then(|factor| decimal::factor(factor));
    let Some((times, places)) = factor else {
        return Err(match &how.unit {
            Some(known) => {
                format!("is in a unit that the schema does not know ({known} is its unit)")
            }
            None => "is no decimal number".to_owned(),
        });
    };
    // Correctness: below 10^36 x 10^18 would not fit, so the product is checked.
    const SCALE: u8 = 18;
    let value = parse_decimal(digits, marks, SCALE).map_err(said)?;
    let value = value
        .checked_mul(times)
        .ok_or_else(|| said(DecimalFault::TooLong))?;
    let divisor = 10i128.pow(places + u32::from(SCALE - how.scale));
    if value % divisor != 0 {
        return Err(said(DecimalFault::TooFine));
    }
    Ok(value / divisor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(cell: &str, kind: &str) -> Result<Option<String>, String> {
        let kind: Kind = serde_json::from_str(kind).expect("a kind");
        let value = normal(cell, &kind, &Format::default())?;
        Ok(value.map(|value| value.text))
    }

    #[test]
    fn words_lose_case_width_marks_and_what_says_nothing() {
        let kind = r#"{"text": {"synonyms": {"n": "north"}, "drop": ["st"]}}"#;
        assert_eq!(
            text(" Ｎ.  Kedzie St.\n", kind),
            Ok(Some("north kedzie".to_owned()))
        );
        assert_eq!(
            text("Little One's", kind),
            Ok(Some("little ones".to_owned()))
        );
        assert_eq!(text("...", kind), Ok(None));
        let street = r#"{"text": {"take": "after_leading_number"}}"#;
        let number = r#"{"text": {"take": "leading_number"}}"#;
        assert_eq!(
            text("6514-16 W. Higgins", street),
            Ok(Some("16 w higgins".to_owned()))
        );
        assert_eq!(
            text("6514B W. Higgins", number),
            Ok(Some("6514".to_owned()))
        );
        assert_eq!(text("Higgins 5", number), Ok(None));
    }

    #[test]
    fn codes_keep_what_counts() {
        assert_eq!(
            text("de-12 ab", r#"{"code": {}}"#),
            Ok(Some("DE12AB".to_owned()))
        );
        let phone = r#"{"code": {"keep": "digits", "last": 7, "lengths": [7]}}"#;
        assert_eq!(
            text("(312) 386-5286", phone),
            Ok(Some("3865286".to_owned()))
        );
        assert!(text("38-652", phone).is_err());
    }

    #[test]
    fn units_are_exact() {
        let kind = r#"{"decimal": {"scale": 3, "unit": "kW", "units": {"MW": "1000", "W": "0.001", "hp": "0.7457"}}}"#;
        assert_eq!(text("3.5 MW", kind), Ok(Some("3500".to_owned())));
        assert_eq!(text("250W", kind), Ok(Some("0.25".to_owned())));
        assert_eq!(text("250", kind), Ok(Some("250".to_owned())));
        assert_eq!(text("10 hp", kind), Ok(Some("7.457".to_owned())));
        assert!(text("1 hp", kind).is_err(), "0.7457 kW needs four digits");
        assert!(text("1 mW", kind).is_err(), "a milliwatt is no megawatt");
    }
}
