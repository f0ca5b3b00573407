//! One validator of four that says what a row of bytes tells it to, in its own name and rightly signed.
//!
//! The bytes are a program: let time pass, hand in transactions, restart someone, say an old message again with some of its
//! bytes changed, or say a message that the bytes spell out. Whatever it is, the others must not end, must agree, and must go on
//! ordering. Random bytes make a test of it, a fuzzer finds better ones.

use std::sync::LazyLock;

use bds_contracts::block::{BatchDigest, Signatures, Statement, ValidatorIndex};
use bds_core::batch::Tip;
use bds_core::config::Config;
use bds_core::message::{Message, ProposalDigest, Vote};
use sha2::{Digest as _, Sha512_256};

use super::{Memory, Net, batch, root_of, sign};

/// The liar.
pub(crate) const LIAR: ValidatorIndex = 3;

/// Reads a program; zeros follow its end.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn word(&mut self) -> usize {
        usize::from(u16::from_le_bytes([self.byte(), self.byte()]))
    }
}

/// Disks of four validators after three blocks, and what travelled until then.
struct Before {
    disks: Vec<Memory>,
    delivered: Vec<(ValidatorIndex, ValidatorIndex, Vec<u8>)>,
}

/// A network that goes on from there, with the first of the validators up: programs are many, so the first blocks are made once.
fn after_three_blocks(up: usize) -> Net {
    static BEFORE: LazyLock<Before> = LazyLock::new(|| {
        let mut net = Net::new(4, small);
        net.make_blocks(1, 3);
        let disks = net
            .nodes
            .iter_mut()
            .map(|node| std::mem::take(&mut node.disk));
        Before {
            disks: disks.collect(),
            delivered: std::mem::take(&mut net.delivered),
        }
    });
    let mut net = Net::stopped(4, small);
    net.delivered.clone_from(&BEFORE.delivered);
    for (node, disk) in net.nodes.iter_mut().zip(&BEFORE.disks) {
        node.disk = disk.clone();
    }
    for index in 0..up {
        net.start(index);
    }
    net
}

/// Runs a program and then lets the network settle.
///
/// # Panics
/// When a validator other than the liar ended, two of them disagree, or they order nothing any more.
pub(crate) fn play(program: &[u8]) {
    let mut net = after_three_blocks(4);
    say_all(&mut net, program, 3);
    settle(&mut net);
}

/// Runs a program against one validator that hears nothing else: far cheaper, so as many more.
///
/// # Panics
/// When it ended.
pub(crate) fn play_alone(program: &[u8]) {
    let mut net = after_three_blocks(1);
    say_all(&mut net, program, 1);
    net.run(1_000);
    assert_eq!(net.nodes[0].halted, None, "the validator ended");
}

/// Small limits, so that a short program comes to them.
fn small(config: &mut Config) {
    config.batch_delay_ms = 2;
    config.window = 32;
    config.fetch_slots_max = 32;
    config.rotation_slots = 16;
    config.view_timeout_base_ms = 200;
    config.view_timeout_max_ms = 800;
    config.batch_bytes_max = 4_096;
    config.payload_cache_bytes_max = 16 * 1_024;
}

/// The liar does what the program says to the first `others`.
fn say_all(net: &mut Net, program: &[u8], others: u8) {
    let mut reader = Reader(program);
    let mut actions = 0;
    while !reader.0.is_empty() && actions < 200 {
        actions += 1;
        let to = usize::from(reader.byte() % others);
        match reader.byte() % 8 {
            0 => net.run(1 + u64::from(reader.byte()) * 4),
            1 => {
                let text = format!("transaction {actions}");
                net.submit(to, &[text.as_bytes()]);
            }
            2 => {
                net.stop(to);
                net.start(to);
            }
            3 => {
                let (position, parent) = (1 + u64::from(reader.byte() % 16), reader.byte());
                let made = batch(LIAR, position, BatchDigest([parent; 32]), &[&[actions]]);
                net.say(LIAR, to, Message::Batch(made));
            }
            4 | 5 => say_again(net, &mut reader, to),
            _ => {
                let len = reader.word().min(reader.0.len());
                let (spelled, rest) = reader.0.split_at(len);
                reader.0 = rest;
                if let Ok(message) = borsh::from_slice(spelled) {
                    let message = signed(message, to, true);
                    net.say(LIAR, to, message);
                }
            }
        }
    }
}

/// A message that travelled, changed in up to four places.
fn say_again(net: &mut Net, reader: &mut Reader<'_>, to: usize) {
    let old = reader.word() % net.delivered.len();
    let mut bytes = net.delivered[net.delivered.len() - 1 - old].2.clone();
    for _ in 0..reader.byte() % 5 {
        let place = reader.word() % bytes.len();
        match reader.byte() % 4 {
            0 => bytes[place] = reader.byte(),
            1 => bytes[place] = bytes[place].wrapping_add(1),
            2 => bytes[place] = bytes[place].wrapping_sub(1),
            _ => {
                let end = bytes.len().min(place + 8);
                bytes[place..end].fill(reader.byte());
            }
        }
    }
    if let Ok(message) = borsh::from_slice(&bytes) {
        let message = signed(message, to, reader.byte().is_multiple_of(2));
        net.say(LIAR, to, message);
    }
}

