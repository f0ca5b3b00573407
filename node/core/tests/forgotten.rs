//! A validator that lost its disk, or got an older copy of it, signs nothing twice: its peers remember what it voted.

mod common;

use std::collections::BTreeMap;

use bds_contracts::block::{Height, Statement, ValidatorIndex};
use bds_core::message::{Message, ProposalDigest, Remembered, View, Vote};
use bds_core::turn::Record;
use common::{Net, sign};

const WINDOW: u64 = 32;
/// The one that forgets.
const ONE: usize = 3;

fn net() -> Net {
    Net::new(4, |config| {
        config.window = WINDOW;
        config.batch_delay_ms = 1;
        config.slot_interval_min_ms = 1;
    })
}

/// Everything the one has ever signed about a slot.
fn votes(net: &Net) -> Vec<(bool, Vote)> {
    let said = net.delivered.iter();
    let said = said.filter(|(from, ..)| usize::from(*from) == ONE);
    said.filter_map(|(_, _, bytes)| match borsh::from_slice(bytes) {
        Ok(Message::Prepare(vote)) => Some((false, vote)),
        Ok(Message::Commit(vote)) => Some((true, vote)),
        _ => None,
    })
    .collect()
}

fn last_slot(net: &Net) -> Height {
    let slots = votes(net).into_iter().map(|(_, vote)| vote.slot);
    slots.max().expect("it voted")
}

/// No two votes of one phase and view for one slot are for different things.
fn assert_consistent(net: &Net) {
    let mut cast: BTreeMap<(bool, View, Height), ProposalDigest> = BTreeMap::new();
    for (commits, vote) in votes(net) {
        let first = cast
            .entry((commits, vote.view, vote.slot))
            .or_insert(vote.digest);
        assert_eq!(*first, vote.digest, "two votes for slot {}", vote.slot);
    }
}

/// Stops it in the middle of a slot, changes its disk, and starts it again; what it had voted in last.
fn comes_back_with(net: &mut Net, disk: impl Fn(&mut Net)) -> Height {
    net.make_blocks(0, 5);
    // Half a millisecond of messages: it has voted, and nobody has a quorum yet.
    net.submit(0, &[b"one more"]);
    net.run(1);
    net.stop(ONE);
    let last = last_slot(net);
    disk(net);
    net.start(ONE);
    // What peers say at once arrives.
    net.run(1);
    last
}

#[test]
fn a_lost_disk_is_noticed_and_nothing_is_signed_where_it_may_have_been_before() {
    let mut net = net();
    let last = comes_back_with(&mut net, |net| net.nodes[ONE].disk.0.clear());
    let forgotten = net.nodes[ONE].core().forgotten();
    assert_eq!(forgotten, Some(last + WINDOW), "peers remind it at once");
    let before = votes(&net).len();
    // The others go on without it, and it follows.
    net.make_blocks(0, WINDOW - 1);
    net.run(500);
    let silent = votes(&net).split_off(before);
    assert!(silent.is_empty(), "{silent:?}");
    assert_eq!(net.heights().0, net.heights().1);
    assert!(net.nodes[ONE].core().forgotten().is_some());
    // Then it votes again.
    net.make_blocks(0, WINDOW);
    assert_eq!(net.nodes[ONE].core().forgotten(), None);
    let after = votes(&net).split_off(before);
    let first = after.iter().map(|(_, vote)| vote.slot).min();
    assert!(
        first.is_some_and(|first| first > last + WINDOW),
        "{first:?}"
    );
    assert_consistent(&net);
}

#[test]
fn an_older_copy_is_noticed_like_a_lost_disk() {
    let mut net = net();
    net.make_blocks(0, 3);
    let old = net.nodes[ONE].disk.0.clone();
    let last = comes_back_with(&mut net, |net| net.nodes[ONE].disk.0.clone_from(&old));
    assert_eq!(net.nodes[ONE].core().forgotten(), Some(last + WINDOW));
    net.make_blocks(0, 2 * WINDOW);
    // It catches up, and then takes part.
    net.run(3_000);
    assert_eq!(net.nodes[ONE].core().forgotten(), None);
    net.make_blocks(0, 2);
    assert!(last_slot(&net) > last + WINDOW);
    assert_consistent(&net);
}

