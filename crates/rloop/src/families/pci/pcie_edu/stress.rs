// SPDX-License-Identifier: MIT OR Apache-2.0

//! `rloop verify pci --stress`: random legal things on all devices at once, by threads of this process, half of which
//! get a hundred signals a second, and by processes that are killed in the middle; meanwhile devices are unbound and
//! bound, somebody tries to unload the module, and with `--faults` no job ends for a moment.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rig::check::Kind;
use rig::ledger::Ledger;
use rig::random::Random;
use rig::report::Report;
use rig::stress::Meanwhile;
use rig::watchdog::Watchdog;

use super::DRIVER;
use super::device::{self, Device};
use super::raw::{Alarm, compute, transfer};
use crate::error::Error;
use crate::families::family::Stress;
use crate::families::stress::{Options, Subject, Worker, once};
use crate::kernel::faults::Faults;

/// What is put under stress. Its devices go and come back all the time.
const SUBJECT: Subject = Subject {
    driver: DRIVER,
    module: c"pcie_edu",
    is_there: || true,
};

/// How it is done.
pub const STRESS: Stress = Stress {
    meanwhile: &[Kind::Faults],
    plan: |_, options| Ok(once(options, run)),
    child: |options| Ok(SUBJECT.child::<User>(options.seed)),
};

/// Signals come as often.
const SIGNALS: Duration = Duration::from_millis(10);

/// What a call may give besides what it should, while devices come and go and signals are sent.
const ALLOWED: [i32; 3] = [libc::EINTR, libc::ENODEV, libc::EAGAIN];

/// Somebody who uses devices.
struct User {
    devices: Vec<Device>,
    random: Random,
    watchdog: Arc<Watchdog>,
    /// Half of the threads get signals, as long as they are there.
    _alarm: Option<Alarm>,
}

impl Worker for User {
    const THREADS: u64 = 6;

    fn new(number: u64, random: Random, watchdog: Arc<Watchdog>) -> Result<Self, String> {
        let alarm = (number % 2 == 1).then(|| Alarm::new(SIGNALS, SIGNALS));
        Ok(Self {
            devices: found()?,
            random,
            watchdog,
            _alarm: alarm.transpose().map_err(|e| e.to_string())?,
        })
    }

    fn session(&mut self) -> Result<u64, String> {
        self.watchdog.step("a file of a device");
        let device = &self.devices[self.random.between(0, self.devices.len() as u64 - 1) as usize];
        let nonblocking = self.random.once_in(3);
        let flags = if nonblocking { libc::O_NONBLOCK } else { 0 };
        let Ok(file) = device.open(flags) else {
            // It is away for the moment.
            return Ok(1);
        };
        // While it was opened it may have gone, and its number be given to the next device of anybody.
        if Device::counted(&file, "interrupts").is_err() {
            return Ok(1);
        }
        let calls = self.random.between(1, 12);
        for _ in 0..calls {
            self.call(&file)?;
        }
        Ok(calls)
    }
}

impl User {
    fn call(&mut self, mut file: &File) -> Result<(), String> {
        match self.random.between(0, 9) {
            0 => {
                let (length, pattern) = (self.random.between(0, 4100), self.random.number() as u8);
                let legal = (1..=4096).contains(&length);
                let result = transfer(file, length as u32, pattern);
                match result {
                    Ok(()) if legal => Ok(()),
                    Err(e) if !legal && e.raw_os_error() == Some(libc::EINVAL) => Ok(()),
                    other => allowed("DMA_TRANSFER", other),
                }
            }
            1 => allowed("write", file.write(&[1; 4])),
            2 => allowed("read", file.read(&mut [0; 4])),
            _ => {
                let most = self.random.pick(&[12, 1_000, 1_000_000, 30_000_000]);
                let number = self.random.between(0, most) as u32;
                let due = super::checks::factorial(number);
                match compute(file, number) {
                    Ok(came) if came != due => {
                        Err(format!("COMPUTE of {number} gave {came}, {due} is due"))
                    }
                    result => allowed("COMPUTE", result),
                }
            }
        }
    }
}

