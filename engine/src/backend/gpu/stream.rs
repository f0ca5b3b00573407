//! How does a call keep the device busy? It sends the next job before it has the answer of the last.

use std::collections::VecDeque;

use super::device::SLOTS;
use super::fault::Fault;
use super::job::Job;
use super::owner::{Owner, Ticket};

/// Jobs of one call on their way: all slots, and one that waits for the first to be free.
const JOBS_MAX: usize = SLOTS + 1;

/// Makes a job of each piece, in order, and hands its answer to `take`, in the same order.
///
/// - `build`: the job for a piece, in the memory given, and what `take` needs to know of it.
///
/// # Errors
/// The first fault of any job or of `take`; jobs still on their way are given up.
pub(super) fn run<P, C>(
    owner: &Owner,
    pieces: Vec<P>,
    mut build: impl FnMut(P, Vec<u8>) -> (Job, C),
    mut take: impl FnMut(C, &[u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut flying: VecDeque<(Ticket, C)> = VecDeque::with_capacity(JOBS_MAX);
    let mut spare = Vec::new();
    let mut finish = |flying: &mut VecDeque<(Ticket, C)>| -> Result<Vec<u8>, Fault> {
        let Some((ticket, checks)) = flying.pop_front() else {
            return Ok(Vec::new());
        };
        let answer = owner.wait(&ticket)?;
        take(checks, &answer.bytes)?;
        Ok(answer.input)
    };
    for piece in pieces {
        if flying.len() == JOBS_MAX {
            spare = finish(&mut flying)?;
        }
        let (job, checks) = build(piece, std::mem::take(&mut spare));
        flying.push_back((owner.submit(job)?, checks));
    }
    while !flying.is_empty() {
        finish(&mut flying)?;
    }
    Ok(())
}
