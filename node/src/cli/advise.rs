//! `bds advise`: asks what is asked before a ledger is set up, and proposes a profile.

use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use crate::advise::{Advice, Answers, QUESTIONS, Question};

const USAGE: u8 = 2;

/// Arguments of `bds advise`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: bds advise slow-agreement=yes consensus=yes authenticity=yes flow=yes participants=designated stay=years writing=permission content=partly rules=together audit=no speed=yes\nWhat is not answered is asked when there is a terminal.\nExit codes: 0 done, 1 no chain fits, 2 usage, 3 input or output."
)]
pub struct AdviseArgs {
    /// Answers, as QUESTION=ANSWER; `--questions` lists them.
    answers: Vec<String>,
    /// Lists what is asked and what can be said.
    #[arg(long)]
    questions: bool,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
}

/// Asks, and says what follows.
///
/// # Errors
/// When an answer cannot be read.
pub fn run(args: &AdviseArgs) -> anyhow::Result<ExitCode> {
    if args.questions {
        QUESTIONS.iter().for_each(|question| {
            super::print(&format!("{}: {}", question.name, question.text));
            list(question);
        });
        return super::done();
    }
    let mut answers = Answers::default();
    for answer in &args.answers {
        if let Err(error) = answers.take(answer) {
            super::complain(&format!("bds advise: {error}"));
            return Ok(ExitCode::from(USAGE));
        }
    }
    if std::io::stdin().is_terminal() {
        ask(&mut answers)?;
    }
    match answers.advice() {
        Ok(advice) => {
            if args.json {
                super::print_json(&as_json(&advice))?;
            } else {
                tell(&advice);
            }
            Ok(ExitCode::from(u8::from(!advice.fits)))
        }
        Err(error) => {
            super::complain(&format!(
                "bds advise: {error}; `bds advise --questions` lists what can be said"
            ));
            Ok(ExitCode::from(USAGE))
        }
    }
}

fn list(question: &Question) {
    for choice in question.choices {
        super::print(&format!("  {:<12} {}", choice.name, choice.text));
    }
}

/// Asks for every answer that is missing, again until it is one of the choices.
fn ask(answers: &mut Answers) -> anyhow::Result<()> {
    let mut lines = std::io::stdin().lock().lines();
    while let Some(place) = answers.next() {
        let question = &QUESTIONS[place];
        super::print(&format!("{} [{}]", question.text, question.source));
        list(question);
        let line = lines
            .next()
            .context("the input ended before every question was answered")?;
        if let Err(error) = answers.answer(place, line.context("reading an answer")?.trim()) {
            super::complain(&error.to_string());
        }
    }
    Ok(())
}

fn tell(advice: &Advice) {
    for (question, there) in &advice.properties {
        let there = if *there { "yes" } else { "no" };
        super::print(&format!("{there:>5}  {}", question.source));
    }
    if !advice.fits {
        super::print("");
        super::print(
            "No chain: fewer than three of these four hold, so a database with a signed log does the same for less. The rest is said for the case that it has to be one.",
        );
    }
    super::print("");
    let [public, consortium, private] = advice.points;
    super::print(&format!(
        "profile {}  (points: public {public}, consortium {consortium}, private {private})",
        advice.profile.name()
    ));
    for (all, word) in [(&advice.reasons, "for"), (&advice.doubts, "against")] {
        for (question, choice) in all {
            super::print(&format!("{word:>9}  {}: {}", question.source, choice.text));
        }
    }
    super::print("");
    super::print(&format!(
        "begin with: bds genesis new --profile {}",
        advice.profile.name()
    ));
}

fn as_json(advice: &Advice) -> serde_json::Value {
    let answered = |all: &[(&Question, &crate::advise::Choice)]| -> Vec<_> {
        let all = all.iter();
        all.map(|(question, choice)| json!({ "question": question.name, "answer": choice.name, "source": question.source }))
            .collect()
    };
    let [public, consortium, private] = advice.points;
    json!({
        "fits": advice.fits,
        "profile": advice.profile.name(),
        "points": { "public": public, "consortium": consortium, "private": private },
        "reasons": answered(&advice.reasons),
        "doubts": answered(&advice.doubts),
    })
}
