//! What happens in flexibility. What an offer asks for is told to nobody but in its order.

use super::PointId;
use super::call::Document;
use crate::amount::{Currency, Money};
use crate::energy::{MicrogridId, ResourceId};
use crate::tx::{AccountId, Millis};

crate::events! {
    /// What happens in flexibility.
    pub enum Event<'a> {
        /// A congestion point was registered.
        1 PointRegistered {
            /// Its number.
            point: PointId,
            /// Where.
            microgrid: MicrogridId,
            /// The grid operator's account.
            account: AccountId,
            /// What messages call it.
            address: &'a str,
            /// Its time zone.
            time_zone: &'a str,
            /// What is kept back for missing power, in millionths of its price.
            penalty_ppm: u32,
        }
        /// A connection is in a portfolio.
        2 Connected {
            /// Where.
            point: PointId,
            /// Whose portfolio.
            aggregator: AccountId,
            /// Whose connection.
            account: AccountId,
            /// Which.
            resource: ResourceId,
            /// From when.
            from: Millis,
            /// Until when.
            until: Millis,
        }
        /// A prognosis was submitted.
        3 PrognosisSubmitted {
            /// Where.
            point: PointId,
            /// The grid operator.
            operator: AccountId,
            /// By whom.
            aggregator: AccountId,
            /// Start of the day.
            start: Millis,
            /// Its revision.
            revision: u64,
            /// For how many connections.
            connections: u32,
        }
        /// Flexibility was asked for.
        4 FlexRequested {
            /// Number of the request.
            request: u64,
            /// Where.
            point: PointId,
            /// Who asks.
            operator: AccountId,
            /// Whom.
            aggregator: AccountId,
            /// Start of the day.
            start: Millis,
            /// First moment at which no offer is taken.
            expires: Millis,
        }
        /// Flexibility was offered.
        5 FlexOffered {
            /// Number of the offer.
            offer: u64,
            /// To which request.
            request: u64,
            /// To whom.
            operator: AccountId,
            /// Who offers.
            aggregator: AccountId,
            /// In how many options.
            options: u8,
            /// First moment at which it cannot be ordered.
            expires: Millis,
        }
        /// A request or an offer was answered.
        6 Answered {
            /// What.
            document: Document,
            /// Its number.
            number: u64,
            /// The grid operator.
            operator: AccountId,
            /// The aggregator.
            aggregator: AccountId,
            /// Whether it was accepted.
            accepted: bool,
            /// Why not.
            reason: &'a str,
        }
        /// Flexibility was ordered, and its price set aside.
        7 FlexOrdered {
            /// Number of the order.
            order: u64,
            /// Of which offer.
            offer: u64,
            /// Place of the option.
            option: u8,
            /// Who buys.
            operator: AccountId,
            /// Who sells.
            aggregator: AccountId,
            /// Start of the day.
            start: Millis,
            /// What it costs when it is delivered.
            price: Money,
            /// In what.
            currency: Currency,
        }
        /// It was said what stays reserved.
        8 ReservationUpdated {
            /// Where.
            point: PointId,
            /// By whom.
            operator: AccountId,
            /// Whose flexibility.
            aggregator: AccountId,
            /// Start of the day.
            start: Millis,
            /// Number of the update.
            reference: u64,
        }
        /// An order was settled.
        9 FlexSettled {
            /// Which.
            order: u64,
            /// Who pays.
            operator: AccountId,
            /// Who is paid.
            aggregator: AccountId,
            /// What was ordered, in watt minutes, whatever its direction.
            ordered: u64,
            /// What of it was delivered.
            delivered: u64,
            /// What is paid.
            payment: Money,
            /// In what.
            currency: Currency,
        }
        /// An offer was not ordered in time.
        10 OfferExpired {
            /// Which.
            offer: u64,
            /// To whom it was made.
            operator: AccountId,
            /// Who made it.
            aggregator: AccountId,
        }
        /// An offer was taken back.
        11 OfferWithdrawn {
            /// Which.
            offer: u64,
            /// To which request.
            request: u64,
            /// To whom it was made.
            operator: AccountId,
            /// Who made it.
            aggregator: AccountId,
        }
        /// A prognosis is no more: another one has taken its day.
        12 PrognosisReplaced {
            /// Where.
            point: PointId,
            /// The grid operator.
            operator: AccountId,
            /// Whose it was.
            aggregator: AccountId,
            /// Start of its day.
            start: Millis,
            /// Its revision.
            revision: u64,
        }
    }
}
