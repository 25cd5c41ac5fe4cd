// SPDX-License-Identifier: MIT OR Apache-2.0

//! `rloop verify --stress`: random legal things on all cables of all loopback cards at once, by
//! threads of this process and by processes that are killed in the middle.
//!
//! Meanwhile the cards' control elements and timer sources are changed, others are made and removed under their names,
//! and if asked for the cards do wrong, the kernel finds no memory, or all programs are frozen now and then.
//!
//! Every call's result must be one that ALSA allows for it, and every call must come back.

use std::env;
use std::io::{self, Read as _};
use std::os::unix::process::{ExitStatusExt, parent_id};
use std::process::{self, Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli;
use crate::error::Error;
use crate::families::sound::loopback::elements::is_free;
use crate::families::sound::loopback::{self, Cable, Card};
use crate::kernel::allocations::{Injection, make_it_fail};
use rig::ledger::Ledger;
use rig::machine::Machine;
use rig::output::{Ending, complain};
use rig::random::Random;
use rig::report::{Outcome, Report};
use rig::watchdog::Watchdog;

mod elements;
mod freezer;
mod operator;
mod shared;
mod worker;

use elements::{Listener, Maker, Sweeper};
use freezer::Freezer;
use operator::Operator;
use shared::Foreman;
use worker::Worker;

/// Threads of each process that use streams.
const THREADS: u64 = 6;
/// Processes that are killed and started anew.
const CHILDREN: usize = 3;

/// How to stress.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long.
    pub seconds: u64,
    /// What the random numbers begin with.
    pub seed: u64,
    /// Whether the cards are to do wrong.
    pub faults: bool,
    /// Whether the kernel's allocations are to fail now and then.
    pub failing_allocations: bool,
    /// Whether all programs are to be frozen now and then.
    pub suspend: bool,
}

/// No call may take longer. The longest legal one is a drain of a whole buffer.
const CALL_LIMIT: Duration = Duration::from_secs(60);

/// What the result is called.
const NAME: &str = "snd-rloop/stress/random";

/// Watches the calls of one thread. If one hangs, the report, if there is one, ends with that.
fn watch_calls(ledger: Option<&Ledger>) -> Arc<Watchdog> {
    let last_words = ledger.map(|ledger| ledger.last_words(NAME));
    Watchdog::start(CALL_LIMIT, move |what| {
        complain(format_args!("stress: {what}"));
        if let Some(last_words) = last_words {
            last_words(what);
        }
    })
}

/// A seed that nobody chose.
pub fn new_seed() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(1, |t| u64::from(t.subsec_nanos()) ^ t.as_secs())
}

/// What all threads of a process share.
struct Shared {
    cards: Vec<Card>,
    /// The shortest period.
    least: Duration,
    /// Whether any call may find no memory.
    failing_allocations: bool,
    stop: AtomicBool,
    /// What was not allowed.
    failed: Mutex<Vec<String>>,
    calls: AtomicU64,
    /// Where results go; a child has none.
    ledger: Option<Ledger>,
}

impl Shared {
    /// Calls `session` again and again, until it finds something that is not allowed, or somebody does.
    fn repeat(&self, mut session: impl FnMut() -> Result<u64, String>) {
        while !self.stop.load(Ordering::Relaxed) {
            match session() {
                Ok(calls) => {
                    self.calls.fetch_add(calls, Ordering::Relaxed);
                }
                Err(what) => {
                    // What a card says that has gone is of no interest.
                    if self.cards.iter().all(|card| card.is_there()) {
                        complain(format_args!("stress: {what}"));
                    }
                    lock(&self.failed).push(what);
                    self.stop.store(true, Ordering::Relaxed);
                }
            }
        }
    }

    fn watchdog(&self) -> Arc<Watchdog> {
        watch_calls(self.ledger.as_ref())
    }
}

