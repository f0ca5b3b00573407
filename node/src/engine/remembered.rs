//! The calibration behind `auto`, kept in a home from one start to the next.
//!
//! It holds for the processor, the GPU and the very program that it was made with; anything else is measured anew. So a validator that
//! starts beside others, or under load, chooses as it did when it had the machine for itself.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use bds_engine::Scheduler;
use bds_engine::scheduler::Calibration;
use serde::Serialize;

use crate::measure::machine::processor;

/// Name of the file in a home.
pub const CALIBRATION_FILE: &str = "engine-calibration";

const TITLE: &str = "BDS engine calibration 1";
/// The last line: a file without it is not whole.
const END: &str = "end\n";
/// Longer than any there is.
const BYTES_MAX: u64 = 64 * 1024;

/// Where the figures come from that `auto` chooses by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// When they were measured: milliseconds since 1970.
    pub at_ms: u64,
    /// At an earlier start, and kept since.
    pub remembered: bool,
    /// On what: processor and GPU.
    pub machine: String,
    /// By which program: its version, and the length and time of its file.
    pub build: String,
}

/// A scheduler over all backends, as kept in this home where that holds, otherwise calibrated now and kept there.
///
/// A file that cannot be read or written is told and changes nothing else.
#[must_use]
pub fn scheduler(home: Option<&Path>) -> (Scheduler, Origin) {
    let path = home.map(|home| home.join(CALIBRATION_FILE));
    let (machine, build) = (machine(), build());
    if let Some(path) = &path
        && let Some((at_ms, known)) = read(path, &machine, &build)
        && let Some(scheduler) = Scheduler::remembering(&known)
    {
        let origin = Origin {
            at_ms,
            remembered: true,
            machine,
            build,
        };
        return (scheduler, origin);
    }
    let scheduler = Scheduler::auto();
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let at_ms = since.map_or(0, |since| since.as_millis());
    let origin = Origin {
        at_ms: u64::try_from(at_ms).unwrap_or(u64::MAX),
        remembered: false,
        machine,
        build,
    };
    if let (Some(path), Some(found)) = (&path, scheduler.calibration())
        && let Err(problem) = write(path, &origin, &found)
    {
        tracing::warn!(file = %path.display(), %problem, "the calibration of the engine cannot be kept; it is measured at every start");
    }
    (scheduler, origin)
}

fn machine() -> String {
    let gpu = super::gpu(false).unwrap_or_else(|_| "no GPU".to_owned());
    format!("{}; {gpu}", processor())
}

/// Empty where the program does not find its own file: then nothing is taken from an earlier start. Not a hash of it: reading the whole file
/// can take longer than the calibration.
fn build() -> String {
    let file = || -> io::Result<String> {
        let file = fs::metadata(std::env::current_exe()?)?;
        let changed = file.modified()?.duration_since(UNIX_EPOCH);
        let nanos = changed.map_or(0, |changed| changed.as_nanos());
        let version = env!("CARGO_PKG_VERSION");
        Ok(format!("{version}, {} bytes of {nanos}", file.len()))
    };
    file().unwrap_or_default()
}

/// What is kept of this machine and program; nothing where it is of another, or not as it should be.
fn read(path: &Path, machine: &str, build: &str) -> Option<(u64, Calibration)> {
    let length = fs::metadata(path).ok()?.len();
    if length > BYTES_MAX || build.is_empty() {
        return None;
    }
    let text = fs::read_to_string(path).ok()?;
    let rest = text.strip_prefix(TITLE)?.strip_prefix('\n')?;
    let (at, rest) = rest.strip_prefix("at ")?.split_once('\n')?;
    let (on, rest) = rest.strip_prefix("on ")?.split_once('\n')?;
    let (by, rest) = rest.strip_prefix("by ")?.split_once('\n')?;
    if (on, by) != (machine, build) {
        return None;
    }
    let found = rest.strip_suffix(END)?;
    Some((at.parse().ok()?, found.parse().ok()?))
}

/// As a whole or not at all.
fn write(path: &Path, origin: &Origin, found: &Calibration) -> io::Result<()> {
    let Origin {
        at_ms,
        machine,
        build,
        ..
    } = origin;
    let text = format!("{TITLE}\nat {at_ms}\non {machine}\nby {build}\n{found}{END}");
    let partial = path.with_extension("new");
    let mut file = File::create(&partial)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&partial, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_start_takes_what_the_first_has_found() {
        let home = tempfile::tempdir().unwrap();
        let (first, measured) = scheduler(Some(home.path()));
        assert!(!measured.remembered);
        let (second, kept) = scheduler(Some(home.path()));
        assert!(kept.remembered);
        assert_eq!(kept.at_ms, measured.at_ms);
        assert_eq!(first.calibration(), second.calibration());
        // Without a home nothing is kept.
        assert!(!scheduler(None).1.remembered);
    }

    #[test]
    fn what_is_of_another_machine_or_program_or_damaged_is_measured_anew() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(CALIBRATION_FILE);
        let (_, origin) = scheduler(Some(home.path()));
        let good = fs::read_to_string(&path).unwrap();
        let remembers = |text: &str| {
            fs::write(&path, text).unwrap();
            read(&path, &origin.machine, &origin.build).is_some()
        };
        assert!(remembers(&good));
        assert!(!remembers(&good.replace(&origin.machine, "an abacus")));
        assert!(!remembers(&good.replace(&origin.build, "another")));
        assert!(!remembers(&good.replace("calibration 1", "calibration 2")));
        assert!(!remembers(&good.replace("verify", "verity")));
        assert!(!remembers(&good.replacen("e0", "e0 1e0", 1)));
        assert!(!remembers(&good.replacen(" verify ", " verify -", 1)));
        assert!(!remembers(""));
        for cut in 0..good.len() {
            assert!(!remembers(&good[..cut]), "cut at {cut}");
        }
        // And from then on it is remembered again.
        fs::write(&path, "").unwrap();
        assert!(!scheduler(Some(home.path())).1.remembered);
        assert!(scheduler(Some(home.path())).1.remembered);
    }
}
