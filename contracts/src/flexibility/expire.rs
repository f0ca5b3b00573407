//! What is over: prognoses, reservations and requests with their day, what was replaced when it would have begun, offers at their time,
//! orders 31 days after their day.

use borsh::{BorshDeserialize, BorshSerialize};

use super::PointId;
use super::event::Event;
use super::module::Flexibility;
use super::{offer, request, settlement};
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// What flexibility leaves for later.
#[derive(Debug, Clone, Copy, BorshSerialize, BorshDeserialize)]
pub(super) enum Due {
    /// The prognosis of this day is forgotten.
    Prognosis(PointId, AccountId, Millis),
    /// What was reserved on this day is forgotten.
    Reservation(PointId, AccountId, Millis),
    /// The request of the trigger's own number is forgotten.
    Request,
    /// The offer of the trigger's own number expires.
    Offer,
    /// The order of the trigger's own number is settled if nobody did, and forgotten.
    Order,
    /// The day that was replaced begins, and none that does can be told any more.
    Replaced(PointId, AccountId, Millis),
}

impl Due {
    pub(super) fn run(cx: &mut Cx<'_>, trigger: u64, data: &[u8]) -> Result<(), Code> {
        match borsh::from_slice(data).map_err(|_| Code::MALFORMED)? {
            Self::Prognosis(point, aggregator, start) => {
                let (tables, journal) = cx.tables::<Flexibility>();
                let key = (point, aggregator, start);
                tables.prognoses.remove(journal, &key).map(|_| ())
            }
            Self::Reservation(point, aggregator, start) => {
                let (tables, journal) = cx.tables::<Flexibility>();
                let key = (point, aggregator, start);
                tables.reservations.remove(journal, &key).map(|_| ())
            }
            Self::Request => request::remove(cx, trigger),
            Self::Offer => {
                let offer = offer::remove(cx, trigger)?;
                let point = cx.read::<Flexibility>().point(offer.point)?;
                let operator = point.account;
                cx.emit::<Flexibility>(&Event::OfferExpired {
                    offer: trigger,
                    operator,
                    aggregator: offer.aggregator,
                })
            }
            Self::Order => settlement::end(cx, trigger),
            Self::Replaced(point, aggregator, start) => {
                let (tables, journal) = cx.tables::<Flexibility>();
                let key = (point, aggregator, start);
                tables.replaced.remove(journal, &key).map(|_| ())
            }
        }
    }
}
