//! Dates and times of messages as milliseconds since 1970 in UTC: by the calendar, and by the zones whose rule is written here.
//!
//! A zone that is not here is refused where it is needed: a guess would move a day by hours.

const DAY: i64 = 24 * 3_600_000;
const HOUR: i64 = 3_600_000;

/// A day of the calendar, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(pub i64);

/// A moment on the clock of some zone: a day, and milliseconds since its midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Local {
    /// Which day.
    pub date: Date,
    /// Since its midnight on that clock.
    pub millis: i64,
}

/// A time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// No offset.
    Utc,
    /// One hour ahead, two from the last Sunday of March, 01:00 UTC, to that of October: what the European Union agreed for
    /// the middle of Europe from 1996 on.
    Central,
}

/// Days from 1970-01-01 to a day of the Gregorian calendar. Source: the rule of leap years, by years that begin in March.
pub(crate) fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = match month {
        1 | 2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // March begins after 59 days of a common year; 719,468 days lie between the first of March of year 0 and 1970.
    365 * year + leaps + (153 * month + 2) / 5 + day - 1 - 719_468
}

/// How many days a month has.
pub(crate) fn month_days(year: i64, month: i64) -> i64 {
    let (next, of) = if month == 12 {
        (year + 1, 1)
    } else {
        (year, month + 1)
    };
    days(next, of, 1) - days(year, month, 1)
}

/// Exactly so many digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    let all = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.parse().ok())?
}

impl Date {
    /// `2020-05-13`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let year = digits(parts.next()?, 4)?;
        let month = digits(parts.next()?, 2).filter(|month| (1..=12).contains(month))?;
        let day = digits(parts.next()?, 2)?;
        let sound = parts.next().is_none() && (1..=month_days(year, month)).contains(&day);
        sound.then(|| Self(days(year, month, day)))
    }

    /// The year it lies in.
    fn year(self) -> i64 {
        let mut year = 1970 + self.0.div_euclid(366);
        while days(year + 1, 1, 1) <= self.0 {
            year += 1;
        }
        year
    }

    /// When it begins in a zone, in UTC.
    #[must_use]
    pub fn begins(self, zone: Zone) -> i64 {
        Local {
            date: self,
            millis: 0,
        }
        .utc(zone)
    }

    /// The next day.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Local {
    /// `2020-05-12T18:00:00`, with a fraction of up to three digits or without, or without seconds.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (date, clock) = text.split_once('T')?;
        let date = Date::parse(date)?;
        let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
        let mut parts = clock.split(':');
        let hour = digits(parts.next()?, 2).filter(|hour| *hour < 24)?;
        let minute = digits(parts.next()?, 2).filter(|minute| *minute < 60)?;
        let second = match parts.next() {
            Some(second) => digits(second, 2).filter(|second| *second < 60)?,
            None => 0,
        };
        if parts.next().is_some() || fraction.len() > 3 {
            return None;
        }
        let mut millis = 0;
        for place in 0..3 {
            let digit = fraction.as_bytes().get(place).copied().unwrap_or(b'0');
            millis = 10 * millis + digits(std::str::from_utf8(&[digit]).ok()?, 1)?;
        }
        let millis = hour * HOUR + minute * 60_000 + second * 1_000 + millis;
        Some(Self { date, millis })
    }

    /// The moment in UTC. Of an hour that the clock shows twice the first one, of one it skips as if it had not been set yet.
    #[must_use]
    pub fn utc(self, zone: Zone) -> i64 {
        let shown = self.date.0 * DAY + self.millis;
        match zone {
            Zone::Utc => shown,
            Zone::Central => {
                let year = self.date.year();
                // The last Sundays; 1970-01-01 was a Thursday.
                let sunday = |month| {
                    let last = days(year, month, 31);
                    last - (last + 4).rem_euclid(7)
                };
                let from = sunday(3) * DAY + HOUR;
                let until = sunday(10) * DAY + HOUR;
                let summer = shown - 2 * HOUR;
                if (from..until).contains(&summer) {
                    summer
                } else {
                    shown - HOUR
                }
            }
        }
    }
}

/// Zones whose rule is written here, by the names of the IANA.
const ZONES: [(&str, Zone); 11] = [
    ("Etc/UTC", Zone::Utc),
    ("UTC", Zone::Utc),
    ("Europe/Amsterdam", Zone::Central),
    ("Europe/Berlin", Zone::Central),
    ("Europe/Brussels", Zone::Central),
    ("Europe/Copenhagen", Zone::Central),
    ("Europe/Oslo", Zone::Central),
    ("Europe/Paris", Zone::Central),
    ("Europe/Prague", Zone::Central),
    ("Europe/Stockholm", Zone::Central),
    ("Europe/Vienna", Zone::Central),
];

