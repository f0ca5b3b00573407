//! What can be asked of the exchange.

use super::super::order::Side;
use super::super::request::Prevention;
use crate::account::Roles;
use crate::amount::{Money, Price, Quantity};
use crate::carbon::InstrumentId;
use crate::kernel::wire::List;
use crate::tx::{AccountId, Millis};

/// Who places orders.
pub(super) const TRADING: Roles = Roles::TRADER;
/// Who lists markets.
const LISTER: Roles = Roles::REGULATOR;
/// Who opens, halts and bounds them. They never trade for others.
const WATCH: Roles = Roles::REGULATOR.with(Roles::SURVEILLANCE);

crate::choices! {
    /// How long an order stands; a date is given beside it.
    pub enum ValidityKind {
        /// Until it is cancelled.
        GoodTillCancelled "good-till-cancelled",
        /// Until a time; it no longer trades at it.
        GoodTillDate "good-till-date",
        /// Until the session ends.
        Day "day",
        /// It trades what it can at once, the rest is cancelled.
        ImmediateOrCancel "immediate-or-cancel",
        /// It trades in full at once or not at all.
        FillOrKill "fill-or-kill",
        /// It takes part in the next call auction alone.
        GoodAtAuction "good-at-auction",
    }
}

/// An entry of a mass quote: number and side, limit and what is to be open of it.
pub type QuoteEntry = ((u64, Side), (Price, Quantity));

crate::calls! {
    /// What can be asked of the exchange.
    pub enum Call<'a> {
        /// Opens a market for an instrument whose units are counted. Tick, lot and scale are the instrument's.
        1 ListMarket "list-market" for Who::Roles(LISTER), on Profiles::ALL, costs 500 {
            /// Of what.
            instrument: InstrumentId,
            /// Lowest price; above zero, and high enough that a lot costs something.
            price_min: Price,
            /// Highest price; an order of the largest quantity at it fits into money.
            price_max: Price,
            /// Largest order, what was filled of it included.
            quantity_max: Quantity,
            /// Most resting orders that one order meets.
            makers_max: u32,
            /// Most stops that enter in one command.
            wakes_max: u32,
            /// Most orders in the book.
            orders_max: u32,
            /// Most orders of one account.
            account_orders_max: u32,
            /// Most stops.
            stops_max: u32,
            /// Most units an account may come to if all its bids traded.
            position_max: Option<Quantity>,
            /// Most new orders, amendments and quotes of one account in a window.
            messages_max: Option<u32>,
            /// Length of a window.
            window: Millis,
        }
        /// Places an order. Limit, market, stop, stop-limit and iceberg differ by what is given.
        2 Place "place" for Who::Roles(TRADING), on Profiles::ALL, costs 20 {
            /// Whose, which the sender represents.
            account: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// Its number; no open order of the account in this market has it.
            number: u64,
            /// Which way it trades.
            side: Side,
            /// How much in all.
            quantity: Quantity,
            /// Worst price it takes; none for market orders and stops.
            price: Option<Price>,
            /// It sleeps until a trade at this price or beyond.
            trigger: Option<Price>,
            /// Most that is shown of it at a time.
            display: Option<Quantity>,
            /// Most money it may spend; for bids without a price that are not for the auction alone.
            budget: Option<Money>,
            /// How long it stands.
            validity: ValidityKind,
            /// Until when, where it stands till a date.
            until: Option<Millis>,
            /// What happens when it meets its own holder.
            prevention: Prevention,
        }
        /// Changes an order's limit or size; the size as the new total, what was filled included, or as what is to be open.
        3 Amend "amend" for Who::Roles(TRADING), on Profiles::ALL, costs 20 {
            /// Whose, which the sender represents.
            account: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// Its number.
            number: u64,
            /// New limit.
            price: Option<Price>,
            /// New total; not with `open`.
            total: Option<Quantity>,
            /// What is to be open; not with `total`.
            open: Option<Quantity>,
        }
        /// Cancels an order, in any phase of the market and whatever the account may do.
        4 Cancel "cancel" for Who::Roles(TRADING), on Profiles::ALL, costs 10 {
            /// Whose, which the sender represents.
            account: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// Its number.
            number: u64,
        }
        /// Cancels all orders of an account in one market; none is fine too.
        5 CancelAll "cancel-all" for Who::Roles(TRADING), on Profiles::ALL, costs 10 {
            /// Whose, which the sender represents.
            account: AccountId,
            /// Of what.
            instrument: InstrumentId,
        }
        /// Places, changes and cancels many limit orders in the order given, all or none: a number that is open is amended, or
        /// cancelled with quantity zero, any other is placed good till cancelled.
        6 MassQuote "mass-quote" for Who::Roles(TRADING), on Profiles::ALL, costs 20 {
            /// Whose, which the sender represents.
            account: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// Number and side, limit and what is to be open; no number twice.
            quotes: List<'a, QuoteEntry>,
        }
        /// Stops a market; only cancellations are taken.
        7 Halt "halt" for Who::Roles(WATCH), on Profiles::ALL, costs 50 {
            /// Which.
            instrument: InstrumentId,
        }
        /// Lets a market go on as before the halt.
        8 Resume "resume" for Who::Roles(WATCH), on Profiles::ALL, costs 50 {
            /// Which.
            instrument: InstrumentId,
        }
        /// Begins a call: orders collect.
        9 OpenCall "open-call" for Who::Roles(WATCH), on Profiles::ALL, costs 50 {
            /// In which market.
            instrument: InstrumentId,
        }
        /// Ends a call: what collected trades at one price.
        10 Uncross "uncross" for Who::Roles(WATCH), on Profiles::ALL, costs 50 {
            /// In which market.
            instrument: InstrumentId,
        }
        /// Sets the band of prices, or takes it away.
        11 SetBand "set-band" for Who::Roles(WATCH), on Profiles::ALL, costs 50 {
            /// Of which market.
            instrument: InstrumentId,
            /// Lowest and highest price; none for no band.
            band: Option<(Price, Price)>,
        }
        /// Ends the session: day orders no longer trade.
        12 EndSession "end-session" for Who::Roles(WATCH), on Profiles::ALL, costs 50 {
            /// Of which market.
            instrument: InstrumentId,
        }
        /// Switches an account off in a market and withdraws its orders there.
        13 SwitchOff "switch-off" for Who::Roles(Roles::SURVEILLANCE), on Profiles::ALL, costs 50 {
            /// In which market.
            instrument: InstrumentId,
            /// Whose.
            account: AccountId,
        }
        /// Switches an account on again.
        14 SwitchOn "switch-on" for Who::Roles(Roles::SURVEILLANCE), on Profiles::ALL, costs 50 {
            /// In which market.
            instrument: InstrumentId,
            /// Whose.
            account: AccountId,
        }
    }
}
