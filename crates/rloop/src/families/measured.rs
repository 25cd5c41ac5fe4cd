// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the figures of all families have: where they were measured, what was wanted of them, and how they are told.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use comfy_table::Table;
use comfy_table::presets::{ASCII_BORDERS_ONLY_CONDENSED, ASCII_MARKDOWN};
use procfs::{Current as _, Meminfo};
use rig::output::{Ending, print};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::Serialize;

use crate::error::Error;
use crate::kernel::latency::Tracer;
use crate::options::BenchFormat;

/// Something can't be measured.
pub fn failed(what: &str, why: impl fmt::Display) -> Error {
    Error::File {
        path: what.to_owned(),
        why: io::Error::other(why.to_string()),
    }
}

/// Where it was measured.
#[derive(Debug, Serialize)]
pub struct Place {
    kernel: String,
    architecture: String,
    processors: usize,
}

impl Place {
    /// Here.
    pub fn here() -> Self {
        let uname = rustix::system::uname();
        Self {
            kernel: uname.release().to_string_lossy().into_owned(),
            architecture: uname.machine().to_string_lossy().into_owned(),
            processors: thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kernel,
            architecture,
            processors,
        } = self;
        write!(
            f,
            "Linux {kernel} ({architecture}), {processors} processor(s)"
        )
    }
}

/// What was asked for, and what came.
#[derive(Debug)]
pub struct Target {
    /// In words.
    pub want: String,
    /// What was measured.
    pub came: f64,
    /// The most that it may be.
    pub most: f64,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { want, came, most } = self;
        // Judged as it is shown: runs differ by a switch in thousands.
        let came = (came * 100.0).round() / 100.0;
        let word = if came <= *most { "reached" } else { "missed" };
        write!(f, "- {want}: {came:.2}, {word}")
    }
}

