//! Market documents of IEC 62325 (CIM for markets, ESMP profiles): header, time series, periods and points, read into values.
//!
//! The same shape carries bids for reserves (451-7), loads and balancing (451-6), publications of auctions (451-3), activations and
//! acknowledgements. Power becomes watts and prices ten-thousandths of the currency, digit by digit. Fields that are not worked with are
//! kept by their names. Which documents a ledger takes is decided where they become calls.

use std::collections::BTreeMap;
use std::io::Read;

use crate::clean::{Marks, parse_decimal};
use crate::fault::{DataError, shown};
use crate::message::FILE_BYTES_MAX;
use crate::moment;
use crate::xml::{Node, Xml};

const DEPTH_MAX: usize = 8;
/// Most time series of a document; the Nordic market takes as many.
pub const SERIES_MAX: usize = 2_000;
/// Most points of a document, and most periods: a year of quarter hours.
pub const POINTS_MAX: usize = 35_200;
/// Most fields of a document or of one series.
const FIELDS_MAX: usize = 64;
/// Most bytes of a field.
const FIELD_BYTES_MAX: usize = 1_024;
/// Most bytes of the names and values of all fields that are kept: four kilobytes for each of [`SERIES_MAX`] series. A real bid has one.
const KEPT_BYTES_MAX: usize = 8 << 20;

/// A value at a place of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Which interval of the period, from 1.
    pub position: u32,
    /// In watts, where the series counts megawatts; else in millionths of its unit.
    pub quantity: i64,
    /// The least that is taken, likewise.
    pub least: Option<i64>,
    /// In ten-thousandths of the currency for a megawatt hour.
    pub price: Option<i64>,
}

/// A stretch of time cut into intervals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// When it begins, in milliseconds since 1970 in UTC.
    pub start: i64,
    /// When it ends.
    pub end: i64,
    /// Length of an interval in minutes.
    pub minutes: u16,
    /// Values; an interval without one has the value before it, or none.
    pub points: Vec<Point>,
}

/// A time series, or a part of an acknowledgement that names one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Series {
    /// Fields by their names: `mRID`, `divisible`, `flowDirection.direction`; inside of others by both names, `status/value`.
    pub fields: BTreeMap<String, String>,
    /// Values.
    pub periods: Vec<Period>,
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Name of its root: `ReserveBid_MarketDocument`.
    pub kind: String,
    /// Fields of its header.
    pub fields: BTreeMap<String, String>,
    /// Its series.
    pub series: Vec<Series>,
}

impl Series {
    /// A field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

impl Document {
    /// A field of the header.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// Reads a document.
    ///
    /// Cost: at most 16 MiB are read, and at most about 32 MiB are held, whatever the file is.
    ///
    /// # Errors
    /// [`DataError`] with its place where the file is no XML, has a DOCTYPE, is no market document, holds a period, time or number
    /// that is none, or is longer or holds more than a document may.
    pub fn read(file: impl Read) -> Result<Self, DataError> {
        Reading::new(file).document()
    }
}

struct Reading<R: Read> {
    xml: Xml<R>,
    periods: usize,
    points: usize,
    /// Bytes of the fields that are kept so far.
    kept: usize,
}

impl<R: Read> Reading<R> {
    fn new(file: R) -> Self {
        Self {
            xml: Xml::bounded(file, None, DEPTH_MAX, FILE_BYTES_MAX),
            periods: 0,
            points: 0,
            kept: 0,
        }
    }

    fn document(mut self) -> Result<Document, DataError> {
        let Node::Open(root) = self.xml.next_solid()? else {
            return Err(self.xml.wrong("the file holds no element"));
        };
        let kind = root.name.local;
        let is_market = root.name.uri.starts_with("urn:iec62325");
        if !is_market || !kind.ends_with("_MarketDocument") {
            let what = format!("{} is no market document of IEC 62325", shown(&kind));
            return Err(DataError::at(root.place, what));
        }
        let mut document = Document {
            kind,
            fields: BTreeMap::new(),
            series: Vec::new(),
        };
        loop {
            match self.xml.next_solid()? {
                Node::Open(element) => {
                    let name = element.name.local;
                    if name.ends_with("TimeSeries") {
                        if document.series.len() == SERIES_MAX {
                            return Err(self.xml.wrong(format!("more than {SERIES_MAX} series")));
                        }
                        let series = self.series()?;
                        document.series.push(series);
                    } else {
                        self.field(&name, &mut document.fields)?;
                    }
                }
                Node::Text(_) => return Err(self.xml.wrong("text between fields")),
                Node::Close => break,
                Node::End => return Err(self.xml.wrong("the document ends early")),
            }
        }
        self.keep(&document.fields)?;
        match self.xml.next_solid()? {
            Node::End => Ok(document),
            _ => Err(self.xml.wrong("something follows the document")),
        }
    }

