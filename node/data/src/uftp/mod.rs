//! UFTP: the messages of the Universal Smart Energy Framework between a grid operator and an aggregator, read into values.
//!
//! Version 3 of the protocol, without its signed envelope. Read are flexibility's own messages, the update of a portfolio, test
//! messages and the answers to all of them. Numbers become integers digit by digit. What a message says wrongly about the length of an
//! interval or the time zone is kept as it is, for whoever it is meant for to refuse; what cannot be read at all is refused here.

mod read;

use crate::moment::{Date, Local};

/// Most connections, options, orders or runs of a message.
pub const ITEMS_MAX: usize = 1_024;
/// Most elements of a message. A settlement of a month with 16 orders a day and 100 runs in each has 50,097.
pub const ELEMENTS_MAX: usize = 65_536;

/// A run of intervals with the same power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The first interval, counted from 1.
    pub first: u8,
    /// How many.
    pub count: u8,
    /// In the message's unit; above zero where it is consumed.
    pub power: i64,
}

/// A run of intervals that something is asked for in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// The first interval, counted from 1.
    pub first: u8,
    /// How many.
    pub count: u8,
    /// The least and the most power.
    pub range: (i64, i64),
    /// Whether it is wanted, or would only do no harm.
    pub requested: bool,
}

/// One way in which flexibility is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferOption {
    /// What an order calls it.
    pub reference: Option<String>,
    /// In millionths of the currency.
    pub price: i64,
    /// Least part of it that can be ordered, in millionths.
    pub least_ppm: u32,
    /// Its powers.
    pub runs: Vec<Run>,
}

/// A run of intervals of a settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettledRun {
    /// The first interval, counted from 1.
    pub first: u8,
    /// How many.
    pub count: u8,
    /// What was foreseen.
    pub baseline: i64,
    /// What was ordered more than that.
    pub ordered: i64,
    /// What was measured.
    pub actual: i64,
    /// What was delivered of what was ordered.
    pub delivered: i64,
}

/// What is said of an order when it is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderSettlement {
    /// Which order.
    pub reference: String,
    /// Which day.
    pub period: Date,
    /// In millionths of the currency.
    pub price: i64,
    /// Interval by interval.
    pub runs: Vec<SettledRun>,
}

/// A day at a congestion point that a message is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Which day.
    pub period: Date,
    /// Entity address of the congestion point.
    pub point: String,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Nothing: whether it arrives is the question.
    Test,
    /// Which connections an aggregator has: address, first day, last day.
    PortfolioUpdate(Vec<(String, Date, Option<Date>)>),
    /// What an aggregator's connections will do.
    Prognosis {
        /// Of which day and where.
        about: About,
        /// Its revision.
        revision: u64,
        /// Powers.
        runs: Vec<Run>,
    },
    /// What a grid operator asks for.
    FlexRequest {
        /// For which day and where.
        about: About,
        /// Its revision.
        revision: u64,
        /// Until when it can be answered.
        expires: Local,
        /// What is asked for.
        needs: Vec<Need>,
    },
    /// What an aggregator offers.
    FlexOffer {
        /// For which day and where.
        about: About,
        /// Message of the request.
        request: String,
        /// Until when it can be ordered.
        expires: Local,
        /// Currency of the prices.
        currency: String,
        /// In which ways.
        options: Vec<OfferOption>,
    },
    /// Takes an offer back.
    OfferRevocation {
        /// Message of the offer.
        offer: String,
    },
    /// What a grid operator orders.
    FlexOrder {
        /// For which day and where.
        about: About,
        /// Message of the offer.
        offer: String,
        /// Which option of it, by its reference.
        option: Option<String>,
        /// Message of the prognosis it is measured against.
        prognosis: String,
        /// What later messages call the order.
        reference: String,
        /// In millionths of the currency.
        price: i64,
        /// Currency of the price.
        currency: String,
        /// Which part of the option, in millionths.
        part_ppm: u32,
        /// Powers.
        runs: Vec<Run>,
    },
    /// What stays reserved of a contract.
    ReservationUpdate {
        /// For which day and where.
        about: About,
        /// Number of the update.
        reference: u64,
        /// Powers.
        runs: Vec<Run>,
    },
    /// What orders came to.
    FlexSettlement {
        /// Currency of the prices.
        currency: String,
        /// Order by order.
        orders: Vec<OrderSettlement>,
    },
    /// An answer.
    Response {
        /// To which kind of message: `FlexRequest`, `D-Prognosis`.
        to: String,
        /// To which message.
        message: String,
        /// Whether it was accepted.
        accepted: bool,
        /// Why not.
        reason: Option<String>,
        /// Of a settlement: reference of each order, and whether it is accepted.
        orders: Vec<(String, bool)>,
    },
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who sends it.
    pub sender: String,
    /// To whom.
    pub recipient: String,
    /// Its own id.
    pub id: String,
    /// Id of the conversation.
    pub conversation: String,
    /// When it was sent, by the clock of its zone.
    pub sent: Local,
    /// Length of an interval in minutes; 0 for what is no duration.
    pub isp_minutes: Option<u16>,
    /// Name of the time zone.
    pub time_zone: Option<String>,
    /// What it says.
    pub body: Body,
}
