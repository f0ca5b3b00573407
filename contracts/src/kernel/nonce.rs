//! Which transactions of a sender were executed: a floor and the 64 numbers above it.
//!
//! A number counts once. Numbers may come in any order inside the window, so transactions sent through several validators
//! do not wait for each other and a gap blocks nobody until the window is full.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::receipt::Code;

/// Numbers above the floor that can be used before it.
pub const WINDOW: u64 = 64;

/// The used numbers of one sender: all below the floor, and those marked above it; the floor itself is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Nonces {
    /// The lowest number that is not used.
    floor: u64,
    /// Bit `i` stands for `floor + 1 + i`.
    above: u64,
}

impl Nonces {
    /// The lowest number that is not used.
    #[must_use]
    #[inline]
    pub fn floor(self) -> u64 {
        self.floor
    }

    /// Whether the number was used.
    #[must_use]
    #[inline]
    pub fn is_used(self, nonce: u64) -> bool {
        match nonce.checked_sub(self.floor) {
            None => true,
            Some(0) => false,
            Some(distance) => distance <= WINDOW && self.above >> (distance - 1) & 1 == 1,
        }
    }

    /// As it is once the number is used.
    ///
    /// # Errors
    /// `NONCE_REUSED`; `NONCE_GAP` beyond the window, or for the last number there is, which nobody can use.
    #[inline]
    pub fn using(self, nonce: u64) -> Result<Self, Code> {
        let distance = nonce.checked_sub(self.floor).ok_or(Code::NONCE_REUSED)?;
        if distance > WINDOW || nonce == u64::MAX {
            return Err(Code::NONCE_GAP);
        }
        if distance > 0 {
            let bit = 1 << (distance - 1);
            if self.above & bit != 0 {
                return Err(Code::NONCE_REUSED);
            }
            return Ok(Self {
                above: self.above | bit,
                ..self
            });
        }
        // The floor moves past itself and the numbers used right above it.
        let run = self.above.trailing_ones();
        Ok(Self {
            floor: self.floor + 1 + u64::from(run),
            above: self.above.checked_shr(run + 1).unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn agrees_with_a_set_of_used_numbers() {
        let mut random = 7_u64;
        for _ in 0..200 {
            let (mut nonces, mut used) = (Nonces::default(), BTreeSet::new());
            for _ in 0..400 {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let nonce = (nonces.floor + (random >> 33) % 70).saturating_sub(3);
                let lowest = (0..).find(|n| !used.contains(n)).unwrap();
                assert_eq!(nonces.floor(), lowest);
                assert_eq!(nonces.is_used(nonce), used.contains(&nonce));
                match nonces.using(nonce) {
                    Ok(next) => {
                        assert!(used.insert(nonce), "{nonce} used twice");
                        assert!(nonce <= lowest + WINDOW);
                        nonces = next;
                    }
                    Err(Code::NONCE_REUSED) => assert!(used.contains(&nonce)),
                    Err(code) => {
                        assert_eq!(code, Code::NONCE_GAP);
                        assert!(nonce > lowest + WINDOW);
                    }
                }
            }
        }
    }

    #[test]
    fn a_full_window_moves_at_once_and_the_ends_of_the_range_hold() {
        let mut nonces = Nonces::default();
        for nonce in 1..=WINDOW {
            nonces = nonces.using(nonce).unwrap();
        }
        assert_eq!(nonces.using(WINDOW + 1), Err(Code::NONCE_GAP));
        let nonces = nonces.using(0).unwrap();
        assert_eq!((nonces.floor, nonces.above), (WINDOW + 1, 0));

        let last = Nonces {
            floor: u64::MAX - 1,
            above: 0,
        };
        assert_eq!(last.using(u64::MAX), Err(Code::NONCE_GAP));
        let spent = last.using(u64::MAX - 1).unwrap();
        assert_eq!(spent.using(u64::MAX), Err(Code::NONCE_GAP));
        assert_eq!(spent.using(u64::MAX - 1), Err(Code::NONCE_REUSED));
    }
}
