//! What one client of the mix of power plants sends, without end.
//!
//! Meters are read of periods that are over, one after the other back in time: no meter is read twice of one.

use std::collections::VecDeque;

use bds_client::Sender;
use bds_contracts::amount::{Money, Price, WattHours};
use bds_contracts::energy::rules::{Minutes, Quality, Role};
use bds_contracts::energy::{Call, Energy, ResourceId};
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::{ChainId, Millis};

use super::certificates::Certificates;
use super::{MIX, PRICE_MAX, QUARTER, TICK, Vpp, account, grid_account, meter, microgrid};
use crate::workload::random::{Random, weights};
use crate::workload::{self, Wire, sender};

/// Meters read by one call.
const READINGS_MAX: usize = 8;
/// Periods of a meter that are read: almost three years, after which the ledger takes no reading.
const PERIODS_MAX: u64 = 100_000;
/// The least that a meter says of a period in either direction; certificates are for no more.
pub(super) const READING_MIN: i64 = 100;
/// Readings that wait to be corrected, and how often each is.
const CORRECTABLE_MAX: usize = 256;
const VERSION_MAX: u16 = 4;
/// Sessions that a prosumer opens, and what it asks for in each.
const SESSIONS_MAX: u64 = 64;
const SESSION_ENERGY: i64 = 1_000;

/// What one client sends, without end.
#[derive(Debug)]
pub struct Stream<'a> {
    pub(super) vpp: &'a Vpp,
    client: usize,
    random: Random,
    pub(super) members: Vec<Prosumer>,
    /// Rising sums of the members' weights, out of 2^32.
    weights: Vec<u64>,
    pub(super) grid_operator: Sender,
    meter_operator: Sender,
    /// Period that is read next, and the first member whose meter is.
    next: (u64, usize),
    /// Readings that may be corrected, the oldest first.
    read: VecDeque<Reading>,
    pub(super) certificates: Certificates,
    /// Number of the batch that is being made.
    pub(super) batch: u64,
}

#[derive(Debug)]
pub(super) struct Prosumer {
    pub(super) index: usize,
    pub(super) sender: Sender,
    /// The batch of the last offer in its session, where one stands.
    offered: Option<u64>,
    /// The batch in which one was taken back last.
    left: u64,
    /// Sessions opened.
    sessions: u64,
}

#[derive(Debug)]
struct Reading {
    meter: ResourceId,
    start: Millis,
    version: u16,
    /// The batch of its last version.
    batch: u64,
}

impl<'a> Stream<'a> {
    pub(super) fn new(vpp: &'a Vpp, chain: ChainId, client: usize) -> Self {
        let config = &vpp.config;
        let members: Vec<Prosumer> = config
            .keys_of(client)
            .map(|index| Prosumer {
                index,
                sender: sender(&vpp.prosumers[index], chain),
                offered: None,
                left: 0,
                sessions: 0,
            })
            .collect();
        Self {
            vpp,
            client,
            random: Random::new(config.seed, 1 << 32 | client as u64),
            weights: weights(members.iter().map(|m| m.index), config.skew),
            members,
            grid_operator: sender(&vpp.grid_operators[client], chain),
            meter_operator: sender(&vpp.meter_operators[client], chain),
            next: (0, 0),
            read: VecDeque::new(),
            certificates: Certificates::default(),
            batch: 0,
        }
    }

    /// Whatever was done in that batch is done.
    pub(super) fn is_done(&self, batch: u64) -> bool {
        batch < self.batch
    }

    /// First readings of up to eight meters for one period.
    pub(super) fn submit_meter(&mut self) -> Wire {
        let (period, first) = self.next;
        if period == PERIODS_MAX {
            return self.declare_balance();
        }
        let last = self.members.len().min(first + READINGS_MAX);
        self.next = match last == self.members.len() {
            true => (period + 1, 0),
            false => (period, last),
        };
        let (start, batch) = (self.vpp.past(period), self.batch);
        let readings: Vec<_> = (first..last)
            .map(|at| {
                let meter = meter(self.members[at].index);
                ((meter, self.reading(at)), Quality::Measured)
            })
            .collect();
        // A reading is corrected or certified, never both: a correction takes certificates back.
        if (period + first as u64).is_multiple_of(2) {
            self.certificates.read(period, start, first..last, batch);
        } else if self.read.len() < CORRECTABLE_MAX {
            self.read.push_back(Reading {
                meter: readings[0].0.0,
                start,
                version: 1,
                batch,
            });
        }
        let call = Call::SubmitMeter {
            microgrid: microgrid(self.client),
            start,
            minutes: Minutes::Fifteen,
            readings: List::Items(&readings),
        };
        Wire::signed::<Energy>(&mut self.meter_operator, &call)
    }

    /// Even members give, odd ones take.
    fn reading(&mut self, at: usize) -> WattHours {
        let energy = READING_MIN + i64::try_from(self.random.below(900)).expect("small");
        WattHours(if at.is_multiple_of(2) {
            energy
        } else {
            -energy
        })
    }

