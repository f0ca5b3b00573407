//! The module: tables, and which rule does what is asked.

use super::call::Call;
use super::dispute::{self, Dispute, Voice};
use super::epcis::{self, Recorded};
use super::event::Event;
use super::goods::{Goods, Holder, Step, StepKind};
use super::gs1::EventId;
use super::handover::{self, Offer};
use super::name::GoodsId;
use super::product::{self, Measure, Product, Validity};
use super::recall::{self, Recall};
use super::register::{self, Facts, Rejects, Tag};
use super::sale;
use super::sale::Shown;
use super::sensor::{self, Reading};
use super::source::{self, Seen};
use super::{unit, verify};
use crate::kernel::access::AccessSet;
use crate::kernel::context::Cx;
use crate::kernel::member::MemberId;
use crate::kernel::module::Module;
use crate::kernel::ordered::Ordered;
use crate::kernel::table::Table;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

crate::tables! {
    /// What retail remembers.
    pub struct Tables {
        /// When manufacturers may register, by account.
        1 manufacturers: Table<AccountId, Validity>,
        /// Certified products by code.
        2 products: Table<u64, Product>,
        /// How many items and lots were registered under a code.
        3 used: Table<u64, u64>,
        /// The least and the most that goods of a product may be exposed to.
        4 limits: Table<(u64, Measure), (i64, i64)>,
        /// Refused registrations by sender.
        5 rejects: Table<MemberId, Rejects>,
        /// Goods by name.
        6 goods: Table<GoodsId, Goods>,
        /// What is remembered of the registration of items and lots.
        7 facts: Table<GoodsId, Facts>,
        /// The last steps of goods, by their number's remainder.
        8 steps: Table<(GoodsId, u8), Step>,
        /// Offers by what is offered.
        9 offers: Table<GoodsId, Offer>,
        /// The last proof of an item's last consumer.
        10 proofs: Table<GoodsId, Shown>,
        /// What lies in units.
        11 contents: Ordered<(u64, GoodsId), ()>,
        /// What was made of goods.
        12 made_into: Ordered<(GoodsId, GoodsId), ()>,
        /// What goods were made of.
        13 made_of: Ordered<(GoodsId, GoodsId), ()>,
        /// EPCIS events by their hash.
        14 events: Table<EventId, Recorded>,
        /// The same by the time they are forgotten.
        15 event_times: Ordered<(Millis, EventId), ()>,
        /// Events to come, with the one that each corrects.
        16 corrections: Table<EventId, EventId>,
        /// The last excursions of goods, by their number's remainder.
        17 excursions: Table<(GoodsId, u8), Reading>,
        /// Recalls by number.
        18 recalls: Table<u64, Recall>,
        /// Goods from which a recall has still to go on, with the last it went to.
        19 to_walk: Ordered<(u64, GoodsId), Option<GoodsId>>,
        /// Disputes by number.
        20 disputes: Ordered<u64, Dispute>,
        /// Those without a verdict by what they are about.
        21 open_disputes: Ordered<(GoodsId, u64), ()>,
        /// Those with one by the time they are forgotten.
        22 closed_disputes: Ordered<(Millis, u64), ()>,
        /// Numbers given out, by what for.
        23 counters: Table<u8, u64>,
    }
}

/// Counter of recalls.
pub(super) const COUNTER_RECALLS: u8 = 0;
/// Counter of disputes.
pub(super) const COUNTER_DISPUTES: u8 = 1;

/// The next number of a counter, from 1.
pub(super) fn count(cx: &mut Cx<'_>, counter: u8) -> Result<u64, Code> {
    let (tables, journal) = cx.tables::<Retail>();
    let last = tables.counters.get(&counter).copied().unwrap_or(0);
    let next = last.checked_add(1).ok_or(Code::OVERFLOW)?;
    tables.counters.set(journal, counter, next)?;
    Ok(next)
}

/// The module.
pub struct Retail;

impl Module for Retail {
    const ID: u16 = 7;
    const NAME: &'static str = "retail";
    type Call<'a> = Call<'a>;
    type Event<'a> = Event<'a>;
    type Tables = Tables;

    fn touches(_: &Call<'_>, set: &mut AccessSet) {
        // Goods are no accounts, and two calls about the same ones must keep their order.
        set.everything();
    }

