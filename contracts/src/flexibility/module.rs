//! The module: tables, and which rule does what is asked.

use super::PointId;
use super::call::Call;
use super::event::Event;
use super::expire::Due;
use super::offer::{self, Offer};
use super::order::{self, Order};
use super::point::{self, Frame, Point};
use super::portfolio::{self, Connection};
use super::prognosis::{self, Prognosis, Reservation};
use super::request::{self, Request};
use super::settlement;
use crate::energy::ResourceId;
use crate::kernel::access::AccessSet;
use crate::kernel::context::Cx;
use crate::kernel::module::Module;
use crate::kernel::ordered::Ordered;
use crate::kernel::table::Table;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// A day of an aggregator at a congestion point, by its start.
pub type DayKey = (PointId, AccountId, Millis);

crate::tables! {
    /// What flexibility remembers.
    pub struct Tables {
        /// Congestion points by number.
        1 points: Ordered<PointId, Point>,
        /// Whose portfolio a connection is in.
        2 connections: Table<ResourceId, Connection>,
        /// Connections of each portfolio.
        3 portfolios: Ordered<(PointId, AccountId, ResourceId), ()>,
        /// Prognoses of days that are not over.
        4 prognoses: Ordered<DayKey, Prognosis>,
        /// What stays reserved on days that are not over.
        5 reservations: Ordered<DayKey, Reservation>,
        /// Requests by number, until their day is over or they are rejected.
        6 requests: Ordered<u64, Request>,
        /// Requests to each aggregator.
        7 requested: Ordered<(PointId, AccountId, u64), ()>,
        /// Offers that stand, by number.
        8 offers: Ordered<u64, Offer>,
        /// Offers to each request.
        9 offered: Ordered<(u64, u64), ()>,
        /// Orders by number, until they are forgotten.
        10 orders: Ordered<u64, Order>,
        /// Orders of each day.
        11 ordered: Ordered<(PointId, AccountId, Millis, u64), ()>,
        /// The last revision of days that were replaced, until they would have begun.
        12 replaced: Table<DayKey, u64>,
    }
}

/// The module.
pub struct Flexibility;

impl Module for Flexibility {
    const ID: u16 = 12;
    const NAME: &'static str = "flexibility";
    type Call<'a> = Call<'a>;
    type Event<'a> = Event<'a>;
    type Tables = Tables;
    // What is offered is between two; what was ordered is told.
    const CLOSED: &'static [&'static str] = &["offers"];

    fn touches(call: &Call<'_>, set: &mut AccessSet) {
        // Points name accounts that no call does.
        if !matches!(call, Call::Test { .. }) {
            set.everything();
        }
    }

    fn execute(call: &Call<'_>, cx: &mut Cx<'_>) -> Result<(), Code> {
        match *call {
            Call::RegisterPoint {
                point,
                microgrid,
                address,
                time_zone,
                penalty_ppm,
            } => point::register(cx, point, microgrid, (address, time_zone), penalty_ppm),
            Call::Connect {
                point,
                aggregator,
                account,
                connections,
            } => portfolio::connect(cx, call, point, aggregator, account, connections),
            Call::SubmitPrognosis {
                point,
                aggregator,
                isp_minutes,
                time_zone,
                start,
                end,
                revision,
                powers,
            } => {
                let said = prognosis::Said::of((point, aggregator), end, revision, powers);
                said.submit(cx, &Frame::of(isp_minutes, time_zone, start))
            }
            Call::Request {
                point,
                aggregator,
                isp_minutes,
                time_zone,
                start,
                end,
                expires,
                needs,
            } => {
                let frame = Frame::of(isp_minutes, time_zone, start);
                request::request(cx, (point, aggregator), &frame, end, expires, needs)
            }
            Call::Offer {
                request,
                isp_minutes,
                time_zone,
                start,
                expires,
                currency,
                options,
                powers,
            } => {
                let frame = Frame::of(isp_minutes, time_zone, start);
                let terms = offer::Terms {
                    expires,
                    currency,
                    options,
                    powers,
                };
                offer::offer(cx, request, &frame, &terms)
            }
            Call::Answer {
                document,
                number,
                accepted,
                reason,
            } => request::answer(cx, document, number, accepted, reason),
            Call::Order {
                offer,
                option,
                part_ppm,
                isp_minutes,
                time_zone,
                start,
                prognosis,
                price,
                currency,
                powers,
            } => {
                let frame = Frame::of(isp_minutes, time_zone, start);
                let terms = order::Terms {
                    option,
                    part_ppm,
                    prognosis,
                    price,
                    currency,
                    powers,
                };
                order::order(cx, call, offer, &frame, &terms)
            }
            Call::UpdateReservation {
                point,
                aggregator,
                isp_minutes,
                time_zone,
                start,
                end,
                reference,
                powers,
            } => {
                let frame = Frame::of(isp_minutes, time_zone, start);
                prognosis::reserve(cx, (point, aggregator), &frame, end, reference, powers)
            }
            Call::Settle {
                order,
                terms,
                statement,
            } => settlement::settle(cx, order, terms, statement),
            Call::Test {
                point,
                isp_minutes,
                time_zone,
            } => point::test(cx, point, isp_minutes, time_zone),
            Call::WithdrawOffer { offer } => offer::withdraw(cx, offer),
            Call::ReplacePrognosis {
                point,
                aggregator,
                isp_minutes,
                time_zone,
                start,
                end,
                revision,
                powers,
            } => {
                let said = prognosis::Said::of((point, aggregator), end, revision, powers);
                said.replace(cx, &Frame::of(isp_minutes, time_zone, start))
            }
        }
    }

    fn on_trigger(number: u64, data: &[u8], cx: &mut Cx<'_>) -> Result<(), Code> {
        Due::run(cx, number, data)
    }
}
