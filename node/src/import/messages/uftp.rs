//! UFTP messages between a grid operator and an aggregator as calls of `flexibility`.
//!
//! In messages what is consumed is above zero, on the ledger what goes into the grid; so every power changes its sign, and bounds change
//! places. Intervals count from 1 there and from 0 here. Days and times are taken in the message's zone; one whose rule is not known
//! here, or that is not named, is refused. So is what others than the two sides say to each other; which of them speaks is said by the
//! signature of the transaction. Answers to prognoses, orders, settlements and portfolios are the ledger's own, so those
//! messages become no call.
//!
//! A revision of a request is a request of its own on the ledger: the one before it stands until it is rejected or its day is over.

use std::collections::BTreeMap;

use bds_contracts::amount::{Currency, Money, Watts};
use bds_contracts::energy::ResourceId;
use bds_contracts::flexibility::call::Document;
use bds_contracts::flexibility::rules::Need;
use bds_contracts::flexibility::{Call, PointId};
use bds_contracts::kernel::envelope::CALLS_MAX;
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::{AccountId, Millis};
use bds_data::moment::{Date, Local, Zone};
use bds_data::uftp::{About, Body, Message, OfferOption, Run};
use serde::Deserialize;

use super::{Unmapped, unknown};

/// An item of [`Runs`](bds_contracts::flexibility::rules::Runs).
type RunOf = ((u8, u8), Watts);

/// A request or an offer as the ledger has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Its number there.
    pub number: u64,
    /// At which congestion point. The ledger takes it from what is answered, so an answer that names another one is refused here.
    pub point: PointId,
}

/// What names in messages stand for.
#[derive(Debug, Clone)]
pub struct Directory {
    /// Domains of the two sides: the grid operator's and the aggregator's.
    pub domains: [String; 2],
    /// Congestion points by entity address.
    pub points: BTreeMap<String, PointId>,
    /// Connections by entity address, and whose they are.
    pub connections: BTreeMap<String, (ResourceId, AccountId)>,
    /// The congestion point of a portfolio, and of test messages: they name none.
    pub point: PointId,
    /// The aggregator.
    pub aggregator: AccountId,
    /// Watts of the unit that powers are given in: 1, unless both sides agreed on another.
    pub watts: i64,
    /// When a connection without a last day leaves the portfolio.
    pub open_end: Millis,
    /// Requests and offers on the ledger, by message.
    pub documents: BTreeMap<String, Known>,
    /// What the options of offers are called, in their order, by message: [`option_names`] of each.
    pub options: BTreeMap<String, Vec<Option<String>>>,
    /// Revisions of prognoses, by message.
    pub prognoses: BTreeMap<String, u64>,
    /// Numbers of orders on the ledger, by reference.
    pub orders: BTreeMap<String, u64>,
}

/// How many options a call can tell apart.
const PLACES: usize = 256;

/// How a message speaks of time.
struct Frame<'m> {
    isp_minutes: u16,
    /// Empty where the message names none.
    time_zone: &'m str,
}

impl Frame<'_> {
    fn of(message: &Message) -> Frame<'_> {
        Frame {
            isp_minutes: message.isp_minutes.unwrap_or(0),
            time_zone: message.time_zone.as_deref().unwrap_or_default(),
        }
    }

    fn zone(&self) -> Result<Zone, Unmapped> {
        if self.time_zone.is_empty() {
            return Err(Unmapped::NoZone);
        }
        let found = Zone::named(self.time_zone);
        found.ok_or_else(|| Unmapped::Zone(self.time_zone.to_owned()))
    }

    fn begins(&self, date: Date) -> Result<Millis, Unmapped> {
        millis(date.begins(self.zone()?))
    }

    fn at(&self, local: Local) -> Result<Millis, Unmapped> {
        millis(local.utc(self.zone()?))
    }
}

fn millis(time: i64) -> Result<Millis, Unmapped> {
    let time = u64::try_from(time);
    let time = time.map_err(|_| Unmapped::Misfit("a time before 1970".to_owned()))?;
    Ok(Millis(time))
}

/// The place of an interval, which counts from 1 in messages.
fn place(first: u8) -> u8 {
    first.saturating_sub(1)
}

fn currency(text: &str) -> Result<Currency, Unmapped> {
    text.parse().map_err(|_| unknown("currency", text))
}

/// What the options of an offer are called, for [`Directory::options`].
///
/// # Errors
/// [`Unmapped`] where there are more than the ledger can count, or two of one name: an order could mean either.
pub fn option_names(options: &[OfferOption]) -> Result<Vec<Option<String>>, Unmapped> {
    if options.len() > PLACES {
        let what = format!("{} options of one offer", options.len());
        return Err(Unmapped::NoWords(what));
    }
    let mut all: Vec<Option<String>> = Vec::new();
    for one in options {
        if let Some(name) = &one.reference
            && all.contains(&one.reference)
        {
            return Err(Unmapped::NoWords(format!("two options `{name}`")));
        }
        all.push(one.reference.clone());
    }
    Ok(all)
}

