//! Does the door keep order, shares and promises?

use std::net::IpAddr;

use bds_client::build::Sender as Member;
use bds_client::keys::Signer;
use bds_contracts::account::Roles;
use bds_contracts::amount::Quantity;
use bds_contracts::block::Validator;
use bds_contracts::carbon::InstrumentId;
use bds_contracts::genesis::GenesisMember;
use bds_contracts::ledger::from_genesis;
use bds_contracts::money::units::{Call, Units};
use bds_contracts::tx::AccountId;
use crossbeam::channel::unbounded;

use super::*;
use crate::store::medium::RealMedium;
use crate::workload::default_genesis;

const MEMPOOL: u64 = 16 * 1024;

fn from(last: u8) -> Principal {
    Principal::from(IpAddr::from([10, 0, 0, last]))
}

struct Desk {
    admission: Admission,
    members: Vec<Member>,
    core: Receiver<Input>,
    /// What requests ask for.
    replace: bool,
    /// From where, if not each member from somewhere else.
    client: Option<Principal>,
    /// What transactions move.
    quantity: u64,
    /// Signatures are spoiled.
    lies: bool,
    _dir: tempfile::TempDir,
}

impl Desk {
    fn open(members: u8) -> Self {
        let mut genesis = default_genesis();
        genesis.validators.validators.push(Validator {
            key: Signer::from_seed(&[0; 32]).public_key(),
            weight: 1,
        });
        let signers: Vec<_> = (1..=members).map(|i| Signer::from_seed(&[i; 32])).collect();
        for signer in &signers {
            genesis.members.push(GenesisMember {
                key: signer.public_key(),
                roles: Roles::TRADER,
                name: "member".into(),
            });
        }
        let (chain, dir) = (genesis.chain_id(), tempfile::tempdir().unwrap());
        let (to_core, core) = unbounded();
        let admission = Admission {
            chain,
            mode: Mode::Verified,
            engine: Arc::new(Engine::new("portable", 1).unwrap()),
            ledger: Arc::new(RwLock::new(from_genesis(&genesis).unwrap().0)),
            tracker: Arc::new(Tracker::new(1_000)),
            index: Arc::new(Index::open(Arc::new(RealMedium), dir.path(), 0).unwrap()),
            core: to_core,
            submit_credit: Arc::new(AtomicU64::new(MEMPOOL)),
            submitted_bytes: 0,
            submitted_and_executed: Arc::default(),
            queued: Queued::default(),
            submitted: 0,
            gate: Arc::default(),
            metrics: Arc::new(Metrics::new()),
            nonces: Arc::default(),
            lost: crossbeam::channel::never(),
        };
        // The same bytes whenever they are signed.
        let never = Millis(4_102_444_800_000);
        let member = |signer| Member::new(signer, chain, 0).expiring_at(never);
        Self {
            admission,
            members: signers.into_iter().map(member).collect(),
            core,
            replace: false,
            client: None,
            quantity: 1,
            lies: false,
            _dir: dir,
        }
    }

    /// One transaction of a member: the code it is refused with, if so.
    fn submit(&mut self, member: usize) -> Option<Code> {
        let nonce = self.members[member].nonce();
        let refusal = self.submit_all(member, 1)[0];
        if refusal.is_some() {
            self.members[member].restart_at(nonce);
        }
        refusal
    }

    /// One request with so many transactions of a member: the code each is refused with, if so.
    fn submit_all(&mut self, member: usize, count: usize) -> Vec<Option<Code>> {
        let transfer = Call::Transfer {
            from: AccountId(1),
            to: AccountId(2),
            instrument: InstrumentId(1),
            quantity: Quantity(self.quantity),
        };
        let sender = &mut self.members[member];
        let next = |_| sender.sign_next::<Units>(&transfer);
        let mut transactions: Vec<Vec<u8>> = (0..count).map(next).collect();
        if self.lies {
            let last = transactions.iter_mut().filter_map(|tx| tx.last_mut());
            last.for_each(|byte| *byte ^= 1);
        }
        let (answer, answered) = oneshot::channel();
        self.admission.admit(vec![Request {
            transactions,
            wait: Wait::Accepted,
            replace: self.replace,
            client: self.client.unwrap_or(from(member as u8)),
            answer,
        }]);
        let items = answered.blocking_recv().unwrap().items;
        let refusals = items.into_iter().map(|(_, outcome)| match outcome {
            ItemOutcome::Accepted => None,
            ItemOutcome::Refused { code, .. } => Some(code),
            other => panic!("{other:?}"),
        });
        refusals.collect()
    }

    /// Bytes that reached the core.
    fn handed_on(&self) -> u64 {
        let inputs = self.core.try_iter();
        inputs
            .map(|input| match input {
                Input::Submit(transactions) => {
                    let submitted = transactions.iter().map(|s| &s.transaction);
                    let lengths = submitted.map(|tx| Payload::packed_bytes(tx));
                    lengths.sum::<usize>() as u64
                }
                other => panic!("{other:?}"),
            })
            .sum()
    }
}

