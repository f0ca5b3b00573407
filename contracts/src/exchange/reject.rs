//! Why a command to an order book or an auction changed nothing.

use crate::receipt::Code;

macro_rules! rejects {
    ($($(#[doc = $text:literal])* $name:ident => $code:ident;)*) => {
        /// A refusal. Whoever gets one finds the book as it was, byte for byte.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Reject {
            $($(#[doc = $text])* $name,)*
        }

        impl Reject {
            /// Every refusal there is.
            pub const ALL: &[Reject] = &[$(Reject::$name),*];

            /// Its number in the table of result codes, which never changes.
            #[must_use]
            pub fn code(self) -> Code {
                match self {
                    $(Reject::$name => Code::$code,)*
                }
            }
        }
    };
}

rejects! {
    /// The quantity is zero.
    QuantityZero => QUANTITY_ZERO;
    /// The quantity is not a multiple of the lot.
    QuantityNotLot => QUANTITY_NOT_LOT;
    /// The quantity is above the largest allowed, or would be with what was filled.
    QuantityTooLarge => QUANTITY_TOO_LARGE;
    /// The price is out of range, off the tick, or given where there is none.
    PriceInvalid => PRICE_INVALID;
    /// The trigger of a stop is out of range or off the tick.
    TriggerInvalid => TRIGGER_INVALID;
    /// This kind of order and this validity do not go together.
    OrderInvalid => ORDER_INVALID;
    /// The displayed quantity is zero, off the lot, above the whole, or given where nothing rests.
    DisplayInvalid => DISPLAY_INVALID;
    /// A bound on money is only for market bids and must be positive.
    MaxCashInvalid => MAX_CASH_INVALID;
    /// The order would end at or before the present.
    ExpiryInvalid => EXPIRY_INVALID;
    /// The price is outside the band.
    OutsidePriceBand => OUTSIDE_PRICE_BAND;
    /// The account's kill switch is on.
    AccountKilled => ACCOUNT_KILLED;
    /// The account sent as many messages as it may in this window.
    MessageLimit => MESSAGE_LIMIT;
    /// The account has as many open orders as it may.
    OrderLimit => ORDER_LIMIT;
    /// The position would pass its limit if all open orders traded.
    PositionLimit => POSITION_LIMIT;
    /// An open order has this number.
    OrderNumberUsed => ORDER_NUMBER_USED;
    /// There is no such open order.
    UnknownOrder => UNKNOWN_ORDER;
    /// The book holds as many orders as it may.
    BookFull => BOOK_FULL;
    /// A fill-or-kill order could not be filled at once.
    NotFillable => NOT_FILLABLE;
    /// The new total is not above what was filled.
    AmendInvalid => AMEND_INVALID;
    /// The list is empty, too long, or names a number twice.
    TooMany => TOO_MANY;
    /// Trading is halted.
    MarketHalted => MARKET_HALTED;
    /// The market is in another phase.
    WrongPhase => WRONG_PHASE;
    /// The time given is before the last one.
    TimeBack => TIME_BACK;
    /// A limit or a rule is out of range.
    RuleInvalid => RULE_INVALID;
    /// The auction takes no bids now.
    AuctionClosed => AUCTION_CLOSED;
    /// There is no such bid.
    UnknownBid => UNKNOWN_BID;
    /// The number of the bid is taken.
    BidNumberUsed => BID_NUMBER_USED;
}

impl From<Reject> for Code {
    fn from(reject: Reject) -> Self {
        reject.code()
    }
}
