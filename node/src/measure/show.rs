//! Progress for people: a bar on a terminal, a line now and then elsewhere, nothing when silent.

use std::cell::Cell;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Away from a terminal, a line is written this often.
const LINE_EVERY_SECONDS: u64 = 5;

/// Where progress goes: standard error, so that standard output holds the result alone.
pub struct Show {
    bar: Option<ProgressBar>,
    silent: bool,
    last_line: Cell<u64>,
}

impl Show {
    /// - `silent`: say nothing at all, for output that a program reads.
    #[must_use]
    pub fn new(silent: bool) -> Self {
        let terminal = !silent && std::io::IsTerminal::is_terminal(&std::io::stderr());
        let bar = terminal.then(|| {
            let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self {
            bar,
            silent,
            last_line: Cell::new(0),
        }
    }

    /// One line that stays.
    pub fn say(&self, words: &str) {
        match &self.bar {
            Some(bar) => bar.println(words),
            #[expect(clippy::print_stderr, reason = "progress of a command line program")]
            None if !self.silent => eprintln!("{words}"),
            None => {}
        }
    }

    /// How far the load is.
    pub fn progress(&self, elapsed: Duration, total: Duration, good: u64, last_second: u64) {
        let words = format!(
            "{:.0} of {:.0} s   {last_second} TPS   {good} committed",
            elapsed.as_secs_f64(),
            total.as_secs_f64()
        );
        if let Some(bar) = &self.bar {
            bar.set_length(total.as_secs().max(1));
            bar.set_position(elapsed.as_secs().min(total.as_secs()));
            bar.set_message(words);
        } else if elapsed.as_secs() >= self.last_line.get() + LINE_EVERY_SECONDS {
            self.last_line.set(elapsed.as_secs());
            self.say(&words);
        }
    }

    /// How many blocks are checked.
    pub fn checked(&self, height: u64, of: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(of);
            bar.set_position(height);
            bar.set_message(format!("block {height} of {of} checked"));
        }
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
