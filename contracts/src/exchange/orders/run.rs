//! A command to a book and all that follows from it: charged, checked, told and settled, or taken back.

use super::super::book::Book;
use super::super::event::{Event as Told, Reason};
use super::super::order::Side;
use super::super::reject::Reject;
use super::Exchange;
use super::event::Event;
use super::settle::{Market, Settlement};
use crate::kernel::context::Cx;
use crate::kernel::table::Slot;
use crate::receipt::Code;
use crate::tx::AccountId;

/// Who commands what.
pub(super) struct Command {
    pub(super) market: Market,
    /// The account that sends it, and where it lies; it was asked whether it may trade.
    pub(super) sender: Option<(AccountId, Slot)>,
    /// What is told before everything else.
    pub(super) first: Option<Event>,
    /// What is set aside before everything else, for whom, on which side.
    pub(super) reserved: Option<(AccountId, Side, i128)>,
}

impl Command {
    /// A command of nobody that sets nothing aside.
    pub(super) fn plain(market: Market) -> Self {
        Self {
            market,
            sender: None,
            first: None,
            reserved: None,
        }
    }

    /// Has the book do it and settles what comes of it.
    ///
    /// When an order met another one whose account may not trade now, all is taken back, the orders of that account are
    /// withdrawn, and the command is done again: so nothing goes out of an account that is shut, and whoever shuts one need not
    /// find its orders. The meter bounds how often. Each account's orders are withdrawn all or none, whatever becomes of the
    /// rest.
    ///
    /// # Errors
    /// What the book refuses; `METER_EXCEEDED`.
    pub(super) fn run(
        &self,
        cx: &mut Cx<'_>,
        work: impl Fn(&mut Book, &mut Vec<Told>) -> Result<(), Reject>,
    ) -> Result<(), Code> {
        loop {
            let mut shut = Vec::new();
            let done = cx.attempt(|cx| {
                let told = ask(cx, self.market, &work)?;
                if let Some(first) = &self.first {
                    cx.emit::<Exchange>(first)?;
                }
                let room = cx.tables::<Exchange>().0.books.sums();
                let mut settlement = Settlement::with_room(self.market, room);
                if let Some((account, slot)) = self.sender {
                    settlement.may_trade(account, slot);
                }
                if let Some((account, side, more)) = self.reserved {
                    settlement.reserve(account, side, more);
                }
                book(cx, &mut settlement, told)?;
                shut = settlement.shut(cx);
                if !shut.is_empty() {
                    return Err(Code::ACCOUNT_NOT_OPEN);
                }
                settlement.apply(cx)?;
                let books = &mut cx.tables::<Exchange>().0.books;
                books.give_back_sums(settlement.into_room());
                Ok(())
            });
            if shut.is_empty() {
                return done;
            }
            for account in shut {
                cx.attempt(|cx| withdraw_shut(cx, self.market, account))?;
            }
        }
    }
}

/// Withdraws all orders of an account that may not trade now.
pub(super) fn withdraw_shut(
    cx: &mut Cx<'_>,
    market: Market,
    account: AccountId,
) -> Result<(), Code> {
    let told = ask(cx, market, |book, told| {
        book.withdraw_all(account, usize::MAX, Reason::AccountShut, told);
        Ok(())
    })?;
    let mut settlement = Settlement::new(market);
    book(cx, &mut settlement, told)?;
    settlement.apply(cx)
}

fn ask(
    cx: &mut Cx<'_>,
    market: Market,
    work: impl Fn(&mut Book, &mut Vec<Told>) -> Result<(), Reject>,
) -> Result<Vec<Told>, Code> {
    let (tables, journal) = cx.tables::<Exchange>();
    let mut told = tables.books.sink();
    let asked = tables
        .books
        .ask(journal, market.id, |book| work(book, &mut told));
    let tried = match asked {
        Err(Code::NOT_FILLABLE) => tables.books.get(market.id)?.tried(),
        _ => 0,
    };
    // What the book met is paid for, whether or not it came to something.
    for _ in 0..tried + told.iter().filter(|event| event.is_met()).count() {
        cx.charge_maker()?;
    }
    asked.map(|()| told)
}

/// Tells what the book told, and sums it up.
fn book(cx: &mut Cx<'_>, settlement: &mut Settlement, told: Vec<Told>) -> Result<(), Code> {
    for event in &told {
        if let Some(event) = settlement.take(event)? {
            cx.emit::<Exchange>(&event)?;
        }
    }
    cx.tables::<Exchange>().0.books.give_back(told);
    Ok(())
}