impl Zone {
    /// The zone of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let found = ZONES.iter().find(|(known, _)| *known == name);
        found.map(|(_, zone)| *zone)
    }

    /// Names of all zones whose rule is known.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        ZONES.iter().map(|(name, _)| *name).collect()
    }
}

/// `2021-09-03T22:00Z`, with seconds or without: milliseconds in UTC.
#[must_use]
pub fn utc(text: &str) -> Option<i64> {
    let local = Local::parse(text.strip_suffix('Z')?)?;
    Some(local.utc(Zone::Utc))
}

/// A duration of whole minutes as ISO 8601 writes it: `PT15M`, `PT1H`, `PT1H30M`.
#[must_use]
pub fn minutes(text: &str) -> Option<u16> {
    let rest = text.strip_prefix("PT")?;
    let (hours, rest) = match rest.split_once('H') {
        Some((hours, rest)) => (Some(hours), rest),
        None => (None, rest),
    };
    let number = |text: &str| -> Option<u16> {
        let sound = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        sound.then(|| text.parse().ok())?
    };
    let minutes = match rest {
        "" if hours.is_some() => 0,
        rest => number(rest.strip_suffix('M')?)?,
    };
    let hours = hours.map_or(Some(0), number)?;
    hours.checked_mul(60)?.checked_add(minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the tables of POSIX time.
    #[test]
    fn days_of_the_calendar() {
        assert_eq!(Date::parse("1970-01-01"), Some(Date(0)));
        assert_eq!(Date::parse("2000-02-29"), Some(Date(11_016)));
        assert_eq!(Date::parse("2020-05-13"), Some(Date(18_395)));
        assert_eq!(Date::parse("1969-12-31"), Some(Date(-1)));
        for wrong in [
            "2020-02-30",
            "2021-02-29",
            "2100-02-29",
            "2020-13-01",
            "2020-00-01",
            "2020-1-01",
            "2020-05-13-1",
            "+020-05-13",
            "2020-05-00",
            "",
            "2020",
            "20200513",
        ] {
            assert_eq!(Date::parse(wrong), None, "{wrong}");
        }
    }

    /// Amsterdam, by the tables of the IANA time zones.
    #[test]
    fn clocks_are_set_on_the_last_sundays() {
        let begins = |text| Date::parse(text).expect("a day").begins(Zone::Central);
        assert_eq!(begins("2020-05-13"), 1_589_320_800_000); // 2020-05-12T22:00Z
        assert_eq!(begins("2026-01-01"), 1_767_222_000_000); // 2025-12-31T23:00Z
        let hours = |from, to| (begins(to) - begins(from)) / HOUR;
        assert_eq!(hours("2026-03-29", "2026-03-30"), 23);
        assert_eq!(hours("2026-10-25", "2026-10-26"), 25);
        assert_eq!(hours("2026-03-28", "2026-03-29"), 24);
        let local = Local::parse("2020-05-12T18:00:00").expect("a time");
        assert_eq!(local.utc(Zone::Central), 1_589_299_200_000); // 16:00Z
        assert_eq!(local.utc(Zone::Utc), 1_589_306_400_000);
        // 02:30 is shown twice: the first time it is still summer.
        let twice = Local::parse("2026-10-25T02:30").expect("a time");
        assert_eq!(twice.utc(Zone::Central), 1_792_888_200_000); // 00:30Z
    }

    #[test]
    fn times_and_durations() {
        assert_eq!(utc("2021-09-03T22:00Z"), Some(1_630_706_400_000));
        assert_eq!(utc("2021-09-03T07:49:12Z"), Some(1_630_655_352_000));
        assert_eq!(utc("2021-09-03T22:00"), None);
        let millis = |text| Local::parse(text).map(|local| local.millis);
        assert_eq!(millis("2020-05-11T00:00:01.5"), Some(1_500));
        for wrong in [
            "2020-05-11T24:00:00",
            "2020-05-11T00:60",
            "2020-05-11T00:00:00.1234",
            "2020-05-11T00",
            "x",
        ] {
            assert_eq!(millis(wrong), None, "{wrong}");
        }
        let cases = [
            ("PT15M", 15),
            ("PT1H", 60),
            ("PT60M", 60),
            ("PT1H30M", 90),
            ("PT1M", 1),
        ];
        for (text, expected) in cases {
            assert_eq!(minutes(text), Some(expected), "{text}");
        }
        for wrong in [
            "15", "PT", "PTM", "PT15", "P15M", "PT-15M", "PT99999M", "PT15M1", "PT9999H",
        ] {
            assert_eq!(minutes(wrong), None, "{wrong}");
        }
    }
}
