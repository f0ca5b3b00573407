//! Who may stand at the door: connections whose other end has not shown yet which key is its own.
//!
//! Each holds a socket and a task until its handshake is done or too late. Strangers share few places, of which one address gets fewer,
//! and take none from the addresses at which validators are known to be: whoever holds all places of strangers keeps no validator out.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use libp2p::swarm::ConnectionId;

/// Places of all strangers together.
const STRANGERS_MAX: usize = 64;
/// Places of one address among them.
const STRANGER_MAX: usize = 8;
/// Places of one address at which validators are: several may be behind it.
const KNOWN_MAX: usize = 64;

/// Connections without a key yet, by where they come from.
#[derive(Debug, Default)]
pub(super) struct Doorstep {
    known: HashSet<IpAddr>,
    waiting: HashMap<ConnectionId, IpAddr>,
}

impl Doorstep {
    /// A validator is at this address.
    pub(super) fn know(&mut self, address: IpAddr) {
        self.known.insert(address.to_canonical());
    }

    /// Whether there is a place for a connection from here; it holds it until [`leave`](Self::leave).
    pub(super) fn arrive(&mut self, connection: ConnectionId, from: IpAddr) -> bool {
        let from = from.to_canonical();
        let of = |address: &IpAddr| self.waiting.values().filter(|a| *a == address).count();
        let fits = if self.known.contains(&from) {
            of(&from) < KNOWN_MAX
        } else {
            let strangers = self.waiting.values().filter(|a| !self.known.contains(*a));
            strangers.count() < STRANGERS_MAX && of(&from) < STRANGER_MAX
        };
        if fits {
            self.waiting.insert(connection, from);
        }
        fits
    }

    /// Its key is known now, or it came to nothing.
    pub(super) fn leave(&mut self, connection: ConnectionId) {
        self.waiting.remove(&connection);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_keep_no_validator_out() {
        let mut door = Doorstep::default();
        let validator = IpAddr::from([10, 0, 0, 1]);
        door.know(validator);
        let mut number = 0;
        let mut arrive = |door: &mut Doorstep, from| {
            number += 1;
            door.arrive(ConnectionId::new_unchecked(number), from)
        };
        // Eight from each address, and sixty-four in all.
        for address in 1..=9 {
            let from = IpAddr::from([192, 0, 2, address]);
            for place in 1..=9 {
                let fits = arrive(&mut door, from);
                assert_eq!(fits, address <= 8 && place <= 8, "{address}: {place}");
            }
        }
        for place in 1..=65 {
            assert_eq!(arrive(&mut door, validator), place <= 64);
        }
        // The same address in its longer form, once one has left.
        let mapped = IpAddr::V6(std::net::Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped());
        assert!(!arrive(&mut door, mapped));
        let last = *door
            .waiting
            .iter()
            .find(|(_, from)| **from == validator)
            .unwrap()
            .0;
        door.leave(last);
        assert!(arrive(&mut door, mapped));
        let left: Vec<_> = door.waiting.keys().copied().collect();
        left.into_iter()
            .for_each(|connection| door.leave(connection));
        assert!(arrive(&mut door, IpAddr::from([192, 0, 2, 9])));
    }
}
