//! Mechanisms that build a chain block by block: work, activity, stake, delegates.

use bds_node::security::tamper::Share;

use super::links::{Links, median};
use super::{CHECK_US, Mechanism, Row, spread};

/// Between two blocks of work, in milliseconds: sixty times as fast as Bitcoin; much faster, and blocks made in vain become many.
pub(super) const WORK_INTERVAL_MS: f64 = 10_000.0;
/// A slot of proof of stake, in milliseconds; Ethereum's has 12,000.
pub(super) const STAKE_SLOT_MS: f64 = 1_000.0;
/// A slot of a delegate, in milliseconds, as EOS.IO has it.
pub(super) const DELEGATE_SLOT_MS: f64 = 500.0;
/// Holders of stake that sign a block of activity.
pub(super) const SIGNERS: usize = 3;
/// Most delegates, as EOS.IO has them.
const DELEGATES_MAX: usize = 21;
/// What an attacker has of all work, or of all work and of all stake.
const ATTACKER: f64 = 0.1;
/// How often it may replace a block.
const REPLACED: f64 = 0.001;
/// Blocks that are made, and transactions that are timed.
const BLOCKS: usize = 3_000;
const SAMPLES: usize = 2_000;
/// Nobody builds on a block that far behind the last one.
const DEPTH: usize = 32;

pub(super) fn delegates(nodes: usize) -> usize {
    nodes.min(DELEGATES_MAX)
}

/// Blocks on top that it takes: of whoever has to find a number and, `signers` times, to be drawn by stake.
fn depth(signers: usize) -> usize {
    let odds = ATTACKER / (1.0 - ATTACKER);
    let odds = odds.powi(1 + signers as i32);
    let share = Share::new(odds / (1.0 + odds)).expect("below one half");
    let gap = share.gap_below(REPLACED).expect("a probability");
    gap.expect("below one half a few are enough") as usize
}

struct Block {
    parent: usize,
    height: usize,
    /// When each has it.
    at: Vec<f64>,
    made: f64,
}

/// Work alone, or with so many signers of activity.
pub(super) fn work(mut links: Links, signers: usize) -> Row {
    let nodes = links.nodes;
    let mut blocks = vec![Block {
        parent: 0,
        height: 0,
        at: vec![0.0; nodes],
        made: 0.0,
    }];
    let mut now = 0.0;
    for _ in 0..BLOCKS {
        now += links.wait(WORK_INTERVAL_MS);
        let finder = links.index(nodes);
        let recent = blocks.len().saturating_sub(DEPTH)..blocks.len();
        // The highest that it has, and of several the one it had first.
        let known = recent.filter(|place| blocks[*place].at[finder] <= now);
        let parent = known.max_by(|a, b| {
            let (a, b) = (&blocks[*a], &blocks[*b]);
            let first = b.at[finder].total_cmp(&a.at[finder]);
            a.height.cmp(&b.height).then(first)
        });
        let parent = parent.unwrap_or(0);
        let made = if signers == 0 {
            now
        } else {
            signed(&mut links, finder, now, signers)
        };
        let height = blocks[parent].height + 1;
        let at = links.broadcast(finder, made, nodes);
        blocks.push(Block {
            parent,
            height,
            at,
            made,
        });
    }
    let top = (0..blocks.len()).max_by_key(|place| blocks[*place].height);
    let mut chain = vec![top.unwrap_or(0)];
    while let Some(last) = chain.last().copied()
        && last != 0
    {
        chain.push(blocks[last].parent);
    }
    chain.reverse();

    let depth = depth(signers);
    let end = blocks[chain[chain.len() - 2 - depth]].made;
    let times = (0..SAMPLES).map(|_| {
        let arrives = links.share() * end;
        let place = chain.partition_point(|block| blocks[*block].made <= arrives);
        median(blocks[chain[place + depth]].at.clone()) - arrives
    });
    let final_ms = spread(times.collect());
    let stays = (chain.len() - 1) as f64;
    let made = BLOCKS as f64;
    let signing = if signers == 0 {
        0
    } else {
        nodes - 1 + signers - 1
    };
    Row {
        mechanism: if signers == 0 {
            Mechanism::Work
        } else {
            Mechanism::Activity
        },
        nodes,
        final_ms,
        messages: (nodes - 1 + signing) as f64 * made / stays,
        // Each has a core at work all the time.
        core_ms: now / stays * nodes as f64,
        stale: 1.0 - stays / made,
    }
}

/// When the last signer has put a block together whose header was found then.
fn signed(links: &mut Links, finder: usize, found: f64, signers: usize) -> f64 {
    let last = links.index(links.nodes);
    let own = if last == finder {
        found
    } else {
        found + links.delay()
    };
    let others = (1..signers).map(|_| found + links.delay() + links.delay());
    others.fold(own, f64::max)
}

pub(super) fn stake(mut links: Links) -> Row {
    let nodes = links.nodes;
    // Its own slot and the next one; the block after that carries the votes.
    let final_ms = slots(&mut links, STAKE_SLOT_MS, 2);
    Row {
        mechanism: Mechanism::Stake,
        nodes,
        final_ms,
        // The block to all, a vote of each to whoever has the next slot.
        messages: 2.0 * (nodes - 1) as f64,
        core_ms: (nodes * (nodes + 1)) as f64 * CHECK_US / 1_000.0,
        stale: 0.0,
    }
}

pub(super) fn delegated(mut links: Links) -> Row {
    let nodes = links.nodes;
    let on_top = 2 * delegates(nodes) / 3 + 1;
    let final_ms = slots(&mut links, DELEGATE_SLOT_MS, on_top);
    Row {
        mechanism: Mechanism::Delegates,
        nodes,
        final_ms,
        messages: (nodes - 1) as f64,
        core_ms: (nodes - 1) as f64 * CHECK_US / 1_000.0,
        stale: 0.0,
    }
}

/// From any moment of a slot to the beginning of the next, so many slots more, and the way to most.
fn slots(links: &mut Links, slot: f64, more: usize) -> (f64, f64) {
    let times = (0..SAMPLES).map(|_| {
        let until = links.share() * slot;
        let way = median(links.broadcast(0, 0.0, links.nodes));
        until + more as f64 * slot + way
    });
    spread(times.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five blocks for an attacker with a tenth, as the paper's equations have it; one where it needs stake too.
    #[test]
    fn so_many_blocks_on_top() {
        assert_eq!((depth(0), depth(SIGNERS)), (5, 1));
    }
}
