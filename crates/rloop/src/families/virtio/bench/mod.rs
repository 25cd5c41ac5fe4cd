// SPDX-License-Identifier: MIT OR Apache-2.0

//! `rloop bench virtio`: playing to a virtio sound card whose device is a program, beside playing to a card of snd-rloop,
//! which that program may play to itself, and to a virtio sound card of QEMU's; and reading random numbers of a device
//! of each kind. It takes the cards that are there, and makes the source of random numbers.
//!
//! Where time is counted in instructions, ours are nearly the same in every run. What QEMU's devices do, they do on the
//! host, and it is in no figure.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::time::Duration;

use comfy_table::Table;
use rig::clock::now;
use rig::output::Ending;
use rig::verdict::Problem;
use serde::Serialize;

use super::FAMILY;
use super::virtio_loopback::{DRIVER, NODE, served};
use crate::alsa::find;
use crate::alsa::pcm::{Address, Config, Direction, Pcm, Start, wait};
use crate::error::Error;
use crate::families::measured::{Place, Rows, Target, failed, report, told};
use crate::families::sound::loopback;
use crate::options;

mod meter;

use meter::{Spent, idle, spent};

/// Frames per second of what is played.
const RATE: u64 = 48_000;
/// The lengths of periods, in milliseconds, how many the buffer has, which is more than what a device takes at a time, and
/// for how many seconds they are played.
const PERIODS: [(u64, u64, u64); 2] = [(10, 16, 4), (80, 4, 8)];
/// For how long is played before it is measured.
const BEFORE: Duration = Duration::from_secs(1);
/// For how long is looked at what the machine does anyway.
const IDLE: Duration = Duration::from_secs(4);
/// After so long without a period something is wrong.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many random bytes are read at a time, and how often.
const BYTES: usize = 64;
const READS: usize = 500;
/// How many more wake-ups a period may take than with a device that is no program: that of the program by the driver, and
/// that by what it plays to.
const MORE: f64 = 2.0;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rival {
    Ours,
    Direct,
    Qemu,
}

impl Rival {
    /// All of them, ours first.
    const ALL: [Self; 3] = [Self::Ours, Self::Direct, Self::Qemu];

    /// What tables call it.
    fn name(self) -> &'static str {
        match self {
            Self::Ours => DRIVER,
            Self::Direct => "snd-rloop",
            Self::Qemu => "QEMU's virtio",
        }
    }

    /// Where it is played to.
    fn playback(self) -> Result<Address, String> {
        let virtio = |ours: bool| {
            let cards = find::of_driver("virtio-snd").map_err(|e| e.to_string())?;
            let card = cards.into_iter().find(|card| is_ours(card.number) == ours);
            let address = card.map(|card| Address {
                card: card.index,
                device: 0,
                subdevice: 0,
                direction: Direction::Playback,
            });
            address.ok_or_else(|| "there is no such sound card".to_owned())
        };
        match self {
            Self::Ours => virtio(true),
            Self::Qemu => virtio(false),
            Self::Direct => {
                let cards = loopback::all().map_err(|e| e.to_string())?;
                let ours = cards
                    .iter()
                    .filter(|card| card.driver == loopback::Driver::SndRloop);
                let mut free = ours
                    .map(|card| card.cable(0, 0).playback)
                    .filter(|address| Pcm::open(*address).is_ok());
                free.next()
                    .ok_or_else(|| "no card of it is free".to_owned())
            }
        }
    }
}

/// Whether the device of a card is one of virtio-loopback's.
fn is_ours(card: u32) -> bool {
    let device = fs::canonicalize(format!("/sys/class/sound/card{card}/device"));
    device.is_ok_and(|path| path.to_string_lossy().contains(&format!("/{DRIVER}.")))
}

/// What something takes.
#[derive(Clone, Copy, Debug, Serialize)]
struct Cost {
    /// Nanoseconds of the processors.
    time: f64,
    wakeups: f64,
}

