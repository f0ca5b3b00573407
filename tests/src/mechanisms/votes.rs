//! Mechanisms of rounds of votes: DBFT and RPCA. Rounds follow each other without a pause, so whoever arrives waits for half of one.

use super::links::{Links, median};
use super::{CHECK_US, Mechanism, Row, spread};

/// Consensus nodes of Neo.
const DELEGATES_MAX: usize = 7;
/// Rounds of proposals, at half, three fifths, seven tenths and four fifths.
const PROPOSALS: usize = 4;
const ROUNDS: usize = 300;

pub(super) fn delegates(nodes: usize) -> usize {
    nodes.min(DELEGATES_MAX)
}

/// The times of rounds, as whoever arrives at any moment of one has them: the rest of it, and the whole next one.
fn arrived(links: &mut Links, rounds: &[f64]) -> (f64, f64) {
    let times = rounds
        .windows(2)
        .map(|pair| links.share() * pair[0] + pair[1]);
    spread(times.collect())
}

pub(super) fn dbft(mut links: Links) -> Row {
    let (nodes, count) = (links.nodes, delegates(links.nodes));
    let quorum = count - (count - 1) / 3;
    let rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let request = links.broadcast(0, 0.0, count);
            let response = links.votes(&request, quorum);
            let commit = links.votes(&response, quorum);
            if nodes == count {
                return median(commit);
            }
            // Whoever is no delegate has it from the first that can.
            let first = commit.into_iter().fold(f64::MAX, f64::min);
            median(links.broadcast(0, first, nodes))
        })
        .collect();
    let final_ms = arrived(&mut links, &rounds);
    let (others, each) = (nodes - count, count * (count - 1));
    Row {
        mechanism: Mechanism::Dbft,
        nodes,
        final_ms,
        messages: (count - 1 + 2 * each + others) as f64,
        // A delegate checks the request and both votes of all; everyone else the votes in the block.
        core_ms: (count * (1 + 2 * count) + others * quorum) as f64 * CHECK_US / 1_000.0,
        stale: 0.0,
    }
}

pub(super) fn ripple(mut links: Links) -> Row {
    let nodes = links.nodes;
    let quorum = (4 * nodes).div_ceil(5);
    let rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begin = vec![0.0; nodes];
            let agreed = (0..PROPOSALS).fold(begin, |ready, _| links.votes(&ready, quorum));
            median(links.votes(&agreed, quorum))
        })
        .collect();
    let final_ms = arrived(&mut links, &rounds);
    let votes = (PROPOSALS + 1) * nodes;
    Row {
        mechanism: Mechanism::Ripple,
        nodes,
        final_ms,
        messages: (votes * (nodes - 1)) as f64,
        core_ms: (votes * nodes) as f64 * CHECK_US / 1_000.0,
        stale: 0.0,
    }
}
