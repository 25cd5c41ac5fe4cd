// SPDX-License-Identifier: MIT OR Apache-2.0

//! `rloop bench`: how exact, how prompt and how costly the loopback cards of this machine are,
//! those of snd-rloop beside those of snd-aloop.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use clap::ValueEnum;
use rig::output::{Ending, complain, print};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::families::sound::loopback::settings::Settings;
use crate::families::sound::loopback::{self, Card, Driver, probe};
use crate::options::{self, Part};

mod buffer;
mod delay;
mod figures;
mod given;
mod jitter;
mod kernel_log;
mod load;
mod machine;
mod markdown;
mod noise;
mod page;
mod pitch;
mod plot;
mod position;
mod reader;
mod repeat;
mod table;
mod tables;
mod targets;
mod throughput;

use figures::{Jittered, Run, Subject};
use given::Bench;
use kernel_log::KernelLog;
use rig::figure::Figure;
use rig::progress::Progress;

/// The seconds and the starts that are measured unless the user says otherwise.
const SECONDS: u64 = 60;
const STARTS: u32 = 1000;

/// What to measure.
pub struct Options {
    /// Of each long measurement; the shorter ones take a third of it.
    pub seconds: u64,
    /// Starts for the delay.
    pub starts: u32,
    /// Only these; all if empty.
    pub only: Vec<Part>,
    /// What the run is called; empty for the kernel's name.
    pub title: String,
    /// Whether the kernel's log is told when each load begins and ends.
    pub kernel_log: bool,
}

/// The runs that a report is about, as JSON has them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// In the order in which they are shown.
    pub runs: Vec<Run>,
}

/// Measures `cards`, of which there is one at least.
///
/// # Errors
/// If a card is in use or can't be opened.
pub fn run(cards: &[Card], options: &Options) -> Result<Run, Error> {
    for card in cards {
        probe(card)?;
    }
    let _settings = cards
        .iter()
        .map(Settings::neutral)
        .collect::<Result<Vec<_>, _>>()?;
    let mut groups: Vec<(Subject, Vec<Card>)> = Vec::new();
    for driver in [Driver::SndRloop, Driver::SndAloop] {
        let own: Vec<Card> = cards
            .iter()
            .filter(|c| c.driver == driver)
            .cloned()
            .collect();
        if !own.is_empty() {
            groups.push((Subject::new(driver, &own), own));
        }
    }
    let parts: Vec<Part> = Part::value_variants()
        .iter()
        .copied()
        .filter(|part| options.only.is_empty() || options.only.contains(part))
        .collect();
    let progress = Progress::new(parts.len() * groups.len());
    let log = match options.kernel_log {
        true => Some(KernelLog::open()?),
        false => None,
    };
    let mut noise = None;
    for part in parts {
        for (subject, cards) in &mut groups {
            let bench = Bench {
                cards,
                seconds: options.seconds,
                starts: options.starts,
                progress: &progress,
                log: log.as_ref(),
            };
            if part == Part::Noise {
                if noise.is_none() {
                    progress.begin(&part.name());
                    noise = Some(noise::measure(&bench).into());
                }
            } else {
                let what = format!("{} of {}", part.name(), subject.driver.name());
                progress.begin(&what);
                subject.measure(part, &bench);
                let gone = |card: &Card| card.gone(format!("while {what} was measured"));
                if let Some(error) = cards.iter().find_map(gone) {
                    return Err(error);
                }
            }
            progress.end();
        }
    }
    let machine = machine::here();
    Ok(Run {
        title: if options.title.is_empty() {
            format!("Linux {}", machine.kernel)
        } else {
            options.title.clone()
        },
        machine,
        seconds: options.seconds,
        noise,
        subjects: groups.into_iter().map(|(subject, _)| subject).collect(),
    })
}

impl Part {
    fn name(self) -> String {
        self.to_possible_value()
            .map(|v| v.get_name().to_owned())
            .unwrap_or_default()
    }
}

impl Subject {
    fn new(driver: Driver, cards: &[Card]) -> Self {
        Self {
            driver,
            cards: cards.iter().map(|c| c.id.clone()).collect(),
            cables: cards.iter().map(|c| c.cables().len()).sum(),
            position: None,
            jitter: Vec::new(),
            buffer: None,
            delay: None,
            load: None,
            pitch: Vec::new(),
            throughput: None,
        }
    }

    fn measure(&mut self, part: Part, bench: &Bench<'_>) {
        match part {
            Part::Noise => {}
            Part::Position => self.position = Some(position::measure(bench).into()),
            Part::Jitter => {
                self.jitter = jitter::PERIODS
                    .into_iter()
                    .map(|period| {
                        bench.say(&format!("{period} frames"));
                        let jitter = jitter::measure(bench, period).into();
                        Jittered { period, jitter }
                    })
                    .collect();
            }
            Part::Buffer => self.buffer = Some(buffer::measure(bench).into()),
            Part::Delay => self.delay = Some(delay::measure(bench).into()),
            Part::Load => self.load = Some(load::measure(bench).into()),
            Part::Pitch => self.pitch = pitch::measure(bench),
            Part::Throughput => self.throughput = Some(throughput::measure(bench).into()),
        }
    }