/// Its vote log is damaged, and it knows: nobody has to remind it.
#[test]
fn a_validator_that_knows_what_it_forgot_signs_nothing_up_to_there() {
    let mut net = net();
    net.make_blocks(0, 5);
    net.stop(ONE);
    let before = votes(&net).len();
    let votes_only = |record: &Record| {
        matches!(
            record,
            Record::Batch(_) | Record::Committed(_) | Record::Certified(_)
        )
    };
    net.nodes[ONE].disk.0.retain(votes_only);
    net.nodes[ONE].forgotten = 5 + 2 * WINDOW;
    net.start(ONE);
    net.make_blocks(0, WINDOW);
    let silent = votes(&net).split_off(before);
    assert!(silent.is_empty(), "{silent:?}");
    net.make_blocks(0, WINDOW + 5);
    net.run(1_000);
    net.make_blocks(0, 5);
    let after = votes(&net).split_off(before);
    let first = after.iter().map(|(_, vote)| vote.slot).min();
    assert!(
        first.is_some_and(|first| first > 5 + 2 * WINDOW),
        "{first:?}"
    );
    assert_consistent(&net);
}

#[test]
fn who_remembers_votes_on_at_once() {
    let mut net = net();
    for _ in 0..3 {
        let last = comes_back_with(&mut net, |_| {});
        assert_eq!(net.nodes[ONE].core().forgotten(), None);
        net.make_blocks(0, 2);
        assert!(last_slot(&net) > last);
        let counters = net.nodes[ONE].core().counters();
        assert_eq!(counters.get("votes_forgotten"), None);
    }
    assert_consistent(&net);
}

/// Nobody makes a validator believe that it forgot something: the vote it is shown must have its signature.
#[test]
fn a_vote_that_it_did_not_sign_reminds_it_of_nothing() {
    let mut net = net();
    net.make_blocks(0, 2);
    let slot = net.nodes[ONE].core().committed() + 5;
    let vote = |signer: ValidatorIndex, statement: fn(View, Height, [u8; 32]) -> Statement| Vote {
        view: 0,
        slot,
        digest: ProposalDigest([7; 32]),
        signature: sign(signer, &statement(0, slot, [7; 32])),
    };
    let me = ValidatorIndex::try_from(ONE).unwrap();
    for remembered in [
        Remembered::Prepare(vote(1, Statement::Prepare)),
        // Its own signature, under another statement.
        Remembered::Prepare(vote(me, Statement::Commit)),
    ] {
        net.say(1, ONE, Message::Remember(remembered));
        assert_eq!(net.nodes[ONE].core().forgotten(), None);
    }
    let counters = net.nodes[ONE].core().counters();
    assert_eq!(counters.get("remember_bad_signature"), Some(&2));
    net.say(
        1,
        ONE,
        Message::Remember(Remembered::Prepare(vote(me, Statement::Prepare))),
    );
    assert_eq!(net.nodes[ONE].core().forgotten(), Some(slot + WINDOW));
}

/// One peer may have heard less than another: the latest vote counts, also one in a slot that a vote before has closed already.
#[test]
fn the_latest_vote_that_anybody_shows_counts() {
    let mut net = net();
    net.make_blocks(0, 2);
    let me = ValidatorIndex::try_from(ONE).unwrap();
    let vote = |slot| Vote {
        view: 0,
        slot,
        digest: ProposalDigest([7; 32]),
        signature: sign(me, &Statement::Commit(0, slot, [7; 32])),
    };
    let stable = net.nodes[ONE].core().certified();
    for (slot, forgotten) in [
        // Final: nothing is wrong with not knowing it.
        (stable, None),
        (stable + 3, Some(stable + 3 + WINDOW)),
        (stable + 9, Some(stable + 9 + WINDOW)),
        (stable + 5, Some(stable + 9 + WINDOW)),
        (stable + 9, Some(stable + 9 + WINDOW)),
    ] {
        net.say(1, ONE, Message::Remember(Remembered::Commit(vote(slot))));
        assert_eq!(net.nodes[ONE].core().forgotten(), forgotten, "slot {slot}");
    }
}

/// What is said before a quorum has had its say might contradict what was said before the start.
#[test]
fn nothing_is_signed_before_a_quorum_has_been_heard() {
    let mut net = net();
    net.make_blocks(0, 2);
    for index in [1, 2, ONE] {
        net.stop(index);
    }
    let before = votes(&net).len();
    // It is back, and hears one peer, which proposes.
    net.start(ONE);
    net.submit(0, &[b"not yet"]);
    net.run(5_000);
    let silent = votes(&net).split_off(before);
    assert!(silent.is_empty(), "{silent:?}");
    net.start(1);
    net.start(2);
    net.run(5_000);
    assert!(votes(&net).len() > before);
    let (low, high) = net.heights();
    assert_eq!(low, high);
    assert_consistent(&net);
}
