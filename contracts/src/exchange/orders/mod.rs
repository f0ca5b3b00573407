//! The exchange: orders of accounts in the books of markets, settled as they trade.
//!
//! What an order may come to cost is set aside when it enters, money for a bid and units for an ask, so a trade cannot fail for
//! want of them. An account that may not trade any more, since it is shut or none of its representatives is a trader, trades no
//! more from that moment: its orders are withdrawn when they are met.
//!
//! Beside the books stand block trades, which two accounts agree on, and the authority's sales by sealed bids.

mod bid;
mod block;
pub mod block_trade;
pub mod books;
pub mod call;
pub mod event;
pub mod market;
mod place;
mod reserve;
pub(crate) mod run;
pub mod sale;
mod sale_end;
mod settle;

use super::auction::Bid;
use super::order::OrderId;
use super::request::Request;
use crate::account::HolderId;
use crate::carbon::InstrumentId;
use crate::kernel::access::AccessSet;
use crate::kernel::context::{Cx, Phase};
use crate::kernel::module::Module;
use crate::kernel::ordered::Ordered;
use crate::kernel::table::Table;
use crate::receipt::Code;

pub use block_trade::BlockRule;
pub use books::Books;
pub use call::Call;
pub use event::Event;
pub use sale::{EndedSale, Sale};

crate::tables! {
    /// What the exchange remembers.
    pub struct Tables {
        /// The books of all markets.
        1 books: Books,
        /// Which block trades a market takes, if any.
        2 block_rules: Table<InstrumentId, BlockRule>,
        /// Sales that are not over, by number.
        3 sales: Ordered<u64, Sale>,
        /// Their bids by sale, account and number; the reserve is the money set aside.
        4 bids: Ordered<(u64, OrderId), Bid>,
        /// What the sales came to that ended last, by number.
        5 ended: Ordered<u64, EndedSale>,
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
    // The reserve price of a sale, and what its bids say.
    const CLOSED: &'static [&'static str] = &["sales", "bids"];
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
                set.holding(account, instrument);
                set.book(instrument);
            }
            Call::Halt { instrument }
            | Call::Resume { instrument }
            | Call::OpenCall { instrument }
            | Call::Uncross { instrument }
            | Call::SetBand { instrument, .. }
            | Call::EndSession { instrument }
            | Call::SetBlockRule { instrument, .. } => set.book(instrument),
            Call::BlockTrade {
                seller,
                buyer,
                instrument,
                ..
            } => {
                set.account(seller);
                set.account(buyer);
                set.book(instrument);
            }
            // A sale is neither account nor book, and its bids share it.
            Call::OpenSale { .. }
            | Call::Bid { .. }
            | Call::ChangeBid { .. }
            | Call::WithdrawBid { .. } => set.everything(),
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
            Call::SetBlockRule {
                instrument,
                quantity_min,
                band,
            } => block_trade::set_rule(cx, instrument, quantity_min, band),
            Call::BlockTrade {
                seller,
                buyer,
                instrument,
                quantity,
                price,
            } => {
                let trade = block_trade::Trade {
                    seller,
                    buyer,
                    instrument,
                    quantity,
                    price,
                };
                block_trade::trade(cx, call, &trade)
            }
            Call::OpenSale {
                account,
                instrument,
                volume,
                lot,
                reserve,
                opens,
                closes,
                bids_max,
                account_bids_max,
                account_max,
            } => {
                let terms = sale::Terms {
                    volume,
                    lot,
                    reserve,
                    opens,
                    closes,
                    bids_max,
                    account_bids_max,
                    account_max,
                };
                sale::open(cx, account, instrument, &terms)
            }
            Call::Bid {
                sale,
                account,
                number,
                quantity,
                price,
            } => {
                let bid = bid::Named::of(cx, sale, account, number)?;
                bid.place(cx, call, quantity, price)
            }
            Call::ChangeBid {
                sale,
                account,
                number,
                quantity,
                price,
            } => {
                let bid = bid::Named::of(cx, sale, account, number)?;
                bid.change(cx, call, quantity, price)
            }
            Call::WithdrawBid {
                sale,
                account,
                number,
            } => bid::withdraw(cx, sale, OrderId { account, number }),
        }
    }

    fn on_trigger(number: u64, data: &[u8], cx: &mut Cx<'_>) -> Result<(), Code> {
        sale_end::Due::run(cx, number, data)
    }

    fn on_block(cx: &mut Cx<'_>, phase: Phase) -> Result<(), Code> {
        match phase {
            Phase::Begin => block::begin(cx),
            Phase::End => block::end(cx),
        }
    }

    fn warm(tables: &Tables, set: &AccessSet) {
        tables.books.warm(set.books(), set.accounts());
    }
}