/// A document in words: where it was measured, its table, its targets, and who is left out of it, each with why.
pub fn told(
    place: &Place,
    table: &Table,
    targets: &[Target],
    missing: &[(&'static str, String)],
) -> String {
    let head = format!("{place}\n\n{table}\n\n");
    let targets = targets.iter().map(|target| format!("{target}\n"));
    let missing = missing
        .iter()
        .map(|(who, why)| format!("- {who} is left out: {why}\n"));
    std::iter::once(head)
        .chain(targets)
        .chain(missing)
        .collect()
}

/// Prints a document in a format; `text` makes it with the preset of its tables.
///
/// # Errors
/// If it can't be printed.
pub fn report<D: Serialize>(
    document: &D,
    format: BenchFormat,
    text: impl Fn(&str) -> String,
) -> Result<Ending, Error> {
    let text = match format {
        BenchFormat::Human => text(ASCII_BORDERS_ONLY_CONDENSED),
        BenchFormat::Markdown => text(ASCII_MARKDOWN),
        BenchFormat::Json => {
            let json = serde_json::to_string_pretty(document);
            json.map_err(|e| Error::Json(e.to_string()))? + "\n"
        }
    };
    print(&text)?;
    Ok(Ending::Passed)
}

/// A table with a row for each figure, and a column for each rival.
pub struct Rows<'a, T> {
    table: Table,
    rivals: &'a [T],
}

impl<'a, T> Rows<'a, T> {
    /// An empty one, of figures that are in `unit` where a row does not say otherwise.
    pub fn new(
        preset: &str,
        unit: &'static str,
        rivals: &'a [T],
        name: impl Fn(&T) -> &'static str,
    ) -> Self {
        let mut table = Table::new();
        table.load_preset(preset);
        let names = rivals.iter().map(name);
        table.set_header(std::iter::once(unit).chain(names));
        Self { table, rivals }
    }

    /// Adds a row: `what` it says, and each rival's `value`, if there is one.
    pub fn row(&mut self, what: impl Into<String>, value: impl Fn(&T) -> Option<f64>) {
        let cells = self.rivals.iter().map(|rival| match value(rival) {
            Some(value) if value < 100.0 => format!("{value:.2}"),
            Some(value) => format!("{value:.0}"),
            None => "-".to_owned(),
        });
        let cells: Vec<String> = std::iter::once(what.into()).chain(cells).collect();
        self.table.add_row(cells);
    }

    /// All of it.
    pub fn done(self) -> Table {
        self.table
    }
}

/// KiB of memory that is free, but for what each processor keeps for itself: what is freed late, by RCU or by other
/// threads, is awaited.
///
/// # Errors
/// If it can't be read.
pub fn free_memory() -> io::Result<f64> {
    thread::sleep(Duration::from_millis(50));
    let memory = Meminfo::current().map_err(io::Error::other)?;
    Ok(memory.mem_free as f64 / 1_024.0)
}

/// What tables call [`interrupts_off`].
pub const INTERRUPTS_OFF: &str = "longest time with interrupts off, µs";

/// Microseconds of the longest time for which interrupts are off while `work` is done, whoever turns them off. The tracer
/// takes time itself, so nothing else is measured meanwhile. `None` where the kernel can't tell: it takes root, and the
/// tracer `irqsoff`.
///
/// # Errors
/// What `work` says, or what the tracer can't tell.
pub fn interrupts_off(work: impl FnOnce() -> io::Result<()>) -> io::Result<Option<f64>> {
    let Ok(tracer) = Tracer::new(false) else {
        return Ok(None);
    };
    work()?;
    let longest = tracer.longest().map_err(io::Error::other)?;
    Ok(Some(longest.time.as_micros() as f64))
}

/// The time that something takes when two processors do it at once, beside that when one does: 0.5 is best, and 1 says
/// that one waits for the other. `None` where there is only one. `worker` makes what the processor of this number does.
///
/// # Errors
/// The first of a worker.
pub fn scaling<W>(worker: impl Fn(usize) -> W) -> io::Result<Option<f64>>
where
    W: FnMut() -> io::Result<()> + Send,
{
    const ROUNDS: usize = 5;
    let allowed = sched_getaffinity(None)?;
    let mut processors = (0..CpuSet::MAX_CPU).filter(|number| allowed.is_set(*number));
    let (Some(first), Some(second)) = (processors.next(), processors.next()) else {
        return Ok(None);
    };
    let (mut alone, mut together) = (0.0_f64, 0.0_f64);
    for _ in 0..ROUNDS {
        alone = alone.max(rate(&[first], &worker)?);
        together = together.max(rate(&[first, second], &worker)?);
    }
    Ok(Some(alone / together))
}

/// How often in a second these processors together do what `worker` makes for each.
fn rate<W>(processors: &[usize], worker: impl Fn(usize) -> W) -> io::Result<f64>
where
    W: FnMut() -> io::Result<()> + Send,
{
    const TIME: Duration = Duration::from_millis(200);
    let all_are_there = Barrier::new(processors.len());
    let run = |processor: usize, mut work: W| -> io::Result<f64> {
        let mut only = CpuSet::new();
        only.set(processor);
        let pinned = sched_setaffinity(None, &only);
        all_are_there.wait();
        pinned?;
        let begin = Instant::now();
        let mut times = 0_u32;
        while begin.elapsed() < TIME {
            for _ in 0..16 {
                work()?;
            }
            times += 16;
        }
        Ok(f64::from(times) / begin.elapsed().as_secs_f64())
    };
    thread::scope(|scope| {
        let threads = processors.iter().enumerate().map(|(number, processor)| {
            let work = worker(number);
            let run = &run;
            scope.spawn(move || run(*processor, work))
        });
        let threads: Vec<_> = threads.collect();
        let rates = threads.into_iter().map(|thread| {
            let ended = thread.join();
            ended.map_err(|_| io::Error::other("a thread has panicked"))?
        });
        rates.sum()
    })
}

/// Runs a program, and gives what it prints.
///
/// # Errors
/// What it says, in a line.
pub fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|e| format!("{program}: {e}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().next().unwrap_or("it has failed");
    Err(format!("{program} {}: {line}", arguments.join(" ")))
}

/// A rival's module, which goes with this value if it has come with it.
pub struct Module(Option<&'static str>);

impl Module {
    /// Whether the kernel has a module already.
    pub fn is_there(name: &str) -> bool {
        Path::new("/sys/module").join(name).exists()
    }

    /// Loads one with these parameters, unless it is there.
    ///
    /// # Errors
    /// Why it can't be loaded.
    pub fn load(name: &'static str, parameters: &[&str]) -> Result<Self, String> {
        if Self::is_there(name) {
            return Ok(Self(None));
        }
        run("modprobe", &[&[name], parameters].concat())?;
        Ok(Self(Some(name)))
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        if let Some(name) = self.0 {
            let _ = run("modprobe", &["-r", name]);
        }
    }
}
