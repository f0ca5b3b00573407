//! Where a verb reads, and as whom.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bds_client::{Client, Signer};
use bds_contracts::block::Height;
use bds_contracts::tx::ChainId;
use clap::Args;

/// A node to read from.
#[derive(Debug, Args)]
pub(super) struct Reading {
    /// HTTP interface of a node; more of them are asked when the first is silent.
    #[arg(long = "node", default_value = "http://127.0.0.1:8080")]
    nodes: Vec<String>,
    /// Key file of the member that reads, where the ledger is not open to everyone.
    #[arg(long = "as", value_name = "KEY_FILE", env = "BDS_READER")]
    reader: Option<PathBuf>,
    /// The answer shows this block at least; a node that has not come so far is waited for.
    #[arg(long, value_name = "HEIGHT")]
    min_height: Option<Height>,
}

impl Reading {
    /// A client of the node.
    ///
    /// # Errors
    /// When the address is none, or the key file holds no key.
    pub(super) fn client(&self) -> anyhow::Result<Client> {
        let client = client(self.nodes.iter().cloned(), self.reader.as_deref())?;
        Ok(match self.min_height {
            Some(height) => client.reading_at_least(height),
            None => client,
        })
    }

    /// Who is asked, in words.
    pub(super) fn nodes(&self) -> String {
        self.nodes.join(", ")
    }
}

/// The ledger that the nodes have, and the client, preferring the node that said so: what is asked next does not wait for one
/// that is silent.
///
/// # Errors
/// When no node answers, or none with the name of a ledger.
pub(super) async fn ledger(client: &Client) -> anyhow::Result<(Client, ChainId)> {
    let (client, status) = client.answering().await?;
    let named = status.chain.parse();
    let chain = named.with_context(|| format!("the node names its chain `{}`", status.chain))?;
    Ok((client, chain))
}

/// A client of these nodes that reads as the member with this key.
///
/// # Errors
/// As above.
pub(super) fn client(
    nodes: impl IntoIterator<Item = String>,
    reader: Option<&Path>,
) -> anyhow::Result<Client> {
    let client = Client::new(nodes)?;
    Ok(match reader {
        Some(file) => client.reading_as(Signer::read(file)?, None),
        None => client,
    })
}
