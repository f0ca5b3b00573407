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

/// Longest part of what was asked that is kept, in bytes.
const ASKED_MAX: usize = 1024;
/// No line is longer.
const LINE_MAX: u64 = 8 * 1024;

/// One read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The node's clock.
    pub time: Millis,
    /// Who was let in; none when nobody was.
    pub reader: Option<PublicKey>,
    /// Method, path and parameters.
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
            let end = tail
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1);
            let bytes = from + end as u64;
            if end < tail.len() {
                file.set_len(bytes)?;
            }
            let last = match tail[..end].strip_suffix(b"\n") {
                None if from == 0 => [0; 32],
                None => bail!("its last line is longer than any of a log of reads"),
                Some(lines) => {
                    let line = lines.rsplit(|byte| *byte == b'\n').next().unwrap_or(lines);
                    split(line)
                        .context("its last line is none of a log of reads")?
                        .1
                }
            };
            Ok(Self(Mutex::new(Written { file, bytes, last })))
        };
        work().with_context(|| format!("the log of reads {}", path.display()))
    }

    /// Writes one line, whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&self, entry: &Entry) -> io::Result<()> {
        let mut end = entry.asked.len().min(ASKED_MAX);
        while !entry.asked.is_char_boundary(end) {
            end -= 1;
        }
        let said = json!({
            "time": entry.time.0,
            "reader": entry.reader.map(|key| key.to_string()),
            "asked": &entry.asked[..end],
            "status": entry.status,
        });
        let mut line = said.to_string().into_bytes();
        // The chain is the last field, so the closing brace goes behind it.
        line.pop();
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let chain = next(&written.last, &line);
        line.extend_from_slice(format!(",\"chain\":\"{}\"}}\n", hex::encode(chain)).as_bytes());
        if let Err(error) = written.file.write_all(&line) {
            // A part of a line would break the chain for all that come later.
            written.file.set_len(written.bytes)?;
            return Err(error);
        }
        written.bytes += line.len() as u64;
        written.last = chain;
        Ok(())
    }
}

/// Checks the chain of a whole log.
///
/// # Errors
/// The first line that does not fit the one before it, with its number from 1.
pub fn verify(path: &Path) -> anyhow::Result<Summary> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut reader = BufReader::new(file);
    let mut summary = Summary {
        entries: 0,
        last: [0; 32],
    };
    let mut line = Vec::new();
    loop {
        line.clear();
        reader
            .by_ref()
            .take(LINE_MAX)
            .read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(summary);
        }
        let number = summary.entries + 1;
        let whole = line.strip_suffix(b"\n");
        let parts = whole.and_then(split);
        let (said, chain) =
            parts.with_context(|| format!("line {number} is none of a log of reads"))?;
        if next(&summary.last, said) != chain {
            bail!(
                "line {number} does not continue the line before it: something was changed, taken out or put in"
            );
        }
        summary = Summary {
            entries: number,
            last: chain,
        };
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
            reader: number.is_multiple_of(2).then_some(PublicKey([7; 32])),
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
            asked: "\u{e4}\"\n".repeat(5_000),
            ..entry(6)
        })
        .unwrap();
        let summary = verify(&path).unwrap();
        assert_eq!(summary.entries, 7);
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines[4]["asked"], "GET /v1/query/cash?account=4");
        assert_eq!(lines[4]["reader"], hex::encode([7; 32]));
        assert!(lines[5]["reader"].is_null());
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
            verify(&path).unwrap_err().to_string()
        };
        let other = lines[2].replace("account=2", "account=3");
        assert!(found(&[lines[0], lines[1], &other, lines[3]]).starts_with("line 3 "));
        assert!(found(&[lines[0], lines[2], lines[3]]).starts_with("line 2 "));
        assert!(found(&[lines[1]]).starts_with("line 1 "));
        assert!(found(&[lines[0], "{}"]).starts_with("line 2 is none"));
        assert!(found(&[lines[0], &"x".repeat(20_000)]).starts_with("line 2 is none"));
        assert!(ReadLog::open(&path).is_err());
    }
}
