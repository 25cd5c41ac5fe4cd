// SPDX-License-Identifier: MIT OR Apache-2.0

//! The kernel's tracer of the longest time for which interrupts are off (`CONFIG_IRQSOFF_TRACER`,
//! `Documentation/trace/ftrace.rst`).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where it may be mounted.
const PLACES: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// The tracer, set up; what was there before returns when this goes.
pub struct Tracer {
    dir: PathBuf,
    before: Vec<(PathBuf, String)>,
}

/// The longest time with interrupts off.
#[derive(Clone, Debug)]
pub struct Longest {
    /// How long.
    pub time: Duration,
    /// From where to where, and what was found in between.
    pub place: String,
}

impl Tracer {
    /// Sets it up, and begins. With `timers` it writes down each timer that goes off, which tells whose time it was and
    /// takes time itself.
    ///
    /// # Errors
    /// What is missing.
    pub fn new(timers: bool) -> Result<Self, String> {
        let there = |dir: &str| Path::new(dir).join("current_tracer").exists();
        let Some(dir) = PLACES.into_iter().find(|dir| there(dir)) else {
            return Err(format!(
                "needs root, and tracefs mounted at {}",
                PLACES.join(" or ")
            ));
        };
        let mut tracer = Self {
            dir: PathBuf::from(dir),
            before: Vec::new(),
        };
        let set = [
            ("tracing_on", "0"),
            // With the module that a function is in.
            ("options/sym-offset", "1"),
            ("options/sym-addr", "0"),
            (
                "events/timer/hrtimer_expire_entry/enable",
                if timers { "1" } else { "0" },
            ),
        ];
        for (name, value) in set {
            tracer.set(name, value)?;
        }
        tracer.set_tracer()?;
        tracer.restart()?;
        Ok(tracer)
    }

    fn set_tracer(&mut self) -> Result<(), String> {
        let path = self.dir.join("available_tracers");
        let known = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        if !known.split_whitespace().any(|name| name == "irqsoff") {
            return Err(format!(
                "the kernel has no tracer irqsoff (CONFIG_IRQSOFF_TRACER); it has {}",
                known.trim()
            ));
        }
        self.set("current_tracer", "irqsoff")
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let path = self.dir.join(name);
        let problem = |e: std::io::Error| format!("{}: {e}", path.display());
        let before = fs::read_to_string(&path).map_err(problem)?;
        fs::write(&path, value).map_err(problem)?;
        self.before.push((path, before.trim().to_owned()));
        Ok(())
    }

    fn write(&self, name: &str, value: &str) -> Result<(), String> {
        let path = self.dir.join(name);
        fs::write(&path, value).map_err(|e| format!("{}: {e}", path.display()))
    }

    /// Forgets what was, and begins again.
    ///
    /// # Errors
    /// What can't be written.
    pub fn restart(&self) -> Result<(), String> {
        self.write("tracing_on", "0")?;
        self.write("tracing_max_latency", "0")?;
        self.write("trace", "\n")?;
        self.write("tracing_on", "1")
    }

    /// The longest time since the beginning; nothing is traced after this.
    ///
    /// # Errors
    /// What can't be read.
    pub fn longest(&self) -> Result<Longest, String> {
        self.write("tracing_on", "0")?;
        let read = |name: &str| {
            let path = self.dir.join(name);
            fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))
        };
        let us = read("tracing_max_latency")?;
        let us: u64 = us
            .trim()
            .parse()
            .map_err(|_| format!("tracing_max_latency: \"{}\" is no number", us.trim()))?;
        Ok(describe(Duration::from_micros(us), &read("trace")?))
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // Whatever can't be put back, the rest can.
        let _ = self.write("tracing_on", "0");
        for (path, before) in self.before.iter().rev() {
            let _ = fs::write(path, before);
        }
        let _ = self.write("tracing_on", "1");
    }
}

/// What a trace says.
fn describe(time: Duration, trace: &str) -> Longest {
    let after = |what: &str| {
        let line = trace.lines().find(|line| line.contains(what))?;
        Some(line.split_once(what)?.1.trim().to_owned())
    };
    let mut place = format!(
        "from {} to {}",
        after("=> started at:").unwrap_or("?".to_owned()),
        after("=> ended at:").unwrap_or("?".to_owned())
    );
    let timers = trace
        .lines()
        .filter(|line| line.contains("hrtimer_expire_entry"));
    let mut names: Vec<&str> = timers
        .filter_map(|line| line.split_once("function=")?.1.split(" now=").next())
        .collect();
    let count = names.len();
    names.dedup();
    if count > 0 {
        place += &format!(", {count} timer(s): {}", names.join(", "));
    }
    let stack: Vec<&str> = trace
        .lines()
        .filter_map(|line| line.trim().strip_prefix("=> "))
        .filter(|line| !line.starts_with("started at") && !line.starts_with("ended at"))
        .collect();
    if !stack.is_empty() {
        place += &format!(", at its end: {}", stack.join(" < "));
    }
    Longest { time, place }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_says_whose_it_is() {
        let trace = "\
# tracer: irqsoff
#  => started at: common_interrupt+0x11/0x90
#  => ended at:   irqentry_exit+0x44/0x50
#
   <...>-70        0d....    0us : common_interrupt+0x11/0x90
   <...>-70        0d.h..   19us : hrtimer_expire_entry: hrtimer=00000000deadbeef function=_RNvXs_5rloop8callback [snd_rloop] now=92153
   <...>-70        0d....  900us : <stack trace>
 => trace_hardirqs_on+0x1b/0x20
 => irqentry_exit+0x44/0x50
";
        let longest = describe(Duration::from_micros(900), trace);
        assert!(longest.place.contains("1 timer(s)"), "{}", longest.place);
        assert!(
            longest.place.contains("trace_hardirqs_on+0x1b/0x20 < irq"),
            "{}",
            longest.place
        );
    }
}
