//! What each sender has admitted here and not executed yet: which nonces are taken, and how many bytes it has waiting.
//!
//! The ledger knows executed nonces only; a platform that pipelines would otherwise have to wait for every block. A
//! reservation that never becomes a transaction of a block (its lane was lost, say) expires, and the ledger's word counts
//! again.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use bds_contracts::kernel::nonce::{Nonces as Used, WINDOW};
use bds_contracts::receipt::Code;
use bds_contracts::tx::PublicKey;

use super::tracker::Key;

/// After this long without progress a reservation counts no more.
pub const RESERVATION_MAX: Duration = Duration::from_secs(10);

/// A transaction that was handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Its nonce.
    pub nonce: u64,
    /// Its bytes in a batch.
    pub length: u64,
    /// Which submission it was.
    pub number: u64,
    /// Its name.
    pub key: Key,
}

#[derive(Debug)]
struct Reserved {
    /// The used nonces once all of `waiting` is executed, in its order.
    ahead: Used,
    /// What is reserved, in the order of the lane.
    waiting: VecDeque<Waiting>,
    /// Sum of the lengths.
    bytes: u64,
    touched: Instant,
}

impl Reserved {
    /// Forgets what was executed.
    fn advance(&mut self, executed: Used, now: Instant) {
        // The lane keeps the order, so what was executed stands in front.
        while let Some(first) = self.waiting.front()
            && executed.is_used(first.nonce)
        {
            self.bytes -= first.length;
            self.waiting.pop_front();
            self.touched = now;
        }
    }
}

/// Where the transaction with this nonce waits. Each was at most a window above the floor when it came, and the floor never falls: whoever
/// is two windows below comes before it, and of those from there on it is among the first few.
fn place(waiting: &VecDeque<Waiting>, nonce: u64) -> Option<usize> {
    let low = nonce.saturating_sub(2 * WINDOW);
    let from = waiting.partition_point(|waiting| waiting.nonce < low);
    let few = usize::try_from(4 * WINDOW + 1).unwrap_or(usize::MAX);
    let mut near = waiting.range(from..).take(few);
    near.position(|waiting| waiting.nonce == nonce)
        .map(|at| from + at)
}

/// Reservations by sender; at most one entry for each member and for each that showed the work of becoming one, and forty bytes a
/// transaction that waits, so bounded by the mempool.
#[derive(Debug, Default)]
pub struct Nonces {
    reserved: HashMap<PublicKey, Reserved>,
}

impl Nonces {
    /// Whether `sender` may use the nonce after all that it has waiting, given the nonces it has used on the ledger, and how
    /// many bytes of it wait.
    ///
    /// # Errors
    /// `NONCE_REUSED`, `NONCE_GAP`.
    pub fn check(
        &mut self,
        sender: &PublicKey,
        nonce: u64,
        executed: Used,
        now: Instant,
    ) -> Result<u64, Code> {
        let Some(entry) = self.current(sender, executed, now) else {
            return executed.using(nonce).map(|_| 0);
        };
        if executed.is_used(nonce) {
            return Err(Code::NONCE_REUSED);
        }
        entry.ahead.using(nonce).map(|_| entry.bytes)
    }

    /// The lowest nonce that `sender` has neither used on the ledger nor waiting here, and how many transactions of it wait.
    pub fn next(&mut self, sender: &PublicKey, executed: Used, now: Instant) -> (u64, u64) {
        let Some(entry) = self.current(sender, executed, now) else {
            return (executed.floor(), 0);
        };
        // What was used elsewhere since is no news to `ahead`; both windows are short.
        let first = executed.floor().max(entry.ahead.floor());
        let mut free = (first..).filter(|n| !executed.is_used(*n) && !entry.ahead.is_used(*n));
        (free.next().unwrap_or(u64::MAX), entry.waiting.len() as u64)
    }

    /// What `sender` has waiting, without what was executed; nothing after [`RESERVATION_MAX`] without progress.
    fn current(
        &mut self,
        sender: &PublicKey,
        executed: Used,
        now: Instant,
    ) -> Option<&mut Reserved> {
        let Entry::Occupied(mut known) = self.reserved.entry(*sender) else {
            return None;
        };
        let entry = known.get_mut();
        entry.advance(executed, now);
        let stale = now.duration_since(entry.touched) > RESERVATION_MAX;
        if entry.waiting.is_empty() || stale {
            known.remove();
            return None;
        }
        Some(known.into_mut())
    }

