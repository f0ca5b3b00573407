//! Every message a network sends, bent at every byte: nobody ends, and the order goes on.
//!
//! The story: a status with a count near the end of 64 bits, sent twice, overflowed an addition and ended the process, again
//! after every restart. Here every field of every kind of message takes its extremes.

mod common;

use std::collections::BTreeMap;

use bds_contracts::block::BatchDigest;
use bds_core::message::{Message, StateOffer, Status};
use common::Net;

/// A network that has had a view change and a late validator, always with the same history.
fn history() -> Net {
    let mut net = Net::new(4, |config| config.view_timeout_base_ms = 200);
    net.make_blocks(1, 6);
    net.stop(3);
    net.make_blocks(1, 20);
    net.start(3);
    net.make_blocks(1, 3);
    // The primary is gone: the others change the view.
    net.stop(0);
    net.submit(1, &[b"one more"]);
    net.run(3_000);
    net.start(0);
    net.run(1_000);
    assert!(net.nodes[1].core().view() > 0);
    net
}

/// What is only said where a state is taken.
fn about_states(net: &Net) -> Vec<(u16, u16, Vec<u8>)> {
    let mut certified = net.nodes[1].certified().cloned();
    let mut next = || certified.next().expect("blocks were made");
    let offer = StateOffer {
        block: next(),
        naming: next(),
        tips: vec![(7, BatchDigest([7; 32])); 4],
        bytes: 100_000,
        pieces: vec![[7; 32]],
    };
    let piece = Message::Piece {
        height: 3,
        piece: 1,
        bytes: vec![7; 100],
    };
    let asked = Message::FetchPiece {
        height: 3,
        piece: 1,
    };
    let said = [
        Message::FetchStates,
        Message::State(Box::new(offer)),
        asked,
        piece,
    ];
    let bytes = said.iter().map(|message| borsh::to_vec(message).unwrap());
    bytes.map(|bytes| (1, 2, bytes)).collect()
}

/// One message of every kind of that history: who sent it, and its bytes.
fn traffic(net: &Net) -> Vec<(u16, Vec<u8>)> {
    let mut kinds: BTreeMap<u8, (u16, Vec<u8>)> = BTreeMap::new();
    let delivered = net.delivered.iter().cloned();
    for (from, _, bytes) in delivered.chain(about_states(net)) {
        // The longest of its kind holds the most fields.
        let longest = kinds
            .entry(bytes[0])
            .or_insert_with(|| (from, bytes.clone()));
        if longest.1.len() < bytes.len() && bytes.len() < 2_000 {
            *longest = (from, bytes);
        }
    }
    let sent: Vec<u8> = kinds.keys().copied().collect();
    assert_eq!(sent, (0..=19).collect::<Vec<_>>(), "kinds of messages seen");
    kinds.into_values().collect()
}

/// The message with eight bytes, or four, or one, replaced at this place.
fn bent(bytes: &[u8], at: usize) -> impl Iterator<Item = Vec<u8>> {
    let extremes: [&[u8]; 8] = [
        &[0xFF; 8],
        &[0; 8],
        &[0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
        &[0, 0, 0, 0, 0, 0, 1, 0],
        &[0xFF; 4],
        &[0xFF; 1],
        &[1],
    ];
    extremes.into_iter().filter_map(move |extreme| {
        let mut bent = bytes.to_vec();
        let place = bent.get_mut(at..at + extreme.len())?;
        place.copy_from_slice(extreme);
        Some(bent)
    })
}

#[test]
fn no_message_ends_a_validator() {
    let mut heard = 0_u64;
    for (from, bytes) in traffic(&history()) {
        let mut net = history();
        for at in 0..bytes.len() {
            for bent in bent(&bytes, at) {
                // What does not decode is refused by the network.
                if let Ok(message) = borsh::from_slice::<Message>(&bent) {
                    heard += 1;
                    for to in [(from + 1) % 4, (from + 2) % 4] {
                        net.say(from, usize::from(to), message.clone());
                        // Again, as repeats are handled in another place.
                        net.say(from, usize::from(to), message.clone());
                    }
                }
            }
            if at % 16 == 0 {
                net.run(1);
            }
        }
        net.run(3_000);
        net.make_blocks(1, 3);
        net.run(3_000);
        for node in &net.nodes {
            assert_eq!(node.halted, None, "kind {}", bytes[0]);
        }
        let (low, high) = net.heights();
        assert_eq!(low, high, "kind {}", bytes[0]);
    }
    assert!(heard > 10_000, "only {heard} bent messages decode");
}

/// Truncated and trailing bytes are no messages.
#[test]
fn only_whole_messages_decode() {
    for (_, bytes) in traffic(&history()) {
        for len in 0..bytes.len() {
            assert!(borsh::from_slice::<Message>(&bytes[..len]).is_err());
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(borsh::from_slice::<Message>(&longer).is_err());
    }
}

/// Row 1: the two frames that ended a validator.
#[test]
fn a_status_of_the_largest_counts_is_refused() {
    let mut net = Net::new(4, |_| {});
    net.make_blocks(1, 2);
    for count in [u64::MAX, u64::MAX - 1, u64::MAX - 16, 1 << 48] {
        for field in 0..6 {
            let mut status = Status {
                view: 0,
                committed: 1 << 40,
                executed: 1 << 40,
                certified: 1 << 40,
                voting_ms: 1,
                lanes: vec![1 << 40; 4],
            };
            match field {
                0 => status.view = count,
                1 => status.committed = count,
                2 => status.executed = count,
                3 => status.certified = count,
                4 => status.voting_ms = count,
                _ => status.lanes[2] = count,
            }
            let refused = net.refused(2);
            for _ in 0..2 {
                net.say(3, 2, Message::Status(status.clone()));
            }
            assert_eq!(net.refused(2), refused + 2, "{status:?}");
        }
    }
    net.make_blocks(1, 2);
}

/// A peer that sends more than a correct one ever does is not heard for a while; the others are.
#[test]
fn one_peer_cannot_buy_all_the_checks() {
    let mut net = Net::new(4, |_| {});
    net.make_blocks(1, 2);
    let sample = net.delivered.iter().find(|(_, _, bytes)| bytes[0] == 2);
    let bytes = sample.expect("certificates travel").2.clone();
    let certificate: Message = borsh::from_slice(&bytes).unwrap();
    for _ in 0..100_000 {
        net.say(3, 2, certificate.clone());
    }
    let dropped = net.nodes[2].core().counters()["message_over_budget"];
    assert!(dropped > 50_000, "{dropped}");
    net.make_blocks(1, 5);
    net.run(5_000);
    let (low, high) = net.heights();
    assert_eq!(low, high);
    let after = net.nodes[2].core().counters()["message_over_budget"];
    net.say(3, 2, certificate);
    assert_eq!(net.nodes[2].core().counters()["message_over_budget"], after);
}

/// The fuzz target `decoders` starts from these (`tests/fuzz/README.md`); without `FUZZ_SEEDS` nothing is written.
#[test]
fn every_kind_of_message_has_one_encoding() {
    let dir = std::env::var_os("FUZZ_SEEDS").map(std::path::PathBuf::from);
    for (_, bytes) in traffic(&history()) {
        let message: Message = borsh::from_slice(&bytes).unwrap();
        assert_eq!(borsh::to_vec(&message).unwrap(), bytes);
        if let Some(dir) = &dir {
            std::fs::create_dir_all(dir).unwrap();
            let seed = [&[0], bytes.as_slice()].concat();
            std::fs::write(dir.join(format!("message{}", bytes[0])), seed).unwrap();
        }
    }
}