    /// A field, or the fields in it by both names. A field that comes twice is kept once with both values, a blank between.
    fn field(&mut self, name: &str, into: &mut BTreeMap<String, String>) -> Result<(), DataError> {
        let mut text = String::new();
        loop {
            match self.xml.next_solid()? {
                Node::Open(element) => {
                    let inner = format!("{name}/{}", element.name.local);
                    self.field(&inner, into)?;
                }
                Node::Text(more) => {
                    let more = more.trim_ascii();
                    self.check_length(text.len() + more.len())?;
                    text.push_str(more);
                }
                Node::Close => break,
                Node::End => return Err(self.xml.wrong("a field ends early")),
            }
        }
        if text.is_empty() {
            return Ok(());
        }
        if into.len() == FIELDS_MAX && !into.contains_key(name) {
            return Err(self.xml.wrong(format!("more than {FIELDS_MAX} fields")));
        }
        let all = into.entry(name.to_owned()).or_default();
        if !all.is_empty() {
            all.push(' ');
        }
        self.check_length(all.len() + text.len())?;
        all.push_str(&text);
        Ok(())
    }

    fn check_length(&self, bytes: usize) -> Result<(), DataError> {
        if bytes > FIELD_BYTES_MAX {
            let what = format!("a field is longer than {FIELD_BYTES_MAX} bytes");
            return Err(self.xml.wrong(what));
        }
        Ok(())
    }

    /// Counts the fields of a header or a series, which stay.
    fn keep(&mut self, fields: &BTreeMap<String, String>) -> Result<(), DataError> {
        let bytes = fields.iter().map(|(name, text)| name.len() + text.len());
        self.kept += bytes.sum::<usize>();
        if self.kept > KEPT_BYTES_MAX {
            let what = format!("more than {KEPT_BYTES_MAX} bytes of fields; split the document");
            return Err(self.xml.wrong(what));
        }
        Ok(())
    }

    fn series(&mut self) -> Result<Series, DataError> {
        let mut series = Series::default();
        loop {
            match self.xml.next_solid()? {
                Node::Open(element) if element.name.local == "Period" => {
                    let period = self.period()?;
                    series.periods.push(period);
                }
                Node::Open(element) => self.field(&element.name.local, &mut series.fields)?,
                Node::Text(_) => return Err(self.xml.wrong("text between fields")),
                Node::Close => break,
                Node::End => return Err(self.xml.wrong("a series ends early")),
            }
        }
        self.keep(&series.fields)?;
        Ok(series)
    }

    fn period(&mut self) -> Result<Period, DataError> {
        self.periods += 1;
        if self.periods > POINTS_MAX {
            return Err(self.xml.wrong(format!("more than {POINTS_MAX} periods")));
        }
        let mut fields = BTreeMap::new();
        let mut points = Vec::new();
        loop {
            match self.xml.next_solid()? {
                Node::Open(element) if element.name.local == "Point" => {
                    let point = self.point()?;
                    points.push(point);
                }
                Node::Open(element) => self.field(&element.name.local, &mut fields)?,
                Node::Text(_) => return Err(self.xml.wrong("text between fields")),
                Node::Close => break,
                Node::End => return Err(self.xml.wrong("a period ends early")),
            }
        }
        let get = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
        let (start, end) = (get("timeInterval/start"), get("timeInterval/end"));
        let minutes = moment::minutes(get("resolution")).filter(|minutes| *minutes > 0);
        match (moment::utc(start), moment::utc(end), minutes) {
            (Some(start), Some(end), Some(minutes)) if start < end => Ok(Period {
                start,
                end,
                minutes,
                points,
            }),
            _ => {
                let what = format!(
                    "a period from {} to {} in steps of {}",
                    shown(start),
                    shown(end),
                    shown(get("resolution"))
                );
                Err(self.xml.wrong(what))
            }
        }
    }

    fn point(&mut self) -> Result<Point, DataError> {
        self.points += 1;
        if self.points > POINTS_MAX {
            return Err(self.xml.wrong(format!("more than {POINTS_MAX} points")));
        }
        let mut fields = BTreeMap::new();
        loop {
            match self.xml.next_solid()? {
                Node::Open(element) => self.field(&element.name.local, &mut fields)?,
                Node::Text(_) => return Err(self.xml.wrong("text between fields")),
                Node::Close => break,
                Node::End => return Err(self.xml.wrong("a point ends early")),
            }
        }
        let number = |names: &[&str], scale| -> Result<Option<i64>, DataError> {
            let found = names.iter().find_map(|name| fields.get(*name));
            let parsed = found.map(|text| {
                let marks = Marks {
                    decimal: Some('.'),
                    thousands: None,
                };
                let number = parse_decimal(text, marks, scale).ok();
                let number = number.and_then(|number| i64::try_from(number).ok());
                number.ok_or_else(|| self.xml.wrong(format!("{} is no number here", shown(text))))
            });
            parsed.transpose()
        };
        let position = number(&["position"], 0)?;
        let position = position.and_then(|place| u32::try_from(place).ok());
        let position = position.filter(|place| *place > 0);
        Ok(Point {
            position: position.ok_or_else(|| self.xml.wrong("a point has no position"))?,
            quantity: number(&["quantity.quantity", "quantity"], 6)?
                .ok_or_else(|| self.xml.wrong("a point has no quantity"))?,
            least: number(&["minimum_Quantity.quantity"], 6)?,
            price: number(&["energy_Price.amount", "price.amount"], 4)?,
        })
    }
}