/// The window moves on with each transaction that waits, so requests of one sender may follow each other without waiting
/// for the ledger, and each may hold more than a window.
#[test]
fn a_window_bounds_gaps_and_not_requests() {
    let mut desk = Desk::open(1);
    let credit = &desk.admission.submit_credit;
    credit.store(1 << 20, Ordering::Release);
    for _ in 0..3 {
        assert_eq!(desk.submit_all(0, 128), [None; 128]);
    }
    let next = desk.members[0].nonce();
    desk.members[0].restart_at(next + 65);
    assert_eq!(desk.submit(0), Some(Code::NONCE_GAP));
    desk.members[0].restart_at(next + 64);
    assert_eq!(desk.submit(0), None);
    desk.members[0].restart_at(0);
    // The same bytes again would be the same transaction.
    desk.quantity = 2;
    assert_eq!(desk.submit(0), Some(Code::NONCE_REUSED));
}

#[test]
fn one_that_waits_gives_its_place_where_that_is_asked_for() {
    let mut desk = Desk::open(1);
    assert_eq!(desk.submit_all(0, 3), [None; 3]);
    assert!(desk.handed_on() > 0);
    let mut again = |nonce, quantity, replace| {
        desk.members[0].restart_at(nonce);
        (desk.quantity, desk.replace) = (quantity, replace);
        let refusal = desk.submit_all(0, 1)[0];
        let inputs: Vec<Input> = desk.core.try_iter().collect();
        let replaces = inputs.into_iter().map(|input| match input {
            Input::Submit(submissions) => submissions[0].replaces,
            other => panic!("{other:?}"),
        });
        (refusal, replaces.collect::<Vec<_>>())
    };
    // Another one with a nonce that waits is a mistake, unless it says so.
    assert_eq!(again(1, 2, false), (Some(Code::NONCE_REUSED), vec![]));
    assert_eq!(again(1, 2, true), (None, vec![Some(1)]));
    // The same one again is the same one, and a third may take its place.
    assert_eq!(again(1, 2, true), (None, vec![]));
    assert_eq!(again(1, 3, true), (None, vec![Some(1)]));
    // Where nothing waits it is one like any other: the fourth submission.
    assert_eq!(again(3, 2, true), (None, vec![None]));
    assert_eq!(again(3, 3, true), (None, vec![Some(3)]));
    // The core was in time for the first two and too late for the third.
    desk.admission.tracker.replaced(&[true, true, false]);
    let mut told = |nonce, quantity| {
        desk.members[0].restart_at(nonce);
        desk.quantity = quantity;
        desk.submit_all(0, 1)[0]
    };
    assert_eq!(told(1, 1), Some(Code::REPLACED));
    assert_eq!(told(1, 2), Some(Code::REPLACED));
    assert_eq!(told(1, 3), None);
    assert_eq!(told(3, 2), None);
    assert_eq!(told(3, 3), Some(Code::NONCE_REUSED));
}

#[test]
fn who_sends_much_leaves_room_for_who_sends_little() {
    let mut desk = Desk::open(3);
    let mut first = 0;
    while desk.submit(0).is_none() {
        first += desk.handed_on();
    }
    assert_eq!(desk.submit(0), Some(Code::RATE_LIMITED));
    assert!(
        first > MEMPOOL * 2 / 5 && first <= MEMPOOL / 2,
        "alone, a member takes half: {first} of {MEMPOOL}"
    );
    // A second that sends all it can gets half of the rest, and a third is still taken.
    let mut second = 0;
    while desk.submit(1).is_none() {
        second += desk.handed_on();
    }
    assert_eq!(desk.submit(1), Some(Code::RATE_LIMITED));
    let rest = MEMPOOL - first;
    assert!(
        second > rest * 2 / 5 && second <= rest / 2,
        "{second} of {rest}"
    );
    assert_eq!(desk.submit(2), None);
    // Room again: who has waited is taken, and a full node is busy for everybody.
    let submitted = desk.admission.submitted_bytes;
    let credit = &desk.admission.submit_credit;
    credit.store(submitted + MEMPOOL, Ordering::Release);
    assert_eq!(desk.submit(0), None);
    desk.admission.submitted_bytes = submitted + MEMPOOL - 10;
    assert_eq!(desk.submit(2), Some(Code::BUSY));
}

/// Whoever has many keys gets no more than who has one, and what is executed makes room for it again.
#[test]
fn a_client_with_many_keys_is_one_client() {
    let mut desk = Desk::open(4);
    desk.client = Some(from(9));
    let mut taken = 0;
    for member in 0..3 {
        while desk.submit(member).is_none() {
            taken += desk.handed_on();
        }
        assert_eq!(desk.submit(member), Some(Code::RATE_LIMITED));
    }
    assert!(
        taken > MEMPOOL * 2 / 5 && taken <= MEMPOOL / 2,
        "{taken} of {MEMPOOL}"
    );
    // It is told so before a signature is looked at, which others' are.
    desk.lies = true;
    assert_eq!(desk.submit(3), Some(Code::RATE_LIMITED));
    desk.client = Some(from(8));
    assert_eq!(desk.submit(3), Some(Code::BAD_SIGNATURE));
    desk.lies = false;
    assert_eq!(desk.submit(3), None, "another client");
    // All of it is executed.
    let submitted = desk.admission.submitted_bytes;
    let executed = &desk.admission.submitted_and_executed;
    executed.store(submitted, Ordering::Release);
    let credit = &desk.admission.submit_credit;
    credit.store(submitted + MEMPOOL, Ordering::Release);
    desk.client = Some(from(9));
    assert_eq!(desk.submit(3), None);
}
