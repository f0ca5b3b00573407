//! A command to the book of a period and all that follows from it: charged, checked, told and settled, or taken back.

use super::super::event::Event;
use super::super::module::Power;
use super::PeriodId;
use super::settle::Settlement;
use crate::exchange::book::Book;
use crate::exchange::event::{Event as Told, Reason};
use crate::exchange::order::OrderId;
use crate::exchange::reject::Reject;
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::AccountId;

/// Who commands what.
pub(super) struct Command {
    pub(super) id: PeriodId,
    /// The order that is on its way by it; its account was asked whether it may trade.
    pub(super) taker: Option<OrderId>,
    /// What is told before everything else.
    pub(super) first: Option<Event>,
    /// What is set aside for the order before everything else.
    pub(super) aside: i128,
}

impl Command {
    /// A command that brings no order and sets nothing aside.
    pub(super) fn plain(id: PeriodId) -> Self {
        Self {
            id,
            taker: None,
            first: None,
            aside: 0,
        }
    }

    /// Has the book do it and settles what comes of it.
    ///
    /// When an order met another one whose account may not trade now, all is taken back, the orders of that account in this book
    /// are withdrawn, and the command is done again: so nothing goes out of an account that is shut. The meter bounds how often.
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
                let mut settlement = Settlement::new(self.id, self.taker);
                let before = self.rests(cx);
                let told = ask(cx, self.id, &work)?;
                if let Some(first) = &self.first {
                    cx.emit::<Power>(first)?;
                }
                if let Some(taker) = self.taker {
                    let more = i64::from(self.rests(cx)) - i64::from(before);
                    settlement.add(taker.account, self.aside, more);
                }
                tell(cx, &mut settlement, told)?;
                shut = settlement.shut(cx);
                if !shut.is_empty() {
                    return Err(Code::ACCOUNT_NOT_OPEN);
                }
                settlement.apply(cx)
            });
            if shut.is_empty() {
                return done;
            }
            for account in shut {
                cx.attempt(|cx| withdraw_shut(cx, self.id, account))?;
            }
        }
    }

    /// Whether the order is in the book.
    fn rests(&self, cx: &Cx<'_>) -> bool {
        let book = cx.read::<Power>().books.get(self.id);
        let rests = |book: &Book| self.taker.is_some_and(|id| book.order(id).is_some());
        book.is_ok_and(rests)
    }
}

/// Withdraws all orders of an account that may not trade now.
fn withdraw_shut(cx: &mut Cx<'_>, id: PeriodId, account: AccountId) -> Result<(), Code> {
    let told = ask(cx, id, |book, told| {
        book.withdraw_all(account, usize::MAX, Reason::AccountShut, told);
        Ok(())
    })?;
    let mut settlement = Settlement::new(id, None);
    tell(cx, &mut settlement, told)?;
    settlement.apply(cx)
}

fn ask(
    cx: &mut Cx<'_>,
    id: PeriodId,
    work: impl Fn(&mut Book, &mut Vec<Told>) -> Result<(), Reject>,
) -> Result<Vec<Told>, Code> {
    let (tables, journal) = cx.tables::<Power>();
    let mut told = tables.books.sink();
    let asked = tables.books.ask(journal, id, |book| work(book, &mut told));
    let tried = match asked {
        Err(Code::NOT_FILLABLE) => tables.books.get(id)?.tried(),
        _ => 0,
    };
    // What the book met is paid for, whether or not it came to something.
    for _ in 0..tried + told.iter().filter(|event| event.is_met()).count() {
        cx.charge_maker()?;
    }
    asked.map(|()| told)
}

/// Tells what the book told, and sums it up.
fn tell(cx: &mut Cx<'_>, settlement: &mut Settlement, told: Vec<Told>) -> Result<(), Code> {
    for event in &told {
        if let Some(event) = settlement.take(event)? {
            cx.emit::<Power>(&event)?;
        }
    }
    cx.tables::<Power>().0.books.give_back(told);
    Ok(())
}
