// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is measured of a disk.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Instant;

use procfs::{CurrentSI as _, KernelStats};
use rig::random::Random;
use serde::Serialize;

use super::super::vblk::buffer::Aligned;
use super::super::vblk::sys::{Erase, erase};
use super::aio::{Queue, Way};
use super::rivals::{Disk, Rival};
use crate::families::measured::{free_memory, interrupts_off, scaling};

/// How many bytes of a disk are used.
const SPAN: u64 = 32 << 20;
const MIB: usize = 1 << 20;
/// How many are under way at once where it is not one.
pub const DEEP: usize = 32;

/// Where it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    Sequential,
    Random,
}

/// Reads or writes of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Kind {
    pub way: Way,
    pub order: Order,
    /// How many bytes each has.
    pub size: usize,
    /// How many are under way at once.
    pub depth: usize,
}

impl Kind {
    /// All that are measured.
    pub fn all() -> Vec<Self> {
        let kinds = [
            (Order::Sequential, 4_096, 1),
            (Order::Random, 4_096, 1),
            (Order::Random, 4_096, DEEP),
            (Order::Sequential, 131_072, 1),
            (Order::Random, 131_072, 1),
            (Order::Sequential, MIB, 1),
        ];
        let both = kinds.into_iter().flat_map(|(order, size, depth)| {
            [Way::Read, Way::Write].map(|way| Self {
                way,
                order,
                size,
                depth,
            })
        });
        both.collect()
    }

    /// In words.
    pub fn name(self) -> String {
        let Self {
            way,
            order,
            size,
            depth,
        } = self;
        let way = match way {
            Way::Read => "read",
            Way::Write => "write",
        };
        let order = match order {
            Order::Sequential => "in sequence",
            Order::Random => "at random",
        };
        let depth = match depth {
            1 => String::new(),
            depth => format!(", {depth} at once"),
        };
        format!("{way} of {size} bytes, {order}{depth}")
    }

    /// How many are done, several at a time where the queue is deeper.
    fn turns(self) -> usize {
        (MIB / self.size).clamp(4, 256)
    }

    /// Where the `number`-th begins: each place comes once before one comes again.
    fn position(self, number: usize) -> u64 {
        let places = SPAN as usize / self.size;
        let place = match self.order {
            Order::Sequential => number,
            // Odd, and the places are a power of two.
            Order::Random => number.wrapping_mul(0x9e37_79b1),
        };
        (place % places * self.size) as u64
    }

    /// Nanoseconds for each.
    fn measure(self, file: &File, memory: &mut Aligned) -> io::Result<f64> {
        let queue = (self.depth > 1).then(|| Queue::new(self.depth));
        let queue = queue.transpose()?;
        let turns = self.turns();
        let memory = &mut memory[..self.size * self.depth];
        let mut best = f64::MAX;
        // The first is to warm up.
        for round in 0..3 {
            let begin = Instant::now();
            for first in (0..turns).step_by(self.depth) {
                match &queue {
                    None => self.once(file, memory, self.position(first))?,
                    Some(queue) => {
                        let numbers = first..first + self.depth;
                        let positions: Vec<u64> = numbers.map(|n| self.position(n)).collect();
                        queue.transfer(file, self.way, memory, &positions)?;
                    }
                }
            }
            let took = begin.elapsed().as_nanos() as f64 / turns as f64;
            if round > 0 {
                best = best.min(took);
            }
        }
        Ok(best)
    }

    fn once(self, file: &File, memory: &mut [u8], position: u64) -> io::Result<()> {
        match self.way {
            Way::Read => file.read_exact_at(memory, position),
            Way::Write => file.write_all_at(memory, position),
        }
    }
}

