// SPDX-License-Identifier: MIT OR Apache-2.0
//! Progress: a spinner where stderr is a terminal, else a line now and then.

use std::cell::{Cell, RefCell};
use std::io::IsTerminal as _;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// How often a step that takes long says so when stderr is no terminal.
const PLAIN_PERIOD: Duration = Duration::from_secs(15);
/// Steps shorter than this, without a terminal, are told in one line.
const PLAIN_QUIET: Duration = Duration::from_secs(2);
/// A message is cut to this many characters, to stay on one line.
const MESSAGE_WIDTH: usize = 70;

/// All spinners: steps may run side by side.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// One piece of work that a user waits for.
pub struct Step {
    name: String,
    start: Instant,
    bar: Option<ProgressBar>,
    last_plain: Cell<Instant>,
    said: Cell<bool>,
    message: RefCell<String>,
    done: Cell<bool>,
}

impl Step {
    /// Starts to show `name` as under way.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = BARS.add(ProgressBar::new_spinner());
            if let Ok(style) =
                ProgressStyle::with_template("{spinner} {prefix} [{elapsed}] {msg:.dim}")
            {
                bar.set_style(style);
            }
            bar.set_prefix(name.clone());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self {
            name,
            start: Instant::now(),
            bar,
            last_plain: Cell::new(Instant::now()),
            said: Cell::new(false),
            message: RefCell::default(),
            done: Cell::new(false),
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Shows that it waits, for what `text` says.
    pub fn waits(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(format!("waits {text}")),
            None => {
                self.said.set(true);
                eprintln!("  wait  {}: {text}", self.name);
            }
        }
    }

    /// How long it has taken so far.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Shows what is going on inside of the step, such as the last line of a log.
    pub fn message(&self, text: &str) {
        let text: String = text
            .chars()
            .filter(|c| !c.is_control())
            .take(MESSAGE_WIDTH)
            .collect();
        if let Some(bar) = &self.bar {
            bar.set_message(text.clone());
        }
        *self.message.borrow_mut() = text;
        self.tick();
    }

    /// To be called now and then, so that a long step shows that it lives.
    pub fn tick(&self) {
        if self.bar.is_some() {
            return;
        }
        if !self.said.get() && self.elapsed() >= PLAIN_QUIET {
            self.said.set(true);
            self.last_plain.set(Instant::now());
            eprintln!("  ...   {}", self.name);
        } else if self.last_plain.get().elapsed() >= PLAIN_PERIOD {
            self.last_plain.set(Instant::now());
            let message = self.message.borrow();
            eprintln!(
                "  ...   {} ({} s){}{message}",
                self.name,
                self.elapsed().as_secs(),
                if message.is_empty() { "" } else { ": " },
            );
        }
    }

    /// Prints a line of output without disturbing the progress.
    pub fn print(&self, line: &str) {
        match &self.bar {
            Some(_) => BARS.suspend(|| println!("{line}")),
            None => println!("{line}"),
        }
    }

    /// Ends the step and says that it went well.
    pub fn ok(self) {
        self.end("ok", "");
    }

    /// Ends the step, with a word on how and a remark.
    pub fn end(self, verdict: &str, remark: &str) {
        let text = format!(
            "  {verdict:<5} {} ({}){}{remark}",
            self.name,
            seconds(self.elapsed()),
            if remark.is_empty() { "" } else { ": " },
        );
        self.clear(&text);
    }

    /// Leaves one line of it.
    fn clear(&self, text: &str) {
        self.done.set(true);
        match &self.bar {
            Some(bar) => {
                bar.finish_and_clear();
                BARS.remove(bar);
                BARS.suspend(|| eprintln!("{text}"));
            }
            None => eprintln!("{text}"),
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if !self.done.get() {
            self.clear(&format!(
                "  stop  {} ({})",
                self.name,
                seconds(self.elapsed())
            ));
        }
    }
}

/// A duration for people, such as `0.4 s` or `3 min 20 s`.
pub fn seconds(time: Duration) -> String {
    let s = time.as_secs();
    if s < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {:02} s", s / 60, s % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(seconds(Duration::from_millis(430)), "0.4 s");
        assert_eq!(seconds(Duration::from_secs(200)), "3 min 20 s");
    }
}
