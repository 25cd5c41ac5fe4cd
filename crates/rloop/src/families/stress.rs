// SPDX-License-Identifier: MIT OR Apache-2.0

//! The stress of a driver: threads and processes that do random things to its devices, while the devices go and come
//! back.

use std::ffi::CStr;
use std::sync::Arc;
use std::thread::JoinHandle;

use rig::ledger::Ledger;
use rig::output::{Ending, complain};
use rig::random::Random;
use rig::report::Report;
use rig::run::Before;
use rig::stress::{Meanwhile, Shared, Stressed, child, new_seed, run};
use rig::verdict::{Problem, Verdict, ensure};
use rig::watchdog::Watchdog;
use rustix::io::Errno;
use rustix::system::delete_module;

use crate::error::Error;
use crate::options;

/// How a stress is run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// For so long.
    pub seconds: u64,
    /// To repeat it.
    pub seed: u64,
    /// Whether the devices do wrong as well.
    pub faults: bool,
    /// Whether the kernel's allocations fail now and then.
    pub failing_allocations: bool,
    /// Whether all programs are frozen now and then.
    pub suspend: bool,
}

impl Options {
    /// As the user wants it, if at all.
    pub fn of(options: &options::Verify) -> Option<Self> {
        Some(Self {
            seconds: options.stress?,
            seed: options.seed.unwrap_or_else(new_seed),
            faults: options.faults,
            failing_allocations: options.failing_allocations,
            suspend: options.suspend,
        })
    }
}

/// The stress that `run` is, which has one result.
pub fn once(options: Options, run: fn(Options, &Ledger) -> Result<Report, Error>) -> Before<Error> {
    Before {
        results: 1,
        run: Box::new(move |ledger| Ok(ledger.add(&run(options, ledger)?)?)),
    }
}

/// Somebody who uses devices.
pub trait Worker {
    /// Threads of each process that are one.
    const THREADS: u64;

    /// Of this number. It tells `watchdog` what it does.
    ///
    /// # Errors
    /// What it lacks.
    fn new(number: u64, random: Random, watchdog: Arc<Watchdog>) -> Result<Self, String>
    where
        Self: Sized;

    /// Opens a device, uses it for a while, and closes it. How many calls that were.
    ///
    /// # Errors
    /// What is not allowed.
    fn session(&mut self) -> Result<u64, String>;
}

/// What is put under stress.
pub struct Subject {
    /// The driver.
    pub driver: &'static str,
    /// Its module, as the kernel calls it.
    pub module: &'static CStr,
    /// Whether it is there.
    pub is_there: fn() -> bool,
}

impl Subject {
    fn shared(&self, ledger: Option<&Ledger>) -> Arc<Shared> {
        let name = format!("{}/stress/random", self.driver);
        Shared::new(name, ledger, self.is_there)
    }

    /// What `rloop stress-child` does for it.
    pub fn child<W: Worker>(&self, seed: u64) -> Ending {
        let shared = self.shared(None);
        let workers = spawn::<W>(&shared, seed);
        Ending::of(usize::from(!child(&shared, workers)), true)
    }

    /// Stresses it, while `meanwhile` is made, and does what it does. If a call hangs, `ledger` gets the result, and the
    /// process ends.
    ///
    /// # Errors
    /// If no process can be started, or `meanwhile` can't be made.
    pub fn run<W: Worker, M: Meanwhile>(
        &self,
        options: Options,
        ledger: &Ledger,
        meanwhile: impl FnOnce(Random) -> Verdict<M>,
    ) -> Result<(Stressed, M), Error> {
        let Options { seconds, seed, .. } = options;
        complain(format_args!(
            "stress for {seconds} s with --seed {seed} on {}",
            self.driver
        ));
        let mut random = Random::new(seed);
        let meanwhile = meanwhile(Random::new(random.number()));
        let mut meanwhile = meanwhile.map_err(|problem: Problem| Error::Setting {
            card: self.driver.to_owned(),
            why: problem.to_string(),
        })?;
        let shared = self.shared(Some(ledger));
        let workers = spawn::<W>(&shared, random.number());
        let child = |seed| {
            vec![
                "stress-child".to_owned(),
                format!("--seed={seed}"),
                format!("--driver={}", self.driver),
            ]
        };
        let limits = (seconds, &mut random);
        let stressed = run(&shared, workers, &child, &mut meanwhile, limits);
        Ok((stressed.map_err(Error::Process)?, meanwhile))
    }

    /// Asks its module to go, which is in use.
    ///
    /// # Errors
    /// If it does, or gives another error.
    pub fn unload(&self) -> Verdict {
        let asked = delete_module(self.module, libc::O_NONBLOCK);
        ensure(asked == Err(Errno::WOULDBLOCK), || {
            format!("the module in use was asked to go, which gave {asked:?}")
        })
    }
}

fn spawn<W: Worker>(shared: &Arc<Shared>, seed: u64) -> Vec<JoinHandle<()>> {
    let start = |number| {
        shared.spawn(move |shared: &Shared| {
            let random = Random::new(seed.wrapping_mul(1000).wrapping_add(number));
            match W::new(number, random, shared.watchdog()) {
                Ok(mut worker) => shared.repeat(|| worker.session()),
                Err(problem) => shared.fail(problem),
            }
        })
    };
    (0..W::THREADS).map(start).collect()
}