/// What was measured of one rival.
#[derive(Debug, Serialize)]
pub struct Figures {
    pub rival: &'static str,
    /// Nanoseconds for each of [`Kind::all`].
    pub kinds: Vec<f64>,
    /// Nanoseconds for a MiB that is written where nothing was, in writes of a MiB.
    pub first: f64,
    /// Context switches for a read of 4096 bytes, of all threads.
    pub switches: f64,
    /// KiB that the disk takes before anything is written.
    pub fresh: f64,
    /// KiB for each MiB that is written.
    pub stored: f64,
    /// KiB of them that are not back after a discard; `None` where there is none.
    pub left: Option<f64>,
    /// The time of a read of 4096 bytes when two processors read, beside that when one does.
    pub scaling: Option<f64>,
    /// The longest time with interrupts off while all kinds are done where something is, and all is discarded,
    /// microseconds.
    pub interrupts_off: Option<f64>,
}

/// Opens a disk for nobody else, past the page cache.
fn open(node: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true);
    options
        .custom_flags(libc::O_DIRECT | libc::O_EXCL)
        .open(node)
}

fn switches() -> io::Result<u64> {
    Ok(KernelStats::current().map_err(io::Error::other)?.ctxt)
}

/// Makes a rival's disk, and measures it.
///
/// # Errors
/// What was wrong, in a line.
pub fn measure(rival: Rival) -> Result<Figures, String> {
    let why = |error: io::Error| format!("{}: {error}", rival.name());
    let before = free_memory().map_err(why)?;
    let disk = Disk::of(rival)?;
    let fresh = before - free_memory().map_err(why)?;
    figures(rival, &disk, fresh).map_err(why)
}

fn figures(rival: Rival, disk: &Disk, fresh: f64) -> io::Result<Figures> {
    let file = open(&disk.node)?;
    let mut memory = Aligned::zeroes(MIB);
    // Nothing that can be made smaller.
    let mut random = Random::new(1);
    for word in memory.chunks_exact_mut(8) {
        word.copy_from_slice(&random.number().to_ne_bytes());
    }
    let fill = |memory: &Aligned| {
        let mut places = (0..SPAN).step_by(MIB);
        places.try_for_each(|position| file.write_all_at(memory, position))
    };
    let empty = free_memory()?;
    let begin = Instant::now();
    fill(&memory)?;
    let mibs = (SPAN >> 20) as f64;
    let first = begin.elapsed().as_nanos() as f64 / mibs;
    let stored = (empty - free_memory()?) / mibs;

    let kinds = Kind::all().into_iter();
    let kinds = kinds.map(|kind| kind.measure(&file, &mut memory));
    let kinds = kinds.collect::<io::Result<_>>()?;

    let before = switches()?;
    for position in (0..MIB as u64).step_by(4_096) {
        file.read_exact_at(&mut memory[..4_096], position)?;
    }
    let switches = (switches()? - before) as f64 / (MIB / 4_096) as f64;

    let scaling = scaling(|number| {
        let file = file.try_clone();
        let mut memory = Aligned::zeroes(4_096);
        let mut at = number as u64 * SPAN / 2;
        move || {
            at = (at + 4_096 * 0x9e5) % SPAN;
            let file = file.as_ref().map_err(|e| io::Error::from(e.kind()))?;
            file.read_exact_at(&mut memory, at)
        }
    })?;

    // Once more, for the processors have kept memory for themselves after the first time.
    let discard = || erase(&file, Erase::Discard, 0, SPAN);
    let left = match discard() {
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => None,
        discarded => {
            discarded?;
            let empty = free_memory()?;
            fill(&memory)?;
            discard()?;
            Some((empty - free_memory()?) / mibs)
        }
    };
    // The kernel's own search for free pages is not a disk's.
    fill(&memory)?;
    let interrupts_off = interrupts_off(|| {
        for kind in Kind::all() {
            kind.measure(&file, &mut memory)?;
        }
        left.map_or(Ok(()), |_| discard())
    })?;
    Ok(Figures {
        rival: rival.name(),
        kinds,
        first,
        switches,
        fresh,
        stored,
        left,
        scaling,
        interrupts_off,
    })
}
