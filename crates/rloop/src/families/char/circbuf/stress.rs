// SPDX-License-Identifier: MIT OR Apache-2.0

//! `rloop verify char --stress`: random legal calls on two buffers by threads of this process, half of which get a
//! signal 100 times a second, and by processes that are killed in the middle. Meanwhile one of the buffers is unplugged
//! and made anew, of any kind, and the module is asked to go.
//!
//! Every call's result must be one that is allowed for it, every byte one that somebody writes, and every call must come
//! back.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rig::check::Kind;
use rig::ledger::Ledger;
use rig::random::Random;
use rig::report::Report;
use rig::stress::Meanwhile;
use rig::verdict::{Problem, Verdict, ensure, fail};
use rig::watchdog::Watchdog;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::device::{Device, For, Made, State};
use super::sys::stats;
use super::{DRIVER, is_there};
use crate::error::Error;
use crate::families::char::signals::Signals;
use crate::families::family::Stress;
use crate::families::stress::{Options, Subject, Worker, once};

/// The buffer that comes and goes.
const CHANGING: &str = "stress";
/// Bytes that are written are from here on: with the lowest bit inverted they still are.
const FIRST: u8 = 0x40;
/// How many of them there are.
const KINDS: u64 = 0x20;

/// What is put under stress.
const SUBJECT: Subject = Subject {
    driver: DRIVER,
    module: c"circbuf",
    is_there,
};

/// How it is done.
pub const STRESS: Stress = Stress {
    meanwhile: &[Kind::Faults],
    plan: |_, options| Ok(once(options, run)),
    child: |options| Ok(SUBJECT.child::<User>(options.seed)),
};

/// A thread that does random things.
struct User {
    random: Random,
    watchdog: Arc<Watchdog>,
    /// Half of the threads get them, as long as they are there.
    _signals: Option<Signals>,
}

impl Worker for User {
    const THREADS: u64 = 6;

    fn new(number: u64, random: Random, watchdog: Arc<Watchdog>) -> Result<Self, String> {
        let signals = (number % 2 == 0).then(|| Signals::every(Duration::from_millis(10)));
        Ok(Self {
            random,
            watchdog,
            _signals: signals
                .transpose()
                .map_err(|e| format!("timer_create: {e}"))?,
        })
    }

    fn session(&mut self) -> Result<u64, String> {
        let random = &mut self.random;
        let device = match random.once_in(3) {
            // Of this nobody waits for bytes, for nobody may come.
            true => Device::first(),
            false => Device::made_as(CHANGING),
        };
        let flags = match device.name == DRIVER || random.once_in(2) {
            true => libc::O_NONBLOCK,
            false => 0,
        };
        let what = random.pick(&[For::Reading, For::Writing, For::Both]);
        self.watchdog.step(format!("open {}", device.name));
        let Ok(file) = device.open(what, flags) else {
            // It is being made anew.
            thread::sleep(Duration::from_millis(1));
            return Ok(1);
        };
        // While it was opened the buffer may have gone, and its number be given to the next device of anybody.
        if stats(&file).is_err_and(|e| e.raw_os_error() == Some(libc::ENOTTY)) {
            return Ok(1);
        }
        let calls = self.random.between(1, 50);
        for number in 0..calls {
            match self.call(&file, what) {
                Ok(true) => {}
                Ok(false) => return Ok(number + 1),
                Err(problem) => return Err(format!("{}: {problem}", device.name)),
            }
        }
        Ok(calls)
    }
}