    /// What the cards did wrong.
    fn failures(&self) -> Vec<&String> {
        fn why<T>(figure: &Figure<T>) -> Option<&String> {
            match figure {
                Figure::Failed(why) => Some(why),
                Figure::Measured(_) | Figure::Skipped(_) => None,
            }
        }
        let loads = self.load.as_ref().and_then(Figure::value);
        [
            self.position.as_ref().and_then(why),
            self.buffer.as_ref().and_then(why),
            self.delay.as_ref().and_then(why),
            self.load.as_ref().and_then(why),
            self.throughput.as_ref().and_then(why),
        ]
        .into_iter()
        .chain(self.jitter.iter().map(|j| why(&j.jitter)))
        .chain(self.pitch.iter().map(|p| why(&p.pitch)))
        .chain(loads.iter().flat_map(|l| &l.loads).map(|l| why(&l.cost)))
        .flatten()
        .collect()
    }
}

impl Document {
    /// The runs that earlier ones left as JSON in `files`.
    ///
    /// # Errors
    /// If one can't be read, or holds something else.
    pub fn read(files: &[impl AsRef<Path>]) -> Result<Self, Error> {
        let mut runs = Vec::new();
        for file in files {
            let wrong = |why: String| Error::NoFigures {
                path: file.as_ref().display().to_string(),
                why,
            };
            let text = fs::read_to_string(file).map_err(|e| wrong(e.to_string()))?;
            let document: Self = serde_json::from_str(&text)
                .map_err(|e| wrong(format!("not what `rloop bench --format json` writes: {e}")))?;
            runs.extend(document.runs);
        }
        Ok(Self { runs })
    }

    /// What the cards did wrong, and whose it was. (That one is slow is not wrong.)
    pub fn failures(&self) -> Vec<String> {
        self.runs
            .iter()
            .flat_map(|run| &run.subjects)
            .flat_map(|subject| {
                let driver = subject.driver.name();
                let of_driver = move |why: &String| format!("{driver}: {why}");
                subject.failures().into_iter().map(of_driver)
            })
            .collect()
    }

    /// As JSON.
    ///
    /// # Errors
    /// If a figure can't be written.
    pub fn json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// As tables for a terminal.
    pub fn human(&self) -> String {
        table::show(&self.runs)
    }

    /// As Markdown: headings of the second level and below, and tables.
    pub fn markdown(&self) -> String {
        markdown::show(&self.runs)
    }

    /// As a page of HTML.
    ///
    /// # Errors
    /// If a plot can't be drawn.
    pub fn page(&self) -> Result<String, Error> {
        page::show(&self.runs)
    }
}

/// Measures the cards that are named, or all; or shows what earlier runs have measured.
///
/// # Errors
/// If a card is in use or can't be opened, or a file can't be read or written.
pub fn command(options: &options::Bench) -> Result<Ending, Error> {
    let report = options.report.as_deref();
    // Before an hour of measuring: a place that can't be written to is told at once.
    let mut page = report.map(create).transpose()?;
    let document = if options.from.is_empty() {
        let cards = if options.card.is_empty() {
            loopback::all()?
        } else {
            loopback::choose_all(&options.card)?
        };
        let measure = Options {
            seconds: options.seconds.unwrap_or(SECONDS),
            starts: options.starts.unwrap_or(STARTS),
            only: options.only.clone(),
            title: options.title.clone().unwrap_or_default(),
            kernel_log: options.kernel_log,
        };
        Document {
            runs: vec![run(&cards, &measure)?],
        }
    } else {
        Document::read(&options.from)?
    };
    // Whatever can't be written, the rest is.
    let written = match (&mut page, report) {
        (Some(file), Some(path)) => document
            .page()
            .and_then(|page| file.write_all(page.as_bytes()).map_err(Error::file(path))),
        _ => Ok(()),
    };
    let text = match options.format {
        options::BenchFormat::Human => document.human(),
        options::BenchFormat::Markdown => document.markdown(),
        options::BenchFormat::Json => document.json().map_err(|e| Error::Json(e.to_string()))?,
    };
    print(&text)?;
    // Whoever sends the report to a file learns from it why the command fails.
    let failures = document.failures();
    failures.iter().for_each(complain);
    written?;
    Ok(Ending::of(failures.len(), true))
}

fn create(path: &Path) -> Result<File, Error> {
    File::create(path).map_err(Error::file(path))
}

#[cfg(test)]
mod tests;
