//! Certificates of what one member of a client produced: issued against its reading, given to one that consumed in the same
//! period, and claimed there; each step in a later batch than the one before.

use std::collections::VecDeque;
use std::ops::Range;

use bds_contracts::amount::WattHours;
use bds_contracts::granular::{Call, Granular};
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::Millis;

use super::stream::{READING_MIN, Stream};
use super::{account, meter};
use crate::workload::Wire;

/// Watt hours of each range of certificates: no more than any meter says.
const ENERGY: u64 = READING_MIN.unsigned_abs();
/// Periods whose certificates do not expire during a run; they live for a year and a half.
const PERIODS_MAX: u64 = 50_000;
/// Readings that wait to be certified.
const WAITING_MAX: usize = 256;

/// What was produced and consumed in one period, and the batch of what was done about it last.
#[derive(Debug, Clone, Copy)]
struct Certificate {
    start: Millis,
    /// Places of the members.
    producer: usize,
    consumer: usize,
    batch: u64,
}

/// By how far they are, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    read: VecDeque<Certificate>,
    issued: VecDeque<Certificate>,
    given: VecDeque<Certificate>,
}

impl Certificates {
    /// The meters of these members were read. The first of them gives and the second takes.
    pub(super) fn read(&mut self, period: u64, start: Millis, members: Range<usize>, batch: u64) {
        if period < PERIODS_MAX && members.len() >= 2 && self.read.len() < WAITING_MAX {
            self.read.push_back(Certificate {
                start,
                producer: members.start,
                consumer: members.start + 1,
                batch,
            });
        }
    }
}

/// The oldest, once what was done about it is done.
fn ready(all: &mut VecDeque<Certificate>, batch: u64) -> Option<Certificate> {
    all.pop_front_if(|oldest| oldest.batch < batch)
        .map(|oldest| Certificate { batch, ..oldest })
}

impl Stream<'_> {
    pub(super) fn issue(&mut self) -> Wire {
        let Some(certificate) = ready(&mut self.certificates.read, self.batch) else {
            return self.submit_meter();
        };
        self.certificates.issued.push_back(certificate);
        let device = meter(self.members[certificate.producer].index);
        let call = Call::Issue {
            issuer: self.issuer(),
            start: certificate.start,
            shares: List::Items(&[(device, WattHours(READING_MIN))]),
        };
        Wire::signed::<Granular>(&mut self.grid_operator, &call)
    }

    pub(super) fn transfer(&mut self) -> Wire {
        let Some(certificate) = ready(&mut self.certificates.issued, self.batch) else {
            return self.issue();
        };
        self.certificates.given.push_back(certificate);
        let consumer = self.members[certificate.consumer].index;
        let producer = &mut self.members[certificate.producer];
        let range = ((certificate.start, meter(producer.index)), (1, ENERGY));
        let call = Call::Transfer {
            from: account(producer.index),
            to: account(consumer),
            ranges: List::Items(&[range]),
        };
        Wire::signed::<Granular>(&mut producer.sender, &call)
    }

    pub(super) fn claim(&mut self) -> Wire {
        let Some(certificate) = ready(&mut self.certificates.given, self.batch) else {
            return self.transfer();
        };
        let producer = self.members[certificate.producer].index;
        let consumer = &mut self.members[certificate.consumer];
        let range = ((certificate.start, meter(producer)), (1, ENERGY));
        let call = Call::Claim {
            account: account(consumer.index),
            point: meter(consumer.index),
            interval: certificate.start,
            beneficiary: "self",
            ranges: List::Items(&[range]),
        };
        Wire::signed::<Granular>(&mut consumer.sender, &call)
    }
}
