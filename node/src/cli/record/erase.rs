//! `bds record erase`: the end of a share.

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use super::files::KeyFile;
use super::write;
use crate::cli::{done, print};

pub(super) const HELP: &str = "Give every key file and share of the record that you hold, those of older versions too, and have readers and custodians do the \
    same with theirs. What a reader has read or copied stays with it, and so does what a backup holds.\n\
    Example: bds record erase sealed/record.key sealed/share --out erase.json, then: bds tx submit --file erase.json --key owner.key";

/// `bds record erase`
#[derive(Debug, Args)]
pub struct EraseArgs {
    /// Key files and shares of one erasable record; they are written over and taken away.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Description for `bds tx submit` to write, by which the ledger says since when the record is erased.
    #[arg(long)]
    out: PathBuf,
}

/// Destroys the files, all or none.
///
/// # Errors
/// When a file is none of one erasable record's, is named twice, or cannot be destroyed.
pub(super) fn run(args: &EraseArgs) -> anyhow::Result<ExitCode> {
    let mut record = None;
    let mut held: Vec<Held> = Vec::new();
    for path in &args.files {
        let shown = path.display();
        let one = Held::of(path)?;
        let context = KeyFile::parse(path, &one.content).and_then(|file| {
            ensure!(
                file.share().is_some(),
                "{shown} is of a record that cannot be erased: the wraps on the ledger open it"
            );
            Ok(file.context())
        })?;
        let of = (context.chain, context.owner, context.record);
        ensure!(
            *record.get_or_insert(of) == of,
            "{shown} is of another record"
        );
        ensure!(
            held.iter().all(|other| other.path != one.path),
            "{shown} is named twice"
        );
        held.push(one);
    }
    let Some((_, account, number)) = record else {
        return done();
    };
    ensure!(
        std::fs::canonicalize(&args.out).map_or(true, |out| held.iter().all(|one| one.path != out)),
        "--out names a file that is to be destroyed"
    );
    let call = json!({ "records.erase-record": { "account": account.0, "record": number } });
    write(&args.out, json!({ "call": call }).to_string().as_bytes())?;
    if let Err(error) = destroy(&held) {
        // It would say of the record what is not so. The error that counts is the first.
        let _ = std::fs::remove_file(&args.out);
        return Err(error);
    }
    for path in &args.files {
        print(&format!("destroyed {}", path.display()));
    }
    print(&format!(
        "these open nothing of record {number} any more; copies, backups and the shares of readers do until they are destroyed as well; submit {}",
        args.out.display()
    ));
    done()
}

/// A file that is to be destroyed: where it is, links followed, and what it holds.
struct Held {
    path: PathBuf,
    content: Zeroizing<Vec<u8>>,
}

impl Held {
    fn of(path: &Path) -> anyhow::Result<Self> {
        let read = || -> std::io::Result<Self> {
            let path = std::fs::canonicalize(path)?;
            let content = Zeroizing::new(std::fs::read(&path)?);
            Ok(Self { path, content })
        };
        read().with_context(|| format!("cannot read {}", path.display()))
    }
}

/// Writes over files and takes them away. No byte is touched before all can be written to, and when one cannot be written over, those before it
/// get their bytes back. On a disk that moves what is written, or with a copy elsewhere, the bytes may stay: that is the keeper's to know.
fn destroy(all: &[Held]) -> anyhow::Result<()> {
    let open = |held: &Held| {
        let file = OpenOptions::new().write(true).open(&held.path);
        file.with_context(|| {
            format!(
                "cannot write to {}; nothing is destroyed",
                held.path.display()
            )
        })
    };
    let mut files = all
        .iter()
        .map(open)
        .collect::<anyhow::Result<Vec<File>>>()?;
    for place in 0..all.len() {
        if let Err(error) = put(&mut files[place], &vec![0; all[place].content.len()]) {
            let mut told = format!("cannot write over {}", all[place].path.display());
            for (held, file) in all.iter().zip(&mut files).take(place + 1) {
                if put(file, &held.content).is_err()
                    && file.metadata().is_ok_and(|there| there.is_file())
                {
                    told += &format!("; {} is damaged", held.path.display());
                }
            }
            return Err(error).context(told);
        }
    }
    // From here on nothing can be opened with any of them; what is left of one is zeros.
    for held in all {
        std::fs::remove_file(&held.path).with_context(|| {
            format!(
                "{} was written over and cannot be removed",
                held.path.display()
            )
        })?;
    }
    Ok(())
}

/// Puts bytes over those at the beginning of a file, on the disk.
fn put(file: &mut File, bytes: &[u8]) -> std::io::Result<()> {
    file.rewind()?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(path: &Path, content: &[u8]) -> Held {
        Held {
            path: path.to_owned(),
            content: Zeroizing::new(content.to_vec()),
        }
    }

    #[test]
    fn files_are_destroyed_all_or_none() {
        let folder = tempfile::tempdir().expect("a directory");
        let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
        for path in [&one, &two] {
            std::fs::write(path, "a key").expect("written");
        }
        let is_whole = || {
            [&one, &two]
                .iter()
                .all(|path| std::fs::read(path).expect("there") == b"a key")
        };
        // One that cannot be opened, and one that takes no bytes when the others are written over already.
        for bad in [&folder.path().join("three"), Path::new("/dev/full")] {
            let all = [held(&one, b"a key"), held(&two, b"a key"), held(bad, b"x")];
            let error = destroy(&all).expect_err("one cannot be written to");
            let error = format!("{error:#}");
            assert!(error.contains(&*bad.to_string_lossy()), "{error}");
            assert!(is_whole(), "{error}");
        }
        // A second name of a file, so that what was in it can be seen afterwards.
        let name = folder.path().join("name");
        std::fs::hard_link(&one, &name).expect("linked");
        destroy(&[held(&one, b"a key"), held(&two, b"a key")]).expect("destroyed");
        assert!(!one.exists() && !two.exists());
        assert_eq!(std::fs::read(&name).expect("there"), [0; 5]);
    }
}
