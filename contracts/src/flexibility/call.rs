//! What can be asked of flexibility.

use super::PointId;
use super::rules::{Needs, Runs, Statement};
use crate::account::Roles;
use crate::amount::{Currency, Money, Watts};
use crate::energy::{MicrogridId, ResourceId};
use crate::kernel::wire::List;
use crate::tx::{AccountId, Millis};

/// Who buys.
const OPERATOR: Roles = Roles::GRID_OPERATOR;
/// Who sells.
const AGGREGATOR: Roles = Roles::AGGREGATOR;
/// Either.
const PARTY: Roles = OPERATOR.with(AGGREGATOR);

crate::choices! {
    /// What is answered.
    pub enum Document {
        /// A request, by the aggregator.
        Request "request",
        /// An offer, by the grid operator.
        Offer "offer",
    }
}

crate::calls! {
    /// What can be asked of flexibility.
    pub enum Call<'a> {
        /// Registers a congestion point of a microgrid: its account buys, in its currency and in intervals of its length. For a
        /// representative of that account.
        1 RegisterPoint "register-point" for Who::Roles(OPERATOR), on Profiles::DESIGNATED, costs 50 {
            /// Its number.
            point: PointId,
            /// Where.
            microgrid: MicrogridId,
            /// What messages call it.
            address: &'a str,
            /// Name of the time zone at whose midnight its days begin.
            time_zone: &'a str,
            /// What is kept back besides for power that was ordered and is missing, in millionths of its price.
            penalty_ppm: u32,
        }
        /// Says that connections of one account are in an aggregator's portfolio from when until when, in place of what was said of
        /// each before. Whom the sender does not represent endorses it.
        2 Connect "connect" for Who::Roles(AGGREGATOR), on Profiles::DESIGNATED, costs 20 {
            /// At which congestion point.
            point: PointId,
            /// The aggregator, whom the sender represents.
            aggregator: AccountId,
            /// Whose connections.
            account: AccountId,
            /// Which, from when until when.
            connections: List<'a, (ResourceId, (Millis, Millis))>,
        }
        /// Says what an aggregator's connections will do on a day without flexibility, until it begins. A higher revision replaces what was said
        /// of the same day.
        3 SubmitPrognosis "submit-prognosis" for Who::Roles(AGGREGATOR), on Profiles::DESIGNATED, costs 50 {
            /// Where.
            point: PointId,
            /// The aggregator, whom the sender represents.
            aggregator: AccountId,
            /// Length of an interval, in minutes.
            isp_minutes: u16,
            /// The point's time zone.
            time_zone: &'a str,
            /// Start of the day.
            start: Millis,
            /// Its end.
            end: Millis,
            /// Higher than the last one's.
            revision: u64,
            /// Power in every interval.
            powers: Runs<'a>,
        }
        /// Asks an aggregator for flexibility. For a representative of the point's account.
        4 Request "request" for Who::Roles(OPERATOR), on Profiles::DESIGNATED, costs 50 {
            /// Where.
            point: PointId,
            /// Whom.
            aggregator: AccountId,
            /// Length of an interval, in minutes.
            isp_minutes: u16,
            /// The point's time zone.
            time_zone: &'a str,
            /// Start of the day.
            start: Millis,
            /// Its end.
            end: Millis,
            /// First moment at which no offer is taken.
            expires: Millis,
            /// First interval and how many; the least and the most power more, and whether that is wanted.
            needs: Needs<'a>,
        }
        /// Offers flexibility that was asked for, in options.
        5 Offer "offer" for Who::Roles(AGGREGATOR), on Profiles::DESIGNATED, costs 50 {
            /// Which request.
            request: u64,
            /// Length of an interval, in minutes.
            isp_minutes: u16,
            /// The point's time zone.
            time_zone: &'a str,
            /// Start of the day.
            start: Millis,
            /// First moment at which it cannot be ordered; no later than its first interval with power begins.
            expires: Millis,
            /// The point's currency.
            currency: Currency,
            /// Price of each option, and the least part of it that can be ordered, in millionths.
            options: List<'a, (Money, u32)>,
            /// Place of an option and first interval; how many, and the power more in each of them.
            powers: List<'a, ((u8, u8), (u8, Watts))>,
        }
        /// Answers a request, as its aggregator, or an offer, as its grid operator. What is rejected is over.
        6 Answer "answer" for Who::Roles(PARTY), on Profiles::DESIGNATED, costs 20 {
            /// What is answered.
            document: Document,
            /// Its number.
            number: u64,
            /// Whether it is accepted.
            accepted: bool,
            /// Why not; or a remark, which may be empty.
            reason: &'a str,
        }
        /// Orders an option of an offer, once, and sets its price aside. For a representative of the point's account.
        7 Order "order" for Who::Roles(OPERATOR), on Profiles::DESIGNATED, costs 50 {
            /// Which offer.
            offer: u64,
            /// Place of the option.
            option: u8,
            /// Which part of it, in millionths.
            part_ppm: u32,
            /// Length of an interval, in minutes.
            isp_minutes: u16,
            /// The point's time zone.
            time_zone: &'a str,
            /// Start of the day.
            start: Millis,
            /// Revision of the prognosis that delivery is measured against.
            prognosis: u64,
            /// That part of the option's price, truncated.
            price: Money,
            /// The point's currency.
            currency: Currency,
            /// That part of the option's power in each interval, truncated toward zero.
            powers: Runs<'a>,
        }
        /// Says which flexibility of a contract stays reserved on a day. Later updates of the day only release some of it. For a
        /// representative of the point's account.
        8 UpdateReservation "update-reservation" for Who::Roles(OPERATOR), on Profiles::DESIGNATED, costs 20 {
            /// Where.
            point: PointId,
            /// Whose flexibility.
            aggregator: AccountId,
            /// Length of an interval, in minutes.
            isp_minutes: u16,
            /// The point's time zone.
            time_zone: &'a str,
            /// Start of the day.
            start: Millis,
            /// Its end.
            end: Millis,
            /// Higher than the last one's.
            reference: u64,
            /// Power that stays reserved in each interval.
            powers: Runs<'a>,
        }
        /// Settles an order by the readings of its connections, once all of them are there. For either side.
        9 Settle "settle" for Who::Roles(PARTY), on Profiles::DESIGNATED, costs 50 {
            /// Which order.
            order: u64,
            /// Start of its day, its price and currency, as the sender believes: refused where the order says otherwise.
            terms: Option<(Millis, (Money, Currency))>,
            /// What the sender believes was foreseen and ordered, and measured in all and delivered of what was ordered, in each of
            /// some intervals: refused where the order or the meters say otherwise. Empty to believe them.
            statement: Statement<'a>,
        }
        /// Asks whether an interval's length and a time zone are the point's. Changes nothing.
        10 Test "test" for Who::Roles(PARTY), on Profiles::DESIGNATED, costs 5 {
            /// Which point.
            point: PointId,
            /// Length of an interval, in minutes.
            isp_minutes: Option<u16>,
            /// Name of a time zone.
            time_zone: Option<&'a str>,
        }
        /// Takes back an offer of which nothing was ordered. For a representative of the aggregator's account.
        11 WithdrawOffer "withdraw-offer" for Who::Roles(AGGREGATOR), on Profiles::DESIGNATED, costs 20 {
            /// Which.
            offer: u64,
        }
        /// As `submit-prognosis`, in place of every prognosis of the aggregator here that has a part of this day: where a day was told with
        /// a wrong beginning or end, and nothing of it was ordered.
        12 ReplacePrognosis "replace-prognosis" for Who::Roles(AGGREGATOR), on Profiles::DESIGNATED, costs 50 {
            /// Where.
            point: PointId,
            /// The aggregator, whom the sender represents.
            aggregator: AccountId,
            /// Length of an interval, in minutes.
            isp_minutes: u16,
            /// The point's time zone.
            time_zone: &'a str,
            /// Start of the day.
            start: Millis,
            /// Its end.
            end: Millis,
            /// Higher than that of each that is replaced.
            revision: u64,
            /// Power in every interval.
            powers: Runs<'a>,
        }
    }
}
