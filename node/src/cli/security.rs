//! `bds security`: what attacks are worth, as tables and curves.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::security::picture::{Curve, Picture, Scale};
use crate::security::tamper::{GAP_MAX, Share};

const USAGE: u8 = 2;
const GAPS_MAX: u32 = 10_000;

/// What to work out.
#[derive(Debug, Subcommand)]
pub enum SecurityCommand {
    /// How likely a block with so many on top of it is replaced by an attacker with a share of all work or stake.
    #[command(
        after_help = "These are equations 1 to 3 of Su & Wang (2022), for chains that are extended by work or stake. This ledger is none: see the last line of the answer.\nExample: bds security tamper --q 0.1,0.3,0.45 --n 0..50 --csv fig2.csv --png fig2.png\nExit codes: 0 done, 2 usage, 3 a file could not be written."
    )]
    Tamper(TamperArgs),
}

/// Arguments of `bds security tamper`.
#[derive(Debug, Args)]
pub struct TamperArgs {
    /// Shares of the attacker, from 0 to 1.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "0.1,0.15,0.2,0.25,0.3,0.35,0.4,0.45,0.5"
    )]
    q: Vec<f64>,
    /// Blocks on top, from the first to the last of them, at most 10,000 of them.
    #[arg(long, default_value = "0..50", value_parser = gaps)]
    n: RangeInclusive<u32>,
    /// Say also how many blocks it takes for less than this probability.
    #[arg(long, default_value_t = 0.001)]
    below: f64,
    /// Write the curves as comma-separated values: n, then one column a share.
    #[arg(long)]
    csv: Option<PathBuf>,
    /// Draw the curves.
    #[arg(long)]
    svg: Option<PathBuf>,
    /// Draw the curves.
    #[arg(long)]
    png: Option<PathBuf>,
    /// Print one JSON object: equation 3 as `probabilities`, and with it 1 as `catches_up` and 2 as `expected`.
    #[arg(long)]
    json: bool,
}

/// `A..B`, both among them.
fn gaps(text: &str) -> Result<RangeInclusive<u32>, String> {
    let (from, to) = text.split_once("..").ok_or("must be like 0..50")?;
    let number = |text: &str| {
        text.trim_start_matches('=')
            .parse::<u32>()
            .map_err(|error| format!("{text}: {error}"))
    };
    let (from, to) = (number(from)?, number(to)?);
    if from > to || to > GAP_MAX || to - from >= GAPS_MAX {
        return Err(format!(
            "must rise, end at {GAP_MAX} and hold at most {GAPS_MAX}"
        ));
    }
    Ok(from..=to)
}

/// Does what the arguments ask for.
///
/// # Errors
/// When a file cannot be written.
pub fn run(command: &SecurityCommand) -> anyhow::Result<ExitCode> {
    let SecurityCommand::Tamper(args) = command;
    let mut shares = Vec::new();
    for q in &args.q {
        match Share::new(*q).and_then(|share| Ok((share, share.gap_below(args.below)?))) {
            Ok(share) => shares.push(share),
            Err(error) => {
                super::complain(&format!("bds security tamper: {error}"));
                return Ok(ExitCode::from(USAGE));
            }
        }
    }
    let mut curves = Vec::new();
    for (share, _) in &shares {
        let points = args.n.clone().map(|n| Ok((n, share.rewrites(n)?)));
        curves.push(Curve {
            name: format!("q = {}", share.value()),
            points: points.collect::<anyhow::Result<_>>()?,
        });
    }
    if let Some(file) = &args.csv {
        write_csv(file, &curves).with_context(|| format!("writing {}", file.display()))?;
    }
    let picture = Picture {
        title: "How likely a block is replaced (chains of work or stake)",
        across: "blocks on top of it",
        up: "probability",
        scale: Scale::Share,
        curves: &curves,
    };
    for (file, end) in [(&args.svg, "svg"), (&args.png, "png")] {
        if let Some(file) = file {
            anyhow::ensure!(
                file.extension().is_some_and(|has| has == end),
                "{}: the name must end with .{end}",
                file.display()
            );
            picture.write(file)?;
        }
    }
    if args.json {
        let of_share = shares.iter().zip(&curves).map(|((share, gap), curve)| {
            let of_gap = |figure: &dyn Fn(u32) -> f64| -> Vec<_> {
                args.n.clone().map(|n| (n, figure(n))).collect()
            };
            json!({
                "q": share.value(),
                "gap_below": gap,
                "probabilities": curve.points,
                "catches_up": of_gap(&|n| share.catches_up(n)),
                "expected": of_gap(&|n| share.expected(n)),
            })
        });
        let answer = json!({ "below": args.below, "shares": of_share.collect::<Vec<_>>() });
        super::print(&answer.to_string());
    } else {
        show(args, &shares, &curves);
    }
    Ok(ExitCode::SUCCESS)
}

fn show(args: &TamperArgs, shares: &[(Share, Option<u32>)], curves: &[Curve]) {
    let row = |first: &str, rest: &mut dyn Iterator<Item = String>| {
        let rest: String = rest.map(|text| format!("{text:>12}")).collect();
        super::print(&format!("{first:>8}{rest}"));
    };
    row(
        "n \\ q",
        &mut shares.iter().map(|(share, _)| share.value().to_string()),
    );
    for (index, n) in args.n.clone().enumerate() {
        let of_gap = |curve: &Curve| format!("{:.7}", curve.points[index].1);
        row(&n.to_string(), &mut curves.iter().map(of_gap));
    }
    let gaps = shares
        .iter()
        .map(|(_, gap)| gap.map_or("none".to_owned(), |gap| gap.to_string()));
    super::print("");
    super::print(&format!("blocks for less than {}:", args.below));
    row("", &mut gaps.into_iter());
    super::print("");
    super::print(
        "This is about chains of work or stake. Here a block is final once more than two thirds of the weight have signed it: while less than a third is faulty, its probability is 0, whatever n.",
    );
}

fn write_csv(file: &std::path::Path, curves: &[Curve]) -> anyhow::Result<()> {
    let mut out = csv::Writer::from_path(file)?;
    let names = curves.iter().map(|curve| curve.name.replace(' ', ""));
    out.write_record(std::iter::once("n".to_owned()).chain(names))?;
    for (index, (n, _)) in curves[0].points.iter().enumerate() {
        let of_gap = curves.iter().map(|curve| curve.points[index].1.to_string());
        out.write_record(std::iter::once(n.to_string()).chain(of_gap))?;
    }
    out.flush()?;
    Ok(())
}
