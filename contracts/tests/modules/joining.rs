//! On a public ledger a key takes part by itself: once it shows work, with the rights of a consumer, and goes when it likes.

use bds_contracts::Code;
use bds_contracts::account::Roles;
use bds_contracts::genesis::Profile;
use bds_contracts::identity::{Call, Identity};
use bds_contracts::kernel::envelope::{Draft, Envelope};
use bds_contracts::kernel::machine::Dropped;
use bds_contracts::kernel::meter::Limits;
use bds_contracts::kernel::module::Module;
use bds_contracts::tx::{ChainId, Millis, PublicKey};
use ed25519_dalek::SigningKey;
use sha2::{Digest as _, Sha512};

use super::stage::{Stage, Who, block, codes};

const CHAIN: ChainId = ChainId([7; 32]);
const HOUR: u64 = 3_600_000;

/// A public ledger where work is 8 bits, and 1 more for each 2 that came in the hour.
fn stage() -> Stage {
    let mut stage = Stage::on(Profile::Public);
    stage.machine.set_limits(Limits {
        newcomer_work: 8,
        newcomers_a_bit: 2,
        ..Limits::default()
    });
    stage
}

fn key(seed: u8) -> PublicKey {
    PublicKey(
        SigningKey::from_bytes(&[seed; 32])
            .verifying_key()
            .to_bytes(),
    )
}

fn wire(draft: &Draft) -> Vec<u8> {
    let mut bytes = draft.signed_bytes();
    bytes.extend([0; 64]);
    bytes
}

/// Zero bits at the beginning of the SHA-512, counted bit by bit.
fn zeros(signed: &[u8]) -> usize {
    let bits = Sha512::digest(signed);
    let bits = bits
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    bits.take_while(|bit| *bit == 0).count()
}

fn join(of: PublicKey, nonce: u64, work: u64) -> Draft {
    Draft::new(CHAIN, of, nonce).call::<Identity>(&Call::Join { work })
}

/// The first transaction by which the key joins that shows just so many bits.
fn worked(make: impl Fn(u64) -> Draft, bits: usize) -> Vec<u8> {
    let tries = (0..).map(make);
    let mut found = tries.filter(|draft| zeros(&draft.signed_bytes()) == bits);
    wire(&found.next().expect("among all numbers"))
}

fn joins(of: PublicKey, bits: usize) -> Vec<u8> {
    worked(|work| join(of, 0, work), bits)
}

/// What becomes of it when it is alone in the next block; and admission says the same of that block.
fn sent(stage: &mut Stage, tx: &[u8]) -> Code {
    let mut next = block(stage.machine.block().height + 1);
    next.time.0 += stage.epoch;
    let view = Envelope::parse(tx).unwrap();
    let admitted = stage.machine.admit(&next, &view.id(), &view);
    let outcome = stage.execute(&[tx.to_vec()]);
    match outcome.dropped[..] {
        [] => {
            let code = codes(&outcome)[0];
            assert_eq!(admitted, Ok(()));
            code
        }
        [Dropped { place: 0, code }] => {
            assert_eq!(admitted, Err(code));
            assert_eq!(outcome.receipts.len(), 0);
            code
        }
        _ => panic!("one transaction, dropped more often"),
    }
}

#[test]
fn whoever_shows_work_takes_part_as_a_consumer() {
    let mut stage = stage();
    let members = 11;
    assert_eq!(sent(&mut stage, &joins(key(200), 7)), Code::WORK_MISSING);
    assert!(stage.machine.member(&key(200)).is_none());
    let tx = joins(key(200), 8);
    assert_eq!(sent(&mut stage, &tx), Code::OK);
    let member = *stage.machine.member(&key(200)).unwrap();
    assert_eq!((member.id.0, member.roles), (members + 1, Roles::CONSUMER));
    assert_eq!(member.nonces.floor(), 1);
    // The same bytes count once, and whoever takes part need not join.
    assert_eq!(sent(&mut stage, &tx), Code::NONCE_REUSED);
    assert_eq!(
        sent(&mut stage, &wire(&join(key(200), 1, 0))),
        Code::MEMBER_EXISTS
    );
}

