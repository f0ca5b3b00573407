//! A shell that calls at the earliest time asked for, and forgets the others, still calls for ever.
//!
//! The story: an input came just after a wake was due and before it was delivered. The core asked for the next one, the shell
//! kept the earlier, called, and had nothing left; the core thought that its second question stood. A network whose validators
//! had all lost their wake in this way stood still until somebody spoke.

mod common;

use bds_contracts::tx::Millis;
use bds_core::turn::{Effect, Input, Turn};
use common::Net;

#[test]
fn every_tick_asks_for_the_next() {
    let mut net = Net::new(4, |_| {});
    let node = &mut net.nodes[0];
    let core = node.core.as_mut().expect("up");
    let mut wake = None;
    let mut now = net.now;
    for round in 0..200 {
        // Late, so that the wake is due and not delivered when the other input comes.
        now = Millis(now.0 + 300);
        for input in [Input::Connected(1), Input::Tick] {
            let is_tick = matches!(input, Input::Tick);
            if is_tick {
                wake = None;
            }
            let mut turn = Turn::default();
            core.step(now, input, &mut turn);
            let Ok(effects) = turn.commit(&mut node.disk);
            for effect in effects {
                if let Effect::WakeAt(at) = effect {
                    wake = Some(wake.map_or(at, |earlier: Millis| earlier.min(at)));
                }
            }
            assert!(!is_tick || wake.is_some(), "round {round}");
        }
    }
}
