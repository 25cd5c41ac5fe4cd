// SPDX-License-Identifier: MIT OR Apache-2.0

//! `rloop bench char`: circbuf beside a pipe, a FIFO, and what a call of a device costs that does nothing.
//!
//! Where time is counted in instructions the figures are the same in every run; elsewhere only their ratios say
//! something.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use comfy_table::Table;
use rig::output::Ending;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::pipe::{fcntl_setpipe_size, pipe};
use serde::Serialize;

use super::circbuf::{DRIVER, Made};
use crate::error::Error;
use crate::families::measured::{Place, Rows, Target, failed, report, told};
use crate::options;

/// Bytes per call.
const SIZES: [usize; 4] = [1, 64, 4_096, 65_536];
/// For how many bytes the pipe, the FIFO and the buffer have room.
const CAPACITY: usize = 131_072;
/// The names of the rivals; the first is ours.
const RIVALS: [&str; 4] = [DRIVER, "pipe", "FIFO", "null, zero"];
/// Threads that sleep.
const SLEEPERS: u64 = 8;

/// Both ends of something.
struct Ends {
    writer: File,
    reader: File,
    _made: Option<Made>,
}

impl Ends {
    /// The rival of this name, for the `number`-th time at once.
    fn of(rival: &str, number: u32) -> Result<Self, Error> {
        let open = |path: &str, write: bool| {
            let file = OpenOptions::new().read(!write).write(write).open(path);
            file.map_err(|e| failed(path, e))
        };
        match rival {
            "pipe" => {
                let (reader, writer) = pipe().map_err(|e| failed("pipe", e))?;
                fcntl_setpipe_size(&writer, CAPACITY).map_err(|e| failed("F_SETPIPE_SZ", e))?;
                Ok(Self {
                    writer: writer.into(),
                    reader: reader.into(),
                    _made: None,
                })
            }
            "FIFO" => {
                let path = std::env::temp_dir().join(format!("rloop-{}", std::process::id()));
                let mode = Mode::RUSR | Mode::WUSR;
                mknodat(CWD, &path, FileType::Fifo, mode, 0).map_err(|e| failed("mkfifo", e))?;
                let both = OpenOptions::new().read(true).write(true).open(&path);
                let ends = both.map_err(|e| failed("FIFO", e)).and_then(|writer| {
                    let reader = open(&path.display().to_string(), false)?;
                    fcntl_setpipe_size(&writer, CAPACITY).map_err(|e| failed("F_SETPIPE_SZ", e))?;
                    Ok(Self {
                        writer,
                        reader,
                        _made: None,
                    })
                });
                let _ = fs::remove_file(&path);
                ends
            }
            "null, zero" => Ok(Self {
                writer: open("/dev/null", true)?,
                reader: open("/dev/zero", false)?,
                _made: None,
            }),
            _ => {
                let size = CAPACITY.to_string();
                let made = Made::named(&format!("bench{number}"), &[("buffer_size", &size)]);
                let made = made.map_err(|problem| failed(rival, problem))?;
                let node = made.device.node().display().to_string();
                Ok(Self {
                    writer: open(&node, true)?,
                    reader: open(&node, false)?,
                    _made: Some(made),
                })
            }
        }
    }
}

/// What was measured of one rival.
#[derive(Debug, Default, Serialize)]
struct Figures {
    rival: &'static str,
    /// Nanoseconds for a write and a read of so many bytes, for each of [`SIZES`].
    both: Vec<f64>,
    /// Nanoseconds for a byte that goes to another thread and back.
    turn: Option<f64>,
    /// Context switches for it.
    turn_switches: Option<f64>,
    /// Context switches for a byte that one of eight sleeping readers waits for.
    woken: Option<f64>,
}

/// Nanoseconds for a write and a read.
fn both(ends: &mut Ends, size: usize) -> io::Result<f64> {
    let turns = match size {
        ..4_096 => 4_000,
        _ => 400,
    };
    let mut bytes = vec![0x55; size];
    let mut best = f64::MAX;
    // The first is to warm up.
    for round in 0..4 {
        let begin = Instant::now();
        for _ in 0..turns {
            let written = ends.writer.write(&bytes)?;
            let read = ends.reader.read(&mut bytes)?;
            if (written, read) != (size, size) {
                return Err(io::Error::other(format!(
                    "{written} of {size} bytes were written, {read} read"
                )));
            }
        }
        let took = begin.elapsed().as_nanos() as f64 / f64::from(turns);
        if round > 0 {
            best = best.min(took);
        }
    }
    Ok(best)
}

/// How often this thread has slept or been put off.
fn switches() -> io::Result<u64> {
    let text = fs::read_to_string("/proc/thread-self/status")?;
    let lines = text.lines().filter(|line| line.contains("ctxt_switches"));
    Ok(lines
        .filter_map(|line| line.rsplit('\t').next()?.parse::<u64>().ok())
        .sum())
}

/// Nanoseconds and context switches for a byte that goes to another thread and back.
fn turns(to: Ends, fro: Ends) -> io::Result<(f64, f64)> {
    const TURNS: u32 = 4_000;
    // What is named first goes last, when the files are closed.
    let Ends {
        _made: _to,
        writer: mut there,
        reader: mut their,
    } = to;
    let Ends {
        _made: _fro,
        writer: mut back,
        reader: mut here,
    } = fro;
    let other = thread::spawn(move || -> io::Result<u64> {
        let before = switches()?;
        let mut byte = [0];
        for _ in 0..TURNS {
            their.read_exact(&mut byte)?;
            back.write_all(&byte)?;
        }
        Ok(switches()? - before)
    });
    let before = switches()?;
    let begin = Instant::now();
    let mut byte = [0];
    for _ in 0..TURNS {
        there.write_all(&byte)?;
        here.read_exact(&mut byte)?;
    }
    let took = begin.elapsed().as_nanos() as f64;
    let own = switches()? - before;
    let other = other.join();
    let other = other.map_err(|_| io::Error::other("a thread has panicked"))??;
    let turns = f64::from(TURNS);
    Ok((took / turns, (own + other) as f64 / turns))
}

