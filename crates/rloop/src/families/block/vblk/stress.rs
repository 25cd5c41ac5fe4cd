// SPDX-License-Identifier: MIT OR Apache-2.0

//! `rloop verify block --stress`: random requests to two disks by threads of this process, and by processes that are killed
//! in the middle. Meanwhile one of the disks changes its size, loses its power, stands still, is unplugged and made anew,
//! of any kind, and the module is asked to go.
//!
//! Each sector that is read must be zeroes, or one that somebody has written there, whole; each error one that a disk
//! may give that is treated so; and every call must come back.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rig::check::Kind;
use rig::ledger::Ledger;
use rig::random::Random;
use rig::report::Report;
use rig::stress::Meanwhile;
use rig::verdict::{Problem, Verdict, ensure};
use rig::watchdog::Watchdog;

use super::buffer::Aligned;
use super::device::{Device, Made};
use super::sys::{Erase, erase, stats};
use super::{DRIVER, is_there};
use crate::error::Error;
use crate::families::family::Stress;
use crate::families::stress::{Options, Subject, Worker, once, patiently};

/// The disk that comes and goes.
const CHANGING: &str = "stress";
/// Blocks of this size suit all disks.
const BLOCK: u64 = 4096;
/// Requests are to so many of them, at first.
const BLOCKS: u64 = 500;

/// For so long a disk may be on its way, where there is no memory for it.
const MAKING: Duration = Duration::from_secs(60);

/// The files of its faults that a disk needs.
const FILES: [&str; 10] = [
    "drop", "error", "delay", "jitter", "hang", "freeze", "powercut", "power", "unplug", "state",
];

/// Whether a disk has its files, all of which are there before its node. One without `unplug` could not go while somebody
/// has it open.
fn is_whole(device: &Device) -> bool {
    device.faults().is_ok_and(|faults| faults.have(&FILES))
}

/// What is put under stress.
const SUBJECT: Subject = Subject {
    driver: DRIVER,
    module: c"vblk",
    is_there,
};

/// How it is done.
pub const STRESS: Stress = Stress {
    meanwhile: &[Kind::Faults, Kind::Allocations],
    plan: |_, options| Ok(once(options, run)),
    child: |options| Ok(SUBJECT.child::<User>(options.seed)),
};

/// A sector that says where it belongs, and which it is.
fn sector(position: u64, time: u64) -> [u8; 512] {
    let mut bytes = [0; 512];
    let stamp = [position / 512 + 1, time];
    let mut words = Random::new(position ^ time);
    for (number, word) in bytes.chunks_mut(8).enumerate() {
        let value = stamp.get(number).copied().unwrap_or_else(|| words.number());
        word.copy_from_slice(&value.to_le_bytes());
    }
    bytes
}

/// Whether this is a sector that may be at this place.
fn may_be(there: &[u8], position: u64) -> bool {
    let time = there[8..16].try_into().map_or(0, u64::from_le_bytes);
    there.iter().all(|byte| *byte == 0) || there == sector(position, time)
}

/// A thread that does random things.
struct User {
    random: Random,
    watchdog: Arc<Watchdog>,
}

impl Worker for User {
    const THREADS: u64 = 4;

    fn new(_: u64, random: Random, watchdog: Arc<Watchdog>) -> Result<Self, String> {
        Ok(Self { random, watchdog })
    }

    fn session(&mut self) -> Result<u64, String> {
        let device = match self.random.once_in(3) {
            true => Device::first(),
            false => Device::made_as(CHANGING),
        };
        self.watchdog.step(format!("open {}", device.name));
        let opened = is_whole(&device).then(|| device.direct().ok());
        let Some(file) = opened.flatten() else {
            // It is being made anew.
            thread::sleep(Duration::from_millis(1));
            return Ok(1);
        };
        let calls = self.random.between(1, 40);
        for _ in 0..calls {
            let call = self.call(&file);
            call.map_err(|problem| format!("{}: {problem}", device.name))?;
        }
        self.watchdog.step(format!("close {}", device.name));
        Ok(calls)
    }
}

