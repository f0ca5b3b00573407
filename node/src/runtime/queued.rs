//! How much of each client waits for a batch here.
//!
//! What is handed to the core leaves it in the order in which it came, so it is enough to know how many bytes have left in all.

use std::collections::{HashMap, VecDeque};

use crate::api::service::Principal;

/// What waits, by client; as much memory as requests that wait.
#[derive(Debug, Default)]
pub struct Queued {
    clients: HashMap<Principal, Client>,
    left: u64,
}

#[derive(Debug, Default)]
struct Client {
    /// By rising ends among all bytes handed over; where several follow each other, as one.
    pieces: VecDeque<(u64, u64)>,
    bytes: u64,
}

impl Queued {
    /// So many bytes have left in all.
    pub fn left(&mut self, left: u64) {
        if left == self.left {
            return;
        }
        self.left = left;
        self.clients.retain(|_, client| {
            while let Some((end, bytes)) = client.pieces.front()
                && *end <= left
            {
                client.bytes -= bytes;
                client.pieces.pop_front();
            }
            !client.pieces.is_empty()
        });
    }

    /// Bytes of this client that wait.
    #[must_use]
    pub fn of(&self, client: &Principal) -> u64 {
        self.clients.get(client).map_or(0, |client| client.bytes)
    }

    /// A transaction of this length is handed over, and with it so many bytes in all.
    pub fn add(&mut self, client: Principal, end: u64, length: u64) {
        let client = self.clients.entry(client).or_default();
        client.bytes += length;
        match client.pieces.back_mut() {
            // Leaving together is near enough, as long as the piece is short.
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
    fn what_waits_is_known_by_what_has_left() {
        let [one, two] = [1, 2].map(|n| Principal::from(IpAddr::from([10, 0, 0, n])));
        let mut queued = Queued::default();
        queued.add(one, 100, 100);
        queued.add(one, 150, 50);
        queued.add(two, 400, 250);
        queued.add(one, 20_400, 20_000);
        queued.add(one, 20_410, 10);
        assert_eq!((queued.of(&one), queued.of(&two)), (20_160, 250));
        // The first piece leaves as a whole.
        queued.left(149);
        assert_eq!(queued.of(&one), 20_160);
        queued.left(150);
        assert_eq!(queued.of(&one), 20_010);
        queued.left(400);
        assert_eq!((queued.of(&one), queued.of(&two)), (20_010, 0));
        queued.left(20_410);
        assert!(queued.clients.is_empty());
    }
}
