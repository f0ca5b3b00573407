//! The way back from every change of a book, and what was changed since a mark.
//!
//! Each change left its inverse; `Store::undo_to` takes them back in reverse. That works without copies of queues: an order
//! that left keeps the links it had, and they are right again once all later changes are undone.

use super::order::OrderId;
use super::slab::{Links, NIL, Node, Place};
use super::store::{Standing, Store};
use crate::tx::AccountId;

/// The inverse of a change.
#[derive(Debug, Clone, Copy)]
pub(super) enum Undo {
    Inserted(u32, OrderId),
    Removed(u32, Node, Links, Option<i64>),
    Changed(u32, Node),
    Moved(u32, Node, Links),
    Account(AccountId, Standing),
}

impl Store {
    /// Turns the journal on, and says where it stands.
    pub(super) fn mark(&mut self) -> usize {
        self.journal = true;
        self.undo.len()
    }

    /// Turns the journal off and forgets it.
    pub(super) fn forget(&mut self) {
        self.journal = false;
        self.undo.clear();
    }

    /// Takes back every change since the mark.
    pub(super) fn undo_to(&mut self, mark: usize) {
        while self.undo.len() > mark {
            let Some(undo) = self.undo.pop() else { return };
            match undo {
                Undo::Inserted(slot, _) => {
                    self.detach(slot);
                    self.slab.free(slot);
                }
                Undo::Removed(slot, node, links, budget) => {
                    // Correctness: slots are given out last in, first out, so it is this one.
                    let again = self.slab.vacant();
                    self.slab[again] = Node {
                        account: NIL,
                        ..node
                    };
                    debug_assert_eq!(again, slot);
                    self.slab.queue[again] = links;
                    let hash = self.hash(node.id);
                    self.attach(again, hash, budget, true);
                }
                Undo::Changed(slot, before) => {
                    let now = self.slab[slot];
                    self.slab[slot] = Node {
                        account: now.account,
                        ..before
                    };
                    self.recount(slot, &now);
                }
                Undo::Moved(slot, before, links) => {
                    let now = self.slab[slot];
                    let key = self.key_of(&now);
                    let ladder = &mut self.ladders[now.side as usize];
                    ladder.unlink(&mut self.slab.queue, key, slot, now.visible);
                    self.slab[slot] = Node {
                        account: now.account,
                        ..before
                    };
                    self.slab.queue[slot] = links;
                    ladder.relink(&mut self.slab.queue, key, slot, before.visible);
                }
                Undo::Account(account, before) => self.set_standing(account, before),
            }
        }
    }

    /// The bound on money that an order had when this step of the journal changed it.
    pub(super) fn budget_at(&self, step: usize, node: &Node) -> Option<i64> {
        if node.place == Place::Ladder {
            return None;
        }
        // An order keeps its bound as long as it is here.
        let left = self.undo[step..].iter().find_map(|later| match later {
            Undo::Removed(_, gone, _, budget) if gone.id == node.id => Some(*budget),
            _ => None,
        });
        left.unwrap_or_else(|| self.entry(node.id).and_then(|(_, budget)| budget))
    }
}
