// SPDX-License-Identifier: MIT OR Apache-2.0

//! `rloop verify pci --stress`: random legal things on all devices at once, by threads of this process, half of which
//! get a hundred signals a second, and by processes that are killed in the middle; meanwhile devices are unbound and
//! bound, and somebody tries to unload the module.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::process::Command;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rig::ledger::Ledger;
use rig::output::{Ending, complain};
use rig::random::Random;
use rig::report::Report;
use rig::stress::{Meanwhile, Shared, run as stress};

use super::DRIVER;
use super::device::{self, Device};
use super::raw::{Alarm, compute, transfer};
use crate::error::Error;

/// What the result is called.
const NAME: &str = "pcie-edu/stress/random";
/// Threads of each process.
const THREADS: u64 = 6;
/// Signals come as often.
const SIGNALS: Duration = Duration::from_millis(10);

/// What a call may give besides what it should, while devices come and go and signals are sent.
const ALLOWED: [i32; 3] = [libc::EINTR, libc::ENODEV, libc::EAGAIN];

/// Somebody who uses devices.
struct User {
    devices: Vec<Device>,
    random: Random,
}

impl User {
    fn session(&mut self) -> Result<u64, String> {
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

fn spawn(shared: &Arc<Shared>, devices: &[Device], seed: u64) -> Vec<JoinHandle<()>> {
    let users = (0..THREADS).map(|n| {
        let mut user = User {
            devices: devices.to_vec(),
            random: Random::new(seed.wrapping_mul(1000).wrapping_add(n)),
        };
        shared.spawn(move |shared| {
            let watchdog = shared.watchdog();
            // Of this thread, and as long.
            let _alarm = match n % 2 {
                0 => None,
                _ => Alarm::new(SIGNALS, SIGNALS)
                    .map_err(|e| shared.fail(e.to_string()))
                    .ok(),
            };
            shared.repeat(|| {
                watchdog.step("a file of a device");
                user.session()
            });
        })
    });
    users.collect()
}

/// What `rloop stress-child` does for this driver.
pub fn child(seed: u64) -> Ending {
    let shared = Shared::new(NAME, None, || true);
    let users = spawn(&shared, &found(), seed);
    let passed = rig::stress::child(&shared, users);
    Ending::of(usize::from(!passed), true)
}

/// The devices, one of which may be away for the moment.
fn found() -> Vec<Device> {
    let begin = Instant::now();
    loop {
        let devices = device::all();
        if !devices.is_empty() || begin.elapsed() > Duration::from_secs(20) {
            return devices;
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

/// Stresses all devices.
///
/// # Errors
/// If no process can be started.
pub fn run(seconds: u64, seed: u64, ledger: &Ledger) -> Result<Report, Error> {
    let devices = device::all();
    complain(format_args!(
        "stress for {seconds} s with --seed {seed} on {} device(s)",
        devices.len()
    ));
    let mut random = Random::new(seed);
    let shared = Shared::new(NAME, Some(ledger), || true);
    let mut director = Director {
        devices: devices.clone(),
        random: Random::new(random.number()),
        next: Instant::now(),
        turned: 0,
        refused: 0,
        dma_bits: device::dma_bits(),
    };
    let users = spawn(&shared, &devices, random.number());
    let child = |seed| {
        let (seed, driver) = (format!("--seed={seed}"), format!("--driver={DRIVER}"));
        vec!["stress-child".to_owned(), seed, driver]
    };
    let limits = (seconds, &mut random);
    let stressed = stress(&shared, users, &child, &mut director, limits);
    let stressed = stressed.map_err(Error::Process)?;
    for device in &devices {
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
        "seed {seed}: {calls} calls, {killed} processes killed, {} times a device or the module was to go, {} times it \
         was in use",
        director.turned, director.refused
    )]))
}
