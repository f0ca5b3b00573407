//! Which message is in which lane? Lanes that finish take the next message, so that mixed lengths keep all busy.

use super::Simd;
use super::message::{Block, Message, Padding};
use super::rounds::{self, LANES_MAX, State};

/// Hashes `count` messages; see [`super::hash_many`].
#[inline]
pub(super) fn run<'a, S: Simd>(
    simd: S,
    count: usize,
    iv: &[u64; 8],
    parts: impl Fn(usize) -> [&'a [u8]; 3],
    mut write: impl FnMut(usize, &[u8; 64]),
) {
    let mut waiting = 0..count;
    let mut lanes = [Lane::EMPTY; LANES_MAX];
    let mut state = State([[0; LANES_MAX]; 8]);
    let mut staged = Staged([[0; 128]; LANES_MAX]);
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
        let mut at = 0;
        while at < busy {
            if lanes[at].message.blocks_left() > 0 {
                at += 1;
                continue;
            }
            write(lanes[at].index, &digest(&state, at));
            if let Some(index) = waiting.next() {
                start(&mut lanes[at], &mut state, at, index, iv, &parts);
                at += 1;
            } else {
                // No message is left for this lane: the last one moves in, and is looked at next.
                busy -= 1;
                lanes[at] = lanes[busy];
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

/// Blocks that are not whole in their message, one a lane.
#[repr(align(64))]
struct Staged([[u8; 128]; LANES_MAX]);

/// The schedule of a block that all lanes have in common, kept as long as it stays the same.
struct Shared {
    padding: Option<Padding>,
    schedule: [u64; 80],
}

impl Shared {
    fn new() -> Self {
        Self {
            padding: None,
            schedule: [0; 80],
        }
    }

    fn schedule(&mut self, padding: Padding, block: &[u8; 128]) -> &[u64; 80] {
        if self.padding != Some(padding) {
            self.schedule = rounds::schedule(block);
            self.padding = Some(padding);
        }
        &self.schedule
    }
}

#[inline]
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
    for (word, iv) in state.0.iter_mut().zip(iv) {
        word[at] = *iv;
    }
}

#[inline]
fn digest(state: &State, at: usize) -> [u8; 64] {
    let words: [[u8; 8]; 8] = std::array::from_fn(|w| state.0[w][at].to_be_bytes());
    *words.as_flattened().first_chunk().expect("8 times 8")
}

/// One block of every busy lane.
#[inline]
fn step<S: Simd>(
    simd: S,
    lanes: &mut [Lane<'_>],
    state: &mut State,
    staged: &mut Staged,
    shared: &mut Shared,
) {
    let mut next = [Block::Staged; LANES_MAX];
    for ((lane, next), staged) in lanes.iter_mut().zip(&mut next).zip(&mut staged.0) {
        *next = lane.message.next(staged);
    }
    if let Block::Padding(first) = next[0] {
        let same = next[1..lanes.len()]
            .iter()
            .all(|block| matches!(block, Block::Padding(other) if *other == first));
        if same && lanes.len() > 1 {
            simd.compress_shared(state, shared.schedule(first, &staged.0[0]));
            return;
        }
    }
    let blocks: [&[u8; 128]; LANES_MAX] = std::array::from_fn(|at| match next[at] {
        Block::Whole(block) => block,
        Block::Staged | Block::Padding(_) => &staged.0[at],
    });
    match lanes.len() {
        1 => compress_one(state, blocks[0]),
        2.. if lanes.len() <= S::LANES_NARROW => simd.compress_narrow(state, &blocks),
        _ => simd.compress(state, &blocks),
    }
}

/// A lone message: one stream on plain registers is faster than one lane of many.
fn compress_one(state: &mut State, block: &[u8; 128]) {
    let mut words = std::array::from_fn(|w| state.0[w][0]);
    sha2::compress512(&mut words, std::slice::from_ref(block.into()));
    for (word, new) in state.0.iter_mut().zip(words) {
        word[0] = new;
    }
}
