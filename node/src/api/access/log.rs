//! The log of reads of a private ledger: who asked for what, and how it was answered, each line chained to the one before.
//!
//! A line is one JSON object. Its last field, `chain`, is the BLAKE3 hash over the `chain` of the line before (32 zero bytes at the
//! beginning) and the line's own bytes up to that field: a line that is changed, taken out or put in between is found, and where.
//! Whoever can write the file can also make all of it anew; note its last hash elsewhere to find that as well.
//!
//! A read is answered once its line is with the system; it is not synced for each, so a loss of power can take the lines of the last
//! seconds. The lines are the operator's: the node never takes one away.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, bail};
use bds_contracts::tx::{Millis, PublicKey};
use serde_json::json;

/// Longest thing that can be asked where reads are logged, in bytes.
pub const ASKED_MAX: usize = 1024;
/// No line is longer.
const LINE_MAX: u64 = 8 * 1024;

/// One read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The node's clock.
    pub time: Millis,
    /// Who asked, by a good token.
    pub reader: PublicKey,
    /// Method, path and parameters; of a stream also the place it goes on after. At most [`ASKED_MAX`] bytes.
    pub asked: String,
    /// HTTP status of the answer.
    pub status: u16,
}

/// The log of one node.
pub struct ReadLog(Mutex<Written>);

/// What was written so far.
struct Written {
    file: File,
    /// Of whole lines.
    bytes: u64,
    /// Hash of the last line.
    last: [u8; 32],
    /// A part of a line stands behind the last whole one.
    is_torn: bool,
}

/// What a whole log comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Lines.
    pub entries: u64,
    /// Hash of the last one.
    pub last: [u8; 32],
}

impl ReadLog {
    /// Opens the log, or begins it. What a crash left of a last line is cut off.
    ///
    /// # Errors
    /// When the file cannot be opened, or its last line is none of a log.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let work = || -> anyhow::Result<Self> {
            let mut file = options.open(path)?;
            let length = file.metadata()?.len();
            // The last whole line and what may be behind it.
            let from = length.saturating_sub(2 * LINE_MAX);
            file.seek(SeekFrom::Start(from))?;
            let mut tail = Vec::new();
            file.read_to_end(&mut tail)?;
            let end = tail.iter().rposition(|byte| *byte == b'\n');
            let end = end.map_or(0, |at| at + 1);
            let last = match tail[..end].strip_suffix(b"\n") {
                // Nothing yet, or a part of the first line.
                None if from == 0 && (tail.is_empty() || tail[0] == b'{') => [0; 32],
                None => bail!("it holds no line of a log of reads"),
                Some(lines) => {
                    let line = lines.rsplit(|byte| *byte == b'\n').next().unwrap_or(lines);
                    let parts = split(line).context("its last line is none of a log of reads")?;
                    parts.1
                }
            };
            // Only behind a line of a log: no other file loses anything.
            let bytes = from + end as u64;
            if end < tail.len() {
                file.set_len(bytes)?;
            }
            Ok(Self(Mutex::new(Written {
                file,
                bytes,
                last,
                is_torn: false,
            })))
        };
        work().with_context(|| format!("the log of reads {}", path.display()))
    }

    /// Writes one line, whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&self, entry: &Entry) -> io::Result<()> {
        let said = json!({
            "time": entry.time.0,
            "reader": entry.reader.to_string(),
            "asked": entry.asked,
            "status": entry.status,
        });
        let mut line = said.to_string().into_bytes();
        // The chain is the last field, so the closing brace goes behind it.
        line.pop();
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let chain = next(&written.last, &line);
        line.extend_from_slice(format!(",\"chain\":\"{}\"}}\n", hex::encode(chain)).as_bytes());
        // A part of a line would break the chain for all that come later: it is cut off before anything is written.
        if written.is_torn {
            let bytes = written.bytes;
            written.file.set_len(bytes)?;
        }
        written.is_torn = true;
        written.file.write_all(&line)?;
        written.is_torn = false;
        written.bytes += line.len() as u64;
        written.last = chain;
        Ok(())
    }
}

/// Why a log is not as it was written.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    /// Not of this form; counted from 1.
    #[error("line {0} is none of a log of reads")]
    NoLine(u64),
    /// Its hash is not that of the line before and its own bytes.
    #[error(
        "line {0} does not continue the line before it: something was changed, taken out or put in"
    )]
    Broken(u64),
    /// The hash that was noted is that of no line.
    #[error("no line has the hash {0}: lines were taken off its end, or all were made anew")]
    NotThere(String),
}

/// Checks the chain of a whole log. A last line without an end is being written, or was when the node ended: it does not count.
///
/// - `noted`: the hash of a line, noted earlier, that must be among them.
///
/// # Errors
/// [`Fault`]: the first.
pub fn verify(path: &Path, noted: Option<[u8; 32]>) -> Result<Summary, Fault> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut summary = Summary {
        entries: 0,
        last: [0; 32],
    };
    let mut is_there = noted.is_none_or(|noted| noted == summary.last);
    let mut line = Vec::new();
    loop {
        line.clear();
        reader
            .by_ref()
            .take(LINE_MAX)
            .read_until(b'\n', &mut line)?;
        let number = summary.entries + 1;
        let Some(whole) = line.strip_suffix(b"\n") else {
            if line.len() as u64 == LINE_MAX {
                return Err(Fault::NoLine(number));
            }
            break;
        };
        let (said, chain) = split(whole).ok_or(Fault::NoLine(number))?;
        if next(&summary.last, said) != chain {
            return Err(Fault::Broken(number));
        }
        is_there |= noted == Some(chain);
        summary = Summary {
            entries: number,
            last: chain,
        };
    }
    match noted {
        Some(noted) if !is_there => Err(Fault::NotThere(hex::encode(noted))),
        _ => Ok(summary),
    }
}

