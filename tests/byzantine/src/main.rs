//! `bds-byzantine --home DIR`: a validator that lies as it is told on standard input, a behaviour a line.

use std::io::BufRead as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use bds_byzantine::behaviour::{self, ALL};
use bds_byzantine::home::Home;
use bds_byzantine::shell::Shell;
use clap::Parser;
use crossbeam::channel::unbounded;

/// A validator that lies, for tests. Runs until its input ends.
#[derive(Parser)]
struct Arguments {
    /// Home of a validator that does not run.
    #[arg(long, required_unless_present = "list")]
    home: Option<PathBuf>,
    /// The first behaviour; more come on standard input, one a line.
    #[arg(long, default_value = "honest")]
    behave: String,
    /// Names all behaviours and ends.
    #[arg(long)]
    list: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let Some(home) = arguments.home.filter(|_| !arguments.list) else {
        ALL.iter().for_each(|(name, _)| say(name));
        return Ok(ExitCode::SUCCESS);
    };
    let unknown = |name: &str| format!("no behaviour `{name}`; --list names all");
    let first = behaviour::named(&arguments.behave).with_context(|| unknown(&arguments.behave))?;
    let shell = Shell::start(Home::read(&home)?)?;
    let (commands, commanded) = unbounded();
    commands.send(first).ok().context("the validator ended")?;
    let running = std::thread::spawn(move || shell.run(&commanded));
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let next = behaviour::named(line.trim()).with_context(|| unknown(line.trim()))?;
        commands.send(next).ok().context("the validator ended")?;
        say(line.trim());
    }
    drop(commands);
    running
        .join()
        .map_err(|_| anyhow::anyhow!("the validator panicked"))?;
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "answers of a command line")]
fn say(text: &str) {
    println!("{text}");
}
