//! `bds tx endorse`: the second member's part of whatever takes two.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use bds_client::build::now;
use bds_client::{Sender, Signer};
use bds_contracts::identity::endorse::digest_of;
use bds_contracts::identity::{Call, Identity};
use bds_contracts::tx::Millis;
use clap::Args;

use super::description::{self, read_one};
use super::tx::{Target, next_nonce};

/// How long an endorsement is good when nothing else is said: an hour.
const GOOD_FOR: u64 = 3_600 * 1_000;

/// `bds tx endorse`
#[derive(Debug, Args)]
#[command(
    after_help = format!(
        "{}\nWho endorses is --key; key, nonce and times in the description are those of the transaction to come and count for \
         nothing here.\nThe calls must be sent exactly as described, by another member, before the endorsement ends.\n\
         Example: bds tx endorse --file withdraw.json --key bob.key, then: bds tx submit --file withdraw.json",
        description::HELP
    )
)]
pub struct EndorseArgs {
    /// File with the description of the transaction; `-` is standard input.
    #[arg(long)]
    file: PathBuf,
    /// Key file of the member that endorses.
    #[arg(long)]
    key: PathBuf,
    /// The endorsement ends at this time (milliseconds since 1970); in an hour otherwise, in 30 days at most.
    #[arg(long, value_name = "MILLISECONDS")]
    until: Option<u64>,
    #[command(flatten)]
    target: Target,
}

/// Endorses each call of the description, all in one transaction.
///
/// # Errors
/// When the description is wrong, or no validator answers.
pub(super) fn run(args: &EndorseArgs) -> anyhow::Result<ExitCode> {
    let calls = read_one(&args.file)?
        .encoded()
        .with_context(|| format!("{}", args.file.display()))?;
    let signer = Signer::read(&args.key)?;
    let until = Millis(
        args.until
            .unwrap_or_else(|| now().0.saturating_add(GOOD_FOR)),
    );
    args.target
        .run(Some(&args.key), false, async |client, chain| {
            let nonce = next_nonce(client, &signer.public_key()).await?;
            let mut sender = Sender::new(signer, chain, nonce);
            let draft = calls.iter().fold(sender.draft(), |draft, call| {
                let digest = digest_of(call.module, call.method, &call.arguments);
                draft.call::<Identity>(&Call::Endorse { digest, until })
            });
            Ok(vec![sender.sign(&draft)])
        })
}