impl User {
    /// Makes a call. Whether the buffer is still there.
    fn call(&mut self, mut file: &File, what: For) -> Verdict<bool> {
        let random = &mut self.random;
        let size = match random.between(0, 3) {
            0 => 1,
            1 => random.between(1, 64),
            _ => random.between(1, 9_000),
        } as usize;
        let mut bytes = vec![0; size];
        let kind = random.between(0, 9);
        self.watchdog
            .step(format!("call {kind} of {size} bytes, {what:?}"));
        let result = match kind {
            0 => stats(file).map(|[capacity, used, available, ..]| {
                usize::from(used + available == capacity && used <= capacity)
            }),
            1 => State::of(file).map(|_| 1).or(Ok(1)),
            2 => {
                let none = Timespec {
                    tv_sec: 0,
                    tv_nsec: random.between(0, 3_000_000) as _,
                };
                let mut fds = [PollFd::new(file, PollFlags::IN | PollFlags::OUT)];
                poll(&mut fds, Some(&none)).map(|_| 1).map_err(Into::into)
            }
            n if what == For::Reading || (what == For::Both && n % 2 == 0) => {
                file.read(&mut bytes).inspect(|read| bytes.truncate(*read))
            }
            _ => {
                bytes.fill(FIRST + random.between(0, KINDS - 1) as u8);
                file.write(&bytes)
            }
        };
        let wrong = |byte: &&u8| !(FIRST..FIRST + KINDS as u8).contains(*byte);
        match result {
            Ok(0) => fail(format!("call {kind} of {size} bytes gave 0")),
            Ok(moved) => {
                ensure(moved <= size, || {
                    format!("{moved} of {size} bytes were moved")
                })?;
                let foreign = bytes.iter().find(wrong).filter(|_| kind > 2);
                ensure(foreign.is_none(), || {
                    format!("nobody wrote the byte {foreign:?}")
                })?;
                Ok(true)
            }
            Err(error) => match error.raw_os_error() {
                Some(libc::EAGAIN | libc::EINTR) => Ok(true),
                Some(libc::ENODEV) => Ok(false),
                _ => fail(format!("call {kind} of {size} bytes: {error}")),
            },
        }
    }
}

/// What the main thread does to the buffers.
struct Director {
    made: Made,
    /// So that the module can't go.
    _open: File,
    random: Random,
    faults: bool,
    over: bool,
    unplugged: u64,
    refused: u64,
}

impl Director {
    fn remake(&mut self) -> Verdict {
        self.made.device.fault("unplug", "1")?;
        self.made.set("enable", "0")?;
        let atomic = self.random.once_in(3);
        let size = match atomic {
            true => self.random.between(4_096, 20_000),
            false => self.random.between(1, 10_000),
        };
        let switch = |yes| if yes { "1" } else { "0" };
        self.made.set("buffer_size", &size.to_string())?;
        self.made.set("atomic", switch(atomic))?;
        let overwrite = self.random.once_in(4);
        self.made.set("overwrite", switch(overwrite))?;
        self.unplugged += 1;
        self.made.set("enable", "1")
    }

    fn unload(&mut self) -> Verdict {
        self.refused += 1;
        SUBJECT.unload()
    }

    fn do_wrong(&mut self) -> Verdict {
        let device = &self.made.device;
        let count = self.random.between(1, 200).to_string();
        match self.random.between(0, 3) {
            0 => device.fault("drop", &count),
            1 => device.fault("flip", &count),
            // One for a single byte is refused.
            2 => device.fault("double", &count).or(Ok(())),
            _ => {
                device.fault("freeze", "1")?;
                thread::sleep(Duration::from_millis(3));
                device.fault("freeze", "0")
            }
        }
    }
}

impl Meanwhile for Director {
    fn turn(&mut self) -> Result<(), String> {
        if self.over {
            return Ok(());
        }
        let done = match self.random.between(0, 19) {
            0 => self.remake(),
            1 => self.unload(),
            2 if self.faults => self.do_wrong(),
            _ => Ok(()),
        };
        done.map_err(|problem: Problem| problem.to_string())
    }

    /// Whoever sleeps gets ENODEV, and nobody comes after that.
    fn settle(&mut self) -> Result<(), String> {
        self.over = true;
        let gone = self.made.device.fault("unplug", "1");
        gone.map_err(|problem| problem.to_string())
    }
}

/// Stresses the driver. If a call hangs, `ledger` gets the result, and the process ends.
///
/// # Errors
/// If no process can be started, or there is no buffer that can come and go.
fn run(options: Options, ledger: &Ledger) -> Result<Report, Error> {
    let director = |random| {
        Ok(Director {
            made: Made::named(CHANGING, &[])?,
            _open: Device::first().nonblocking()?,
            random,
            faults: options.faults,
            over: false,
            unplugged: 0,
            refused: 0,
        })
    };
    let (stressed, director) = SUBJECT.run::<User, _>(options, ledger, director)?;
    let (calls, killed) = stressed.counts();
    let note = format!(
        "seed {}: {calls} calls, {killed} processes killed, {} times unplugged and made anew, {} times the module was asked to go",
        options.seed, director.unplugged, director.refused
    );
    if let Err(problem) = director.made.remove() {
        stressed.fail(problem.to_string());
    }
    // Nothing of it is left for the checks.
    let drained =
        Device::first().nonblocking().map(
            |mut file| {
                while matches!(file.read(&mut [0; 4_096]), Ok(1..)) {}
            },
        );
    if let Err(problem) = drained {
        stressed.fail(problem.to_string());
    }
    Ok(stressed.report(vec![note]))
}
