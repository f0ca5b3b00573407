//! Chance and delays of the models.

use super::DELAY_US;
use crate::sim::random::{Draws, Key, Random};

/// Links among so many, and what else is drawn.
pub(super) struct Links {
    pub(super) nodes: usize,
    random: Random,
}

impl Links {
    pub(super) fn new(seed: u64, nodes: usize) -> Self {
        let random = Draws::new(seed).at(0, Key(nodes as u64, 0, 0));
        Self { nodes, random }
    }

    /// How long a message takes, in milliseconds.
    pub(super) fn delay(&mut self) -> f64 {
        self.random.between(DELAY_US.0, DELAY_US.1) as f64 / 1_000.0
    }

    /// When a message of one reaches each of so many, that one included.
    pub(super) fn broadcast(&mut self, from: usize, at: f64, to: usize) -> Vec<f64> {
        let delays = (0..to).map(|node| if node == from { 0.0 } else { self.delay() });
        delays.map(|delay| at + delay).collect()
    }

    /// When each of these has heard so many of them, itself included, who speak to all when they are ready.
    pub(super) fn votes(&mut self, ready: &[f64], quorum: usize) -> Vec<f64> {
        let count = ready.len();
        let mut heard = vec![Vec::with_capacity(count); count];
        for (from, at) in ready.iter().enumerate() {
            for (to, time) in self.broadcast(from, *at, count).into_iter().enumerate() {
                heard[to].push(time);
            }
        }
        heard.into_iter().map(|times| rank(times, quorum)).collect()
    }

    /// Any of so many.
    pub(super) fn index(&mut self, count: usize) -> usize {
        self.random.index(count)
    }

    /// From 0 to 1, neither of them.
    pub(super) fn share(&mut self) -> f64 {
        (self.random.below(1 << 52) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    /// Until the next of events that come at random, on average after `mean`.
    pub(super) fn wait(&mut self, mean: f64) -> f64 {
        -self.share().ln() * mean
    }
}

/// The one of these that has `place - 1` below it.
pub(super) fn rank(mut times: Vec<f64>, place: usize) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[place - 1]
}

/// The middle one.
pub(super) fn median(times: Vec<f64>) -> f64 {
    let middle = times.len() / 2 + 1;
    rank(times, middle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quorum_is_heard_when_so_many_have_spoken() {
        assert_eq!(rank(vec![3.0, 1.0, 2.0], 2), 2.0);
        assert_eq!(median(vec![9.0, 1.0, 2.0, 3.0]), 3.0);
        let mut links = Links::new(1, 4);
        // One speaks far too late: three are heard without it, four not.
        let ready = [0.0, 0.0, 0.0, 5_000.0];
        let three = links.votes(&ready, 3);
        assert!(
            three[..3].iter().all(|time| (20.0..=80.0).contains(time)),
            "{three:?}"
        );
        let four = links.votes(&ready, 4);
        assert!(four.iter().all(|time| *time >= 5_000.0), "{four:?}");
        let waits: f64 = (0..10_000).map(|_| links.wait(50.0)).sum();
        assert!((waits / 10_000.0 - 50.0).abs() < 3.0, "{waits}");
    }
}
