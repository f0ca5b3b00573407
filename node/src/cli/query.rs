//! `bds query`: read the state of a running node by name.

use std::collections::BTreeMap;
use std::process::ExitCode;

use bds_client::{Client, ClientError};
use clap::Args;

use super::{done, print, print_json};
use crate::measure::block_on;

/// `bds query`
#[derive(Debug, Args)]
#[command(after_help = "Example: bds query holding account=1 instrument=1")]
pub struct QueryArgs {
    /// Name of the query; the node's /openapi.json lists them.
    name: String,
    /// Arguments as NAME=VALUE.
    #[arg(value_parser = argument)]
    arguments: Vec<(String, String)>,
    /// HTTP interface of a node.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    node: String,
    /// Answers are JSON in any case; accepted for scripts that always give it.
    #[arg(long)]
    json: bool,
}

fn argument(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Asks and prints the answer. Exit code 1 when the thing asked about does not exist.
///
/// # Errors
/// When the node does not answer or refuses the question.
pub fn run(args: &QueryArgs) -> anyhow::Result<ExitCode> {
    let client = Client::new([args.node.clone()])?;
    let arguments: BTreeMap<String, String> = args.arguments.iter().cloned().collect();
    match block_on(async { client.query(&args.name, &arguments).await }) {
        Ok(answer) => {
            print_json(&answer)?;
            done()
        }
        Err(error) => match error.downcast_ref::<ClientError>() {
            Some(ClientError::Problem {
                status: 404,
                problem,
                ..
            }) => {
                print(&problem.to_string());
                Ok(ExitCode::from(1))
            }
            _ => Err(error),
        },
    }
}
