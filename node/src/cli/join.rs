//! `bds tx join`: a key takes part in a public ledger by itself.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use bds_client::build::now;
use bds_client::{Client, ClientError, Sender, Signer};
use bds_contracts::identity::{Call, Identity};
use bds_contracts::kernel::envelope::Draft;
use bds_contracts::kernel::newcomer::work;
use bds_contracts::tx::{Millis, PublicKey, TxId};
use clap::Args;
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use sha2::{Digest as _, Sha512};

use super::tx::{Target, next_nonce};

/// More than this takes longer than the hour after which it is less again.
const BITS_MAX: u64 = 30;
/// The transaction is good for an hour: the search may take a while.
const GOOD_FOR: u64 = 3_600 * 1_000;
/// Shown beyond what is asked for, since others may come before this transaction does.
const BITS_SPARE: u64 = 1;

/// `bds tx join`
#[derive(Debug, Args)]
#[command(
    after_help = "On a public ledger only. A key that is no member's has to show work: some seconds of all cores, more when many come.\n\
                  Example: bds keys new me.key, then: bds tx join --key me.key"
)]
pub struct JoinArgs {
    /// Key file of whoever takes part.
    #[arg(long)]
    key: PathBuf,
    #[command(flatten)]
    target: Target,
}

/// Works where it takes work, and joins.
///
/// # Errors
/// When the ledger is none where anyone may take part, too many come, or no validator answers.
pub(super) fn run(args: &JoinArgs) -> anyhow::Result<ExitCode> {
    let signer = Signer::read(&args.key)?;
    args.target
        .run(Some(&args.key), false, async |client, chain| {
            let key = signer.public_key();
            if is_member(client, &key).await? {
                let nonce = next_nonce(client, &key).await?;
                let mut sender = Sender::new(signer, chain, nonce);
                let draft = sender.draft().call::<Identity>(&Call::Join { work: 0 });
                return Ok(vec![sender.sign(&draft)]);
            }
            let needed = needed(client).await?;
            let mut sender = Sender::new(signer, chain, 0);
            let mut draft = sender.draft();
            draft.expires_at = Millis(now().0.saturating_add(GOOD_FOR));
            // The cores are busy for a while; nothing else waits for this thread.
            let worked =
                search(&draft, needed + BITS_SPARE).context("no number shows enough work")?;
            Ok(vec![sender.sign(&worked)])
        })
}

async fn is_member(client: &Client, key: &PublicKey) -> anyhow::Result<bool> {
    let which = BTreeMap::from([("key".to_owned(), key.to_string())]);
    match client.query("member", &which).await {
        Ok(_) => Ok(true),
        Err(ClientError::Problem { status: 404, .. }) => Ok(false),
        Err(other) => Err(other).with_context(|| format!("asking whether {key} is a member")),
    }
}

/// The bits that the ledger asks for now.
async fn needed(client: &Client) -> anyhow::Result<u64> {
    let joining = client.query("joining", &BTreeMap::new()).await?;
    let Some(bits) = joining["bits"].as_u64() else {
        bail!(
            "nobody joins this ledger by itself: two of its registry admit members (`identity.register-member`)"
        );
    };
    if bits > BITS_MAX {
        bail!("so many come that it takes {bits} bits of work now: try again in an hour");
    }
    Ok(bits)
}

/// The transaction with some number that shows so much work.
fn search(draft: &Draft, bits: u64) -> Option<Draft> {
    let make = |number| draft.clone().call::<Identity>(&Call::Join { work: number });
    let shows = |number: &u64| {
        let id = TxId(Sha512::digest(make(*number).signed_bytes()).into());
        u64::from(work(&id)) >= bits
    };
    (0..u64::MAX).into_par_iter().find_any(shows).map(make)
}

#[cfg(test)]
mod tests {
    use bds_contracts::tx::ChainId;

    use super::*;

    #[test]
    fn what_is_found_shows_the_work() {
        let draft = Draft::new(ChainId([1; 32]), PublicKey([2; 32]), 0);
        let found = search(&draft, 10).unwrap();
        let id = Sha512::digest(found.signed_bytes());
        assert!(id[0] == 0 && id[1] < 0x40, "ten zero bits");
    }
}
