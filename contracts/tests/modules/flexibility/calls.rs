//! The calls that tests of flexibility make: at one point, by one aggregator, mostly of one day.

use bds_contracts::amount::{Money as Amount, PPM, Watts};
use bds_contracts::energy::ResourceId;
use bds_contracts::flexibility::Call;
use bds_contracts::flexibility::call::Document;
use bds_contracts::flexibility::rules::Need;
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::{AccountId, Millis};

use super::super::energy::GRID;
use super::super::stage::EUR;
use super::{AGGREGATOR, END, EXPIRES, POINT, PRICE, START, ZONE};

pub(crate) type Runs<'a> = &'a [((u8, u8), Watts)];

/// What `connect` is called with for all time that can be said of.
pub(crate) fn connections(
    of: &[ResourceId],
    (from, until): (u64, u64),
) -> Vec<(ResourceId, (Millis, Millis))> {
    let all = of.iter();
    all.map(|id| (*id, (Millis(from), Millis(until)))).collect()
}

pub(crate) fn connect(
    account: AccountId,
    connections: &[(ResourceId, (Millis, Millis))],
) -> Call<'_> {
    Call::Connect {
        point: POINT,
        aggregator: AGGREGATOR,
        account,
        connections: List::Items(connections),
    }
}

pub(crate) fn register(penalty_ppm: u32) -> Call<'static> {
    Call::RegisterPoint {
        point: POINT,
        microgrid: GRID,
        address: "ea1.2026-11.example:1",
        time_zone: ZONE,
        penalty_ppm,
    }
}

pub(crate) fn prognosis(revision: u64, powers: Runs<'_>) -> Call<'_> {
    prognosis_of((START, END), revision, powers)
}

/// A prognosis of another day.
pub(crate) fn prognosis_of((start, end): (u64, u64), revision: u64, powers: Runs<'_>) -> Call<'_> {
    Call::SubmitPrognosis {
        point: POINT,
        aggregator: AGGREGATOR,
        isp_minutes: 15,
        time_zone: ZONE,
        start: Millis(start),
        end: Millis(end),
        revision,
        powers: List::Items(powers),
    }
}

/// A prognosis of this day in place of all that have a part of it.
pub(crate) fn replacement((start, end): (u64, u64), revision: u64, powers: Runs<'_>) -> Call<'_> {
    Call::ReplacePrognosis {
        point: POINT,
        aggregator: AGGREGATOR,
        isp_minutes: 15,
        time_zone: ZONE,
        start: Millis(start),
        end: Millis(end),
        revision,
        powers: List::Items(powers),
    }
}

pub(crate) type Needs<'a> = &'a [((u8, u8), ((Watts, Watts), Need))];

pub(crate) fn request(needs: Needs<'_>) -> Call<'_> {
    request_of((START, END), EXPIRES, needs)
}

pub(crate) fn request_of((start, end): (u64, u64), expires: u64, needs: Needs<'_>) -> Call<'_> {
    Call::Request {
        point: POINT,
        aggregator: AGGREGATOR,
        isp_minutes: 15,
        time_zone: ZONE,
        start: Millis(start),
        end: Millis(end),
        expires: Millis(expires),
        needs: List::Items(needs),
    }
}

/// Up to 40 kW more or less in each interval.
pub(crate) const ANYTHING: Needs<'static> =
    &[((0, 96), ((Watts(-40_000), Watts(40_000)), Need::Requested))];

pub(crate) type Powers<'a> = &'a [((u8, u8), (u8, Watts))];

pub(crate) fn offer<'a>(
    request: u64,
    options: &'a [(Amount, u32)],
    powers: Powers<'a>,
) -> Call<'a> {
    offer_until(request, (START, EXPIRES), options, powers)
}

/// For a day that begins then, until it expires.
pub(crate) fn offer_until<'a>(
    request: u64,
    (start, expires): (u64, u64),
    options: &'a [(Amount, u32)],
    powers: Powers<'a>,
) -> Call<'a> {
    Call::Offer {
        request,
        isp_minutes: 15,
        time_zone: ZONE,
        start: Millis(start),
        expires: Millis(expires),
        currency: EUR,
        options: List::Items(options),
        powers: List::Items(powers),
    }
}

pub(crate) const ONE: &[(Amount, u32)] = &[(Amount(PRICE), PPM)];

/// All of the first option.
pub(crate) fn order(offer: u64, prognosis: u64, powers: Runs<'_>) -> Call<'_> {
    order_on((START, prognosis), offer, (0, PPM), (PRICE, powers))
}

/// A part of an option, measured against revision 1.
pub(crate) fn order_part<'a>(offer: u64, part: (u8, u32), said: (i64, Runs<'a>)) -> Call<'a> {
    order_on((START, 1), offer, part, said)
}

/// Of a day by its start and the revision it is measured against; which option and how much of it, at which price and power.
pub(crate) fn order_on<'a>(
    (start, prognosis): (u64, u64),
    offer: u64,
    (option, part_ppm): (u8, u32),
    (price, powers): (i64, Runs<'a>),
) -> Call<'a> {
    Call::Order {
        offer,
        option,
        part_ppm,
        isp_minutes: 15,
        time_zone: ZONE,
        start: Millis(start),
        prognosis,
        price: Amount(price),
        currency: EUR,
        powers: List::Items(powers),
    }
}

pub(crate) fn withdraw(offer: u64) -> Call<'static> {
    Call::WithdrawOffer { offer }
}

pub(crate) fn answer(document: Document, number: u64, accepted: bool, reason: &str) -> Call<'_> {
    Call::Answer {
        document,
        number,
        accepted,
        reason,
    }
}

/// What stays reserved of a day.
pub(crate) fn reservation((start, end): (u64, u64), reference: u64, powers: Runs<'_>) -> Call<'_> {
    Call::UpdateReservation {
        point: POINT,
        aggregator: AGGREGATOR,
        isp_minutes: 15,
        time_zone: ZONE,
        start: Millis(start),
        end: Millis(end),
        reference,
        powers: List::Items(powers),
    }
}

pub(crate) fn settle(order: u64) -> Call<'static> {
    Call::Settle {
        order,
        terms: None,
        statement: List::Items(&[]),
    }
}