impl Directory {
    /// The place of the option that an order means. Where there is one, it needs no name.
    fn option(&self, offer: &str, name: Option<&str>) -> Result<u8, Unmapped> {
        let all = self.options.get(offer);
        let all = all.ok_or_else(|| unknown("offer", offer))?;
        let place = match name {
            Some(name) => {
                let found = all.iter().position(|one| one.as_deref() == Some(name));
                found.ok_or_else(|| unknown("option", name))?
            }
            None if all.len() == 1 => 0,
            None => {
                let what = format!("an order that names none of {} options", all.len());
                return Err(Unmapped::NoWords(what));
            }
        };
        u8::try_from(place).map_err(|_| Unmapped::Misfit(format!("option {place}")))
    }

    fn power(&self, power: i64) -> Result<Watts, Unmapped> {
        let watts = power.checked_mul(self.watts).and_then(i64::checked_neg);
        let watts = watts.ok_or_else(|| Unmapped::Misfit(format!("a power of {power}")))?;
        Ok(Watts(watts))
    }

    fn runs(&self, runs: &[Run]) -> Result<Vec<RunOf>, Unmapped> {
        let all = runs.iter().map(|run| {
            let power = self.power(run.power)?;
            Ok(((place(run.first), run.count), power))
        });
        all.collect()
    }

    fn point(&self, about: &About) -> Result<PointId, Unmapped> {
        let found = self.points.get(&about.point).copied();
        found.ok_or_else(|| unknown("congestion point", &about.point))
    }

    fn known<T: Copy>(
        of: &BTreeMap<String, T>,
        what: &'static str,
        name: &str,
    ) -> Result<T, Unmapped> {
        of.get(name).copied().ok_or_else(|| unknown(what, name))
    }

    /// Number of the request or offer that a message answers, which is about the same congestion point.
    fn answered(&self, what: &'static str, name: &str, about: &About) -> Result<u64, Unmapped> {
        let Known { number, point } = Self::known(&self.documents, what, name)?;
        if self.point(about)? == point {
            Ok(number)
        } else {
            let what = format!("an answer at `{}` to what is at another point", about.point);
            Err(Unmapped::NoWords(what))
        }
    }

    /// One side speaks to the other.
    fn check_sides(&self, message: &Message) -> Result<(), Unmapped> {
        let [operator, aggregator] = &self.domains;
        let is_between = |sender: &str, recipient: &str| {
            message.sender.eq_ignore_ascii_case(sender)
                && message.recipient.eq_ignore_ascii_case(recipient)
        };
        if is_between(operator, aggregator) || is_between(aggregator, operator) {
            return Ok(());
        }
        let sides = format!("{} to {}", message.sender, message.recipient);
        Err(unknown("way from", &sides))
    }

