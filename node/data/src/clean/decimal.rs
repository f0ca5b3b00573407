//! Decimal numbers, digit by digit into integers: never through a floating-point number, never rounded, never guessed.

/// What stands between digits, where it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// Between whole and fraction: `.` or `,`.
    pub decimal: Option<char>,
    /// Between groups of three digits: `.`, `,`, `'` or a blank.
    pub thousands: Option<char>,
}

/// Why a text is no number here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalFault {
    /// No digits, or something else between them.
    #[error("is no decimal number")]
    NoNumber,
    /// `3.000` is three or three thousand.
    #[error(
        "can be read in two ways; the schema must say what is between whole and fraction (`decimal`)"
    )]
    Ambiguous,
    /// Groups that are not of three digits.
    #[error("has groups of digits that are not of three")]
    Groups,
    /// Digits after the point that would be lost.
    #[error("has more digits after the point than the schema keeps (`scale`)")]
    TooFine,
    /// More digits than fit.
    #[error("has too many digits")]
    TooLong,
}

/// Most digits: they fit 128 bits with a sign and a factor of a unit.
const DIGITS_MAX: usize = 18;

/// The number a text shows, in units of 10^-`scale`.
///
/// `text` is one number with an optional sign, without blanks around. Without `marks.decimal` a separator that could be either is
/// [`DecimalFault::Ambiguous`]: one `.` or `,` with three digits behind and one to three in front, the first not zero.
///
/// # Errors
/// [`DecimalFault`].
pub fn parse_decimal(text: &str, marks: Marks, scale: u8) -> Result<i128, DecimalFault> {
    let (negative, digits) = match text.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == ',') {
        return Err(DecimalFault::NoNumber);
    }
    let decimal = decimal_mark(digits, marks)?;
    let (whole, fraction) = match decimal.and_then(|mark| digits.split_once(mark)) {
        Some((whole, fraction)) => (whole, fraction),
        None => (digits, ""),
    };
    let whole = ungrouped(whole, marks.thousands, decimal)?;
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(&whole) || !all_digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return Err(DecimalFault::NoNumber);
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > usize::from(scale) {
        return Err(DecimalFault::TooFine);
    }
    let whole = whole.trim_start_matches('0');
    if whole.len() + usize::from(scale) > 2 * DIGITS_MAX || whole.len() > DIGITS_MAX {
        return Err(DecimalFault::TooLong);
    }
    let zeros = usize::from(scale) - fraction.len();
    let digits = whole
        .bytes()
        .chain(fraction.bytes())
        .chain(std::iter::repeat_n(b'0', zeros));
    // Correctness: at most 36 digits, below 2^120.
    let value = digits.fold(0i128, |value, digit| value * 10 + i128::from(digit - b'0'));
    Ok(if negative { -value } else { value })
}

/// What stands between whole and fraction in this text; none when it has no fraction.
fn decimal_mark(digits: &str, marks: Marks) -> Result<Option<char>, DecimalFault> {
    let count = |mark: char| digits.matches(mark).count();
    if let Some(mark) = marks.decimal {
        return match count(mark) {
            0 => Ok(None),
            1 => Ok(Some(mark)),
            _ => Err(DecimalFault::NoNumber),
        };
    }
    let last = digits.rfind(['.', ',']);
    let Some(last) = last else {
        return Ok(None);
    };
    let mark = if digits[last..].starts_with('.') {
        '.'
    } else {
        ','
    };
    let other = if mark == '.' { ',' } else { '.' };
    if marks.thousands == Some(mark) {
        return Ok(None);
    }
    if marks.thousands.is_some() || count(other) > 0 {
        return if count(mark) == 1 {
            Ok(Some(mark))
        } else {
            Err(DecimalFault::NoNumber)
        };
    }
    if count(mark) > 1 {
        return Ok(None);
    }
    let (before, after) = (&digits[..last], &digits[last + 1..]);
    let grouped = before.contains([' ', '\'']);
    let could_group =
        after.len() == 3 && (1..=3).contains(&before.len()) && !before.starts_with('0');
    if could_group && !grouped {
        Err(DecimalFault::Ambiguous)
    } else {
        Ok(Some(mark))
    }
}

