//! How much of each client is accepted here and not executed yet.
//!
//! What is handed to the core is executed in the order in which it came, so it is enough to know how many bytes are in all.

use std::collections::{HashMap, VecDeque};

use crate::api::service::Principal;

/// What is not executed, by client; as much memory as requests that wait.
#[derive(Debug, Default)]
pub struct Queued {
    clients: HashMap<Principal, Client>,
    executed: u64,
}

#[derive(Debug, Default)]
struct Client {
    /// By rising ends among all bytes handed over; where several follow each other, as one.
    pieces: VecDeque<(u64, u64)>,
    bytes: u64,
}

impl Queued {
    /// So many bytes are executed in all.
    pub fn executed(&mut self, executed: u64) {
        if executed == self.executed {
            return;
        }
        self.executed = executed;
        self.clients.retain(|_, client| {
            while let Some((end, bytes)) = client.pieces.front()
                && *end <= executed
            {
                client.bytes -= bytes;
                client.pieces.pop_front();
            }
            !client.pieces.is_empty()
        });
    }

    /// Bytes of this client that are not.
    #[must_use]
    pub fn of(&self, client: &Principal) -> u64 {
        self.clients.get(client).map_or(0, |client| client.bytes)
    }

    /// A transaction of this length is handed over, and with it so many bytes in all.
    pub fn add(&mut self, client: Principal, end: u64, length: u64) {
        let client = self.clients.entry(client).or_default();
        client.bytes += length;
        match client.pieces.back_mut() {
            // To be executed together is near enough, as long as the piece is short.
            Some((last, bytes)) if *last + length == end && *bytes < PIECE_BYTES => {
                *last = end;
                *bytes += length;
            }
            _ => client.pieces.push_back((end, length)),
        }
    }
}

/// A piece is begun anew from this length on.
const PIECE_BYTES: u64 = 16 * 1024;

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn what_waits_is_known_by_what_is_executed() {
        let [one, two] = [1, 2].map(|n| Principal::from(IpAddr::from([10, 0, 0, n])));
        let mut queued = Queued::default();
        queued.add(one, 100, 100);
        queued.add(one, 150, 50);
        queued.add(two, 400, 250);
        queued.add(one, 20_400, 20_000);
        queued.add(one, 20_410, 10);
        assert_eq!((queued.of(&one), queued.of(&two)), (20_160, 250));
        // The first piece goes as a whole.
        queued.executed(149);
        assert_eq!(queued.of(&one), 20_160);
        queued.executed(150);
        assert_eq!(queued.of(&one), 20_010);
        queued.executed(400);
        assert_eq!((queued.of(&one), queued.of(&two)), (20_010, 0));
        queued.executed(20_410);
        assert!(queued.clients.is_empty());
    }
}