#[test]
fn each_that_comes_in_an_hour_makes_the_next_dearer() {
    let mut stage = stage();
    // Two for 8 bits, two for 9, two for 10; what shows more is as good.
    let bits = [(7, 8), (7, 12), (8, 9), (8, 9), (9, 10), (9, 10)];
    for (seed, (less, bits)) in (200..).zip(bits) {
        let less = joins(key(seed), less);
        assert_eq!(sent(&mut stage, &less), Code::WORK_MISSING, "{seed}");
        assert_eq!(
            sent(&mut stage, &joins(key(seed), bits)),
            Code::OK,
            "{seed}"
        );
    }
    let time = stage.machine.block().time;
    assert_eq!(stage.machine.newcomer_work(time), Some(11));
    assert_eq!(sent(&mut stage, &joins(key(210), 10)), Code::WORK_MISSING);
    // In the next hour it begins anew.
    stage.epoch = HOUR;
    assert_eq!(sent(&mut stage, &joins(key(210), 8)), Code::OK);
    // Those that are members pay nothing, and do not count.
    let nothing = Draft::new(CHAIN, key(210), 1).call::<Identity>(&Call::Nothing {});
    assert_eq!(sent(&mut stage, &wire(&nothing)), Code::OK);
    let time = stage.machine.block().time;
    assert_eq!(stage.machine.newcomer_work(time), Some(8));
}

#[test]
fn two_of_one_block_pay_in_its_order() {
    let mut stage = stage();
    let txs: Vec<_> = (200..204).map(|seed| joins(key(seed), 8)).collect();
    let outcome = stage.execute(&txs);
    assert_eq!(codes(&outcome), [Code::OK, Code::OK]);
    let dropped: Vec<_> = outcome.dropped.iter().map(|d| (d.place, d.code)).collect();
    assert_eq!(dropped, [(2, Code::WORK_MISSING), (3, Code::WORK_MISSING)]);
}

#[test]
fn nothing_else_makes_a_member() {
    let mut stage = stage();
    let stranger = key(200);
    let draft = |nonce: u64, expires: u64, call: &Call<'_>| {
        let mut draft = Draft::new(CHAIN, stranger, nonce).call::<Identity>(call);
        draft.expires_at = Millis(expires);
        draft
    };
    let good = u64::MAX;
    let mut send = |make: &dyn Fn(u64) -> Draft| sent(&mut stage, &worked(make, 8));
    // Another call that every member may send; the tries differ by when they end.
    let other = |n: u64| draft(0, good - n, &Call::Nothing {});
    assert_eq!(send(&other), Code::UNKNOWN_SENDER);
    let leave = |n: u64| draft(0, good - n, &Call::Leave {});
    assert_eq!(send(&leave), Code::UNKNOWN_SENDER);
    // Together with others.
    let two = |work| join(stranger, 0, work).call::<Identity>(&Call::Nothing {});
    assert_eq!(send(&two), Code::UNKNOWN_SENDER);
    let second = |work| {
        Draft::new(CHAIN, stranger, 0)
            .call::<Identity>(&Call::Nothing {})
            .call::<Identity>(&Call::Join { work })
    };
    assert_eq!(send(&second), Code::UNKNOWN_SENDER);
    // Too late, too early, with a nonce outside the window, behind another.
    assert_eq!(
        send(&|work| draft(0, 1_000, &Call::Join { work })),
        Code::EXPIRED
    );
    let early = |work| {
        let mut draft = join(stranger, 0, work);
        draft.lock_time = Millis(u64::MAX - 1);
        draft
    };
    assert_eq!(send(&early), Code::NOT_YET_VALID);
    assert_eq!(send(&|work| join(stranger, 65, work)), Code::NONCE_GAP);
    let behind = |work| {
        let mut draft = join(stranger, 1, work);
        draft.after = Some(0);
        draft
    };
    assert_eq!(send(&behind), Code::NONCE_GAP);
    // No key: a point of small order.
    let mut small = [0; 32];
    small[0] = 1;
    assert_eq!(
        send(&|work| join(PublicKey(small), 0, work)),
        Code::KEY_INVALID
    );
    // Bytes behind the argument.
    let long = |work: u64| {
        let arguments = [&work.to_le_bytes()[..], &[0]].concat();
        Draft::new(CHAIN, stranger, 0).raw(Identity::ID, 8, &arguments)
    };
    assert_eq!(send(&long), Code::MALFORMED);
    assert!(stage.machine.member(&stranger).is_none());
    assert!(stage.machine.member(&PublicKey(small)).is_none());
    // A nonce inside the window is one.
    let inside = worked(|work| join(stranger, 64, work), 8);
    assert_eq!(sent(&mut stage, &inside), Code::OK);
    let nonces = stage.machine.member(&stranger).unwrap().nonces;
    assert!(nonces.is_used(64) && nonces.floor() == 0);
}

