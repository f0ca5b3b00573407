//! What can be asked of the day-ahead market, and of the intraday books that follow it.

use super::ZoneId;
use super::intraday::Standing;
use super::rules::MEMBER;
use crate::account::Roles;
use crate::amount::{Currency, Price, WattHours};
use crate::exchange::Side;
use crate::exchange::request::Prevention;
use crate::kernel::wire::List;
use crate::tx::{AccountId, Millis};

crate::calls! {
    /// What can be asked of the day-ahead market, and of the intraday books that follow it.
    pub enum Call<'a> {
        /// Opens the session of a zone's delivery day. It takes orders at once, and is cleared by itself after its gate closed.
        1 OpenSession "open-session" for Who::Roles(Roles::MARKET_OPERATOR), on Profiles::DESIGNATED, costs 100 {
            /// Which zone.
            zone: ZoneId,
            /// Start of the day, a whole quarter of an hour in UTC, within 31 days.
            start: Millis,
            /// Its end: 23, 24 or 25 hours later.
            end: Millis,
            /// First moment at which no order is taken; not after the start.
            gate: Millis,
            /// Lowest price of an order, which may be negative; also the price of an interval with nothing to buy.
            price_min: Price,
            /// Highest price of an order; above the lowest.
            price_max: Price,
            /// Prices are multiples of this; above zero.
            tick: u32,
            /// Energies are multiples of this; above zero.
            lot: WattHours,
            /// What is paid in.
            currency: Currency,
            /// Most steps of all curves, counted in each interval; an account has a quarter of them at most.
            steps_max: u32,
            /// Most blocks of the session.
            blocks_max: u32,
            /// Most blocks of an account.
            account_blocks_max: u32,
        }
        /// Hands in an account's curve to buy or to sell in each of 1, 2 or 4 intervals, in place of the one it has there.
        2 SubmitCurve "submit-curve" for Who::Roles(MEMBER), on Profiles::DESIGNATED, costs 20 {
            /// Which session.
            session: u64,
            /// Whose, whom the sender represents.
            account: AccountId,
            /// Which way it trades.
            side: Side,
            /// The first interval, counted from 0; a multiple of `count`.
            first: u8,
            /// How many intervals it holds for, each for itself: 1, 2 or 4.
            count: u8,
            /// Price and how much more is bought or sold at it; prices fall when it buys and rise when it sells.
            steps: List<'a, (Price, WattHours)>,
        }
        /// Takes an account's curve back in each of these intervals.
        3 WithdrawCurve "withdraw-curve" for Who::Roles(MEMBER), on Profiles::DESIGNATED, costs 20 {
            /// Which session.
            session: u64,
            /// Whose, whom the sender represents.
            account: AccountId,
            /// Which way it trades.
            side: Side,
            /// The first interval.
            first: u8,
            /// How many; above zero.
            count: u8,
        }
        /// Hands in a block: the same energy in each of some intervals, all of them or none; in place of the one of this number.
        4 SubmitBlock "submit-block" for Who::Roles(MEMBER), on Profiles::DESIGNATED, costs 30 {
            /// Which session.
            session: u64,
            /// Whose, whom the sender represents.
            account: AccountId,
            /// Its number among the account's blocks.
            number: u32,
            /// Which way it trades.
            side: Side,
            /// The first interval.
            first: u8,
            /// How many intervals; above zero.
            count: u8,
            /// Energy in each.
            energy: WattHours,
            /// The average price it takes: the highest to buy at, the lowest to sell at.
            price: Price,
            /// Which part of it must be accepted at least, in millionths; 1,000,000 for all or nothing.
            least_ppm: u32,
            /// A block of the account with a lower number, without which this one is not accepted.
            parent: Option<u32>,
            /// An exclusive group of the account: of its blocks one is accepted at most.
            group: Option<u32>,
        }
        /// Takes a block back. One that others are linked to stays.
        5 WithdrawBlock "withdraw-block" for Who::Roles(MEMBER), on Profiles::DESIGNATED, costs 20 {
            /// Which session.
            session: u64,
            /// Whose, whom the sender represents.
            account: AccountId,
            /// Its number.
            number: u32,
        }
        /// Takes a session back that nobody has orders in and whose gate is open. For whoever opened it.
        6 CancelSession "cancel-session" for Who::Roles(Roles::MARKET_OPERATOR), on Profiles::DESIGNATED, costs 20 {
            /// Which session.
            session: u64,
        }
        /// Says by which rule the intervals of a zone are traded once their auction is cleared. It holds for books that are opened from
        /// then on. All zones together have no more than 4,096 books.
        7 SetIntraday "set-intraday" for Who::Roles(Roles::MARKET_OPERATOR), on Profiles::DESIGNATED, costs 50 {
            /// Which zone.
            zone: ZoneId,
            /// How many milliseconds before delivery begins the gate of an interval closes: a day at most.
            lead: Millis,
            /// Lowest price of an order, which may be negative.
            price_min: Price,
            /// Highest price of an order; above the lowest.
            price_max: Price,
            /// Most energy of an order.
            energy_max: WattHours,
            /// Most resting orders that one order meets.
            makers_max: u32,
            /// Most orders in a book.
            orders_max: u32,
            /// Most open orders of an account in a session.
            account_orders_max: u32,
            /// Most open books of the zone; at 0 no more are opened.
            books_max: u32,
        }
        /// Places an order in the book of an interval, whose gate is open and whose auction is cleared.
        8 PlaceOrder "place-order" for Who::Roles(MEMBER), on Profiles::DESIGNATED, costs 40 {
            /// Which session.
            session: u64,
            /// Which of its intervals.
            interval: u8,
            /// Whose, whom the sender represents.
            account: AccountId,
            /// Its number; no open order of the account in this book has it.
            number: u64,
            /// Which way it trades.
            side: Side,
            /// How much in all.
            energy: WattHours,
            /// The highest price to buy at, the lowest to sell at.
            price: Price,
            /// Most that is shown of it at a time; left out, all is.
            display: Option<WattHours>,
            /// How long it stands.
            standing: Standing,
            /// What happens when it meets its own holder.
            prevention: Prevention,
        }
        /// Changes an open order. With the same price and no more energy it keeps its place in time.
        9 AmendOrder "amend-order" for Who::Roles(MEMBER), on Profiles::DESIGNATED, costs 40 {
            /// Which session.
            session: u64,
            /// Which of its intervals.
            interval: u8,
            /// Whose, whom the sender represents.
            account: AccountId,
            /// Its number.
            number: u64,
            /// Its new price; left out, it stays.
            price: Option<Price>,
            /// What is to be open of it; left out, it stays.
            energy: Option<WattHours>,
        }
        /// Cancels an open order.
        10 CancelOrder "cancel-order" for Who::Roles(MEMBER), on Profiles::DESIGNATED, costs 20 {
            /// Which session.
            session: u64,
            /// Which of its intervals.
            interval: u8,
            /// Whose, whom the sender represents.
            account: AccountId,
            /// Its number.
            number: u64,
        }
        /// Cancels all open orders of an account in a session, or in one of its intervals.
        11 CancelOrders "cancel-orders" for Who::Roles(MEMBER), on Profiles::DESIGNATED, costs 20 {
            /// Which session.
            session: u64,
            /// Whose, whom the sender represents.
            account: AccountId,
            /// In this interval alone; left out, in all.
            interval: Option<u8>,
        }
        /// Withdraws all open orders of an account that may not trade any more, in a session or in one of its intervals. Where one of them
        /// is met they go by themselves; this is for books in which there are too many such accounts for one order to meet.
        12 WithdrawOrders "withdraw-orders" for Who::Roles(Roles::MARKET_OPERATOR), on Profiles::DESIGNATED, costs 20 {
            /// Which session.
            session: u64,
            /// Whose.
            account: AccountId,
            /// In this interval alone; left out, in all.
            interval: Option<u8>,
        }
    }
}