/// Puts the liar's right signature wherever one of its own belongs; with `fit`, makes a batch's header fit its payload.
fn signed(message: Message, to: usize, fit: bool) -> Message {
    let own = |signatures: Signatures, statement: Statement| -> Signatures {
        let with = signatures.iter().map(|(who, signature)| {
            let right = if who == LIAR {
                sign(LIAR, &statement)
            } else {
                *signature
            };
            (who, right)
        });
        with.collect()
    };
    let vote = |vote: Vote, statement: fn(u64, u64, [u8; 32]) -> Statement| Vote {
        signature: sign(LIAR, &statement(vote.view, vote.slot, vote.digest.0)),
        ..vote
    };
    let digest = |bytes: Vec<u8>| -> [u8; 32] { Sha512_256::digest(bytes).into() };
    match message {
        Message::Batch(mut batch) => {
            if fit {
                batch.header.lane = LIAR;
                batch.header.bytes = u32::try_from(batch.payload.as_bytes().len()).unwrap();
                let count = batch.payload.transactions().map_or(1, |t| t.len().max(1));
                batch.header.count = u32::try_from(count).unwrap();
                batch.header.transactions_root = root_of(&batch.payload);
            }
            if batch.header.lane == LIAR {
                batch.signature = sign(LIAR, &Statement::Batch(batch.header.digest()));
            }
            Message::Batch(batch)
        }
        Message::Acknowledge {
            position, digest, ..
        } => {
            let tip = Tip {
                lane: ValidatorIndex::try_from(to).unwrap(),
                position,
                digest,
            };
            Message::Acknowledge {
                position,
                digest,
                signature: sign(LIAR, &tip.acknowledgement()),
            }
        }
        Message::Certificate(mut certificate) => {
            certificate.signatures = own(certificate.signatures, certificate.tip.acknowledgement());
            Message::Certificate(certificate)
        }
        Message::PrePrepare(mut proposed) => {
            let name = proposed.proposal.digest();
            let statement = Statement::PrePrepare(proposed.view, proposed.proposal.slot, name.0);
            proposed.signature = sign(LIAR, &statement);
            Message::PrePrepare(proposed)
        }
        Message::Prepare(said) => Message::Prepare(vote(said, Statement::Prepare)),
        Message::Commit(said) => Message::Commit(vote(said, Statement::Commit)),
        Message::Executed { height, digest, .. } => Message::Executed {
            height,
            digest,
            signature: sign(LIAR, &Statement::Executed(height, digest)),
        },
        Message::ViewChange(mut proven) => {
            let change = &mut proven.change;
            change.validator = LIAR;
            let fields = (
                change.view,
                change.validator,
                change.stable,
                &change.prepared,
            );
            let name = digest(borsh::to_vec(&fields).unwrap());
            change.signature = sign(LIAR, &Statement::ViewChange(change.view, name));
            Message::ViewChange(proven)
        }
        Message::NewView(mut new_view) => {
            let fields = borsh::to_vec(&(new_view.view, &new_view.changes)).unwrap();
            let statement = Statement::NewView(new_view.view, digest(fields));
            new_view.signature = sign(LIAR, &statement);
            Message::NewView(new_view)
        }
        Message::Slots(mut slots) => {
            for slot in &mut slots {
                let at = &slot.certificate;
                let ProposalDigest(name) = at.digest;
                let statement = Statement::Commit(at.view, at.slot, name);
                slot.certificate.signatures = own(slot.certificate.signatures.clone(), statement);
            }
            Message::Slots(slots)
        }
        other => other,
    }
}

/// The liar is silent from here on: the other three agree and order what is handed in.
fn settle(net: &mut Net) {
    net.stop(usize::from(LIAR));
    // Budgets fill up, views that were under way end.
    wait(net, 5_000, |net| {
        let (low, high) = net.heights();
        low == high
            && net.nodes[..3]
                .iter()
                .all(|node| !node.core().is_changing_view())
    });
    let before = net.heights().1;
    net.submit(0, &[b"the last one"]);
    let is_ordered = wait(net, 8_000, |net| {
        let (low, high) = net.heights();
        low == high && high > before && net.nodes[0].core().mempool().1 == 0
    });
    assert!(is_ordered, "{}", net.standing());
    let orders: Vec<Vec<_>> = net.nodes[..3]
        .iter()
        .map(|node| {
            let mut slots: Vec<_> = node
                .slots()
                .map(|s| (s.proposal.slot, s.proposal.digest()))
                .collect();
            slots.sort_unstable();
            slots.dedup();
            slots
        })
        .collect();
    assert!(orders.windows(2).all(|pair| pair[0] == pair[1]));
}

/// Lets time pass until it is so, but no longer than this; whether it is.
fn wait(net: &mut Net, millis: u64, is_so: impl Fn(&Net) -> bool) -> bool {
    let end = net.now.0 + millis;
    loop {
        for index in 0..3 {
            let halted = &net.nodes[index].halted;
            assert_eq!(*halted, None, "validator {index} ended");
        }
        if is_so(net) || net.now.0 >= end {
            return is_so(net);
        }
        net.run(20.min(end - net.now.0));
    }
}
