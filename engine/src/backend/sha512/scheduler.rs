//! Which message is in which lane? Lanes that finish take the next message, so that mixed lengths keep all busy.

use super::Simd;
use super::message::{Block, Message};
use super::rounds::{LANES_MAX, Shared, State};

/// Hashes the messages `waiting`, of any lengths; see [`super::hash_many`].
#[inline(always)]
pub(super) fn run<'a, S: Simd>(
    simd: S,
    mut waiting: std::ops::Range<usize>,
    iv: &[u64; 8],
    parts: impl Fn(usize) -> [&'a [u8]; 3],
    mut write: impl FnMut(usize, &[u8; 64]),
) {
    let mut lanes = [Lane::EMPTY; LANES_MAX];
    let mut state = State::new(iv);
    let mut staged = Staged {
        blocks: [[0; 128]; LANES_MAX],
        digests: [[0; 64]; LANES_MAX],
    };
    let mut shared = Shared::new();
    let mut busy = 0;
    while busy < S::LANES
        && let Some(index) = waiting.next()
    {
        start(&mut lanes[busy], &mut state, busy, index, iv, &parts);
        busy += 1;
    }
    while busy > 0 {
        let steps = lanes[..busy]
            .iter()
            .map(|lane| lane.message.blocks_left())
            .min()
            .expect("one is busy");
        for _ in 0..steps {
            step(
                simd,
                &mut lanes[..busy],
                &mut state,
                &mut staged,
                &mut shared,
            );
        }
        simd.digests(&state, &mut staged.digests);
        let mut at = 0;
        while at < busy {
            if lanes[at].message.blocks_left() > 0 {
                at += 1;
                continue;
            }
            write(lanes[at].index, &staged.digests[at]);
            if let Some(index) = waiting.next() {
                start(&mut lanes[at], &mut state, at, index, iv, &parts);
                at += 1;
            } else {
                // No message is left for this lane: the last one moves in, and is looked at next.
                busy -= 1;
                lanes[at] = lanes[busy];
                staged.digests[at] = staged.digests[busy];
                for word in &mut state.0 {
                    word[at] = word[busy];
                }
            }
        }
    }
}

/// One message on its way.
#[derive(Clone, Copy)]
struct Lane<'a> {
    index: usize,
    message: Message<'a>,
}

impl Lane<'_> {
    const EMPTY: Self = Self {
        index: 0,
        message: Message::EMPTY,
    };
}

/// Blocks that are not whole in their message, one a lane, and digests on their way out.
#[repr(align(64))]
struct Staged {
    blocks: [[u8; 128]; LANES_MAX],
    digests: [[u8; 64]; LANES_MAX],
}

#[inline(always)]
fn start<'a>(
    lane: &mut Lane<'a>,
    state: &mut State,
    at: usize,
    index: usize,
    iv: &[u64; 8],
    parts: &impl Fn(usize) -> [&'a [u8]; 3],
) {
    *lane = Lane {
        index,
        message: Message::new(parts(index)),
    };
    state.start(at, iv);
}

/// One block of every busy lane.
#[inline(always)]
fn step<S: Simd>(
    simd: S,
    lanes: &mut [Lane<'_>],
    state: &mut State,
    staged: &mut Staged,
    shared: &mut Shared,
) {
    let mut next = [Block::Staged; LANES_MAX];
    for ((lane, next), staged) in lanes.iter_mut().zip(&mut next).zip(&mut staged.blocks) {
        *next = lane.message.next(simd, staged);
    }
    if let Block::Padding(first) = next[0] {
        let same = next[1..lanes.len()]
            .iter()
            .all(|block| matches!(block, Block::Padding(other) if *other == first));
        if same && lanes.len() > 1 {
            simd.compress_shared(state, shared.schedule(first));
            return;
        }
    }
    let blocks: [&[u8; 128]; LANES_MAX] = std::array::from_fn(|at| match next[at] {
        Block::Whole(block) => block,
        Block::Staged | Block::Padding(_) => &staged.blocks[at],
    });
    match lanes.len() {
        1 => compress_one(state, blocks[0]),
        2.. if lanes.len() <= S::LANES_NARROW => simd.compress_narrow(state, &blocks),
        _ => simd.compress(state, &blocks),
    }
}

/// A lone message: one stream on plain registers is faster than one lane of many.
#[cold]
fn compress_one(state: &mut State, block: &[u8; 128]) {
    let mut words = std::array::from_fn(|w| state.0[w][0]);
    sha2::compress512(&mut words, std::slice::from_ref(block.into()));
    for (word, new) in state.0.iter_mut().zip(words) {
        word[0] = new;
    }
}
