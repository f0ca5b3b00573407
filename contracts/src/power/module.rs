//! The module: tables, and which rule does what is asked.

use super::ZoneId;
use super::block::{self, Block, BlockKey, Decided, Waiting};
use super::call::Call;
use super::clearing::{self, Clearing, Due};
use super::curve::{self, Curve, CurveKey, Where};
use super::event::Event;
use super::expire;
use super::intraday::PeriodId;
use super::intraday::desk::Desk;
use super::intraday::order::{self, New};
use super::intraday::period::Period;
use super::intraday::rule::{self, Rule, Zone};
use super::intraday::settle::Position;
use super::participant::Participant;
use super::session::{self, Session, Terms};
use super::settlement::{Award, AwardKey, Cleared};
use crate::exchange::OrderId;
use crate::exchange::orders::Books;
use crate::kernel::access::AccessSet;
use crate::kernel::context::{Cx, Phase};
use crate::kernel::module::Module;
use crate::kernel::ordered::Ordered;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

crate::tables! {
    /// What power remembers.
    pub struct Tables {
        /// Sessions by number, until they are forgotten.
        1 sessions: Ordered<u64, Session>,
        /// Sessions by zone and start of the day.
        2 days: Ordered<(ZoneId, Millis), u64>,
        /// Sessions that are not cleared, and how far those are whose gate closed.
        3 waiting: Ordered<u64, Option<Clearing>>,
        /// Curves of sessions that are not cleared.
        4 curves: Ordered<CurveKey, Curve>,
        /// Blocks of sessions that are not cleared.
        5 blocks: Ordered<BlockKey, Waiting>,
        /// Accounts with orders in a session, and what they came to.
        6 participants: Ordered<(u64, AccountId), Participant>,
        /// What intervals came to, by session.
        7 prices: Ordered<(u64, u8), Cleared>,
        /// What curves got.
        8 awards: Ordered<AwardKey, Award>,
        /// What blocks came to.
        9 decided: Ordered<BlockKey, Decided>,
        /// Sessions that are being forgotten.
        10 forgotten: Ordered<u64, ()>,
        /// Zones whose intervals are traded after the auction.
        11 zones: Ordered<ZoneId, Zone>,
        /// Books of intervals that are traded.
        12 books: Books<PeriodId>,
        /// Intervals that are or were traded.
        13 periods: Ordered<PeriodId, Period>,
        /// Accounts with open orders in the books of a session.
        14 desks: Ordered<(u64, AccountId), Desk>,
        /// What accounts traded in the books of intervals, by session.
        15 positions: Ordered<(u64, AccountId, u8), Position>,
    }
}

/// The module.
pub struct Power;

impl Module for Power {
    const ID: u16 = 11;
    const NAME: &'static str = "power";
    type Call<'a> = Call<'a>;
    type Event<'a> = Event;
    type Tables = Tables;
    // Orders are sealed until the gate closes, and gone when the session is cleared. What an account has set aside tells of them.
    const CLOSED: &'static [&'static str] = &["curves", "blocks", "participants"];
    const PHASES: bool = true;

    fn touches(_: &Call<'_>, set: &mut AccessSet) {
        // Every order changes its session, or a book that is none of the exchange's.
        set.everything();
    }

    fn execute(call: &Call<'_>, cx: &mut Cx<'_>) -> Result<(), Code> {
        match *call {
            Call::OpenSession {
                zone,
                start,
                end,
                gate,
                price_min,
                price_max,
                tick,
                lot,
                currency,
                steps_max,
                blocks_max,
                account_blocks_max,
            } => {
                let terms = Terms {
                    price_min,
                    price_max,
                    tick,
                    lot,
                    currency,
                    steps_max,
                    blocks_max,
                    account_blocks_max,
                };
                session::open(cx, zone, (start, end), gate, terms)
            }
            Call::SubmitCurve {
                session,
                account,
                side,
                first,
                count,
                steps,
            } => {
                let curve = Where {
                    session,
                    account,
                    side,
                    first,
                    count,
                };
                curve::submit(cx, call, curve, steps)
            }
            Call::WithdrawCurve {
                session,
                account,
                side,
                first,
                count,
            } => {
                let curve = Where {
                    session,
                    account,
                    side,
                    first,
                    count,
                };
                curve::withdraw(cx, curve)
            }
            Call::SubmitBlock {
                session,
                account,
                number,
                side,
                first,
                count,
                energy,
                price,
                least_ppm,
                parent,
                group,
            } => {
                let block = Block {
                    side,
                    first,
                    count,
                    energy,
                    price,
                    least_ppm,
                    parent,
                    group,
                };
                block::submit(cx, call, (session, account, number), block)
            }
            Call::WithdrawBlock {
                session,
                account,
                number,
            } => block::withdraw(cx, (session, account, number)),
            Call::CancelSession { session } => session::cancel(cx, session),
            Call::SetIntraday {
                zone,
                lead,
                price_min,
                price_max,
                energy_max,
                makers_max,
                orders_max,
                account_orders_max,
                books_max,
            } => {
                let rule = Rule {
                    lead,
                    price_min,
                    price_max,
                    energy_max,
                    makers_max,
                    orders_max,
                    account_orders_max,
                    books_max,
                };
                rule::set(cx, zone, rule)
            }
            Call::PlaceOrder {
                session,
                interval,
                account,
                number,
                side,
                energy,
                price,
                display,
                standing,
                prevention,
            } => {
                let new = New {
                    id: OrderId { account, number },
                    side,
                    energy,
                    price,
                    display,
                    standing,
                    prevention,
                };
                order::place(cx, call, (session, interval), &new)
            }
            Call::AmendOrder {
                session,
                interval,
                account,
                number,
                price,
                energy,
            } => {
                let order = OrderId { account, number };
                order::amend(cx, call, (session, interval), order, price, energy)
            }
            Call::CancelOrder {
                session,
                interval,
                account,
                number,
            } => order::cancel(cx, (session, interval), OrderId { account, number }),
            Call::CancelOrders {
                session,
                account,
                interval,
            } => order::cancel_all(cx, session, interval, account),
            Call::WithdrawOrders {
                session,
                account,
                interval,
            } => order::withdraw_all(cx, session, interval, account),
        }
    }

    fn on_trigger(number: u64, data: &[u8], cx: &mut Cx<'_>) -> Result<(), Code> {
        Due::run(cx, number, data)
    }

    fn on_block(cx: &mut Cx<'_>, phase: Phase) -> Result<(), Code> {
        match phase {
            Phase::Begin => Ok(()),
            Phase::End => {
                // By itself, so that it goes on whatever becomes of the rest; and what fails here is left for the next block.
                cx.attempt(expire::expire).ok();
                clearing::work(cx)
            }
        }
    }
}