    /// Gives the calls that a message stands for to `each`, in order: those of one transaction at a time, which is done whole or not at
    /// all. A settlement has a transaction for each order, as each is answered by itself; any other message has one.
    ///
    /// # Errors
    /// [`Unmapped`]; nothing was given then.
    pub fn calls(
        &self,
        message: &Message,
        each: &mut dyn FnMut(&[Call<'_>]),
    ) -> Result<(), Unmapped> {
        self.check_sides(message)?;
        let frame = Frame::of(message);
        let Frame {
            isp_minutes,
            time_zone,
        } = frame;
        let aggregator = self.aggregator;
        match &message.body {
            Body::Test => each(&[Call::Test {
                point: self.point,
                isp_minutes: message.isp_minutes,
                time_zone: message.time_zone.as_deref(),
            }]),
            Body::PortfolioUpdate(connections) => self.connect(&frame, connections, each)?,
            Body::Prognosis {
                about,
                revision,
                runs,
            } => {
                let powers = self.runs(runs)?;
                each(&[Call::SubmitPrognosis {
                    point: self.point(about)?,
                    aggregator,
                    isp_minutes,
                    time_zone,
                    start: frame.begins(about.period)?,
                    end: frame.begins(about.period.next())?,
                    revision: *revision,
                    powers: List::Items(&powers),
                }]);
            }
            Body::FlexRequest {
                about,
                expires,
                needs,
                ..
            } => {
                let needs = needs.iter().map(|need| {
                    let (low, high) = need.range;
                    let range = (self.power(high)?, self.power(low)?);
                    let wanted = match need.requested {
                        true => Need::Requested,
                        false => Need::Available,
                    };
                    Ok(((place(need.first), need.count), (range, wanted)))
                });
                let needs: Vec<_> = needs.collect::<Result<_, Unmapped>>()?;
                each(&[Call::Request {
                    point: self.point(about)?,
                    aggregator,
                    isp_minutes,
                    time_zone,
                    start: frame.begins(about.period)?,
                    end: frame.begins(about.period.next())?,
                    expires: frame.at(*expires)?,
                    needs: List::Items(&needs),
                }]);
            }
            Body::FlexOffer {
                about,
                request,
                expires,
                currency: of,
                options,
            } => {
                let prices = options.iter().map(|one| (Money(one.price), one.least_ppm));
                let prices: Vec<_> = prices.collect();
                let mut powers = Vec::new();
                option_names(options)?;
                for (option, one) in (0..=u8::MAX).zip(options) {
                    for ((first, count), power) in self.runs(&one.runs)? {
                        powers.push(((option, first), (count, power)));
                    }
                }
                each(&[Call::Offer {
                    request: self.answered("request", request, about)?,
                    isp_minutes,
                    time_zone,
                    start: frame.begins(about.period)?,
                    expires: frame.at(*expires)?,
                    currency: currency(of)?,
                    options: List::Items(&prices),
                    powers: List::Items(&powers),
                }]);
            }
            Body::OfferRevocation { offer } => each(&[Call::WithdrawOffer {
                offer: Self::known(&self.documents, "offer", offer)?.number,
            }]),
            Body::FlexOrder {
                about,
                offer,
                option,
                prognosis,
                price,
                currency: of,
                part_ppm,
                runs,
                ..
            } => {
                let powers = self.runs(runs)?;
                each(&[Call::Order {
                    offer: self.answered("offer", offer, about)?,
                    option: self.option(offer, option.as_deref())?,
                    part_ppm: *part_ppm,
                    isp_minutes,
                    time_zone,
                    start: frame.begins(about.period)?,
                    prognosis: Self::known(&self.prognoses, "prognosis", prognosis)?,
                    price: Money(*price),
                    currency: currency(of)?,
                    powers: List::Items(&powers),
                }]);
            }
            Body::ReservationUpdate {
                about,
                reference,
                runs,
            } => {
                let powers = self.runs(runs)?;
                each(&[Call::UpdateReservation {
                    point: self.point(about)?,
                    aggregator,
                    isp_minutes,
                    time_zone,
                    start: frame.begins(about.period)?,
                    end: frame.begins(about.period.next())?,
                    reference: *reference,
                    powers: List::Items(&powers),
                }]);
            }
            Body::FlexSettlement {
                currency: of,
                orders,
            } => {
                let paid_in = currency(of)?;
                let mut all = Vec::new();
                for order in orders {
                    let statement = order.runs.iter().map(|run| {
                        let said = (self.power(run.baseline)?, self.power(run.ordered)?);
                        let read = (self.power(run.actual)?, self.power(run.delivered)?);
                        Ok(((place(run.first), run.count), (said, read)))
                    });
                    let statement: Vec<_> = statement.collect::<Result<_, Unmapped>>()?;
                    let number = Self::known(&self.orders, "order", &order.reference)?;
                    let price = (Money(order.price), paid_in);
                    let terms = (frame.begins(order.period)?, price);
                    all.push((number, terms, statement));
                }
                for (order, terms, statement) in &all {
                    each(&[Call::Settle {
                        order: *order,
                        terms: Some(*terms),
                        statement: List::Items(statement),
                    }]);
                }
            }
            Body::Response {
                to,
                message,
                accepted,
                reason,
                ..
            } => {
                let document = match to.as_str() {
                    "FlexRequest" => Document::Request,
                    "FlexOffer" => Document::Offer,
                    _ => return Ok(()),
                };
                each(&[Call::Answer {
                    document,
                    number: Self::known(&self.documents, "message", message)?.number,
                    accepted: *accepted,
                    reason: reason.as_deref().unwrap_or_default(),
                }]);
            }
        }
        Ok(())
    }

    /// One call for the connections of each account, in one transaction.
    fn connect(
        &self,
        frame: &Frame<'_>,
        connections: &[(String, Date, Option<Date>)],
        each: &mut dyn FnMut(&[Call<'_>]),
    ) -> Result<(), Unmapped> {
        let mut of: BTreeMap<AccountId, Vec<_>> = BTreeMap::new();
        for (address, start, end) in connections {
            let found = self.connections.get(address).copied();
            let (resource, account) = found.ok_or_else(|| unknown("connection", address))?;
            let until = match end {
                // The last day is one of its own.
                Some(end) => frame.begins(end.next())?,
                None => self.open_end,
            };
            let times = (frame.begins(*start)?, until);
            of.entry(account).or_default().push((resource, times));
        }
        if !(1..=usize::from(CALLS_MAX)).contains(&of.len()) {
            return Err(Unmapped::NoWords(format!(
                "connections of {} accounts in one update: send 1 to {CALLS_MAX} in each",
                of.len()
            )));
        }
        let all = of.iter().map(|(account, connections)| Call::Connect {
            point: self.point,
            aggregator: self.aggregator,
            account: *account,
            connections: List::Items(connections),
        });
        each(&all.collect::<Vec<_>>());
        Ok(())
    }
}