impl Cost {
    fn of(spent: Spent, times: f64) -> Self {
        Self {
            time: spent.time / times,
            wakeups: spent.wakeups / times,
        }
    }
}

/// What was measured of one rival.
#[derive(Debug, Serialize)]
struct Figures {
    rival: &'static str,
    /// For a second in which nothing is played, which is not in the others.
    idle: Cost,
    /// For a period of each of [`PERIODS`].
    periods: Vec<Cost>,
    /// For [`BYTES`] random bytes.
    random: Option<Cost>,
}

/// Plays silence for so long, a period at a time.
fn play(pcm: &Pcm, config: &Config, time: Duration) -> io::Result<()> {
    let silence = vec![0; config.period as usize * config.frame_bytes()];
    let end = now() + time;
    while now() < end {
        if wait(&[pcm], PATIENCE).map_err(io::Error::other)? != [true] {
            let why = format!("nothing is played for {PATIENCE:?}");
            return Err(io::Error::other(why));
        }
        // Some devices take several at a time.
        while pcm.avail().map_err(io::Error::other)? >= config.period {
            pcm.write(&silence).map_err(io::Error::other)?;
        }
    }
    Ok(())
}

/// What the machine does while periods of so many milliseconds are played, of which the buffer has `periods`, for so many
/// seconds.
fn played(address: Address, (ms, periods, seconds): (u64, u64, u64)) -> io::Result<Spent> {
    let config = Config {
        start: Start::Frames(RATE * ms * periods / 1_000),
        ..Config::default().with_buffer(RATE * ms / 1_000, periods)
    };
    let mut pcm = Pcm::open(address).map_err(io::Error::other)?;
    pcm.configure(&config).map_err(io::Error::other)?;
    play(&pcm, &config, BEFORE)?;
    let ((), spent) = spent(|| play(&pcm, &config, Duration::from_secs(seconds)))?;
    Ok(spent)
}

/// What random bytes take, of the device that the kernel has them from.
fn random(idle: Spent) -> io::Result<Cost> {
    let mut file = File::open(served::RANDOM)?;
    let mut read = || file.read_exact(&mut [0; BYTES]);
    read()?;
    let ((), spent) = spent(|| (0..READS).try_for_each(|_| read()))?;
    Ok(Cost::of(spent.beyond(idle), READS as f64))
}

fn of(problem: Problem) -> io::Error {
    io::Error::other(problem.to_string())
}

/// What random bytes take of a rival's device, if it has one.
fn random_of(rival: Rival, sources: &[String], idle: Spent) -> io::Result<Option<Cost>> {
    match rival {
        Rival::Direct => Ok(None),
        Rival::Ours => {
            let measured = served::while_served(u32::MAX, || Ok(random(idle)));
            let busy = |problem| io::Error::other(format!("{NODE}: {problem}"));
            measured.map_err(busy)?.map(Some)
        }
        Rival::Qemu => {
            let mut names = sources.iter();
            let Some(name) = names.find(|name| name.starts_with("virtio_rng")) else {
                return Ok(None);
            };
            served::choose(name).map_err(of)?;
            random(idle).map(Some)
        }
    }
}

/// Measures one, to which is played here; `sources` of random numbers were there before.
fn figures(rival: Rival, address: Address, sources: &[String]) -> io::Result<Figures> {
    let before = idle(IDLE)?;
    let played = PERIODS.map(|sizes| played(address, sizes));
    let after = idle(IDLE)?;
    // Something may have been left to be done of what was before.
    let idle = if before.time < after.time {
        before
    } else {
        after
    };
    let periods = PERIODS.into_iter().zip(played);
    let periods = periods.map(|((ms, ..), spent)| {
        let spent = spent?;
        let count = spent.seconds * 1e3 / ms as f64;
        Ok(Cost::of(spent.beyond(idle), count))
    });
    Ok(Figures {
        rival: rival.name(),
        idle: Cost::of(idle, idle.seconds),
        periods: periods.collect::<io::Result<_>>()?,
        random: random_of(rival, sources, idle)?,
    })
}

