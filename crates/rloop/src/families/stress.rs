// SPDX-License-Identifier: MIT OR Apache-2.0

//! The stress of a driver: threads and processes that do random things to its devices, while the devices go and come
//! back.

use std::ffi::CStr;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

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
use crate::kernel::allocations::Injection;
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

/// What `attempt` gives, which is made again while it lacks memory, if that is because allocations are made to fail.
///
/// # Errors
/// As of `attempt`.
pub fn patiently<T>(failing: bool, mut attempt: impl FnMut() -> Verdict<T>) -> Verdict<T> {
    let begin = Instant::now();
    loop {
        match attempt() {
            Err(problem) if failing && lacks_memory(&problem) && begin.elapsed() < PATIENCE => {}
            other => return other,
        }
    }
}

/// For so long something may lack memory.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether a call has failed with `ENOMEM`, or `ENOBUFS`, which networks make of that.
fn lacks_memory(problem: &Problem) -> bool {
    let text = problem.to_string();
    let said = |errno: i32| text.contains(&io::Error::from_raw_os_error(errno).to_string());
    [libc::ENOMEM, libc::ENOBUFS].into_iter().any(said)
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

    /// Stresses it, while `meanwhile`, which is made before, does what it does, and its allocations fail, if they are to.
    /// If a call hangs, `ledger` gets the result, and the process ends.
    ///
    /// # Errors
    /// If no process can be started, `meanwhile` can't be made, or allocations can't be made to fail.
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
        let injection = match options.failing_allocations {
            true => Some(Injection::of_module(&self.module.to_string_lossy())),
            false => None,
        };
        let injection = injection.transpose().map_err(Error::NoFailingAllocations)?;
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
        drop(injection);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lacks_memory_is_tried_again() {
        let lacks = |errno| {
            let error = io::Error::from_raw_os_error(errno);
            Problem::Failed(format!("enable: 1: {error}"))
        };
        let tries = |failing, errno| {
            let mut tries = 0;
            let done = patiently(failing, || {
                tries += 1;
                match tries {
                    3 => Ok(()),
                    _ => Err(lacks(errno)),
                }
            });
            (tries, done.is_ok())
        };
        assert_eq!(tries(true, libc::ENOMEM), (3, true));
        assert_eq!(tries(true, libc::ENOBUFS), (3, true));
        assert_eq!(tries(true, libc::EINVAL), (1, false));
        assert_eq!(tries(false, libc::ENOMEM), (1, false));
    }
}