/// Context switches of eight sleeping readers for each byte that is written.
fn woken(mut ends: Ends) -> io::Result<f64> {
    const BYTES: u64 = 1_000;
    let (read, slept) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut sleepers = Vec::new();
    for _ in 0..SLEEPERS {
        let mut reader = ends.reader.try_clone()?;
        let (read, slept) = (Arc::clone(&read), Arc::clone(&slept));
        sleepers.push(thread::spawn(move || -> io::Result<()> {
            let before = switches()?;
            let mut byte = [0];
            loop {
                reader.read_exact(&mut byte)?;
                if byte[0] == 1 {
                    slept.fetch_add(switches()? - before, Ordering::Relaxed);
                    return Ok(());
                }
                read.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    let pause = || thread::sleep(std::time::Duration::from_millis(1));
    for _ in 0..50 {
        pause();
    }
    for byte in 1..=BYTES {
        ends.writer.write_all(&[0])?;
        while read.load(Ordering::Relaxed) < byte {
            pause();
        }
    }
    ends.writer.write_all(&[1; SLEEPERS as usize])?;
    for sleeper in sleepers {
        let ended = sleeper.join();
        ended.map_err(|_| io::Error::other("a thread has panicked"))??;
    }
    // Each of them is woken once more, to end.
    let slept = slept.load(Ordering::Relaxed).saturating_sub(SLEEPERS);
    Ok(slept as f64 / BYTES as f64)
}

fn measure(rival: &'static str) -> Result<Figures, Error> {
    let why = |error| failed(rival, error);
    let mut figures = Figures {
        rival,
        ..Figures::default()
    };
    let mut ends = Ends::of(rival, 0)?;
    for size in SIZES {
        figures.both.push(both(&mut ends, size).map_err(why)?);
    }
    if rival != "null, zero" {
        let (turn, switches) = turns(ends, Ends::of(rival, 1)?).map_err(why)?;
        (figures.turn, figures.turn_switches) = (Some(turn), Some(switches));
        figures.woken = Some(woken(Ends::of(rival, 2)?).map_err(why)?);
    }
    Ok(figures)
}

/// All that was measured, where it was.
#[derive(Debug, Serialize)]
struct Document {
    #[serde(flatten)]
    place: Place,
    sizes: [usize; 4],
    rivals: Vec<Figures>,
}

impl Document {
    fn of(&self, rival: &str) -> Option<&Figures> {
        self.rivals.iter().find(|figures| figures.rival == rival)
    }

    fn targets(&self) -> Vec<Target> {
        let (Some(ours), Some(pipe)) = (self.of(RIVALS[0]), self.of("pipe")) else {
            return Vec::new();
        };
        let sizes = SIZES.iter().zip(ours.both.iter().zip(&pipe.both));
        let sizes = sizes.map(|(size, (ours, pipe))| {
            let most = if *size < 4_096 { 1.0 } else { 1.1 };
            (format!("{size} bytes"), ours / pipe, most)
        });
        let ratio = |ours: Option<f64>, pipe: Option<f64>| Some(ours? / pipe?);
        let others = [
            ("a turn", ratio(ours.turn, pipe.turn)),
            (
                "switches in a turn",
                ratio(ours.turn_switches, pipe.turn_switches),
            ),
        ];
        let others = others
            .into_iter()
            .filter_map(|(what, ratio)| Some((what.to_owned(), ratio?, 1.0)));
        let mut targets: Vec<Target> = sizes
            .chain(others)
            .map(|(what, came, most)| Target {
                want: format!("{what}: at most {most} times a pipe's"),
                came,
                most,
            })
            .collect();
        targets.extend(ours.woken.map(|came| Target {
            want: "one of eight sleepers woken for a byte: at most 1.1 switches".to_owned(),
            came,
            most: 1.1,
        }));
        targets
    }

    fn table(&self, preset: &str) -> Table {
        let mut rows = Rows::new(preset, "nanoseconds", &self.rivals, |f| f.rival);
        for (number, size) in SIZES.iter().enumerate() {
            rows.row(format!("write and read of {size} bytes"), |figures| {
                figures.both.get(number).copied()
            });
        }
        rows.row("a byte to another thread and back", |f| f.turn);
        rows.row("context switches for it", |f| f.turn_switches);
        rows.row(
            "context switches for a byte that one of 8 sleeping readers gets",
            |f| f.woken,
        );
        rows.done()
    }

    fn text(&self, preset: &str) -> String {
        told(&self.place, &self.table(preset), &self.targets(), &[])
    }
}

/// `rloop bench char`.
///
/// # Errors
/// If something can't be measured.
pub fn command(options: &options::Bench) -> Result<Ending, Error> {
    let rivals = RIVALS.into_iter().map(measure);
    let document = Document {
        place: Place::here(),
        sizes: SIZES,
        rivals: rivals.collect::<Result<_, _>>()?,
    };
    report(&document, options.format, |preset| document.text(preset))
}
