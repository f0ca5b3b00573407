//! What an order sets aside, in the one number that a book carries along with it.

use super::super::order::Side;
use super::super::request::{Request, Validity};
use crate::amount::{Money, Price};
use crate::receipt::Code;

/// What a bid sets aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reserve {
    /// Its open quantity at this price.
    At(Price),
    /// A lump of money, out of which it pays.
    Lump(Money),
}

impl Reserve {
    /// As the book carries it: a price is above zero, a lump is below.
    #[inline]
    pub(super) fn of_bid(carried: i64) -> Self {
        if carried >= 0 {
            Self::At(Price(carried))
        } else {
            // Correctness: a lump is a positive amount turned round.
            Self::Lump(Money(carried.saturating_neg()))
        }
    }

    #[inline]
    fn carried(self) -> i64 {
        match self {
            Self::At(price) => price.0,
            Self::Lump(money) => -money.0,
        }
    }
}

/// What the book carries for a new order; an ask sets its units aside, whatever this says.
///
/// A bid for the auction alone without a price may trade at any price of the market, so it sets aside for the highest.
///
/// # Errors
/// `MAX_CASH_INVALID` for another bid with neither price nor budget.
pub(super) fn carried(request: &Request, price_max: Price) -> Result<i64, Code> {
    if request.side == Side::Sell {
        return Ok(0);
    }
    let reserve = match (request.price, request.budget) {
        (Some(price), _) => Reserve::At(price),
        (None, Some(budget)) => Reserve::Lump(budget),
        (None, None) if request.validity == Validity::GoodAtAuction => Reserve::At(price_max),
        (None, None) => return Err(Code::MAX_CASH_INVALID),
    };
    Ok(reserve.carried())
}
