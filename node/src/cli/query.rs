//! `bds query`: read the state of a running node by name.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use bds_client::ClientError;
use bds_contracts::query::QUERIES;
use clap::Args;

use super::reading::Reading;
use super::{done, print, print_json, proof};
use crate::api::catalog::sentence;
use crate::measure::block_on;

/// `bds query`
#[derive(Debug, Args)]
#[command(after_help = help())]
pub struct QueryArgs {
    /// Name of the query; they are listed below.
    name: String,
    /// Arguments as NAME=VALUE.
    #[arg(value_parser = argument)]
    arguments: Vec<(String, String)>,
    /// Ask for the entry of the state itself, with a proof that `bds verify-proof` checks offline; for queries that are about one
    /// entry.
    #[arg(long)]
    proof: bool,
    /// File to write the proof to; standard output otherwise.
    #[arg(long, requires = "proof")]
    out: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
    /// Answers are JSON in any case; accepted for scripts that always give it.
    #[arg(long)]
    json: bool,
}

/// Every query with its arguments; those with a `?` may be left out.
fn help() -> String {
    let mut text = String::from("Queries:\n");
    for info in QUERIES {
        text.push_str("  ");
        text.push_str(info.name);
        for argument in info.arguments {
            let mark = if argument.required { "" } else { "?" };
            text.push_str(&format!(" {}{mark}=({})", argument.name, argument.expected));
        }
        let proof = if info.is_about_one_entry() {
            " (--proof)"
        } else {
            ""
        };
        text.push_str(&format!("{proof}\n      {}\n", sentence(info.text)));
    }
    text.push_str("Example: bds query holding account=1 instrument=1");
    text
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
    let client = args.reading.client()?;
    let arguments: BTreeMap<String, String> = args.arguments.iter().cloned().collect();
    if args.proof {
        return proof::fetch(&client, &args.name, &arguments, args.out.as_deref());
    }
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
