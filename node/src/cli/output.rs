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
    let partial = partial(path);
    let written = fill_file(&partial, fill).and_then(|value| {
        std::fs::rename(&partial, path)?;
        Ok(value)
    });
    if written.is_err() {
        // It may not even be there; the error that counts is the first.
        let _ = std::fs::remove_file(&partial);
    }
    written.with_context(|| format!("writing {}", path.display()))
}

fn fill_file<T>(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut out = BufWriter::new(File::create(path)?);
    let value = fill(&mut out)?;
    out.into_inner()?.sync_all()?;
    Ok(value)
}

fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}