    fn execute(call: &Call<'_>, cx: &mut Cx<'_>) -> Result<(), Code> {
        match *call {
            Call::AuthoriseManufacturer { account, from, to } => {
                product::authorise(cx, account, Validity { from, to })
            }
            Call::CertifyCode {
                code,
                scheme,
                owner,
                quota,
                content,
                yield_ppm,
                certificate,
            } => {
                let new = Product {
                    owner,
                    scheme,
                    quota,
                    content,
                    yield_ppm,
                    is_withdrawn: false,
                    certificate,
                };
                product::certify(cx, code, new)
            }
            Call::WithdrawCode { code, reason } => product::withdraw(cx, code, reason),
            Call::SetLimits {
                code,
                measure,
                low,
                high,
            } => product::set_limits(cx, code, measure, (low, high)),
            Call::RegisterProduct {
                account,
                code,
                serial,
                name,
                lot,
                place,
                metadata,
            } => {
                let tag = Tag {
                    account,
                    code,
                    serial,
                    name,
                    lot,
                    place,
                    metadata,
                };
                register::product(cx, &tag)
            }
            Call::CreateLot {
                account,
                code,
                serial,
                quantity,
                place,
                metadata,
            } => {
                let tag = Tag {
                    account,
                    code,
                    serial,
                    name: "",
                    lot: "",
                    place,
                    metadata,
                };
                register::lot(cx, &tag, quantity)
            }
            Call::OfferStep {
                account,
                goods,
                to,
                kind,
                document,
                until,
            } => {
                let offer = Offer {
                    to: Holder::Account(to),
                    kind,
                    document,
                    until,
                };
                handover::offer(cx, call, account, goods, to, offer)
            }
            Call::AcceptStep {
                account,
                goods,
                place,
                time,
            } => handover::accept(cx, account, goods, place, time),
            Call::WithdrawOffer { account, goods } => handover::withdraw(cx, account, goods),
            Call::OfferSale {
                account,
                goods,
                pseudonym,
                document,
                until,
            } => {
                let offer = Offer {
                    to: Holder::Consumer(pseudonym),
                    kind: StepKind::Sell,
                    document,
                    until,
                };
                sale::offer(cx, call, account, goods, offer)
            }
            Call::AcceptSale { goods, proof } => sale::accept(cx, goods, proof),
            Call::ReturnProduct {
                account,
                goods,
                proof,
                place,
                time,
                document,
            } => {
                let event = EventId(document);
                let seen = Seen { place, time, event };
                sale::take_back(cx, account, goods, proof, seen)
            }
            Call::Pack {
                account,
                unit,
                goods,
                place,
                time,
                event,
            } => unit::pack(cx, account, unit, goods, Seen { place, time, event }),
            Call::Unpack {
                account,
                unit,
                goods,
                place,
                time,
                event,
            } => unit::unpack(cx, account, unit, goods, Seen { place, time, event }),
            Call::Transform {
                account,
                inputs,
                outputs,
                place,
                time,
                event,
            } => {
                let seen = Seen { place, time, event };
                source::transform(cx, account, (inputs, outputs), seen)
            }
            Call::RecordEvent {
                account,
                kind,
                action,
                goods,
                place,
                time,
                event,
            } => {
                let seen = Seen { place, time, event };
                epcis::observe(cx, account, (kind, action), goods, seen)
            }
            Call::DeclareError {
                account,
                event,
                reason,
                corrective,
            } => epcis::declare_error(cx, account, event, reason, corrective),
            Call::ReportSensor {
                account,
                goods,
                product,
                measure,
                low,
                high,
                from,
                to,
                document,
            } => {
                let reading = Reading {
                    product,
                    measure,
                    low,
                    high,
                    from,
                    to,
                    document,
                };
                sensor::report(cx, account, goods, reading)
            }
            Call::Recall {
                account,
                goods,
                reason,
                notice,
            } => recall::open(cx, account, goods, reason, notice),
            Call::OpenDispute {
                account,
                proof,
                goods,
                respondent,
                evidence,
            } => dispute::open(cx, Voice { account, proof }, goods, respondent, evidence),
            Call::AddEvidence {
                dispute,
                account,
                proof,
                evidence,
            } => dispute::add_evidence(cx, dispute, Voice { account, proof }, evidence),
            Call::CloseDispute {
                dispute,
                upheld,
                liable,
                verdict,
            } => dispute::close(cx, dispute, upheld, liable, verdict),
            Call::VerifyTag {
                goods,
                holder,
                place,
                time,
            } => verify::tag(cx, goods, holder, place, time),
        }
    }

    fn on_trigger(_: u64, data: &[u8], cx: &mut Cx<'_>) -> Result<(), Code> {
        recall::walk(cx, data)
    }
}
