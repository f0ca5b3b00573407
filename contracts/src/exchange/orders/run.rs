//! A command to a book and all that follows from it: charged, checked, told and settled, or taken back.
//!
//! Several modules keep books. What is done with a book is the same in each, so it is written once, here; what a trade comes to in a
//! module is what its [`Follows`] says.

use super::super::book::Book;
use super::super::event::{Event as Told, Reason};
use super::super::reject::Reject;
use super::books::Books;
use crate::kernel::context::Cx;
use crate::kernel::module::Module;
use crate::kernel::table::Key;
use crate::receipt::Code;
use crate::tx::AccountId;

/// What one command comes to in the module whose book it was given to. Everything that it does to an account is summed up first
/// and written once.
pub(crate) trait Follows: Sized {
    /// The module.
    type In: Module;
    /// What its books go by.
    type Id: Key + Copy;
    /// What settling needs to know of a book.
    type Market: Copy;
    /// An order on its way, and what it sets aside; its account was asked whether it may trade.
    type Order;

    /// What the book goes by.
    fn id(market: &Self::Market) -> Self::Id;

    /// The module's books.
    fn books(tables: &mut <Self::In as Module>::Tables) -> &mut Books<Self::Id>;

    /// Nothing yet, once the book has done its part.
    fn empty(cx: &mut Cx<'_>, market: &Self::Market, order: Option<&Self::Order>) -> Self;

    /// Takes in what the book told, and says it in the words of the ledger.
    ///
    /// # Errors
    /// `OVERFLOW` for an amount out of range.
    fn take(&mut self, told: &Told) -> Result<Option<EventOf<Self>>, Code>;

    /// Accounts that trade although they may not: none of their representatives may, or they are not open. The one that sent the
    /// order was asked before.
    fn shut(&mut self, cx: &Cx<'_>) -> Vec<AccountId>;

    /// Writes it down: each account once.
    ///
    /// # Errors
    /// `METER_EXCEEDED`; `OVERFLOW` never, since everything was set aside before.
    fn apply(&self, cx: &mut Cx<'_>) -> Result<(), Code>;

    /// It is written down.
    fn done(self, _: &mut Cx<'_>) {}
}

/// An event of the module.
pub(crate) type EventOf<F> = <<F as Follows>::In as Module>::Event<'static>;

/// Who commands what.
pub(crate) struct Command<F: Follows> {
    pub(crate) market: F::Market,
    /// The order that is on its way by it.
    pub(crate) order: Option<F::Order>,
    /// What is told before everything else.
    pub(crate) first: Option<EventOf<F>>,
}

impl<F: Follows> Command<F> {
    /// A command that brings no order.
    pub(crate) fn plain(market: F::Market) -> Self {
        Self {
            market,
            order: None,
            first: None,
        }
    }

    /// Has the book do it and settles what comes of it.
    ///
    /// When an order met another one whose account may not trade now, all is taken back, the orders of that account in this book
    /// are withdrawn, and the command is done again: so nothing goes out of an account that is shut, and whoever shuts one need
    /// not find its orders. The meter bounds how often. Each account's orders are withdrawn all or none, whatever becomes of the
    /// rest.
    ///
    /// # Errors
    /// What the book refuses; `METER_EXCEEDED`.
    pub(crate) fn run(
        &self,
        cx: &mut Cx<'_>,
        work: impl Fn(&mut Book, &mut Vec<Told>) -> Result<(), Reject>,
    ) -> Result<(), Code> {
        loop {
            let mut shut = Vec::new();
            let done = cx.attempt(|cx| {
                let told = ask::<F>(cx, &self.market, &work)?;
                if let Some(first) = &self.first {
                    cx.emit::<F::In>(first)?;
                }
                let mut follows = F::empty(cx, &self.market, self.order.as_ref());
                tell(cx, &mut follows, told)?;
                shut = follows.shut(cx);
                if !shut.is_empty() {
                    return Err(Code::ACCOUNT_NOT_OPEN);
                }
                follows.apply(cx)?;
                follows.done(cx);
                Ok(())
            });
            if shut.is_empty() {
                return done;
            }
            for account in shut {
                cx.attempt(|cx| Self::withdraw_shut(cx, &self.market, account))?;
            }
        }
    }

    /// Withdraws all orders of an account that may not trade now.
    ///
    /// # Errors
    /// `METER_EXCEEDED`.
    pub(crate) fn withdraw_shut(
        cx: &mut Cx<'_>,
        market: &F::Market,
        account: AccountId,
    ) -> Result<(), Code> {
        let told = ask::<F>(cx, market, |book, told| {
            book.withdraw_all(account, usize::MAX, Reason::AccountShut, told);
            Ok(())
        })?;
        let mut follows = F::empty(cx, market, None);
        tell(cx, &mut follows, told)?;
        follows.apply(cx)?;
        follows.done(cx);
        Ok(())
    }
}

fn ask<F: Follows>(
    cx: &mut Cx<'_>,
    market: &F::Market,
    work: impl Fn(&mut Book, &mut Vec<Told>) -> Result<(), Reject>,
) -> Result<Vec<Told>, Code> {
    let id = F::id(market);
    let (tables, journal) = cx.tables::<F::In>();
    let books = F::books(tables);
    let mut told = books.sink();
    let asked = books.ask(journal, id, |book| work(book, &mut told));
    let tried = match asked {
        Err(Code::NOT_FILLABLE) => books.get(id)?.tried(),
        _ => 0,
    };
    // What the book met is paid for, whether or not it came to something.
    for _ in 0..tried + told.iter().filter(|event| event.is_met()).count() {
        cx.charge_maker()?;
    }
    asked.map(|()| told)
}

/// Tells what the book told, and sums it up.
fn tell<F: Follows>(cx: &mut Cx<'_>, follows: &mut F, told: Vec<Told>) -> Result<(), Code> {
    for event in &told {
        if let Some(event) = follows.take(event)? {
            cx.emit::<F::In>(&event)?;
        }
    }
    F::books(cx.tables::<F::In>().0).give_back(told);
    Ok(())
}