fn spawn_workers(shared: &Arc<Shared>, seed: u64) -> Vec<thread::JoinHandle<()>> {
    let spawn = |run: Box<dyn FnOnce(&Shared) + Send>| {
        let shared = Arc::clone(shared);
        thread::spawn(move || run(&shared))
    };
    let seed = move |n: u64| seed.wrapping_mul(1000).wrapping_add(n);
    let mut threads: Vec<_> = (0..THREADS)
        .map(|n| {
            spawn(Box::new(move |shared| {
                let mut worker = Worker::new(
                    &shared.cards,
                    shared.least,
                    shared.failing_allocations,
                    seed(n),
                    shared.watchdog(),
                );
                shared.repeat(|| worker.session());
            }))
        })
        .collect();
    threads.push(spawn(Box::new(move |shared| {
        let failing = shared.failing_allocations;
        let mut maker = Maker::new(&shared.cards, failing, seed(THREADS), shared.watchdog());
        shared.repeat(|| maker.session());
    })));
    threads.push(spawn(Box::new(move |shared| {
        let failing = shared.failing_allocations;
        let seed = seed(THREADS + 1);
        let mut foreman = Foreman::new(&shared.cards, failing, seed, || shared.watchdog());
        shared.repeat(|| foreman.session());
    })));
    threads.push(spawn(Box::new(move |shared| {
        let mut listener = None;
        shared.repeat(|| match &mut listener {
            Some(listener) => Listener::listen(listener),
            None => {
                let failing = shared.failing_allocations;
                match Listener::new(&shared.cards, failing, seed(THREADS + 2)) {
                    Err(e) if no_memory(failing, &e) => {}
                    new => listener = Some(new.map_err(|e| format!("control events: {e}"))?),
                }
                Ok(0)
            }
        });
    })));
    threads
}

fn share(cards: &[Card], failing_allocations: bool, ledger: Option<&Ledger>) -> Arc<Shared> {
    Arc::new(Shared {
        cards: cards.to_vec(),
        // This is about races. A machine that can't keep up with its timers at all shows none.
        least: (Machine::measure().usual * 4).min(Duration::from_millis(5)),
        failing_allocations,
        stop: AtomicBool::new(false),
        failed: Mutex::new(Vec::new()),
        calls: AtomicU64::new(0),
        ledger: ledger.cloned(),
    })
}

/// Whether a call of the kernel's may have failed for want of memory, as allocations are made to fail. `ENODEV` is
/// what ALSA makes of that where a control device is opened.
fn no_memory(failing_allocations: bool, error: &io::Error) -> bool {
    failing_allocations && matches!(error.raw_os_error(), Some(libc::ENOMEM | libc::ENODEV))
}

/// Whether a cable has no clock. Who can't look, for want of memory, looks again.
fn is_without_clock(failing_allocations: bool, cable: &Cable) -> bool {
    let tries = if failing_allocations { 10 } else { 1 };
    (0..tries).any(|_| is_free(cable))
}

/// A process that does such things until it is killed.
fn child(cards: &[Card], seed: u64, failing_allocations: bool) -> bool {
    // Nobody kills it any more if its parent has been killed.
    let parent = parent_id();
    thread::spawn(move || {
        while parent_id() == parent {
            thread::sleep(Duration::from_millis(500));
        }
        process::exit(1);
    });
    let shared = share(cards, failing_allocations, None);
    for worker in spawn_workers(&shared, seed) {
        // A worker that panicked has said so on standard error.
        if worker.join().is_err() {
            return false;
        }
    }
    lock(&shared.failed).is_empty()
}

/// What `rloop stress-child` does.
///
/// # Errors
/// If a card can't be opened, or allocations can't be made to fail.
pub fn child_command(options: &cli::StressChild) -> Result<Ending, Error> {
    let failing = options.failing_allocations;
    // It has to find the cards first.
    let fail = |yes| match failing {
        true => make_it_fail(yes).map_err(Error::NoFailingAllocations),
        false => Ok(()),
    };
    fail(false)?;
    let mut cards = loopback::all()?;
    cards.retain(|card| options.cards.contains(&card.id));
    fail(true)?;
    let passed = child(&cards, options.seed, failing);
    Ok(Ending::of(usize::from(!passed), true))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A child, and when to kill it.
struct Victim {
    process: Child,
    until: Instant,
}

impl Victim {
    /// Why it has ended, which nobody asked it to.
    fn last_words(&mut self, status: ExitStatus) -> String {
        let mut said = String::new();
        if let Some(stderr) = &mut self.process.stderr {
            // What can't be read is left out: that it ended is what matters.
            let _ = stderr.read_to_string(&mut said);
        }
        format!("a child ended by itself ({status}): {}", said.trim())
    }
}

fn start(cards: &[Card], failing_allocations: bool, random: &mut Random) -> Result<Victim, Error> {
    let mut command = Command::new(env::current_exe().map_err(Error::Process)?);
    command
        .arg("stress-child")
        .arg("--seed")
        .arg(random.number().to_string());
    for card in cards {
        command.arg("--cards").arg(&card.id);
    }
    if failing_allocations {
        command.arg("--failing-allocations");
    }
    let process = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::Process)?;
    Ok(Victim {
        process,
        until: Instant::now() + Duration::from_millis(random.between(20, 1500)),
    })
}

