//! `bds events`: what happened on the ledger, one line an event, from any place on.

use std::process::ExitCode;

use anyhow::Context as _;
use bds_client::Client;
use bds_contracts::block::Height;
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::tx::AccountId;
use clap::Args;

use super::reading::Reading;
use super::{done, is_heard, print};
use crate::measure::block_on;

/// `bds events`
#[derive(Debug, Args)]
#[command(
    after_help = "Example: bds events --from 120:0 --follow\nEach line is a JSON object with height, index, \
                        receipt and event. To resume, give the place after the last line seen."
)]
pub struct EventsArgs {
    /// First place wanted: block and number of the event in it.
    #[arg(long, value_name = "HEIGHT:INDEX", default_value = "1:0", value_parser = place)]
    from: (Height, u32),
    /// Only events that concern this account; then only with `--follow`, since nobody else's place is looked at to find the end.
    #[arg(long, value_name = "NUMBER", requires = "follow")]
    account: Option<u64>,
    /// Go on with new events until interrupted.
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    reading: Reading,
    /// Lines are JSON in any case; accepted for scripts that always give it.
    #[arg(long)]
    json: bool,
}

fn place(text: &str) -> Result<(Height, u32), String> {
    let (height, index) = text.split_once(':').unwrap_or((text, "0"));
    match (height.parse(), index.parse()) {
        (Ok(height), Ok(index)) => Ok((height, index)),
        _ => Err("expected HEIGHT:INDEX, e.g. 120:0".to_owned()),
    }
}

/// Prints events up to the newest certified block, or without end.
///
/// # Errors
/// When the node does not answer.
pub fn run(args: &EventsArgs) -> anyhow::Result<ExitCode> {
    let client = args.reading.client()?;
    block_on(async {
        // Whoever answers where the ledger ends is asked for all before it, too.
        let (client, last) = if args.follow {
            (client, None)
        } else {
            let (client, status) = client.answering().await?;
            let last = last_place(&client, args.from.0, status.certified).await?;
            (client, Some(last))
        };
        // Nothing happened from there on.
        if last.is_some_and(|last| last.is_none_or(|last| last < args.from)) {
            return anyhow::Ok(());
        }
        let mut events = client.events(args.from.0, args.from.1);
        if let Some(account) = args.account {
            events = events.of_account(AccountId(account));
        }
        loop {
            let event = events.next().await?;
            print(&serde_json::to_string(&event)?);
            if !is_heard() {
                return Ok(());
            }
            if let Some(Some(last)) = last
                && (event.height, event.index) >= last
            {
                return Ok(());
            }
        }
    })?;
    done()
}

/// Place of the last event of the blocks from `first` to `height`.
async fn last_place(
    client: &Client,
    first: Height,
    mut height: Height,
) -> anyhow::Result<Option<(Height, u32)>> {
    while height >= first.max(1) {
        if let Some(block) = client.block_receipts(height).await? {
            let mut count = 0_usize;
            for (receipt, _) in &block.receipts {
                let view = ReceiptView::parse(receipt)
                    .with_context(|| format!("a receipt of block {height}"))?;
                count += view.events().count();
            }
            if let Some(last) = count.checked_sub(1) {
                return Ok(Some((height, u32::try_from(last)?)));
            }
        }
        height -= 1;
    }
    Ok(None)
}
