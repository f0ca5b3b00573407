//! Bytes without meaning, as the benchmarks of consensus systems send them: no signature, nothing to execute.

use std::collections::BTreeMap;

use bds_contracts::Genesis;
use bds_contracts::genesis::Mode;

use super::random::Random;
use super::{Schedule, body};
use crate::measure::load::{Batch, ClientPlan};

/// Random transactions of one size.
#[derive(Debug, Clone, Copy)]
pub struct Opaque {
    /// Where the bytes come from.
    pub seed: u64,
    /// Bytes a transaction; at least 16.
    pub bytes: usize,
}

impl Opaque {
    /// A genesis document for a ledger that orders bytes, without validators.
    #[must_use]
    pub fn genesis(&self) -> Genesis {
        Genesis {
            mode: Mode::Opaque,
            ..super::bare_genesis("opaque load".to_owned())
        }
    }

    /// Permille of each kind.
    #[must_use]
    pub fn mix(&self) -> BTreeMap<String, u32> {
        BTreeMap::from([("opaque".to_owned(), 1000)])
    }

    /// Requests of every client. Each is made when it is due, by writing its number into random bytes made before:
    /// half a minute of this load would fill a gigabyte.
    ///
    /// # Panics
    /// When `bytes` is below 16.
    #[must_use]
    pub fn plans(&self, schedule: &Schedule) -> Vec<ClientPlan> {
        assert!(
            self.bytes >= 16,
            "16 bytes hold the numbers that make each transaction unique"
        );
        let (schedule, bytes) = (*schedule, self.bytes);
        (0..schedule.clients)
            .map(|client| {
                let template = self.template(client, schedule.batch);
                let batches = (0..schedule.batches_of(client)).map(move |number| Batch {
                    due: schedule.due(client, number),
                    count: schedule.batch,
                    body: numbered(&template, bytes, schedule.batch, number),
                });
                ClientPlan {
                    lane: client % schedule.lanes,
                    batches: Box::new(batches),
                }
            })
            .collect()
    }

    fn template(&self, client: usize, batch: u32) -> Vec<u8> {
        let mut random = Random::new(self.seed, client as u64);
        let transactions = (0..batch)
            .map(|_| {
                let mut bytes: Vec<u8> = (0..self.bytes.div_ceil(8))
                    .flat_map(|_| random.number().to_le_bytes())
                    .collect();
                bytes.truncate(self.bytes);
                bytes
            })
            .collect();
        body(transactions)
    }
}

/// Writes the batch's number over the first eight bytes of every transaction; the rest tells transactions apart.
fn numbered(template: &[u8], bytes: usize, batch: u32, number: usize) -> Vec<u8> {
    let mut body = template.to_vec();
    for i in 0..batch as usize {
        // borsh: a length of 4 bytes, then each transaction after its own length of 4 bytes.
        let at = 4 + i * (4 + bytes) + 4;
        body[at..at + 8].copy_from_slice(&(number as u64).to_le_bytes());
    }
    body
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use bds_client::wire::BatchRequest;

    use super::*;

    #[test]
    fn every_transaction_is_unique_and_of_the_size_asked_for() {
        let schedule = Schedule {
            rate: 1000.0,
            batch: 10,
            clients: 3,
            lanes: 2,
            length: Duration::from_secs(1),
        };
        let opaque = Opaque {
            seed: 1,
            bytes: 512,
        };
        let mut seen = BTreeSet::new();
        let mut dues = Vec::new();
        for plan in opaque.plans(&schedule) {
            for batch in plan.batches {
                let request: BatchRequest = borsh::from_slice(&batch.body).expect("own encoding");
                assert_eq!(request.transactions.len(), 10);
                dues.push(batch.due);
                for bytes in request.transactions {
                    assert_eq!(bytes.len(), 512);
                    assert!(seen.insert(bytes), "twice the same");
                }
            }
        }
        assert_eq!(seen.len(), 1000);
        dues.sort();
        let expected: Vec<_> = (0..100).map(|i| Duration::from_millis(10 * i)).collect();
        let close = dues
            .iter()
            .zip(&expected)
            .all(|(a, b)| a.abs_diff(*b) < Duration::from_micros(1));
        assert!(close, "evenly spaced: {dues:?}");
    }
}
