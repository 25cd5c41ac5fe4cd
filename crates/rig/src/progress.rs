// SPDX-License-Identifier: MIT OR Apache-2.0

//! Says on standard error what is being measured: a bar on a terminal, else lines. It is drawn only
//! between measurements: a bar that moves by itself would be measured, too.

use std::cell::RefCell;
use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::say;

/// What is shown.
pub struct Progress {
    bar: Option<ProgressBar>,
    part: RefCell<String>,
}

impl Progress {
    /// For `parts` parts.
    pub fn new(parts: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(parts as u64);
            if let Ok(style) =
                ProgressStyle::with_template("{bar:20} {pos}/{len} [{elapsed}] {msg}")
            {
                bar.set_style(style);
            }
            bar
        });
        Self {
            bar,
            part: RefCell::default(),
        }
    }

    /// A part begins.
    pub fn begin(&self, part: &str) {
        part.clone_into(&mut self.part.borrow_mut());
        self.say("");
    }

    /// What of it is being done.
    pub fn say(&self, what: &str) {
        let part = self.part.borrow();
        let text = if what.is_empty() {
            part.clone()
        } else {
            format!("{part}: {what}")
        };
        match &self.bar {
            Some(bar) => {
                bar.set_message(text);
                bar.tick();
            }
            None => say(format_args!("bench: {text}")),
        }
    }

    /// It has ended.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
