//! What is one batch for the device? Bytes to upload, kernels to run over them, and what to read back.
//!
//! A job knows no driver: [`super::device::Device`] runs it, on a GPU or in a test. Its memory is four arenas, since one
//! kernel may not read and write the same buffer. Regions start at multiples of [`ALIGNMENT`], which every driver takes.

use bds_shaders::{Kernel, Operation};

/// Bytes at whose multiples regions start: the largest that any driver asks for.
pub(super) const ALIGNMENT: usize = 256;

/// Most workgroups in one dimension, on every driver.
pub(super) const WORKGROUPS_MAX: u32 = 65_535;

/// One of a slot's buffers on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arena {
    /// What was uploaded; kernels only read it.
    Input,
    /// Between two kernels.
    Ping,
    /// The other one.
    Pong,
    /// One word an item of each kernel: proof of what it did. Zero when the job starts.
    Echo,
    /// Multiples of the base point; not the slot's but the device's, written once.
    Table,
}

impl Arena {
    /// Number of arenas that each slot has: all but the table.
    pub(super) const COUNT: usize = 4;
}

/// A part of an arena, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) arena: Arena,
    pub(super) start: usize,
    pub(super) bytes: usize,
}

impl Region {
    /// The whole table.
    pub(super) const TABLE: Self = Self {
        arena: Arena::Table,
        start: 0,
        bytes: 4 * 3096,
    };

    /// `bytes` of this region from `start` on.
    pub(super) fn part(self, start: usize, bytes: usize) -> Self {
        assert!(
            start + bytes <= self.bytes,
            "{start} + {bytes} of {}",
            self.bytes
        );
        Self {
            arena: self.arena,
            start: self.start + start,
            bytes,
        }
    }
}

/// One thing the device does; in order, each after the one before.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Runs a kernel: binding 0 is `params`, then `inputs`, then `outputs`.
    Run {
        operation: Operation,
        params: Region,
        workgroups: [u32; 2],
        inputs: Vec<Region>,
        outputs: Vec<Region>,
    },
    /// Appends a region, as it is now, to the answer.
    Read(Region),
}

/// A batch for the device.
#[derive(Debug, Default)]
pub(super) struct Job {
    /// Content of [`Arena::Input`].
    pub(super) input: Vec<u8>,
    /// Bytes of each arena.
    pub(super) arena_bytes: [usize; Arena::COUNT],
    pub(super) steps: Vec<Step>,
}

impl Job {
    /// An empty job that reuses the memory of `input`.
    pub(super) fn new(mut input: Vec<u8>) -> Self {
        input.clear();
        Self {
            input,
            arena_bytes: [0; Arena::COUNT],
            steps: Vec::new(),
        }
    }

    /// A new region of the input, which `write` appends to.
    pub(super) fn upload(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Region {
        let start = self.input.len().next_multiple_of(ALIGNMENT);
        self.input.resize(start, 0);
        write(&mut self.input);
        // Kernels read whole words, and a binding cannot be empty.
        let bytes = (self.input.len() - start).next_multiple_of(4).max(4);
        self.input.resize(start + bytes, 0);
        self.arena_bytes[Arena::Input as usize] = self.input.len();
        Region {
            arena: Arena::Input,
            start,
            bytes,
        }
    }

    /// A new region of another arena.
    pub(super) fn reserve(&mut self, arena: Arena, bytes: usize) -> Region {
        assert!(
            !matches!(arena, Arena::Input | Arena::Table),
            "kernels do not write there"
        );
        let end = &mut self.arena_bytes[arena as usize];
        let start = end.next_multiple_of(ALIGNMENT);
        let bytes = bytes.max(4);
        *end = start + bytes;
        Region {
            arena,
            start,
            bytes,
        }
    }

    /// Runs `kernel` over `count` items, at least one.
    ///
    /// - `nonce`: what the kernel answers for each item it has done.
    /// - `mode`: as the kernel's documentation says.
    pub(super) fn run(
        &mut self,
        kernel: &Kernel,
        [count, nonce, mode]: [u32; 3],
        inputs: Vec<Region>,
        outputs: Vec<Region>,
    ) {
        let (workgroups, stride) = grid(count, kernel.workgroup_items);
        let params = self.upload(|input| {
            for word in [count, nonce, stride, mode] {
                input.extend_from_slice(&word.to_le_bytes());
            }
        });
        self.steps.push(Step::Run {
            operation: kernel.operation,
            params,
            workgroups,
            inputs,
            outputs,
        });
    }

    /// Appends a region to the answer; returns where in it.
    pub(super) fn read(&mut self, region: Region) -> std::ops::Range<usize> {
        let start = self.answer_bytes();
        self.steps.push(Step::Read(region));
        start..start + region.bytes
    }

    /// Bytes of the answer: everything read, one after the other.
    pub(super) fn answer_bytes(&self) -> usize {
        let bytes = |step: &Step| match step {
            Step::Read(region) => region.bytes,
            _ => 0,
        };
        self.steps.iter().map(bytes).sum()
    }
}

/// Workgroups in both dimensions for `count` items, and items in one row of them.
fn grid(count: u32, workgroup_items: u32) -> ([u32; 2], u32) {
    let all = count.div_ceil(workgroup_items);
    let across = all.clamp(1, WORKGROUPS_MAX);
    ([across, all.div_ceil(across)], across * workgroup_items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_has_one_place_in_the_grid() {
        for items in [1, 32, 64, 256] {
            let edge = WORKGROUPS_MAX * items;
            for count in [1, items - 1, items, items + 1, edge - 1, edge, edge + 1] {
                let ([across, down], stride) = grid(count.max(1), items);
                assert!(across <= WORKGROUPS_MAX && down <= WORKGROUPS_MAX);
                assert_eq!(stride, across * items);
                // All items fit, and one row less would be too few.
                assert!(u64::from(stride) * u64::from(down) >= u64::from(count));
                assert!(u64::from(stride) * u64::from(down - 1) < u64::from(count.max(1)));
            }
        }
        assert_eq!(grid(1 << 26, 64), ([65_535, 17], 65_535 * 64));
    }

    #[test]
    fn regions_are_aligned_and_apart() {
        let mut job = Job::new(vec![1; 10]);
        let first = job.upload(|input| input.extend_from_slice(&[7; 5]));
        let second = job.upload(|_| {});
        assert_eq!((first.start, first.bytes), (0, 8));
        assert_eq!((second.start, second.bytes), (256, 4));
        assert_eq!(job.input[..8], [7, 7, 7, 7, 7, 0, 0, 0]);
        assert_eq!(job.arena_bytes, [260, 0, 0, 0]);
        let echo = [3, 100].map(|bytes| job.reserve(Arena::Echo, bytes));
        assert_eq!((echo[0].start, echo[1].start), (0, 256));
        assert_eq!(job.read(echo[1].part(4, 8)), 0..8);
        assert_eq!(job.read(first), 8..16);
        assert_eq!(job.answer_bytes(), 16);
    }
}
