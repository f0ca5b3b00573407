//! Days of the Gregorian calendar, from the forms tables write them in.

use super::schema::{Date, Order};
use crate::moment::{days, month_days};

/// Why a text is no day here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DateFault {
    #[error(
        "is no date like 2024-12-31, 20241231, 31.12.2024 or 12/31/2024 of the years 1583 to 9999"
    )]
    NoDate,
    #[error(
        "can be read in two ways; the schema must say whether day or month comes first (`order`)"
    )]
    Ambiguous,
    #[error("has a time of day, which the schema does not drop (`drop_time`)")]
    HasTime,
}

/// Days since 1970-01-01 and the text `YYYY-MM-DD`.
pub(crate) fn parse(text: &str, how: &Date) -> Result<(i64, String), DateFault> {
    let (day, time) = match text.find(['T', ' ']) {
        Some(end) => (&text[..end], Some(&text[end + 1..])),
        None => (text, None),
    };
    if time.is_some_and(|time| !looks_like_time(time)) {
        return Err(DateFault::NoDate);
    }
    if time.is_some() && !how.drop_time {
        return Err(DateFault::HasTime);
    }
    let (year, month, day) = parts(day, how.order)?;
    if !(1583..=9999).contains(&year)
        || !(1..=12).contains(&month)
        || day < 1
        || day > month_days(year, month)
    {
        return Err(DateFault::NoDate);
    }
    Ok((
        days(year, month, day),
        format!("{year:04}-{month:02}-{day:02}"),
    ))
}

fn parts(text: &str, order: Option<Order>) -> Result<(i64, i64, i64), DateFault> {
    let number = |part: &str, most: usize| -> Result<i64, DateFault> {
        let fits = !part.is_empty()
            && part.len() <= most
            && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse().ok().filter(|_| fits).ok_or(DateFault::NoDate)
    };
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok((
            number(&text[..4], 4)?,
            number(&text[4..6], 2)?,
            number(&text[6..], 2)?,
        ));
    }
    let Some(mark) = text.chars().find(|c| "-/.".contains(*c)) else {
        return Err(DateFault::NoDate);
    };
    let pieces: Vec<&str> = text.split(mark).collect();
    let [a, b, c] = pieces[..] else {
        return Err(DateFault::NoDate);
    };
    if a.len() == 4 {
        return Ok((number(a, 4)?, number(b, 2)?, number(c, 2)?));
    }
    if c.len() != 4 {
        return Err(DateFault::NoDate);
    }
    let (a, b, year) = (number(a, 2)?, number(b, 2)?, number(c, 4)?);
    match order {
        Some(Order::DayFirst) => Ok((year, b, a)),
        Some(Order::MonthFirst) => Ok((year, a, b)),
        None if a > 12 || a == b => Ok((year, b, a)),
        None if b > 12 => Ok((year, a, b)),
        None => Err(DateFault::Ambiguous),
    }
}

/// `12:30`, `12:30:05.25`, with a zone or not.
fn looks_like_time(text: &str) -> bool {
    let text = text.trim();
    text.as_bytes().first().is_some_and(u8::is_ascii_digit)
        && text.contains(':')
        && text
            .chars()
            .all(|c| c.is_ascii_digit() || ":.+-Z".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNKNOWN: Date = Date {
        order: None,
        drop_time: false,
    };

    /// Day counts from `date -u -d DAY +%s` divided by 86,400.
    #[test]
    fn days_in_all_forms() {
        let of = |text: &str| parse(text, &UNKNOWN).map(|(days, text)| (days, text.clone()));
        for (text, days) in [
            ("1970-01-01", 0),
            ("2000-02-29", 11_016),
            ("20240301", 19_783),
            ("31.12.2023", 19_722),
            ("12/31/2023", 19_722),
            ("1969/12/31", -1),
            ("2019-11-5", 18_205),
        ] {
            assert_eq!(of(text).map(|(days, _)| days), Ok(days), "{text}");
        }
        assert_eq!(
            of("2019-11-5").map(|(_, text)| text).as_deref(),
            Ok("2019-11-05")
        );
    }

    #[test]
    fn what_could_be_either_is_not_guessed() {
        assert_eq!(parse("03/04/2024", &UNKNOWN), Err(DateFault::Ambiguous));
        let day_first = Date {
            order: Some(Order::DayFirst),
            drop_time: true,
        };
        let month_first = Date {
            order: Some(Order::MonthFirst),
            drop_time: false,
        };
        assert_eq!(
            parse("03/04/2024 10:00", &day_first)
                .map(|(_, text)| text)
                .as_deref(),
            Ok("2024-04-03")
        );
        assert_eq!(
            parse("03/04/2024", &month_first)
                .map(|(_, text)| text)
                .as_deref(),
            Ok("2024-03-04")
        );
        assert_eq!(
            parse("2024-04-03T10:00:00Z", &UNKNOWN),
            Err(DateFault::HasTime)
        );
    }

    #[test]
    fn no_such_day() {
        for text in [
            "2023-02-29",
            "1900-02-29",
            "2024-13-01",
            "2024-00-10",
            "2024-01-32",
            "24-01-01",
            "2024-1",
            "x",
            "",
            "2024-01-01 noon",
        ] {
            assert_eq!(parse(text, &UNKNOWN), Err(DateFault::NoDate), "{text}");
        }
    }
}