    /// The next version of a reading.
    fn correct_meter(&mut self) -> Wire {
        let batch = self.batch;
        let Some(read) = self.read.pop_front_if(|oldest| oldest.batch < batch) else {
            return self.submit_meter();
        };
        let version = read.version + 1;
        let call = Call::CorrectMeter {
            resource: read.meter,
            start: read.start,
            version,
            energy: self.reading(0),
            quality: Quality::Corrected,
        };
        if version < VERSION_MAX {
            self.read.push_back(Reading {
                version,
                batch,
                ..read
            });
        }
        Wire::signed::<Energy>(&mut self.meter_operator, &call)
    }

    /// What came into the microgrid in the period that was read last. The same may be declared twice.
    fn declare_balance(&mut self) -> Wire {
        let call = Call::DeclareBalance {
            microgrid: microgrid(self.client),
            start: self.vpp.past(self.next.0.saturating_sub(1)),
            exchange: WattHours(i64::try_from(self.random.below(10_000)).expect("small")),
            loss: WattHours(100),
        };
        Wire::signed::<Energy>(&mut self.grid_operator, &call)
    }

    /// An offer in the session that stays open, in place of the one that stands. Not in the batch that takes one back, since
    /// which of both comes last is not known.
    fn join(&mut self, at: usize) -> Wire {
        let session = self.vpp.session_of(self.members[at].index);
        let session = session.filter(|_| self.is_done(self.members[at].left));
        let Some(session) = session else {
            return self.submit_meter();
        };
        let energy = 1 + i64::try_from(self.random.below(5_000)).expect("small");
        let cheaper = i64::try_from(self.random.below(1_000)).expect("small") * i64::from(TICK);
        let batch = self.batch;
        let prosumer = &mut self.members[at];
        prosumer.offered = Some(batch);
        let call = Call::JoinVpp {
            session,
            account: account(prosumer.index),
            resource: meter(prosumer.index),
            role: Role::Supply,
            energy: WattHours(energy),
            price: Price(PRICE_MAX - cheaper),
        };
        Wire::signed::<Energy>(&mut prosumer.sender, &call)
    }

    /// Takes an offer of an earlier batch back, or makes one.
    fn leave(&mut self, at: usize) -> Wire {
        let prosumer = &self.members[at];
        let session = self.vpp.session_of(prosumer.index);
        let is_ready = prosumer.offered.is_some_and(|batch| self.is_done(batch));
        let Some(session) = session.filter(|_| is_ready) else {
            return self.join(at);
        };
        let batch = self.batch;
        let prosumer = &mut self.members[at];
        (prosumer.offered, prosumer.left) = (None, batch);
        let account = account(prosumer.index);
        Wire::signed::<Energy>(&mut prosumer.sender, &Call::LeaveVpp { session, account })
    }

    /// How a session stands.
    fn settle(&mut self, at: usize) -> Wire {
        let prosumer = &mut self.members[at];
        let Some(session) = self.vpp.session_of(prosumer.index) else {
            return self.submit_meter();
        };
        Wire::signed::<Energy>(&mut prosumer.sender, &Call::SettleMicrogrid { session })
    }

    /// A session of its own, each for another period. Nobody is told its number, so nobody joins.
    fn init(&mut self, at: usize) -> Wire {
        let (far, energy) = (self.vpp.far(), WattHours(SESSION_ENERGY));
        let prosumer = &mut self.members[at];
        if prosumer.sessions == SESSIONS_MAX {
            return self.join(at);
        }
        prosumer.sessions += 1;
        let call = Call::InitVpp {
            account: account(prosumer.index),
            role: Role::Consume,
            resource: None,
            energy,
            // After that of the session that stays open.
            start: Millis(far.0 + prosumer.sessions * QUARTER),
            price: Price(PRICE_MAX),
            closes: far,
            deposit: Money(energy.0 * PRICE_MAX / 10_000),
        };
        Wire::signed::<Energy>(&mut prosumer.sender, &call)
    }

    /// Who issues the certificates of this client's prosumers.
    pub(super) fn issuer(&self) -> bds_contracts::tx::AccountId {
        grid_account(self.client)
    }
}

impl workload::Stream for Stream<'_> {
    fn begin_batch(&mut self) {
        self.batch += 1;
    }

    fn next(&mut self) -> Wire {
        let kind = self.random.kind(MIX);
        let at = self.random.place(&self.weights);
        match kind {
            "join-vpp" => self.join(at),
            "leave-vpp" => self.leave(at),
            "settle-microgrid" => self.settle(at),
            "init-vpp" => self.init(at),
            "correct-meter" => self.correct_meter(),
            "declare-balance" => self.declare_balance(),
            "issue-certificates" => self.issue(),
            "transfer-certificates" => self.transfer(),
            "claim-certificates" => self.claim(),
            _ => self.submit_meter(),
        }
    }
}
