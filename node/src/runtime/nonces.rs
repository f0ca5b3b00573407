//! What each sender has admitted here and not executed yet: which nonce it may use next, and how many bytes it has waiting.
//!
//! The state knows executed nonces only; a platform that pipelines would otherwise have to wait for every block. A
//! reservation that never becomes a transaction of a block (its lane was lost, say) expires, and the state's word counts again.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use bds_contracts::tx::PublicKey;

/// After this long without progress a reservation counts no more.
pub const RESERVATION_MAX: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Reserved {
    /// The nonce that the state expected last.
    executed: u64,
    /// Lengths of what is reserved from `executed` on, one a nonce.
    lengths: VecDeque<u64>,
    /// Their sum.
    bytes: u64,
    touched: Instant,
}

impl Reserved {
    fn next(&self) -> u64 {
        self.executed + self.lengths.len() as u64
    }

    /// The state has come to this nonce.
    fn advance(&mut self, executed: u64, now: Instant) {
        while self.executed < executed {
            self.executed += 1;
            let Some(length) = self.lengths.pop_front() else {
                self.executed = executed;
                break;
            };
            self.bytes -= length;
            self.touched = now;
        }
    }
}

/// Reservations by sender; at most one entry a member, so bounded by the ledger's members, and eight bytes a transaction
/// that waits, so bounded by the mempool.
#[derive(Debug, Default)]
pub struct Nonces {
    reserved: HashMap<PublicKey, Reserved>,
}

impl Nonces {
    /// The nonce expected next of `sender`, given the one the state expects, and how many bytes of the sender wait.
    pub fn pending(&mut self, sender: &PublicKey, executed: u64, now: Instant) -> (u64, u64) {
        let Some(entry) = self.reserved.get_mut(sender) else {
            return (executed, 0);
        };
        entry.advance(executed, now);
        let stale = now.duration_since(entry.touched) > RESERVATION_MAX;
        if entry.lengths.is_empty() || stale {
            self.reserved.remove(sender);
            return (executed, 0);
        }
        (entry.next(), entry.bytes)
    }

    /// The transaction with the nonce that [`pending`](Self::pending) has just given is handed on.
    pub fn reserve(&mut self, sender: &PublicKey, nonce: u64, length: u64, now: Instant) {
        let entry = self.reserved.entry(*sender).or_insert_with(|| Reserved {
            executed: nonce,
            lengths: VecDeque::new(),
            bytes: 0,
            touched: now,
        });
        entry.lengths.push_back(length);
        entry.bytes += length;
        entry.touched = now;
    }

    /// The transaction could not be handed on after all: its nonce, and every later one reserved, is free again.
    pub fn release(&mut self, sender: &PublicKey, nonce: u64) {
        let Some(entry) = self.reserved.get_mut(sender) else {
            return;
        };
        while entry.next() > nonce
            && let Some(length) = entry.lengths.pop_back()
        {
            entry.bytes -= length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reservations_run_ahead_of_the_state_and_fall_back_to_it() {
        let (mut nonces, sender, start) = (Nonces::default(), PublicKey([1; 32]), Instant::now());
        assert_eq!(nonces.pending(&sender, 5, start).0, 5);
        nonces.reserve(&sender, 5, 100, start);
        nonces.reserve(&sender, 6, 100, start);
        assert_eq!(nonces.pending(&sender, 5, start).0, 7);
        // Progress of the state keeps the reservation alive.
        let later = start + RESERVATION_MAX;
        assert_eq!(nonces.pending(&sender, 6, later).0, 7);
        assert_eq!(nonces.pending(&sender, 6, later + RESERVATION_MAX).0, 7);
        // No progress for longer: the state decides.
        assert_eq!(nonces.pending(&sender, 6, later + RESERVATION_MAX * 2).0, 6);
        // The state overtook: the reservation is gone.
        nonces.reserve(&sender, 6, 100, later);
        assert_eq!(nonces.pending(&sender, 9, later).0, 9);
    }

    #[test]
    fn bytes_wait_until_they_are_executed_released_or_forgotten() {
        let (mut nonces, sender, start) = (Nonces::default(), PublicKey([1; 32]), Instant::now());
        for (nonce, length) in (5..9).zip([100, 20, 3, 4_000]) {
            nonces.reserve(&sender, nonce, length, start);
        }
        assert_eq!(nonces.pending(&sender, 5, start), (9, 4_123));
        assert_eq!(nonces.pending(&PublicKey([2; 32]), 5, start), (5, 0));
        assert_eq!(nonces.pending(&sender, 6, start), (9, 4_023));
        nonces.release(&sender, 7);
        assert_eq!(nonces.pending(&sender, 6, start), (7, 20));
        assert_eq!(nonces.pending(&sender, 7, start), (7, 0));
        nonces.reserve(&sender, 7, 50, start);
        let late = start + RESERVATION_MAX * 2;
        assert_eq!(nonces.pending(&sender, 7, late), (7, 0));
    }
}