impl User {
    fn call(&mut self, file: &File) -> Verdict {
        let random = &mut self.random;
        let most = if random.once_in(10) { 100 } else { 6 };
        let count = random.between(1, most);
        let position = random.between(0, BLOCKS) * BLOCK;
        let bytes = (count * BLOCK) as usize;
        let kind = random.between(0, 9);
        self.watchdog
            .step(format!("call {kind} of {bytes} bytes at {position}"));
        let result = match kind {
            0 => file.sync_all(),
            1 => {
                let how = random.pick(&[Erase::Discard, Erase::ZeroOut]);
                erase(file, how, position, bytes as u64)
            }
            2 => stats(file).map(drop),
            3..6 => {
                let mut buffer = Aligned::zeroes(bytes);
                let read = file.read_at(&mut buffer, position);
                let there = read.as_ref().map_or(0, |read| *read);
                let mut sectors = buffer[..there].chunks_exact(512).zip(0..);
                let wrong = sectors.find(|(there, n)| !may_be(there, position + n * 512));
                ensure(wrong.is_none(), || {
                    let at = wrong.map_or(0, |(_, n)| position + n * 512);
                    format!("nobody wrote the sector that is at {at}")
                })?;
                read.map(drop)
            }
            _ => {
                let time = random.number();
                let mut buffer = Aligned::zeroes(bytes);
                for (to, n) in buffer.chunks_exact_mut(512).zip(0..) {
                    to.copy_from_slice(&sector(position + n * 512, time));
                }
                file.write_at(&buffer, position).map(drop)
            }
        };
        match result.as_ref().err().and_then(io::Error::raw_os_error) {
            // Beyond the end; without power, or gone; read-only; asked for.
            None
            | Some(
                libc::ENOSPC
                | libc::EIO
                | libc::ENODEV
                | libc::ENXIO
                | libc::EINVAL
                | libc::ENOMEM
                | libc::ETIMEDOUT
                | libc::EINTR
                | libc::EOPNOTSUPP,
            ) => Ok(()),
            Some(_) => Err(Problem::Failed(format!(
                "call {kind} of {bytes} bytes at {position}: {result:?}"
            ))),
        }
    }
}

/// What the main thread does to the disks.
struct Director {
    made: Made,
    /// So that the module can't go.
    _open: File,
    random: Random,
    options: Options,
    over: bool,
    unplugged: u64,
    /// How often it could not be made whole.
    not_whole: u64,
    cuts: u64,
    resized: u64,
    refused: u64,
}

impl Director {
    fn set(&self, file: &str, value: &str) -> Verdict {
        let failing = self.options.failing_allocations;
        patiently(failing, || self.made.set(file, value))
    }

    fn fault(&self, file: &str, value: &str) -> Verdict {
        let failing = self.options.failing_allocations;
        patiently(failing, || self.made.device.fault(file, value))
    }

