//! Which nonce each sender may use next, counting what is admitted here and not executed yet.
//!
//! The state knows executed nonces only; a platform that pipelines would otherwise have to wait for every block. A
//! reservation that never becomes a transaction of a block (its lane was lost, say) expires, and the state's word counts again.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bds_contracts::tx::PublicKey;

/// After this long without progress a reservation counts no more.
pub const RESERVATION_MAX: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy)]
struct Reserved {
    next: u64,
    executed: u64,
    touched: Instant,
}

/// Reservations by sender; at most one entry a member, so bounded by the ledger's members.
#[derive(Debug, Default)]
pub struct Nonces {
    reserved: HashMap<PublicKey, Reserved>,
}

impl Nonces {
    /// The nonce expected next of `sender`, given the one the state expects.
    pub fn expected(&mut self, sender: &PublicKey, executed: u64, now: Instant) -> u64 {
        let Some(entry) = self.reserved.get_mut(sender) else {
            return executed;
        };
        if executed > entry.executed {
            entry.executed = executed;
            entry.touched = now;
        }
        let stale = now.duration_since(entry.touched) > RESERVATION_MAX;
        if executed >= entry.next || stale {
            self.reserved.remove(sender);
            return executed;
        }
        entry.next
    }

    /// The transaction with the expected nonce was handed on.
    pub fn reserve(&mut self, sender: &PublicKey, nonce: u64, executed: u64, now: Instant) {
        self.reserved.insert(
            *sender,
            Reserved {
                next: nonce + 1,
                executed,
                touched: now,
            },
        );
    }

    /// The transaction could not be handed on after all: its nonce, and every later one reserved, is free again.
    pub fn release(&mut self, sender: &PublicKey, nonce: u64) {
        if let Some(entry) = self.reserved.get_mut(sender)
            && entry.next > nonce
        {
            entry.next = nonce;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reservations_run_ahead_of_the_state_and_fall_back_to_it() {
        let (mut nonces, sender, start) = (Nonces::default(), PublicKey([1; 32]), Instant::now());
        assert_eq!(nonces.expected(&sender, 5, start), 5);
        nonces.reserve(&sender, 5, 5, start);
        nonces.reserve(&sender, 6, 5, start);
        assert_eq!(nonces.expected(&sender, 5, start), 7);
        // Progress of the state keeps the reservation alive.
        let later = start + RESERVATION_MAX;
        assert_eq!(nonces.expected(&sender, 6, later), 7);
        assert_eq!(nonces.expected(&sender, 6, later + RESERVATION_MAX), 7);
        // No progress for longer: the state decides.
        assert_eq!(nonces.expected(&sender, 6, later + RESERVATION_MAX * 2), 6);
        // The state overtook: the reservation is gone.
        nonces.reserve(&sender, 6, 6, later);
        assert_eq!(nonces.expected(&sender, 9, later), 9);
    }
}
