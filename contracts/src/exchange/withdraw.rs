//! How orders leave a book without a trade: cancelled, withdrawn, or switched off.

use super::book::Book;
use super::event::{Event, Reason, Reduced, Sink};
use super::order::OrderId;
use super::reject::Reject;
use super::slab::Place;
use crate::amount::Quantity;
use crate::tx::AccountId;

impl Book {
    /// Cancels what is open of an order, in any phase.
    ///
    /// # Errors
    /// [`Reject::UnknownOrder`].
    #[inline]
    pub fn cancel<S: Sink>(&mut self, id: OrderId, sink: &mut S) -> Result<Quantity, Reject> {
        let slot = self.store.find(id).ok_or(Reject::UnknownOrder)?;
        Ok(self.withdraw(slot, Reason::Cancelled, sink))
    }

    /// Cancels up to `most` of an account's orders by number, in any phase; returns how many are left.
    ///
    /// Cost: `O(n log n)` in the account's orders, of which there are at most `Rules::account_orders_max`.
    pub fn cancel_all<S: Sink>(&mut self, account: AccountId, most: usize, sink: &mut S) -> usize {
        self.withdraw_all(account, most, Reason::Cancelled, sink)
    }

    /// Takes out up to `most` of an account's orders by number, in any phase, and tells this reason; returns how many are
    /// left.
    pub fn withdraw_all<S: Sink>(
        &mut self,
        account: AccountId,
        most: usize,
        reason: Reason,
        sink: &mut S,
    ) -> usize {
        let slots = self.store.orders_of(account);
        for slot in slots.iter().take(most) {
            self.withdraw(*slot, reason, sink);
        }
        slots.len().saturating_sub(most)
    }

    /// Turns an account's kill switch on: nothing of it trades from now on. Cancels up to `most` of its orders and
    /// returns how many are left; call again to withdraw those.
    pub fn kill<S: Sink>(&mut self, account: AccountId, most: usize, sink: &mut S) -> usize {
        self.store.set_killed(account, true);
        self.withdraw_all(account, most, Reason::Killed, sink)
    }

    /// Turns an account's kill switch off, after withdrawing up to `most` orders that are still there.
    ///
    /// Returns how many are left: the switch is off only when none is, so that no order comes back to life.
    pub fn revive<S: Sink>(&mut self, account: AccountId, most: usize, sink: &mut S) -> usize {
        if !self.is_killed(account) {
            return 0;
        }
        let left = self.withdraw_all(account, most, Reason::Killed, sink);
        if left == 0 {
            self.store.set_killed(account, false);
        }
        left
    }

    /// Whether an account's kill switch is on.
    #[must_use]
    pub fn is_killed(&self, account: AccountId) -> bool {
        self.store
            .account(account)
            .is_some_and(|record| self.store.record(record).killed)
    }

    /// Takes an order out and tells why.
    #[inline]
    pub(super) fn withdraw<S: Sink>(
        &mut self,
        slot: u32,
        reason: Reason,
        sink: &mut S,
    ) -> Quantity {
        let node = &self.store.slab[slot];
        let quantity = Quantity(node.open());
        let (place, side, price, visible) = (node.place, node.side, node.price, node.visible);
        let reduced = Event::Reduced(Reduced {
            id: node.id,
            side: node.side,
            quantity,
            open: Quantity::ZERO,
            reserve: node.reserve,
            reason,
        });
        self.store.remove(slot);
        self.tell(sink, &reduced);
        if place == Place::Ladder {
            self.tell_shown(side, price, -i128::from(visible), sink);
        }
        quantity
    }

    // What is in it.
}