#[test]
fn where_members_are_designated_nobody_comes_by_itself() {
    for profile in [Profile::Consortium, Profile::Private] {
        let mut stage = Stage::on(profile);
        stage.machine.set_limits(Limits {
            newcomer_work: 0,
            ..Limits::default()
        });
        let tx = wire(&join(key(200), 0, 0));
        assert_eq!(sent(&mut stage, &tx), Code::UNKNOWN_SENDER);
        let time = stage.machine.block().time;
        assert_eq!(stage.machine.newcomer_work(time), None);
        for call in [Call::Join { work: 0 }, Call::Leave {}] {
            let code = stage.call::<Identity>(Who::Guest, &call);
            assert_eq!(code, Code::WRONG_PROFILE);
        }
    }
}

#[test]
fn whoever_leaves_has_no_rights_and_can_come_back_without_work() {
    let mut stage = stage();
    assert_eq!(sent(&mut stage, &joins(key(200), 8)), Code::OK);
    let mut nonce = 0;
    let mut call = |stage: &mut Stage, call: &Call<'_>| {
        nonce += 1;
        sent(
            stage,
            &wire(&Draft::new(CHAIN, key(200), nonce).call::<Identity>(call)),
        )
    };
    assert_eq!(call(&mut stage, &Call::Leave {}), Code::OK);
    let gone = *stage.machine.member(&key(200)).unwrap();
    assert_eq!(gone.roles, Roles::NONE);
    assert_eq!(call(&mut stage, &Call::Join { work: 0 }), Code::OK);
    let back = *stage.machine.member(&key(200)).unwrap();
    assert_eq!((back.id, back.roles), (gone.id, Roles::CONSUMER));
    // Whoever has other roles keeps them when it joins, and gives up all when it leaves.
    assert_eq!(
        stage.call::<Identity>(Who::Anna, &Call::Join { work: 0 }),
        Code::OK
    );
    let roles = |stage: &Stage| stage.machine.member(&Who::Anna.key()).unwrap().roles;
    assert!(roles(&stage).has(Roles::TRADER.with(Roles::CONSUMER)));
    assert_eq!(stage.call::<Identity>(Who::Anna, &Call::Leave {}), Code::OK);
    assert_eq!(roles(&stage), Roles::NONE);
}

#[test]
fn the_price_lies_under_the_state_and_survives_a_snapshot() {
    let mut stage = stage();
    for seed in 200..204 {
        let bits = if seed < 202 { 8 } else { 9 };
        assert_eq!(sent(&mut stage, &joins(key(seed), bits)), Code::OK);
    }
    let snapshot = stage.machine.stores().snapshot();
    let limits = *stage.machine.limits();
    let block = *stage.machine.block();
    let again =
        bds_contracts::ledger::Ledger::restore(CHAIN, Profile::Public, limits, block, &snapshot);
    let again = again.expect("a snapshot of the machine");
    assert_eq!(again.newcomer_work(block.time), Some(10));
}
