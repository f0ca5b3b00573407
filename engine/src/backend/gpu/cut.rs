//! Which items of a call make one job, and which are not for the device at all?

use std::ops::Range;

/// A longer message goes to the CPU: one lane of a device hashes it block after block, some microseconds each, and all
/// others wait.
pub(super) const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// Neighbouring items of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// One job.
    Device(Range<usize>),
    /// Items with longer messages than [`MESSAGE_BYTES_MAX`].
    Cpu(Range<usize>),
}

/// Most that one job takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) items: usize,
    pub(super) bytes: usize,
    /// Jobs start at multiples of this: whole subtrees.
    pub(super) run: usize,
}

/// Cuts `count` items into pieces, in order.
///
/// - `bytes_of`: what item `i` takes of a job, or nothing when it is not for the device.
///
/// # Correctness
/// A run that does not fit a job makes a job of its own, larger than `room.bytes`; callers that cut runs check first
/// with [`runs_fit`].
pub(super) fn cut(
    count: usize,
    room: Room,
    bytes_of: impl Fn(usize) -> Option<usize>,
) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut start = 0;
    while start < count {
        let mut end = start;
        let mut bytes = 0;
        // As many runs as fit, at least one.
        while end < count {
            let run_end = (end + room.run).min(count);
            let run_bytes: Option<usize> = (end..run_end).map(&bytes_of).sum();
            let Some(run_bytes) = run_bytes else { break };
            let full = bytes + run_bytes > room.bytes || run_end - start > room.items;
            if full && end > start {
                break;
            }
            bytes += run_bytes;
            end = run_end;
        }
        if end > start {
            pieces.push(Piece::Device(start..end));
            start = end;
        } else {
            let first = start;
            while start < count && bytes_of(start).is_none() {
                start += 1;
            }
            // With runs of one item, that item; with longer ones callers never get here.
            start = start.max(first + 1);
            pieces.push(Piece::Cpu(first..start));
        }
    }
    pieces
}

/// True when every run is for the device and fits a job.
pub(super) fn runs_fit(
    count: usize,
    room: Room,
    bytes_of: impl Fn(usize) -> Option<usize>,
) -> bool {
    room.run <= room.items
        && (0..count).step_by(room.run).all(|start| {
            let run = start..(start + room.run).min(count);
            run.map(&bytes_of)
                .sum::<Option<usize>>()
                .is_some_and(|bytes| bytes <= room.bytes)
        })
}

/// What a message of so many bytes takes of a job: its blocks and its place among the starts.
pub(super) fn message_bytes(bytes: usize) -> Option<usize> {
    (bytes <= MESSAGE_BYTES_MAX).then(|| super::pack::blocks(bytes) * super::pack::BLOCK_BYTES + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(pieces: &[Piece]) -> Vec<(bool, usize)> {
        pieces
            .iter()
            .map(|piece| match piece {
                Piece::Device(range) => (true, range.len()),
                Piece::Cpu(range) => (false, range.len()),
            })
            .collect()
    }

    #[test]
    fn jobs_are_as_large_as_they_may_be_and_nothing_is_left_out() {
        let room = Room {
            items: 10,
            bytes: 100,
            run: 1,
        };
        assert_eq!(cut(0, room, |_| Some(1)), []);
        assert_eq!(
            lengths(&cut(25, room, |_| Some(1))),
            [(true, 10), (true, 10), (true, 5)]
        );
        assert_eq!(
            lengths(&cut(5, room, |_| Some(40))),
            [(true, 2), (true, 2), (true, 1)]
        );
        // One that is larger than a job is a job of its own.
        assert_eq!(
            lengths(&cut(2, room, |_| Some(400))),
            [(true, 1), (true, 1)]
        );
        let odd = |i: usize| (!(3..5).contains(&i) && i != 8).then_some(30);
        assert_eq!(
            lengths(&cut(9, room, odd)),
            [(true, 3), (false, 2), (true, 3), (false, 1)]
        );
    }

    #[test]
    fn runs_stay_whole() {
        let room = Room {
            items: 10,
            bytes: 100,
            run: 4,
        };
        assert_eq!(
            lengths(&cut(21, room, |_| Some(1))),
            [(true, 8), (true, 8), (true, 5)]
        );
        assert!(runs_fit(21, room, |_| Some(25)));
        assert!(!runs_fit(21, room, |_| Some(26)));
        assert!(!runs_fit(21, room, |i| (i != 20).then_some(1)));
        let wide = Room { run: 16, ..room };
        assert!(!runs_fit(21, wide, |_| Some(1)));
    }
}
