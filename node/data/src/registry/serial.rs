//! Blocks of serial numbers: what each programme's form says.
//!
//! | programme | form of a block |
//! |---|---|
//! | Verra | `BATCH-FIRST-LAST-VCS-VCU-...-COUNTRY-[SCOPE-]PROJECT-DDMMYYYY-DDMMYYYY-FLAG` |
//! | Gold Standard | `GS1-1-COUNTRY-GSPROJECT-TYPE-VINTAGE-BATCH-FIRST-LAST` |
//! | CDM, as Gold Standard lists it | `COUNTRY-TYPE-FIRST-...-PROJECT - COUNTRY-TYPE-LAST-...-PROJECT` |
//! | ACR | `ACR-COUNTRY-PROJECT-VINTAGE-BATCH-FIRST to LAST`, or `-FIRST-LAST` |
//! | CAR | `CAR-UNIT-COUNTRY-PROJECT-TYPE-DEVELOPER-STATE-VINTAGE-BATCH-FIRST to LAST` |
//!
//! Source: the registries' exports and serial number guides.

use serde::Serialize;

use crate::fault::shown;

/// Who numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Programme {
    /// Verified Carbon Standard.
    Verra,
    /// Gold Standard for the Global Goals.
    GoldStandard,
    /// Clean Development Mechanism.
    Cdm,
    /// American Carbon Registry.
    Acr,
    /// Climate Action Reserve.
    Car,
}

/// Units with consecutive numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Block {
    /// Who numbers.
    pub programme: Programme,
    /// Within what a number stands for one unit.
    pub series: String,
    /// Two letters.
    pub country: String,
    /// Number of the project.
    pub project: String,
    /// Year, or of Verra the year the period ends in; none where the form does not say.
    pub vintage: Option<u16>,
    /// First number.
    pub first: u64,
    /// Last number, not below the first.
    pub last: u64,
}

impl Block {
    /// How many units.
    #[must_use]
    pub fn quantity(&self) -> u64 {
        // Correctness: numbers have at most 18 digits.
        self.last - self.first + 1
    }

    /// Reads a block.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(serial: &str) -> Result<Self, String> {
        let serial = serial.trim();
        if serial.len() > 256 || !serial.is_ascii() {
            return Err("a serial number has at most 256 letters, digits and marks".to_owned());
        }
        let block = match serial.split('-').next().unwrap_or_default() {
            "GS1" => gold_standard(serial),
            "ACR" => acr(serial),
            "CAR" => car(serial),
            place if country(place).is_ok() => cdm(serial),
            _ => verra(serial),
        }?;
        if block.first > block.last {
            return Err("the last number is below the first".to_owned());
        }
        Ok(block)
    }
}

const FORM: &str = "this is no form of a serial number that is known";

fn number(text: &str) -> Result<u64, String> {
    let digits = (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|_| digits)
        .ok_or_else(|| format!("{} is no number of at most 18 digits", shown(text)))
}

fn year(text: &str) -> Result<u16, String> {
    let year = text
        .parse()
        .ok()
        .filter(|year| text.len() == 4 && (1990..=2100).contains(year));
    year.ok_or_else(|| format!("{} is no year from 1990 to 2100", shown(text)))
}

fn country(text: &str) -> Result<String, String> {
    let letters = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    letters
        .then(|| text.to_owned())
        .ok_or_else(|| format!("{} is no country of two letters", shown(text)))
}

/// Year of a date DDMMYYYY.
fn ddmmyyyy(text: &str) -> Result<u16, String> {
    let wrong = || format!("{} is no date like 31122020", shown(text));
    if text.len() != 8 {
        return Err(wrong());
    }
    let (day, month) = (number(&text[..2])?, number(&text[2..4])?);
    if !(1..=31).contains(&day) || !(1..=12).contains(&month) {
        return Err(wrong());
    }
    year(&text[4..])
}