    /// Makes the disk, and until it has all its files makes it anew: no user opens one that has not, so it can go.
    fn make(&mut self) -> Verdict {
        let failing = self.options.failing_allocations;
        let end = Instant::now() + MAKING;
        loop {
            let made = self.made.set("enable", "1");
            if !failing || (made.is_ok() && is_whole(&self.made.device)) {
                return made;
            }
            ensure(Instant::now() < end, || {
                format!("no disk has all files of its faults: {made:?}")
            })?;
            self.not_whole += 1;
            // A user may have looked for the files of the disk before.
            let _ = self.made.set("enable", "0");
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn remake(&mut self) -> Verdict {
        self.fault("unplug", "1")?;
        self.set("enable", "0")?;
        let block = self.random.pick(&["512", "1024", "2048", "4096"]);
        let cache = self.random.pick(&["0", "1"]);
        let queues = self.random.pick(&["0", "1", "2"]);
        self.set("block_size", block)?;
        self.set("write_cache", cache)?;
        self.set("queues", queues)?;
        self.unplugged += 1;
        self.make()
    }

    fn resize(&mut self) -> Verdict {
        self.resized += 1;
        let mib = self.random.between(1, 4);
        self.set("disk_size_mb", &mib.to_string())
    }

    fn cut(&mut self) -> Verdict {
        self.cuts += 1;
        let seed = self.random.between(0, 1000);
        self.fault("powercut", &seed.to_string())?;
        thread::sleep(Duration::from_millis(2));
        self.fault("power", "1")
    }

    fn freeze(&mut self) -> Verdict {
        self.fault("freeze", "1")?;
        thread::sleep(Duration::from_millis(3));
        // Now and then the power goes, or the disk, while requests wait.
        match self.random.between(0, 5) {
            0 => self.cut()?,
            1 => self.remake()?,
            _ => {}
        }
        self.fault("freeze", "0")
    }

    fn unload(&mut self) -> Verdict {
        self.refused += 1;
        SUBJECT.unload()
    }

    fn do_wrong(&mut self) -> Verdict {
        let count = self.random.between(1, 20);
        match self.random.between(0, 4) {
            0 => self.fault("drop", &count.to_string()),
            1 => self.fault("error", &format!("any 0-1000 ENOMEM {count}")),
            2 => self.fault("delay", &format!("write all 500 {count}")),
            3 => self.fault("jitter", &(100 * (count % 3)).to_string()),
            _ => {
                self.fault("hang", &format!("any all {count}"))?;
                thread::sleep(Duration::from_millis(2));
                self.fault("hang", "off")
            }
        }
        // There may be no room for a rule more.
        .or_else(|_| self.fault("error", "off").and(self.fault("delay", "off")))
    }
}

impl Meanwhile for Director {
    fn turn(&mut self) -> Result<(), String> {
        if self.over {
            return Ok(());
        }
        let done = match self.random.between(0, 29) {
            0 => self.remake(),
            1 => self.unload(),
            2..4 => self.resize(),
            4..6 => self.cut(),
            6 => self.freeze(),
            7..10 if self.options.faults => self.do_wrong(),
            _ => Ok(()),
        };
        done.map_err(|problem: Problem| problem.to_string())
    }

    fn settle(&mut self) -> Result<(), String> {
        self.over = true;
        let gone = self.fault("unplug", "1");
        gone.map_err(|problem| problem.to_string())
    }
}

/// Stresses the driver. If a call hangs, `ledger` gets the result, and the process ends.
///
/// # Errors
/// If no process can be started, or there is no disk that can come and go.
fn run(options: Options, ledger: &Ledger) -> Result<Report, Error> {
    let director = |random| {
        Ok(Director {
            made: Made::named(CHANGING, &[("disk_size_mb", "2")])?,
            _open: Device::first().direct()?,
            random,
            options,
            over: false,
            unplugged: 0,
            not_whole: 0,
            cuts: 0,
            resized: 0,
            refused: 0,
        })
    };
    let (stressed, director) = SUBJECT.run::<User, _>(options, ledger, director)?;
    let (calls, killed) = stressed.counts();
    let note = format!(
        "seed {}: {calls} calls, {killed} processes killed, {} times unplugged and made anew, {} times not made \
         whole for want of memory, {} power cuts, {} times another size, {} times the module was asked to go",
        options.seed,
        director.unplugged,
        director.not_whole,
        director.cuts,
        director.resized,
        director.refused
    );
    // The memory of what has gone is given back.
    match director.made.device.number("pages") {
        Ok(0) => {}
        Ok(pages) => stressed.fail(format!("{pages} pages are left of a disk that has gone")),
        Err(problem) => stressed.fail(problem.to_string()),
    }
    if let Err(problem) = director.made.remove() {
        stressed.fail(problem.to_string());
    }
    Ok(stressed.report(vec![note]))
}
