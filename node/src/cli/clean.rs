//! `bds clean`: a table by a schema file, as records without duplicates.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use bds_data::clean::{self, Cleaned, Schema, schema};
use clap::Args;
use serde_json::json;

use super::{complain, done, output, print, print_json};

/// Arguments of `bds clean`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: bds clean --schema meters meters.csv --out meters.jsonl --review doubt.csv\nExit codes: 0 done, 2 usage, 3 the schema, the table or a file cannot be taken: line and column are said."
)]
pub struct CleanArgs {
    /// A schema file, or the name of one that comes along: organisations, organisation-sites, persons, meters, products,
    /// registry-projects.
    #[arg(long)]
    schema: PathBuf,
    /// Comma separated values, the names of the columns first.
    file: PathBuf,
    /// Write the records, one JSON object a line: values with the lines they come from, slices with their hashes.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Write the pairs in doubt as comma separated values.
    #[arg(long)]
    review: Option<PathBuf>,
    /// The column with the true id of each row: say how right the result is.
    #[arg(long)]
    truth: Option<String>,
    /// Print the summary as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Does what the arguments ask for.
///
/// # Errors
/// When the schema or the table cannot be taken, or a file cannot be written.
pub fn run(args: &CleanArgs) -> anyhow::Result<ExitCode> {
    if args.out.is_some() && args.out == args.review {
        bail!("--out and --review name one file; give two");
    }
    let schema = read_schema(&args.schema)?;
    let name = args.file.display();
    let file = File::open(&args.file).with_context(|| format!("reading {name}"))?;
    let cleaned = clean::clean(&schema, file, args.truth.as_deref())
        .with_context(|| format!("reading {name}"))?;
    if args.out.is_some() {
        output::write(args.out.as_deref(), |out| {
            Ok(clean::write_records(&cleaned, out)?)
        })?;
    }
    if args.review.is_some() {
        output::write(args.review.as_deref(), |out| {
            Ok(clean::write_review(&schema, &cleaned, out)?)
        })?;
    }
    if args.json {
        print_json(&summary(&cleaned))?;
    } else {
        tell(&cleaned);
    }
    done()
}

fn read_schema(path: &Path) -> anyhow::Result<Schema> {
    let shown = path.display();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => match path.to_str().and_then(schema::included) {
            Some(text) => text.to_owned(),
            None => bail!("reading schema {shown}: {error}"),
        },
    };
    Schema::from_json(&text).with_context(|| format!("reading schema {shown}"))
}

fn summary(cleaned: &Cleaned) -> serde_json::Value {
    let counts = &cleaned.counts;
    let truth = cleaned.truth.map(|figures| {
        json!({
            "entities": figures.entities,
            "pairs_true": figures.pairs_true,
            "pairs_found": figures.pairs_found,
            "pairs_right": figures.pairs_right,
            "precision_ppm": figures.precision_ppm(),
            "recall_ppm": figures.recall_ppm(),
        })
    });
    json!({
        "rows": counts.rows,
        "records": cleaned.records.len(),
        "in_doubt": cleaned.doubts.len(),
        "pairs_compared": counts.compared,
        "rows_of_no_class": counts.unclassed,
        "cells_dropped": counts.dropped,
        "blocks_left_out": counts.broad_blocks,
        "truth": truth,
    })
}

fn tell(cleaned: &Cleaned) {
    let counts = &cleaned.counts;
    print(&format!(
        "{} rows, {} records, {} pairs in doubt ({} pairs compared)",
        counts.rows,
        cleaned.records.len(),
        cleaned.doubts.len(),
        counts.compared
    ));
    if let Some(figures) = cleaned.truth {
        print(&format!(
            "against the true ids: precision {} %, recall {} % ({} of {} pairs found are right, {} are true, of {} things)",
            percent(figures.precision_ppm()),
            percent(figures.recall_ppm()),
            figures.pairs_right,
            figures.pairs_found,
            figures.pairs_true,
            figures.entities
        ));
    }
    for (count, what) in [
        (counts.unclassed, "rows are of no class of the schema"),
        (
            counts.dropped,
            "cells count as absent, as they cannot be read",
        ),
        (
            counts.broad_blocks,
            "blocks have more rows than the schema compares (block_rows_max); duplicates in them may stay",
        ),
    ] {
        if count > 0 {
            complain(&format!("{count} {what}"));
        }
    }
    for cell in &cleaned.dropped {
        complain(&format!("  {cell}"));
    }
}

/// Millionths as a percentage with two digits, cut.
fn percent(ppm: u64) -> String {
    format!("{}.{:02}", ppm / 10_000, ppm % 10_000 / 100)
}