fn verra(serial: &str) -> Result<Block, String> {
    let parts: Vec<&str> = serial.split('-').collect();
    // Older serial numbers have no scope.
    let [
        batch,
        first,
        last,
        "VCS",
        "VCU",
        _,
        _,
        place,
        scope @ ..,
        project,
        from,
        to,
        _,
    ] = &parts[..]
    else {
        return Err(FORM.to_owned());
    };
    if scope.len() > 1 {
        return Err(FORM.to_owned());
    }
    number(batch)?;
    if ddmmyyyy(from)? > ddmmyyyy(to)? {
        return Err("the period ends before it begins".to_owned());
    }
    Ok(Block {
        programme: Programme::Verra,
        // All units of the programme are numbered in one row.
        series: "VCS-VCU".to_owned(),
        country: country(place)?,
        project: (*project).to_owned(),
        vintage: Some(ddmmyyyy(to)?),
        first: number(first)?,
        last: number(last)?,
    })
}

fn gold_standard(serial: &str) -> Result<Block, String> {
    let parts: Vec<&str> = serial.split('-').collect();
    let ["GS1", _, place, project, _, vintage, batch, first, last] = parts[..] else {
        return Err(FORM.to_owned());
    };
    number(batch)?;
    let project = project.strip_prefix("GS").ok_or(FORM)?;
    Ok(Block {
        programme: Programme::GoldStandard,
        series: parts[..7].join("-"),
        country: country(place)?,
        project: project.to_owned(),
        vintage: Some(year(vintage)?),
        first: number(first)?,
        last: number(last)?,
    })
}

fn cdm(serial: &str) -> Result<Block, String> {
    let (from, to) = serial.split_once(" - ").ok_or(FORM)?;
    let (from, to): (Vec<&str>, Vec<&str>) = (from.split('-').collect(), to.split('-').collect());
    let ([place, kind, first, ..], [_, _, last, ..]) = (&from[..], &to[..]) else {
        return Err(FORM.to_owned());
    };
    if from.len() != 7 || to.len() != 7 || from[..2] != to[..2] || from[3..] != to[3..] {
        return Err("the two ends are not of one block".to_owned());
    }
    Ok(Block {
        programme: Programme::Cdm,
        // A host country numbers its units of a kind in one row.
        series: format!("{place}-{kind}"),
        country: country(place)?,
        project: from[6].to_owned(),
        vintage: None,
        first: number(first)?,
        last: number(last)?,
    })
}

/// Parts, first and last number of `A-B-FIRST to LAST`, or `A-B-FIRST-LAST` when that gives `count` parts before them.
fn ranged(serial: &str, count: usize) -> Result<(Vec<&str>, u64, u64), String> {
    let (start, last) = match serial.split_once(" to ") {
        Some((start, last)) => (start, last),
        None => serial.rsplit_once('-').ok_or(FORM)?,
    };
    let (parts, first) = start.rsplit_once('-').ok_or(FORM)?;
    let parts: Vec<&str> = parts.split('-').collect();
    if parts.len() != count {
        return Err(FORM.to_owned());
    }
    Ok((parts, number(first)?, number(last)?))
}

fn acr(serial: &str) -> Result<Block, String> {
    let (parts, first, last) = ranged(serial, 5)?;
    number(parts[4])?;
    Ok(Block {
        programme: Programme::Acr,
        series: parts.join("-"),
        country: country(parts[1])?,
        project: parts[2].to_owned(),
        vintage: Some(year(parts[3])?),
        first,
        last,
    })
}

fn car(serial: &str) -> Result<Block, String> {
    let (parts, first, last) = ranged(serial, 9)?;
    number(parts[8])?;
    Ok(Block {
        programme: Programme::Car,
        series: parts.join("-"),
        country: country(parts[2])?,
        project: parts[3].to_owned(),
        vintage: Some(year(parts[7])?),
        first,
        last,
    })
}
