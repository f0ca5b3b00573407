//! The exchange: orders of accounts in the books of markets, settled as they trade.
//!
//! What an order may come to cost is set aside when it enters, money for a bid and units for an ask, so a trade cannot fail for
//! want of them. An account that may not trade any more, since it is shut or none of its representatives is a trader, trades no
//! more from that moment: its orders are withdrawn when they are met.

mod block;
pub mod books;
pub mod call;
pub mod event;
pub mod market;
mod place;
mod reserve;
mod run;
mod settle;

use super::order::OrderId;
use super::request::Request;
use crate::account::HolderId;
use crate::kernel::access::AccessSet;
use crate::kernel::context::{Cx, Phase};
use crate::kernel::module::Module;
use crate::receipt::Code;

pub use books::Books;
pub use call::Call;
pub use event::Event;

crate::tables! {
    /// What the exchange remembers.
    pub struct Tables {
        /// The books of all markets.
        1 books: Books,
    }
}

/// The module.
pub struct Exchange;

impl Module for Exchange {
    const ID: u16 = 4;
    const NAME: &'static str = "exchange";
    type Call<'a> = Call<'a>;
    type Event<'a> = Event;
    type Tables = Tables;
    const PHASES: bool = true;

    fn touches(call: &Call<'_>, set: &mut AccessSet) {
        match *call {
            // It reads the instrument that everyone shares.
            Call::ListMarket { .. } => set.everything(),
            Call::Place {
                account,
                instrument,
                ..
            }
            | Call::Amend {
                account,
                instrument,
                ..
            }
            | Call::Cancel {
                account,
                instrument,
                ..
            }
            | Call::CancelAll {
                account,
                instrument,
            }
            | Call::MassQuote {
                account,
                instrument,
                ..
            }
            | Call::SwitchOff {
                account,
                instrument,
            }
            | Call::SwitchOn {
                account,
                instrument,
            } => {
                set.account(account);
                set.book(instrument);
            }
            Call::Halt { instrument }
            | Call::Resume { instrument }
            | Call::OpenCall { instrument }
            | Call::Uncross { instrument }
            | Call::SetBand { instrument, .. }
            | Call::EndSession { instrument } => set.book(instrument),
        }
    }

    fn execute(call: &Call<'_>, cx: &mut Cx<'_>) -> Result<(), Code> {
        match *call {
            Call::ListMarket {
                instrument,
                price_min,
                price_max,
                quantity_max,
                makers_max,
                wakes_max,
                orders_max,
                account_orders_max,
                stops_max,
                position_max,
                messages_max,
                window,
            } => {
                let limits = market::Limits {
                    price_min,
                    price_max,
                    quantity_max,
                    makers_max,
                    wakes_max,
                    orders_max,
                    account_orders_max,
                    stops_max,
                    position_max,
                    messages_max,
                    window: window.0,
                };
                market::list(cx, instrument, &limits)
            }
            Call::Place {
                account,
                instrument,
                number,
                side,
                quantity,
                price,
                trigger,
                display,
                budget,
                validity,
                until,
                prevention,
            } => {
                let trader = place::Trader::of(cx, call, account, instrument)?;
                let request = Request {
                    id: OrderId { account, number },
                    // The account's, as its position and what it sets aside.
                    holder: HolderId(0),
                    side,
                    price,
                    trigger,
                    quantity,
                    display,
                    validity: place::validity(validity, until)?,
                    prevention,
                    reserve: 0,
                    budget,
                    position: 0,
                };
                trader.place(cx, &request, true)
            }
            Call::Amend {
                account,
                instrument,
                number,
                price,
                total,
                open,
            } => {
                let trader = place::Trader::of(cx, call, account, instrument)?;
                let size = place::size(total, open)?;
                trader.amend(cx, number, price, size, true)
            }
            Call::Cancel {
                account,
                instrument,
                number,
            } => {
                let market = place::to_cancel(cx, account, instrument)?;
                place::cancel(cx, market, OrderId { account, number })
            }
            Call::CancelAll {
                account,
                instrument,
            } => {
                let market = place::to_cancel(cx, account, instrument)?;
                place::cancel_all(cx, market, account)
            }
            Call::MassQuote {
                account,
                instrument,
                quotes,
            } => place::Trader::of(cx, call, account, instrument)?.quote(cx, quotes),
            Call::Halt { instrument } => market::halt(cx, instrument),
            Call::Resume { instrument } => market::resume(cx, instrument),
            Call::OpenCall { instrument } => market::open_call(cx, instrument),
            Call::Uncross { instrument } => market::uncross(cx, instrument),
            Call::SetBand { instrument, band } => market::set_band(cx, instrument, band),
            Call::EndSession { instrument } => market::end_session(cx, instrument),
            Call::SwitchOff {
                instrument,
                account,
            } => market::switch_off(cx, instrument, account),
            Call::SwitchOn {
                instrument,
                account,
            } => market::switch_on(cx, instrument, account),
        }
    }

    fn on_block(cx: &mut Cx<'_>, phase: Phase) -> Result<(), Code> {
        match phase {
            Phase::Begin => block::begin(cx),
            Phase::End => block::end(cx),
        }
    }
}
