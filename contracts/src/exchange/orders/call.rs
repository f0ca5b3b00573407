//! What can be asked of the exchange.
//!
//! Calls are part of the chain, so what a call says is open to whoever reads blocks: a sealed bid and a reserve price too. See
//! [`sale`](super::sale).

use super::super::order::Side;
use super::super::request::Prevention;
use crate::account::Roles;
use crate::amount::{Money, Price, Quantity};
use crate::carbon::InstrumentId;
use crate::kernel::wire::List;
use crate::tx::{AccountId, Millis};

/// Who places orders.
pub(super) const TRADING: Roles = Roles::TRADER;
/// Who lists markets and opens sales.
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
        /// Says which block trades a market takes, or that it takes none. Until then it takes none.
        15 SetBlockRule "set-block-rule" for Who::Roles(WATCH), on Profiles::ALL, costs 50 {
            /// Which market.
            instrument: InstrumentId,
            /// Least quantity of a trade; none for no block trades.
            quantity_min: Option<Quantity>,
            /// Lowest and highest price of block trades, in place of the market's band; none where the market's band holds.
            band: Option<(Price, Price)>,
        }
        /// Settles at once what two accounts agreed on off the book. The sender represents one of them, and whoever represents
        /// the other endorses this call.
        16 BlockTrade "block-trade" for Who::Roles(TRADING), on Profiles::ALL, costs 40 {
            /// Who gives units.
            seller: AccountId,
            /// Who gives money.
            buyer: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// How much.
            quantity: Quantity,
            /// At which price.
            price: Price,
        }
        /// Opens a sale of an account's units by sealed bids at one price. Its number is in its event.
        17 OpenSale "open-sale" for Who::Roles(LISTER), on Profiles::ALL, costs 100 {
            /// Whose units: an account of the authority or of auctions.
            account: AccountId,
            /// Of what; units that are counted.
            instrument: InstrumentId,
            /// How many: all of them are sold or none.
            volume: Quantity,
            /// Bids are multiples of this, which is one of the instrument's lot.
            lot: Quantity,
            /// The sale is cancelled when it would clear below this price. No event tells it.
            reserve: Price,
            /// First moment at which bids are taken.
            opens: Millis,
            /// First moment at which they no longer are.
            closes: Millis,
            /// Most bids.
            bids_max: u32,
            /// Most bids of one account.
            account_bids_max: u32,
            /// Most that the bids of one account may add up to.
            account_max: Quantity,
        }
        /// Places a bid in a sale. No event tells its price or quantity before the sale is over.
        18 Bid "bid" for Who::Roles(TRADING), on Profiles::ALL, costs 20 {
            /// In which sale.
            sale: u64,
            /// Whose, which the sender represents.
            account: AccountId,
            /// Its number; no other bid of the account in this sale has it.
            number: u64,
            /// How much.
            quantity: Quantity,
            /// Most that is paid for a contract unit; money is set aside for it.
            price: Price,
        }
        /// Changes a bid while the sale takes bids.
        19 ChangeBid "change-bid" for Who::Roles(TRADING), on Profiles::ALL, costs 20 {
            /// In which sale.
            sale: u64,
            /// Whose, which the sender represents.
            account: AccountId,
            /// Its number.
            number: u64,
            /// How much from now on.
            quantity: Quantity,
            /// Most that is paid from now on.
            price: Price,
        }
        /// Withdraws a bid while the sale takes bids, whatever the account may do.
        20 WithdrawBid "withdraw-bid" for Who::Roles(TRADING), on Profiles::ALL, costs 10 {
            /// In which sale.
            sale: u64,
            /// Whose, which the sender represents.
            account: AccountId,
            /// Its number.
            number: u64,
        }
    }
}
