//! PBFT as the product has it: its core, store and frames in the simulator, over the links of the models.

use super::{CHECK_US, DELAY_US, Mechanism, Row, spread};
use crate::sim::plan::{Climate, Plan};
use crate::sim::world::World;

/// How long clients send, in microseconds.
const LENGTH_US: u64 = 8_000_000;

pub(super) fn pbft(nodes: usize, seed: u64) -> Result<Row, String> {
    let plan = Plan {
        nodes,
        faults: Some(Vec::new()),
        ..Plan::new(seed)
    };
    let mut world = World::within(plan.clone(), Climate::calm(&plan, DELAY_US, LENGTH_US));
    world.run();
    if let Some(violation) = &world.checker.violation {
        return Err(violation.clone());
    }
    let blocks = world.checker.height() as f64;
    let waits = world.clients.waits_ms();
    if waits.is_empty() {
        return Err("nothing was confirmed".to_owned());
    }
    Ok(Row {
        mechanism: Mechanism::Pbft,
        nodes,
        final_ms: spread(waits),
        messages: world.traffic.0 as f64 / blocks,
        core_ms: world.signatures_checked() as f64 * CHECK_US / 1_000.0 / blocks,
        stale: 0.0,
    })
}