    /// What `sender` has waiting with this nonce, for another to take its place, and how many bytes of it wait besides.
    pub fn waiting(
        &mut self,
        sender: &PublicKey,
        nonce: u64,
        executed: Used,
        now: Instant,
    ) -> Option<(Waiting, u64)> {
        let entry = self.reserved.get_mut(sender)?;
        // Also without progress for long: where nothing goes on is where plans change.
        entry.advance(executed, now);
        let found = entry.waiting[place(&entry.waiting, nonce)?];
        Some((found, entry.bytes - found.length))
    }

    /// The transaction takes the place of the one with its nonce that [`waiting`](Self::waiting) has just told.
    pub fn replace(&mut self, sender: &PublicKey, with: Waiting) {
        let Some(entry) = self.reserved.get_mut(sender) else {
            return;
        };
        if let Some(at) = place(&entry.waiting, with.nonce) {
            let before = &mut entry.waiting[at];
            entry.bytes = entry.bytes - before.length + with.length;
            *before = with;
        }
    }

    /// The transaction with the nonce that [`check`](Self::check) has just let pass is handed on.
    pub fn reserve(&mut self, sender: &PublicKey, waiting: Waiting, executed: Used, now: Instant) {
        let entry = self.reserved.entry(*sender).or_insert_with(|| Reserved {
            ahead: executed,
            waiting: VecDeque::new(),
            bytes: 0,
            touched: now,
        });
        if let Ok(ahead) = entry.ahead.using(waiting.nonce) {
            entry.ahead = ahead;
        }
        entry.waiting.push_back(waiting);
        entry.bytes += waiting.length;
        entry.touched = now;
    }