fn allowed<T>(what: &str, result: io::Result<T>) -> Result<(), String> {
    match result {
        Ok(_) => Ok(()),
        Err(e)
            if e.raw_os_error()
                .is_some_and(|errno| ALLOWED.contains(&errno)) =>
        {
            Ok(())
        }
        Err(e) => Err(format!("{what}: {e}")),
    }
}

/// The devices, one of which may be away for the moment.
fn found() -> Result<Vec<Device>, String> {
    let begin = Instant::now();
    loop {
        let devices = device::all();
        if !devices.is_empty() {
            return Ok(devices);
        }
        if begin.elapsed() > Duration::from_secs(20) {
            return Err("no device has been there for 20 s".to_owned());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What the main thread does to the devices.
struct Director {
    devices: Vec<Device>,
    random: Random,
    next: Instant,
    turned: u64,
    refused: u64,
    /// The module's parameter.
    dma_bits: u32,
    /// Whether devices do wrong as well, and how often they did.
    faults: bool,
    frozen: u64,
}

impl Meanwhile for Director {
    fn turn(&mut self) -> Result<(), String> {
        if Instant::now() < self.next {
            return Ok(());
        }
        self.next = Instant::now() + Duration::from_millis(self.random.between(50, 800));
        self.turned += 1;
        if self.random.once_in(3) {
            // Each device has files open nearly all the time; one that has none may be unloaded, which is undone.
            let tried = Command::new("rmmod").arg(DRIVER).output();
            let worked = tried.is_ok_and(|output| output.status.success());
            self.refused += u64::from(!worked);
            if worked {
                let bits = format!("dma_bits={}", self.dma_bits);
                let loaded = Command::new("modprobe").args([DRIVER, &bits]).status();
                if !loaded.is_ok_and(|status| status.success()) {
                    return Err("the module can't be loaded again".to_owned());
                }
                device::name(&self.devices).map_err(|problem| problem.to_string())?;
            }
            return Ok(());
        }
        let n = self.random.between(0, self.devices.len() as u64 - 1) as usize;
        let device = &self.devices[n];
        if self.faults && self.random.once_in(3) {
            let moment = Duration::from_millis(self.random.between(0, 300));
            let frozen = Faults::of(DRIVER, &device.name).and_then(|faults| {
                faults.ask("freeze", "1")?;
                std::thread::sleep(moment);
                faults.ask("freeze", "0")
            });
            self.frozen += 1;
            return frozen.map_err(|problem| problem.to_string());
        }
        let turn = match self.random.once_in(3) {
            true => device.remove().and_then(|()| device.rescan()),
            false => device.unbind().and_then(|()| device.bind()),
        };
        turn.map_err(|problem| problem.to_string())
    }

    fn settle(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// Stresses all devices. If a call hangs, `ledger` gets the result, and the process ends.
///
/// # Errors
/// If no process can be started.
fn run(options: Options, ledger: &Ledger) -> Result<Report, Error> {
    let director = |random| {
        Ok(Director {
            devices: device::all(),
            random,
            next: Instant::now(),
            turned: 0,
            refused: 0,
            dma_bits: device::dma_bits(),
            faults: options.faults,
            frozen: 0,
        })
    };
    let (stressed, director) = SUBJECT.run::<User, _>(options, ledger, director)?;
    for device in &director.devices {
        let works = device
            .comes()
            .and_then(|()| device.open(0))
            .and_then(|file| {
                super::checks::gave("COMPUTE of 5", compute(&file, 5), 120)?;
                super::checks::gave("DMA_TRANSFER", transfer(&file, 4096, 0xAB), ())
            });
        if let Err(problem) = works {
            stressed.fail(format!("afterwards: {problem}"));
        }
    }
    let (calls, killed) = stressed.counts();
    Ok(stressed.report(vec![format!(
        "seed {}: {calls} calls, {killed} processes killed, {} times a device or the module was to go, of \
         which it was in use {} times, and no job was to end {} times",
        options.seed, director.turned, director.refused, director.frozen
    )]))
}