fn measure(rival: Rival, sources: &[String]) -> Result<Figures, String> {
    let address = rival.playback()?;
    figures(rival, address, sources).map_err(|e| e.to_string())
}

/// All that was measured, where it was.
#[derive(Debug, Serialize)]
struct Document {
    #[serde(flatten)]
    place: Place,
    /// In milliseconds, how many the buffer has, and for how many seconds they were played.
    periods: [(u64, u64, u64); 2],
    bytes: usize,
    rivals: Vec<Figures>,
    /// Rivals that could not be measured, and why.
    missing: Vec<(&'static str, String)>,
}

impl Document {
    fn measure() -> Result<Self, Error> {
        let sources = served::sources().map_err(|problem| failed("random numbers", problem))?;
        let (mut rivals, mut missing) = (Vec::new(), Vec::new());
        for rival in Rival::ALL {
            match measure(rival, &sources) {
                Ok(figures) => rivals.push(figures),
                Err(why) if rival == Rival::Ours => return Err(failed(rival.name(), why)),
                Err(why) => missing.push((rival.name(), why)),
            }
        }
        Ok(Self {
            place: Place::here(),
            periods: PERIODS,
            bytes: BYTES,
            rivals,
            missing,
        })
    }

    fn of(&self, rival: Rival) -> Option<&Figures> {
        let name = rival.name();
        self.rivals.iter().find(|figures| figures.rival == name)
    }

    fn targets(&self) -> Vec<Target> {
        let (Some(ours), Some(theirs)) = (self.of(Rival::Ours), self.of(Rival::Qemu)) else {
            return Vec::new();
        };
        let both = ours.periods.iter().zip(&theirs.periods);
        let targets = self.periods.iter().zip(both);
        let targets = targets.map(|((ms, ..), (ours, theirs))| Target {
            want: format!(
                "wake-ups for a period of {ms} ms: at most {MORE} more than with {}",
                Rival::Qemu.name()
            ),
            came: ours.wakeups - theirs.wakeups,
            most: MORE,
        });
        targets.collect()
    }

    fn table(&self, preset: &str) -> Table {
        let mut rows = Rows::new(preset, "nanoseconds", &self.rivals, |f| f.rival);
        let direct = self.of(Rival::Direct);
        for (number, (ms, ..)) in self.periods.iter().enumerate() {
            let of = |figures: &Figures| figures.periods.get(number).copied();
            rows.row(format!("a period of {ms} ms"), |f| Some(of(f)?.time));
            if let Some(direct) = direct.and_then(of) {
                let beside = format!("beside one of {}", Rival::Direct.name());
                rows.row(beside, |f| Some(of(f)?.time / direct.time));
            }
            rows.row("wake-ups for it", |f| Some(of(f)?.wakeups));
        }
        let bytes = format!("{} bytes of random numbers, there and back", self.bytes);
        rows.row(bytes, |f| Some(f.random?.time));
        rows.row("wake-ups for them", |f| Some(f.random?.wakeups));
        rows.row("in a second anyway", |f| Some(f.idle.time));
        rows.row("wake-ups in it", |f| Some(f.idle.wakeups));
        rows.done()
    }

    fn text(&self, preset: &str) -> String {
        let table = self.table(preset);
        told(&self.place, &table, &self.targets(), &self.missing)
    }
}

/// `rloop bench virtio`.
///
/// # Errors
/// If virtio-loopback is not here, there is no sound card of it, or something can't be measured.
pub fn command(options: &options::Bench) -> Result<Ending, Error> {
    if !std::path::Path::new(NODE).exists() {
        return Err(FAMILY.absent());
    }
    let document = Document::measure()?;
    report(&document, options.format, |preset| document.text(preset))
}
