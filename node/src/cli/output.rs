//! Where the answer of a verb goes: a file that is whole or not there, of its owner's alone if it is secret, or standard output.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write, stdout};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use zeroize::Zeroizing;

/// Mode of a new file, which the process's mask makes narrower.
const OPEN: u32 = 0o666;
/// Mode of a new file with a secret.
const SECRET: u32 = 0o600;

/// Lets `fill` write a file that takes its name only when it is complete; without a path, standard output.
///
/// # Errors
/// Those of `fill`, or when the file cannot be written; what was at the path is untouched then.
pub(super) fn write<T>(
    path: Option<&Path>,
    fill: impl FnOnce(&mut dyn Write) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let Some(path) = path else {
        let mut out = BufWriter::new(stdout().lock());
        let value = fill(&mut out)?;
        out.flush()?;
        return Ok(value);
    };
    // A device or a pipe is written into; it is no file that could take another's place.
    if std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        let out = OpenOptions::new().write(true).open(path);
        let written = out.map_err(Into::into).and_then(|out| filled(out, fill));
        return written
            .map(|(_, value)| value)
            .with_context(|| format!("writing {}", path.display()));
    }
    // Where a link leads to, not the link, is what gets new contents.
    let path = &std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let partial = partial(path);
    let written = fill_file(OPEN, &partial, fill).and_then(|value| {
        std::fs::rename(&partial, path)?;
        Ok(value)
    });
    written.with_context(|| format!("writing {}", path.display()))
}

/// Writes what only its owner may read (mode 0600) into a new file.
///
/// # Errors
/// When there is something at the path, which stays, or the file cannot be written; it is not there then.
pub(super) fn write_secret(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    fill_file(SECRET, path, |out| Ok(out.write_all(bytes)?)).with_context(|| {
        format!(
            "cannot write {}; what is secret is never written over a file",
            path.display()
        )
    })
}

/// A text as a terminal may have it: lines and tabs, and a mark in the place of every other control character.
pub(super) fn plain(text: &str) -> String {
    let is_obeyed = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    let plain = |c: char| if is_obeyed(c) { '\u{fffd}' } else { c };
    text.chars().map(plain).collect()
}

/// Bytes as they are shown: as they are, or to a terminal as a text that it obeys nothing of.
pub(super) fn shown(bytes: &[u8], is_terminal: bool) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(if is_terminal {
        plain(&String::from_utf8_lossy(bytes)).into_bytes()
    } else {
        bytes.to_vec()
    })
}

/// Fills a new file of this mode; without success there is none.
fn fill_file<T>(
    mode: u32,
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut options = OpenOptions::new();
    let out = options.write(true).create_new(true).mode(mode).open(path)?;
    let value = filled(out, fill).and_then(|(out, value)| {
        out.sync_all()?;
        Ok(value)
    });
    if value.is_err() {
        // The error that counts is the first.
        let _ = std::fs::remove_file(path);
    }
    value
}

fn filled<T>(
    out: File,
    fill: impl FnOnce(&mut dyn Write) -> anyhow::Result<T>,
) -> anyhow::Result<(File, T)> {
    let mut out = BufWriter::new(out);
    let value = fill(&mut out)?;
    Ok((out.into_inner()?, value))
}

/// A name of this process's own, so that two of them do not write into one file.
fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.partial", std::process::id()));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_is_its_owners_and_never_written_over_a_file() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("secret");
        write_secret(&path, b"first").expect("written");
        let mode = std::fs::metadata(&path)
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let refused = write_secret(&path, b"second").expect_err("there already");
        assert!(refused.to_string().contains("never"), "{refused}");
        assert_eq!(std::fs::read(&path).expect("there"), b"first");
    }

    /// The sequence that clears a screen, its form in one character, a carriage return over what stands there, and what may stay.
    #[test]
    fn a_terminal_obeys_nothing_of_a_text() {
        assert_eq!(plain("a\u{1b}[2J"), "a\u{fffd}[2J");
        assert_eq!(plain("a\u{9b}2J\u{7f}"), "a\u{fffd}2J\u{fffd}");
        assert_eq!(plain("valid\rlie"), "valid\u{fffd}lie");
        let bytes = b"\x1b[2J\xff";
        assert_eq!(*shown(bytes, false), bytes);
        assert_eq!(*shown(bytes, true), "\u{fffd}[2J\u{fffd}".as_bytes());
        assert_eq!(plain("a\tb\nM\u{fc}ll"), "a\tb\nM\u{fc}ll");
    }
}
