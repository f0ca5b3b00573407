//! Where the answer of a verb goes: a file that is whole or not there, or standard output.

use std::fs::File;
use std::io::{BufWriter, Write, stdout};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

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
        let out = std::fs::OpenOptions::new().write(true).open(path);
        let written = out.map_err(Into::into).and_then(|out| filled(out, fill));
        return written
            .map(|(_, value)| value)
            .with_context(|| format!("writing {}", path.display()));
    }
    // Where a link leads to, not the link, is what gets new contents.
    let path = &std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let partial = partial(path);
    let written = fill_file(&partial, fill).and_then(|value| {
        std::fs::rename(&partial, path)?;
        Ok(value)
    });
    written.with_context(|| format!("writing {}", path.display()))
}

/// Fills a new file; without success there is none.
fn fill_file<T>(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let out = File::create_new(path)?;
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
