//! `bds record give`, and the calls by which readers get what they are to have.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{Context as _, ensure};
use bds_contracts::kernel::envelope::CALLS_MAX;
use bds_contracts::records::reader;
use bds_contracts::records::version::Version;
use bds_seal::key::ReaderKey;
use bds_seal::wrap::{GIVEN_MAX, Grant, wrap};
use clap::Args;
use serde_json::{Value, json};

use super::files::KeyFile;
use super::{Asked, Ledger, write};
use crate::cli::{done, print};
use crate::keys;
use crate::measure::block_on;

/// `bds record give`
#[derive(Debug, Args)]
pub struct GiveArgs {
    /// The version's key file.
    key: PathBuf,
    /// Reader: ACCOUNT, or ACCOUNT:LABEL,LABEL for some slices only. May be repeated.
    #[arg(long = "to", required = true)]
    readers: Vec<Recipient>,
    /// Description for `bds tx submit` to write.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    asked: Asked,
}

/// Gives a version to more readers.
///
/// # Errors
/// When a file or the node cannot be read, or the key file is not of what the ledger has.
pub(super) fn run(args: &GiveArgs) -> anyhow::Result<ExitCode> {
    check(&args.readers, 0)?;
    let file = KeyFile::read(&args.key)?;
    let (context, (root, _)) = (file.context(), file.keys()?);
    let keys = block_on(async {
        let ledger = Ledger::of(&args.asked).await?;
        ensure!(
            ledger.chain == context.chain,
            "the key file is of another ledger"
        );
        let place = [
            ("account", context.owner.0),
            ("record", context.record),
            ("version", context.version.into()),
        ];
        let (version, witness) = ledger.entry::<Version>("record-version", &place).await?;
        let version = version.with_context(|| {
            format!(
                "the ledger has no version {} of record {} of account {}, or has forgotten it ({witness})",
                context.version, context.record, context.owner.0
            )
        })?;
        // A wrap made for another root opens nothing that the ledger knows of.
        ensure!(
            version.root == root,
            "the key file is of another content than version {} on the ledger: its root is {}, the ledger's {} ({witness})",
            context.version,
            hex::encode(root),
            hex::encode(version.root)
        );
        reader_keys(&ledger, &args.readers).await
    })?;
    let calls = gifts(&file, &args.readers, &keys)?;
    write(&args.out, json!({ "calls": calls }).to_string().as_bytes())?;
    print(&format!(
        "{} wraps in {}",
        args.readers.len(),
        args.out.display()
    ));
    done()
}

/// An account, and the labels of the slices it is given; none for all of them: `3`, `3:price,volume`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recipient {
    account: u64,
    labels: Vec<String>,
}

impl FromStr for Recipient {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (account, labels) = text.split_once(':').unwrap_or((text, ""));
        let account = account.parse().map_err(|_| {
            format!("`{account}` is no account number; expected ACCOUNT or ACCOUNT:LABEL,LABEL")
        })?;
        let labels = labels.split(',').filter(|label| !label.is_empty());
        Ok(Self {
            account,
            labels: labels.map(str::to_owned).collect(),
        })
    }
}

/// Refuses more readers than one transaction gives to beside its other calls, and an account that is named twice: the ledger keeps what it was given
/// last, and would lose the other one.
pub(super) fn check(readers: &[Recipient], other_calls: usize) -> anyhow::Result<()> {
    let most = usize::from(CALLS_MAX) - other_calls;
    ensure!(
        readers.len() <= most,
        "at most {most} readers at once; give it to the others by `bds record give`"
    );
    let mut accounts = BTreeSet::new();
    for Recipient { account, .. } in readers {
        ensure!(
            accounts.insert(account),
            "account {account} is named twice in --to; name it once, with all that it is to have"
        );
    }
    Ok(())
}

/// The keys that the readers have published; each is told, with who says so.
pub(super) async fn reader_keys(
    ledger: &Ledger,
    readers: &[Recipient],
) -> anyhow::Result<Vec<ReaderKey>> {
    let mut keys = Vec::new();
    for Recipient { account, .. } in readers {
        let asked = [("account", *account)];
        let (known, witness) = ledger
            .entry::<reader::ReaderKey>("reader-key", &asked)
            .await?;
        let known = known.with_context(|| {
            format!("account {account} has published no reader's key ({witness})")
        })?;
        print(&format!(
            "account {account} reads with {} ({witness})",
            hex::encode(known.key)
        ));
        keys.push(ReaderKey(known.key));
    }
    Ok(keys)
}

/// The calls that give readers what they are to have.
pub(super) fn gifts(
    file: &KeyFile,
    readers: &[Recipient],
    keys: &[ReaderKey],
) -> anyhow::Result<Vec<Value>> {
    let (root, held) = file.keys()?;
    let context = file.context();
    let calls = readers.iter().zip(keys).map(|(reader, key)| {
        let grant = if reader.labels.is_empty() {
            Grant::whole(&held)
        } else {
            let mut indices = Vec::new();
            for label in &reader.labels {
                let index = file.labels.iter().position(|known| known == label);
                let index =
                    index.with_context(|| format!("the document has no slice `{label}`"))?;
                indices.push(u16::try_from(index)?);
            }
            indices.sort_unstable();
            Grant::slices(&held, &context, &indices).with_context(|| {
                format!("a reader is given 1 to {GIVEN_MAX} slices one by one, each once")
            })?
        };
        let wrap = wrap(&context, &root, key, &grant, &*keys::generate()?)?;
        Ok(json!({ "records.give-wrap": {
            "account": context.owner.0, "record": context.record, "version": context.version,
            "reader": reader.account, "key": hex::encode(key.0), "wrap": hex::encode(wrap),
        } }))
    });
    calls.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Recipient, String> {
        text.parse()
    }

    #[test]
    fn a_recipient_is_an_account_and_perhaps_labels() {
        let of = |account, labels: &[&str]| {
            let labels = labels.iter().map(|label| (*label).to_owned()).collect();
            Ok(Recipient { account, labels })
        };
        assert_eq!(read("3"), of(3, &[]));
        assert_eq!(read("3:"), of(3, &[]));
        assert_eq!(read("3:price,volume"), of(3, &["price", "volume"]));
        for wrong in ["", "x", "-1", ":price", "3.5"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    /// A transaction has 16 calls.
    #[test]
    fn readers_are_as_many_as_calls_are_left_and_each_once() {
        let readers: Vec<Recipient> = (0..17).filter_map(|n| read(&n.to_string()).ok()).collect();
        for (other_calls, most) in [(0, 16), (1, 15), (2, 14)] {
            check(&readers[..most], other_calls).expect("they fit");
            let error = check(&readers[..=most], other_calls).expect_err("too many");
            assert!(error.to_string().contains(&format!("at most {most}")));
        }
        let twice = [read("3:price"), read("4"), read("3:volume")];
        let twice: Vec<Recipient> = twice.into_iter().flatten().collect();
        let error = check(&twice, 0).expect_err("3 is there twice").to_string();
        assert!(error.contains("account 3"), "{error}");
    }
}
