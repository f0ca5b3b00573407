//! What does a process cost? CPU time and resident memory, read from `/proc`.

use std::io;

/// Clock ticks a second in `/proc/PID/stat`. Fixed at 100 on every Linux platform this runs on (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;
/// Bytes of a memory page where `/proc/PID/stat` counts in pages. x86-64 and the usual arm64.
const PAGE_BYTES: u64 = 4096;

/// A reading.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usage {
    /// User and system time of all threads since start.
    pub cpu_seconds: f64,
    /// Resident memory.
    pub memory_bytes: u64,
}

/// Reads process `pid`.
///
/// # Errors
/// When it has ended, or this is no Linux.
pub fn usage(pid: u32) -> io::Result<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    parse(&stat).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("/proc/{pid}/stat: {stat}"),
        )
    })
}

/// Fields 14 and 15 are times, 24 is memory (proc(5)). Field 2, the name, is in parentheses and may hold anything.
fn parse(stat: &str) -> Option<Usage> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // `rest` starts at field 3.
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let ticks = field(14)? + field(15)?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "ticks of years of CPU time are exact"
    )]
    let cpu_seconds = ticks as f64 / TICKS_PER_SECOND;
    Some(Usage {
        cpu_seconds,
        memory_bytes: field(24)? * PAGE_BYTES,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line as proc(5) describes it, with a name made to confuse.
    #[test]
    fn names_with_spaces_and_parentheses_are_skipped() {
        let line = "42 (a) b (c) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 8 0 12345 1000000 512 18446744073709551615";
        let found = parse(line).expect("well formed");
        assert_eq!(
            found,
            Usage {
                cpu_seconds: 3.0,
                memory_bytes: 512 * 4096
            }
        );
        assert_eq!(parse("42 (short) S 1"), None);
    }

    #[test]
    fn this_process_has_memory() {
        let found = usage(std::process::id()).expect("Linux");
        assert!(found.memory_bytes > 100_000, "{found:?}");
    }
}
