//! Documents of IEC 62325 as calls: bids for reserves as blocks and priced volumes as curves of the day-ahead market, loads as the
//! exchange of a microgrid.
//!
//! A bid upwards sells and one downwards buys. An indivisible bid is all or nothing, a divisible one has a least part; exclusive bids are a
//! group, and of a multipart bid each part has the one before it, at a better price, as its parent. Bids that stand only together,
//! technical and conditional links, durations and resting times have no words here.
//!
//! A curve stands in place of the one before it, and a load is declared once: of what a document tells of one interval in several places
//! the volumes at different prices are one curve, and anything else is refused.

use std::collections::{BTreeMap, BTreeSet};

use bds_contracts::amount::{Currency, PPM, Price, WattHours};
use bds_contracts::energy::{self, MicrogridId};
use bds_contracts::exchange::Side;
use bds_contracts::kernel::wire::List;
use bds_contracts::power;
use bds_contracts::tx::{AccountId, Millis};
use bds_data::market::{Document, POINTS_MAX, Period, Point, Series};

use super::Unmapped;

const QUARTER: i64 = 900_000;

/// Where bids go: a session of the day-ahead market, and for whom.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Which session.
    pub session: u64,
    /// Start of its day.
    pub start: Millis,
    /// Whose orders they are.
    pub account: AccountId,
    /// In which its prices are.
    pub currency: Currency,
}

/// A bid as a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bid {
    /// Number among the document's bids.
    pub number: u32,
    /// Which way.
    pub side: Side,
    /// Its quarter hour, from the start of the day.
    pub first: u8,
    /// Energy of it.
    pub energy: WattHours,
    /// At which price.
    pub price: Price,
    /// The least part, in millionths.
    pub least_ppm: u32,
    /// The part without which it is not accepted.
    pub parent: Option<u32>,
    /// Exclusive group.
    pub group: Option<u32>,
}

fn no_words(what: impl Into<String>) -> Unmapped {
    Unmapped::NoWords(what.into())
}

/// What a power in watts comes to in so many minutes, if that is a whole number of watt hours.
fn energy(watts: i64, minutes: u16) -> Result<WattHours, Unmapped> {
    let product = i128::from(watts) * i128::from(minutes);
    let whole = i64::try_from(product / 60)
        .ok()
        .filter(|_| product % 60 == 0);
    whole
        .map(WattHours)
        .ok_or_else(|| Unmapped::Misfit(format!("{watts} W over {minutes} minutes")))
}

fn same(name: &str, found: Option<&str>, expected: &str) -> Result<(), Unmapped> {
    match found {
        Some(found) if found == expected => Ok(()),
        found => Err(no_words(format!(
            "{name} {}",
            found.unwrap_or("that is missing")
        ))),
    }
}

fn field(series: &Series, name: &str, expected: &str) -> Result<(), Unmapped> {
    same(name, series.field(name), expected)
}

fn currency(series: &Series, expected: Currency) -> Result<(), Unmapped> {
    field(series, "currency_Unit.name", &expected.to_string())
}

/// Whether an interval without a point has the one before it.
fn repeats(series: &Series) -> Result<bool, Unmapped> {
    match series.field("curveType") {
        None | Some("A01") => Ok(false),
        Some("A03") => Ok(true),
        Some(other) => Err(no_words(format!("curveType {other}"))),
    }
}

/// The points of a period with the place of their intervals, from 0, rising; those that are left out too, where a curve repeats.
///
/// - `left`: how many more a document may have. A point can stand for a year of them, so points alone bound nothing.
fn intervals(
    series: &Series,
    period: &Period,
    left: &mut usize,
) -> Result<Vec<(u32, Point)>, Unmapped> {
    let (length, each) = (
        period.end - period.start,
        60_000 * i64::from(period.minutes),
    );
    let count = u32::try_from(length / each).ok();
    let count = count.filter(|count| length % each == 0 && *count as usize <= POINTS_MAX);
    let count = count.ok_or_else(|| {
        no_words(format!(
            "a period of {length} ms in intervals of {} minutes",
            period.minutes
        ))
    })?;
    let repeats = repeats(series)?;
    let mut all: Vec<(u32, Point)> = Vec::new();
    let fill = |all: &mut Vec<(u32, Point)>, until| {
        let Some((place, point)) = all.last().copied() else {
            return;
        };
        all.extend((place + 1..until).map(|place| (place, point)));
    };
    for point in &period.points {
        let place = point.position - 1;
        if place >= count {
            return Err(no_words("a point outside its period"));
        }
        let is_first = all.is_empty();
        if all.last().is_some_and(|(last, _)| place <= *last) || (repeats && is_first && place > 0)
        {
            return Err(no_words("points out of order"));
        }
        if repeats {
            fill(&mut all, place);
        }
        all.push((place, *point));
    }
    if repeats {
        fill(&mut all, count);
    }
    *left = left.checked_sub(all.len()).ok_or_else(|| {
        no_words(format!(
            "a document of more than {POINTS_MAX} intervals; split it"
        ))
    })?;
    Ok(all)
}