/// The digits of the whole part without what stands between groups of three.
fn ungrouped(
    whole: &str,
    thousands: Option<char>,
    decimal: Option<char>,
) -> Result<String, DecimalFault> {
    let Some(mark) = whole.chars().find(|c| !c.is_ascii_digit()) else {
        return Ok(whole.to_owned());
    };
    if !".,' ".contains(mark)
        || thousands.is_some_and(|known| known != mark)
        || decimal == Some(mark)
    {
        return Err(DecimalFault::NoNumber);
    }
    let groups: Vec<&str> = whole.split(mark).collect();
    // `0,125` is a fraction with another mark: no whole number of thousands begins with a zero.
    let short_first = (1..=3).contains(&groups[0].len()) && !groups[0].starts_with('0');
    if !short_first || groups[1..].iter().any(|group| group.len() != 3) {
        return Err(DecimalFault::Groups);
    }
    Ok(groups.concat())
}

/// A positive decimal text with a point as `digits / 10^places`.
pub(crate) fn factor(text: &str) -> Option<(i128, u32)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction}");
    if whole.is_empty()
        || digits.len() > DIGITS_MAX
        || !digits.bytes().all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let value: i128 = digits.parse().ok()?;
    (value > 0).then_some((value, u32::try_from(fraction.len()).ok()?))
}

/// A number of 10^-`scale` as text, with a point.
pub(crate) fn shown(value: i128, scale: u8) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!(
        "{:0>width$}",
        value.unsigned_abs(),
        width = usize::from(scale) + 1
    );
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNKNOWN: Marks = Marks {
        decimal: None,
        thousands: None,
    };
    const COMMA: Marks = Marks {
        decimal: Some(','),
        thousands: None,
    };
    const POINT: Marks = Marks {
        decimal: Some('.'),
        thousands: None,
    };

    #[test]
    fn numbers_of_public_sources() {
        // OMIE, AEMO and Verra write numbers like these.
        assert_eq!(parse_decimal("3.922,0", UNKNOWN, 1), Ok(39_220));
        assert_eq!(parse_decimal("-979.9", UNKNOWN, 1), Ok(-9_799));
        assert_eq!(parse_decimal("1,454,054", UNKNOWN, 0), Ok(1_454_054));
        assert_eq!(parse_decimal("12 345,60", UNKNOWN, 2), Ok(1_234_560));
        assert_eq!(parse_decimal("1'000'000.25", UNKNOWN, 2), Ok(100_000_025));
        assert_eq!(parse_decimal(".5", UNKNOWN, 1), Ok(5));
        assert_eq!(parse_decimal("0.125", UNKNOWN, 3), Ok(125));
        assert_eq!(parse_decimal("1234.567", UNKNOWN, 3), Ok(1_234_567));
    }

    #[test]
    fn what_could_be_either_is_not_guessed() {
        assert_eq!(parse_decimal("0,125", POINT, 3), Err(DecimalFault::Groups));
        for text in ["3.000", "3,000", "12.345", "-999,999"] {
            assert_eq!(
                parse_decimal(text, UNKNOWN, 3),
                Err(DecimalFault::Ambiguous),
                "{text}"
            );
        }
        assert_eq!(parse_decimal("3.000", COMMA, 3), Ok(3_000_000));
        assert_eq!(parse_decimal("3.000", POINT, 3), Ok(3_000));
        let thousands = Marks {
            decimal: None,
            thousands: Some(','),
        };
        assert_eq!(parse_decimal("3,000", thousands, 0), Ok(3_000));
        assert_eq!(parse_decimal("3.125", thousands, 3), Ok(3_125));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            "-",
            ".",
            "1e5",
            "NaN",
            "1..2",
            "0x10",
            "--1",
            "1-",
            "١",
            "1.2.3,4,5",
        ] {
            assert!(parse_decimal(text, UNKNOWN, 3).is_err(), "{text}");
        }
        assert_eq!(
            parse_decimal("1,23,456", UNKNOWN, 0),
            Err(DecimalFault::Groups)
        );
        assert_eq!(
            parse_decimal("1.23", UNKNOWN, 1),
            Err(DecimalFault::TooFine)
        );
        assert_eq!(parse_decimal("1.20", UNKNOWN, 1), Ok(12));
        let long = "9".repeat(19);
        assert_eq!(parse_decimal(&long, UNKNOWN, 0), Err(DecimalFault::TooLong));
    }

    #[test]
    fn text_and_back() {
        for (value, scale, text) in [(0, 3, "0"), (-5, 3, "-0.005"), (120, 2, "1.2"), (7, 0, "7")] {
            assert_eq!(shown(value, scale), text);
            assert_eq!(parse_decimal(text, POINT, scale), Ok(value));
        }
    }
}