fn next(before: &[u8; 32], said: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(before).update(said);
    *hasher.finalize().as_bytes()
}

/// What a line says, and its hash.
fn split(line: &[u8]) -> Option<(&[u8], [u8; 32])> {
    const FIELD: &[u8] = b",\"chain\":\"";
    let at = line.len().checked_sub(FIELD.len() + 64 + 2)?;
    let (said, rest) = line.split_at(at);
    let digits = rest.strip_prefix(FIELD)?.strip_suffix(b"\"}")?;
    let mut chain = [0; 32];
    hex::decode_to_slice(digits, &mut chain).ok()?;
    Some((said, chain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u64) -> Entry {
        Entry {
            time: Millis(number),
            reader: PublicKey([7; 32]),
            asked: format!("GET /v1/query/cash?account={number}"),
            status: 200,
        }
    }

    #[test]
    fn what_was_read_is_there_and_goes_on_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("reads.log");
        for half in 0..2 {
            let log = ReadLog::open(&path).unwrap();
            for number in 0..3 {
                log.append(&entry(3 * half + number)).unwrap();
            }
        }
        // A crash in the middle of a line: it was never answered, and is not there.
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"time\":9,\"rea").unwrap();
        drop(file);
        let log = ReadLog::open(&path).unwrap();
        log.append(&Entry {
            asked: "\u{e4}\"\n".repeat(ASKED_MAX / 4),
            ..entry(6)
        })
        .unwrap();
        let summary = verify(&path, None).unwrap();
        assert_eq!(summary.entries, 7);
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines[4]["asked"], "GET /v1/query/cash?account=4");
        assert_eq!(lines[4]["reader"], hex::encode([7; 32]));
        // By the definition, with another implementation's eyes: the hash over the hash before and the bytes up to the field.
        let said = text
            .lines()
            .next()
            .unwrap()
            .split(",\"chain\"")
            .next()
            .unwrap();
        let expected = blake3::hash(&[&[0; 32], said.as_bytes()].concat());
        assert_eq!(lines[0]["chain"], expected.to_hex().as_str());
    }

    #[test]
    fn a_line_that_was_changed_taken_out_or_moved_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("reads.log");
        let log = ReadLog::open(&path).unwrap();
        for number in 0..5 {
            log.append(&entry(number)).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let found = |changed: &[&str]| {
            std::fs::write(
                &path,
                changed
                    .iter()
                    .map(|line| format!("{line}\n"))
                    .collect::<String>(),
            )
            .unwrap();
            verify(&path, None).unwrap_err().to_string()
        };
        let other = lines[2].replace("account=2", "account=3");
        assert!(found(&[lines[0], lines[1], &other, lines[3]]).starts_with("line 3 "));
        assert!(found(&[lines[0], lines[2], lines[3]]).starts_with("line 2 "));
        assert!(found(&[lines[1]]).starts_with("line 1 "));
        assert!(found(&[lines[0], "{}"]).starts_with("line 2 is none"));
        assert!(found(&[lines[0], &"x".repeat(20_000)]).starts_with("line 2 is none"));
        // Other files lose nothing by being taken for a log.
        let long = "x".repeat(40_000);
        for other in ["{}\n", "no newline", &long, "two\nlines"] {
            std::fs::write(&path, other).unwrap();
            assert!(ReadLog::open(&path).is_err());
            assert_eq!(std::fs::read_to_string(&path).unwrap(), other);
        }
    }

    /// Whoever takes the last lines away leaves a chain that is whole: only a hash that was noted tells.
    #[test]
    fn lines_taken_off_the_end_are_missed_by_the_hash_that_was_noted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("reads.log");
        let log = ReadLog::open(&path).unwrap();
        for number in 0..5 {
            log.append(&entry(number)).unwrap();
        }
        let noted = verify(&path, None).unwrap().last;
        log.append(&entry(5)).unwrap();
        assert_eq!(verify(&path, Some(noted)).unwrap().entries, 6);
        let text = std::fs::read_to_string(&path).unwrap();
        let kept = text.lines().take(4).map(|line| format!("{line}\n"));
        let kept: String = kept.collect();
        std::fs::write(&path, &kept).unwrap();
        assert_eq!(verify(&path, None).unwrap().entries, 4);
        let missed = verify(&path, Some(noted));
        assert!(matches!(missed, Err(Fault::NotThere(_))));
        // A line that is being written is none yet.
        std::fs::write(&path, kept + "{\"time\":1").unwrap();
        assert_eq!(verify(&path, None).unwrap().entries, 4);
        let missing = verify(&dir.path().join("no.log"), None);
        assert!(matches!(missing, Err(Fault::Unreadable(_))));
    }
}