fn only_point(series: &Series) -> Result<(&Period, &Point), Unmapped> {
    match &series.periods[..] {
        [period] => match &period.points[..] {
            [point] => Ok((period, point)),
            points => Err(no_words(format!("a bid of {} points", points.len()))),
        },
        periods => Err(no_words(format!("a bid of {} periods", periods.len()))),
    }
}

/// The bids of a reserve bid document, in the order in which they can be handed in.
///
/// - `start`: start of the session's day.
/// - `money`: in which its prices are.
///
/// # Errors
/// [`Unmapped`]: all or none of a document.
pub fn bids(document: &Document, start: Millis, money: Currency) -> Result<Vec<Bid>, Unmapped> {
    if document.kind != "ReserveBid_MarketDocument" {
        return Err(no_words(format!("a {} as bids", document.kind)));
    }
    let mut groups: Vec<&str> = Vec::new();
    let mut all: Vec<(Option<&str>, Bid)> = Vec::new();
    for series in &document.series {
        let unknown = series.fields.keys().find(|name| {
            let links = [
                "linkedBids",
                "inclusiveBids",
                "Linked_BidTimeSeries",
                "AvailableMBA",
            ];
            let limits = [
                "maximum_Constraint",
                "resting_Constraint",
                "minimum_Constraint",
            ];
            links
                .iter()
                .chain(&limits)
                .any(|word| name.starts_with(word))
        });
        if let Some(name) = unknown {
            return Err(no_words(name.clone()));
        }
        field(series, "quantity_Measure_Unit.name", "MAW")?;
        field(series, "energyPrice_Measure_Unit.name", "MWH")?;
        currency(series, money)?;
        repeats(series)?;
        field(series, "status/value", "A06")?;
        let side = match series.field("flowDirection.direction") {
            Some("A01") => Side::Sell,
            Some("A02") => Side::Buy,
            other => return Err(no_words(format!("direction {other:?}"))),
        };
        let (period, point) = only_point(series)?;
        let (time, length) = (i128::from(period.start), period.end - period.start);
        let since = time - i128::from(start.0);
        let is_quarter = period.minutes == 15 && length == QUARTER && point.position == 1;
        let place = u8::try_from(since / i128::from(QUARTER)).ok();
        let first = place.filter(|_| is_quarter && since >= 0 && since % i128::from(QUARTER) == 0);
        let first = first.ok_or_else(|| no_words("a period that is no quarter hour of the day"))?;
        let price = point
            .price
            .ok_or_else(|| no_words("a bid without a price"))?;
        if point.quantity < 1 {
            // How a bid is taken back.
            return Err(no_words("a bid of no power"));
        }
        let least_ppm = match (series.field("divisible"), point.least) {
            (Some("A02"), None) => PPM,
            (Some("A01"), Some(least)) if (0..=point.quantity).contains(&least) => {
                let part = i128::from(least) * i128::from(PPM);
                let whole = i128::from(point.quantity);
                // Cut off: the market rounds the least up to its lot; none is as little as can be said. Correctness: at most a million.
                ((part / whole) as u32).max(1)
            }
            (divisible, least) => {
                return Err(no_words(format!(
                    "divisible {divisible:?} with {least:?} at least"
                )));
            }
        };
        let group = series.field("exclusiveBidsIdentification").map(|name| {
            let known = groups.iter().position(|one| *one == name);
            known.unwrap_or_else(|| {
                groups.push(name);
                groups.len() - 1
            }) as u32
        });
        let bid = Bid {
            number: 0,
            side,
            first,
            energy: energy(point.quantity, 15)?,
            price: Price(price),
            least_ppm,
            parent: None,
            group,
        };
        all.push((series.field("multipartBidIdentification"), bid));
    }
    let mut places: BTreeMap<&str, (Side, u8)> = BTreeMap::new();
    for (part, bid) in &all {
        let place = (bid.side, bid.first);
        let Some(part) = part else { continue };
        if *places.entry(part).or_insert(place) != place {
            return Err(no_words(format!(
                "parts of bid {part} in several directions or quarter hours"
            )));
        }
    }
    // Parts of one bid with the better price in front: what is sold for less, what is bought for more.
    all.sort_by_key(|(part, bid)| {
        let price = match bid.side {
            Side::Sell => i128::from(bid.price.0),
            Side::Buy => -i128::from(bid.price.0),
        };
        part.map(|part| (part, price))
    });
    let mut last: BTreeMap<&str, u32> = BTreeMap::new();
    for (number, (part, bid)) in (1..).zip(&mut all) {
        bid.number = number;
        if let Some(part) = part {
            bid.parent = last.insert(part, number);
        }
    }
    Ok(all.into_iter().map(|(_, bid)| bid).collect())
}