/// Stresses `cards`. If a call hangs, `ledger` gets the result, and the process ends.
///
/// # Errors
/// If no process can be started, or the cards can't do wrong and are to.
pub fn run(cards: &[Card], options: &Options, ledger: &Ledger) -> Result<Report, Error> {
    let cables: usize = cards.iter().map(|c| c.cables().len()).sum();
    complain(format_args!(
        "stress for {} s with --seed {} on {cables} cables of {} card(s)",
        options.seconds,
        options.seed,
        cards.len()
    ));
    let mut random = Random::new(options.seed);
    let sweeper = Sweeper::new(cards)?;
    let mut operator = Operator::new(cards, options, random.number(), watch_calls(Some(ledger)))?;
    let failing = options.failing_allocations;
    let injection = match failing {
        true => Some(Injection::at_random().map_err(Error::NoFailingAllocations)?),
        false => None,
    };
    let mut freezer = match options.suspend {
        true => Some(Freezer::new(random.number()).map_err(Error::NoSuspend)?),
        false => None,
    };
    let shared = share(cards, failing, Some(ledger));
    let workers = spawn_workers(&shared, random.number());
    let mut victims = (0..CHILDREN)
        .map(|_| start(cards, failing, &mut random))
        .collect::<Result<Vec<_>, _>>()?;
    let bar = ProgressBar::new(options.seconds);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} s {msg}") {
        bar.set_style(style);
    }
    let begin = Instant::now();
    let mut killed = 0;
    while begin.elapsed() < Duration::from_secs(options.seconds)
        && !shared.stop.load(Ordering::Relaxed)
    {
        thread::sleep(Duration::from_millis(10));
        if let Err(problem) = operator.turn() {
            lock(&shared.failed).push(problem.to_string());
            shared.stop.store(true, Ordering::Relaxed);
        }
        if let Some(Err(problem)) = freezer.as_mut().map(Freezer::turn) {
            lock(&shared.failed).push(problem);
            shared.stop.store(true, Ordering::Relaxed);
        }
        for victim in &mut victims {
            if let Some(status) = victim.process.try_wait().map_err(Error::Process)? {
                lock(&shared.failed).push(victim.last_words(status));
                shared.stop.store(true, Ordering::Relaxed);
            } else if Instant::now() >= victim.until {
                victim.process.kill().map_err(Error::Process)?;
                let status = victim.process.wait().map_err(Error::Process)?;
                if status.signal() != Some(libc::SIGKILL) {
                    lock(&shared.failed).push(victim.last_words(status));
                }
                killed += 1;
                *victim = start(cards, failing, &mut random)?;
            }
        }
        bar.set_position(begin.elapsed().as_secs());
        bar.set_message(format!(
            "{} calls, {killed} kills",
            shared.calls.load(Ordering::Relaxed)
        ));
    }
    if let Err(problem) = operator.thaw() {
        lock(&shared.failed).push(problem.to_string());
    }
    for victim in &mut victims {
        // One that ended by itself in the meantime can't be killed, which is said above.
        let _ = victim.process.kill();
        victim.process.wait().map_err(Error::Process)?;
    }
    shared.stop.store(true, Ordering::Relaxed);
    for worker in workers {
        if worker.join().is_err() {
            lock(&shared.failed).push("a thread panicked".to_owned());
        }
    }
    bar.finish_and_clear();
    drop(injection);
    let turned = operator.turned();
    if let Err(error) = sweeper.sweep() {
        lock(&shared.failed).push(format!("control elements that were made: {error}"));
    }
    if let Err(problem) = operator.rest() {
        lock(&shared.failed).push(problem.to_string());
    }
    if let Some(card) = cards.iter().find(|card| !card.is_there()) {
        return Err(Error::Gone {
            card: card.shown(),
            during: "under stress".to_owned(),
        });
    }
    let calls = shared.calls.load(Ordering::Relaxed);
    let failed = lock(&shared.failed).join("; ");
    let mut notes = vec![format!(
        "seed {}: {calls} calls, {killed} processes killed, {turned} settings changed",
        options.seed
    )];
    notes.extend(freezer.as_ref().map(Freezer::note));
    Ok(Report {
        name: NAME.to_owned(),
        outcome: if failed.is_empty() {
            Outcome::Pass
        } else {
            Outcome::Fail(failed)
        },
        took: begin.elapsed(),
        notes,
    })
}