    /// The sender's transactions could not be handed on after all, or left no trace in their block: its reservations are
    /// forgotten, and the ledger's word counts.
    pub fn release(&mut self, sender: &PublicKey) {
        self.reserved.remove(sender);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENDER: PublicKey = PublicKey([1; 32]);

    fn waiting(nonce: u64, length: u64) -> Waiting {
        Waiting {
            nonce,
            length,
            number: nonce,
            key: [nonce as u8; 16],
        }
    }

    /// As the ledger knows it when all below `floor` were executed.
    fn used(floor: u64) -> Used {
        (0..floor).fold(Used::default(), |used, nonce| used.using(nonce).unwrap())
    }

    #[test]
    fn reservations_run_ahead_of_the_ledger_and_fall_back_to_it() {
        let (mut nonces, start) = (Nonces::default(), Instant::now());
        let mut take = |nonce, executed, now| {
            let bytes = nonces.check(&SENDER, nonce, executed, now);
            if bytes.is_ok() {
                nonces.reserve(&SENDER, waiting(nonce, 100), executed, now);
            }
            bytes
        };
        assert_eq!(take(5, used(5), start), Ok(0));
        assert_eq!(take(5, used(5), start), Err(Code::NONCE_REUSED));
        // A gap may be left, and filled, inside the window above what waits.
        assert_eq!(take(7, used(5), start), Ok(100));
        assert_eq!(take(6, used(5), start), Ok(200));
        assert_eq!(take(8 + 65, used(5), start), Err(Code::NONCE_GAP));
        for nonce in 8..500 {
            assert_eq!(
                take(nonce, used(5), start),
                Ok((nonce - 5) * 100),
                "pipelined"
            );
        }
        // What was executed here or elsewhere cannot be used again.
        assert_eq!(take(499, used(500), start), Err(Code::NONCE_REUSED));
        assert_eq!(take(500, used(500), start), Ok(0));
        // Progress of the ledger keeps a reservation alive; without any for longer, the ledger decides.
        assert_eq!(take(501, used(500), start), Ok(100));
        let later = start + RESERVATION_MAX;
        assert_eq!(take(501, used(501), later), Err(Code::NONCE_REUSED));
        let late = later + RESERVATION_MAX * 2;
        assert_eq!(take(501, used(501), late), Ok(0));
    }

    #[test]
    fn the_next_nonce_is_the_lowest_that_is_neither_used_nor_waiting() {
        let (mut nonces, start) = (Nonces::default(), Instant::now());
        assert_eq!(nonces.next(&SENDER, used(5), start), (5, 0));
        for nonce in [5, 6, 8] {
            nonces.check(&SENDER, nonce, used(5), start).unwrap();
            nonces.reserve(&SENDER, waiting(nonce, 100), used(5), start);
        }
        // The gap first, and what is above all that waits once it is filled.
        assert_eq!(nonces.next(&SENDER, used(5), start), (7, 3));
        nonces.reserve(&SENDER, waiting(7, 100), used(5), start);
        assert_eq!(nonces.next(&SENDER, used(5), start), (9, 4));
        assert_eq!(nonces.next(&PublicKey([2; 32]), used(0), start), (0, 0));
        // What was executed waits no more; used elsewhere, it is passed over.
        assert_eq!(nonces.next(&SENDER, used(7), start), (9, 2));
        assert_eq!(nonces.next(&SENDER, used(12), start), (12, 0));
        // Used through another validator while something above waits here: never offered again.
        nonces.reserve(&SENDER, waiting(15, 100), used(12), start);
        assert_eq!(nonces.next(&SENDER, used(12), start), (12, 1));
        assert_eq!(nonces.next(&SENDER, used(14), start), (14, 1));
        assert_eq!(nonces.next(&SENDER, used(15), start), (16, 1));
        nonces.release(&SENDER);
        nonces.reserve(&SENDER, waiting(7, 100), used(7), start);
        // Without progress for so long the ledger's word counts again.
        let late = start + RESERVATION_MAX * 2;
        assert_eq!(nonces.next(&SENDER, used(7), late), (7, 0));
    }

    #[test]
    fn bytes_wait_until_they_are_executed_released_or_forgotten() {
        let (mut nonces, start) = (Nonces::default(), Instant::now());
        for (nonce, length) in (5..9).zip([100, 20, 3, 4_000]) {
            nonces.reserve(&SENDER, waiting(nonce, length), used(5), start);
        }
        assert_eq!(nonces.check(&SENDER, 9, used(5), start), Ok(4_123));
        assert_eq!(nonces.check(&PublicKey([2; 32]), 5, used(5), start), Ok(0));
        assert_eq!(nonces.check(&SENDER, 9, used(6), start), Ok(4_023));
        nonces.release(&SENDER);
        assert_eq!(nonces.check(&SENDER, 7, used(7), start), Ok(0));
        nonces.reserve(&SENDER, waiting(7, 50), used(7), start);
        let late = start + RESERVATION_MAX * 2;
        assert_eq!(nonces.check(&SENDER, 7, used(7), late), Ok(0));
    }

    #[test]
    fn one_takes_the_place_of_another_that_waits() {
        let (mut nonces, start) = (Nonces::default(), Instant::now());
        for (nonce, length) in (5..8).zip([100, 20, 3]) {
            nonces.reserve(&SENDER, waiting(nonce, length), used(5), start);
        }
        let of =
            |nonces: &mut Nonces, nonce, floor| nonces.waiting(&SENDER, nonce, used(floor), start);
        assert_eq!(of(&mut nonces, 6, 5), Some((waiting(6, 20), 103)));
        nonces.replace(&SENDER, waiting(6, 700));
        assert_eq!(of(&mut nonces, 6, 5), Some((waiting(6, 700), 103)));
        assert_eq!(nonces.check(&SENDER, 8, used(5), start), Ok(803));
        // What is executed, or was never here, has no place to be taken.
        assert_eq!(of(&mut nonces, 5, 6), None);
        assert_eq!(of(&mut nonces, 8, 6), None);
        assert_eq!(nonces.check(&SENDER, 8, used(7), start), Ok(3));
    }

    /// However nonces come within their windows, each is found, among many thousands.
    #[test]
    fn whatever_waits_is_found() {
        let mut nonces = Nonces::default();
        let (mut random, start) = (7_u64, Instant::now());
        let mut all = Vec::new();
        let mut ahead = Used::default();
        while all.len() < 5_000 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let nonce = ahead.floor() + (random >> 33) % (WINDOW + 1);
            if let Ok(next) = ahead.using(nonce) {
                ahead = next;
                nonces.reserve(&SENDER, waiting(nonce, 10), Used::default(), start);
                all.push(nonce);
            }
        }
        let mut found = |nonce| {
            let found = nonces.waiting(&SENDER, nonce, Used::default(), start);
            found.map(|(waiting, _)| waiting.nonce)
        };
        for nonce in &all {
            assert_eq!(found(*nonce), Some(*nonce));
        }
        let missing = (0..ahead.floor() + WINDOW).filter(|nonce| !all.contains(nonce));
        for nonce in missing {
            assert_eq!(found(nonce), None);
        }
    }
}