impl Bid {
    /// The call that hands it in.
    #[must_use]
    pub fn call(&self, place: &Place) -> power::Call<'static> {
        power::Call::SubmitBlock {
            session: place.session,
            account: place.account,
            number: self.number,
            side: self.side,
            first: self.first,
            count: 1,
            energy: self.energy,
            price: self.price,
            least_ppm: self.least_ppm,
            parent: self.parent,
            group: self.group,
        }
    }
}

/// Gives a curve to sell for each priced interval of a publication to `each`, with a step for each of its prices.
///
/// # Errors
/// [`Unmapped`]; nothing was given then.
pub fn curves(
    document: &Document,
    place: &Place,
    each: &mut dyn FnMut(&power::Call<'_>),
) -> Result<(), Unmapped> {
    if document.kind != "Publication_MarketDocument" {
        return Err(no_words(format!("a {} as curves", document.kind)));
    }
    let mut all: BTreeMap<(u8, u8), BTreeMap<Price, WattHours>> = BTreeMap::new();
    let mut left = POINTS_MAX;
    for series in &document.series {
        for period in &series.periods {
            let count = match period.minutes {
                15 | 30 | 60 => (period.minutes / 15) as u8,
                minutes => return Err(no_words(format!("intervals of {minutes} minutes"))),
            };
            for (interval, point) in intervals(series, period, &mut left)? {
                let Some(price) = point.price else {
                    continue;
                };
                field(series, "quantity_Measure_Unit.name", "MAW")?;
                field(series, "price_Measure_Unit.name", "MWH")?;
                currency(series, place.currency)?;
                let after = i128::from(interval) * i128::from(count);
                let since = i128::from(period.start) - i128::from(place.start.0);
                let first = u8::try_from(since / i128::from(QUARTER) + after).ok();
                let first = first.filter(|_| since >= 0 && since % i128::from(QUARTER) == 0);
                let first = first.ok_or_else(|| no_words("a period of another day"))?;
                let steps = all.entry((first, count)).or_default();
                let more = energy(point.quantity, 15)?;
                if steps.insert(Price(price), more).is_some() {
                    return Err(no_words("two volumes of an interval at one price"));
                }
            }
        }
    }
    let mut end = 0;
    for (first, count) in all.keys().copied() {
        if u16::from(first) < end {
            return Err(no_words("intervals of different lengths that overlap"));
        }
        end = u16::from(first) + u16::from(count);
    }
    for ((first, count), steps) in all {
        let steps: Vec<_> = steps.into_iter().collect();
        each(&power::Call::SubmitCurve {
            session: place.session,
            account: place.account,
            side: Side::Sell,
            first,
            count,
            steps: List::Items(&steps),
        });
    }
    Ok(())
}

/// What a document of total load says came into a grid when it was over, period by period.
///
/// - `domain`: what the document calls the grid, as its `outBiddingZone_Domain.mRID`; loads of others are refused.
/// - `minutes`: length of the grid's periods.
///
/// # Errors
/// [`Unmapped`].
pub fn loads(
    document: &Document,
    domain: &str,
    microgrid: MicrogridId,
    minutes: u16,
) -> Result<Vec<energy::Call<'static>>, Unmapped> {
    if document.kind != "GL_MarketDocument" {
        return Err(no_words(format!("a {} as loads", document.kind)));
    }
    // Total load that was realised: of the same kind are forecasts, generation and capacities.
    same("type", document.field("type"), "A65")?;
    let process = "process.processType";
    same(process, document.field(process), "A16")?;
    let (mut all, mut starts) = (Vec::new(), BTreeSet::new());
    let mut left = POINTS_MAX;
    for series in &document.series {
        field(series, "outBiddingZone_Domain.mRID", domain)?;
        field(series, "quantity_Measure_Unit.name", "MAW")?;
        if let Some(direction) = series.field("flowDirection.direction") {
            return Err(no_words(format!("loads in direction {direction}")));
        }
        for period in &series.periods {
            if period.minutes != minutes {
                return Err(no_words(format!("intervals of {} minutes", period.minutes)));
            }
            for (interval, point) in intervals(series, period, &mut left)? {
                let after = i64::from(interval) * i64::from(minutes) * 60_000;
                let start = u64::try_from(period.start + after).ok();
                let start = start.ok_or_else(|| no_words("a time before 1970"))?;
                if !starts.insert(start) {
                    return Err(no_words("two loads of one interval"));
                }
                all.push(energy::Call::DeclareBalance {
                    microgrid,
                    start: Millis(start),
                    exchange: energy(point.quantity, minutes)?,
                    loss: WattHours(0),
                });
            }
        }
    }
    Ok(all)
}
