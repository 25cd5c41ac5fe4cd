// SPDX-License-Identifier: MIT OR Apache-2.0

//! The frame of a stress test: threads and processes do random legal things for a while, the processes are killed in the
//! middle, and whoever comes upon what is not allowed stops all.

use std::env;
use std::io::{self, Read as _};
use std::os::unix::process::{ExitStatusExt as _, parent_id};
use std::process::{self, Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressStyle};

use crate::ledger::Ledger;
use crate::output::complain;
use crate::random::Random;
use crate::report::{Outcome, Report};
use crate::watchdog::Watchdog;

/// Processes that are killed and started anew.
const CHILDREN: usize = 3;
/// How long one lives, in milliseconds.
const LIFE: (u64, u64) = (20, 1500);
/// No call may take longer.
const CALL_LIMIT: Duration = Duration::from_secs(60);

/// A seed that nobody chose.
pub fn new_seed() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(1, |t| u64::from(t.subsec_nanos()) ^ t.as_secs())
}

/// What all threads of a process share.
pub struct Shared {
    /// What the result is called.
    name: String,
    /// Where results go; a child has none.
    ledger: Option<Ledger>,
    /// Whether what is under stress is still there. What a thing says that has gone is of no interest.
    is_there: Box<dyn Fn() -> bool + Send + Sync>,
    stop: AtomicBool,
    /// What was not allowed.
    failed: Mutex<Vec<String>>,
    calls: AtomicU64,
}

impl Shared {
    /// Nothing has happened yet.
    pub fn new(
        name: impl Into<String>,
        ledger: Option<&Ledger>,
        is_there: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            ledger: ledger.cloned(),
            is_there: Box::new(is_there),
            stop: AtomicBool::new(false),
            failed: Mutex::new(Vec::new()),
            calls: AtomicU64::new(0),
        })
    }

    /// Calls `session` again and again, until it finds something that is not allowed, or somebody does. It gives the
    /// number of calls that it has made.
    pub fn repeat(&self, mut session: impl FnMut() -> Result<u64, String>) {
        while !self.is_over() {
            match session() {
                Ok(calls) => {
                    self.calls.fetch_add(calls, Ordering::Relaxed);
                }
                Err(what) => {
                    if (self.is_there)() {
                        complain(format_args!("stress: {what}"));
                    }
                    self.fail(what);
                }
            }
        }
    }

    /// Watches the calls of one thread. If one hangs, the report, if there is one, ends with that.
    pub fn watchdog(&self) -> Arc<Watchdog> {
        let last_words = self.ledger.as_ref().map(|l| l.last_words(&self.name));
        Watchdog::start(CALL_LIMIT, move |what| {
            complain(format_args!("stress: {what}"));
            if let Some(last_words) = last_words {
                last_words(what);
            }
        })
    }

    /// Something is not allowed: it has failed, and ends soon.
    pub fn fail(&self, what: impl Into<String>) {
        self.failed().push(what.into());
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Starts a thread that does `work`.
    pub fn spawn(self: &Arc<Self>, work: impl FnOnce(&Self) + Send + 'static) -> JoinHandle<()> {
        let shared = Arc::clone(self);
        thread::spawn(move || work(&shared))
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn failed(&self) -> MutexGuard<'_, Vec<String>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self, threads: Vec<JoinHandle<()>>) {
        for thread in threads {
            // It has said why on standard error.
            if thread.join().is_err() {
                self.fail("a thread panicked");
            }
        }
    }
}

/// How a stress went.
pub struct Stressed {
    shared: Arc<Shared>,
    begin: Instant,
    killed: u64,
}

impl Stressed {
    /// How many calls were made, and how many processes killed.
    pub fn counts(&self) -> (u64, u64) {
        (self.shared.calls.load(Ordering::Relaxed), self.killed)
    }

    /// Takes note of what is not as it should be afterwards.
    pub fn fail(&self, what: impl Into<String>) {
        self.shared.fail(what);
    }

    /// The result, with figures.
    pub fn report(&self, notes: Vec<String>) -> Report {
        let failed = self.shared.failed().join("; ");
        Report {
            name: self.shared.name.clone(),
            outcome: if failed.is_empty() {
                Outcome::Pass
            } else {
                Outcome::Fail(failed)
            },
            took: self.begin.elapsed(),
            notes,
        }
    }
}

/// What is done by the main thread, while the others do random things.
pub trait Meanwhile {
    /// Does one thing, if it is time.
    ///
    /// # Errors
    /// What is not allowed.
    fn turn(&mut self) -> Result<(), String>;

    /// Lets everything end that waits: nothing is done after that.
    ///
    /// # Errors
    /// What is not allowed.
    fn settle(&mut self) -> Result<(), String>;
}

/// Goes on for so many `seconds`, or until something is not allowed. `threads` do random things until then, and so do
/// processes of this program, each with the arguments that `child` gives for a seed of its own.
///
/// # Errors
/// If a process can't be started, or waited for.
pub fn run(
    shared: &Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    child: &dyn Fn(u64) -> Vec<String>,
    meanwhile: &mut dyn Meanwhile,
    (seconds, random): (u64, &mut Random),
) -> io::Result<Stressed> {
    let mut victims = (0..CHILDREN)
        .map(|_| Victim::start(child, random))
        .collect::<Result<Vec<_>, _>>()?;
    let bar = ProgressBar::new(seconds);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} s {msg}") {
        bar.set_style(style);
    }
    let begin = Instant::now();
    let mut killed = 0;
    while begin.elapsed() < Duration::from_secs(seconds) && !shared.is_over() {
        thread::sleep(Duration::from_millis(10));
        if let Err(what) = meanwhile.turn() {
            shared.fail(what);
        }
        for victim in &mut victims {
            if let Some(status) = victim.process.try_wait()? {
                shared.fail(victim.last_words(status));
            } else if Instant::now() >= victim.until {
                victim.process.kill()?;
                let status = victim.process.wait()?;
                if status.signal() != Some(SIGKILL) {
                    shared.fail(victim.last_words(status));
                }
                killed += 1;
                *victim = Victim::start(child, random)?;
            }
        }
        bar.set_position(begin.elapsed().as_secs());
        let calls = shared.calls.load(Ordering::Relaxed);
        bar.set_message(format!("{calls} calls, {killed} kills"));
    }
    if let Err(what) = meanwhile.settle() {
        shared.fail(what);
    }
    for victim in &mut victims {
        // One that ended by itself in the meantime can't be killed, which is said above.
        let _ = victim.process.kill();
        victim.process.wait()?;
    }
    shared.stop.store(true, Ordering::Relaxed);
    shared.join(threads);
    bar.finish_and_clear();
    Ok(Stressed {
        shared: Arc::clone(shared),
        begin,
        killed,
    })
}

/// What a process does that is to be killed: `threads` do random things, until one finds what is not allowed. Whether
/// none has, which nobody can know who ends it otherwise.
pub fn child(shared: &Shared, threads: Vec<JoinHandle<()>>) -> bool {
    // Nobody kills it any more if its parent has been killed.
    let parent = parent_id();
    thread::spawn(move || {
        while parent_id() == parent {
            thread::sleep(Duration::from_millis(500));
        }
        process::exit(1);
    });
    shared.join(threads);
    shared.failed().is_empty()
}

/// The number of the signal, on all machines that Linux runs on.
const SIGKILL: i32 = 9;

/// A child, and when to kill it.
struct Victim {
    process: Child,
    until: Instant,
}

impl Victim {
    fn start(child: &dyn Fn(u64) -> Vec<String>, random: &mut Random) -> io::Result<Self> {
        let process = Command::new(env::current_exe()?)
            .args(child(random.number()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let life = random.between(LIFE.0, LIFE.1);
        Ok(Self {
            process,
            until: Instant::now() + Duration::from_millis(life),
        })
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn shared() -> Arc<Shared> {
        Shared::new("x/stress/random", None, || false)
    }

    struct Nothing;

    impl Meanwhile for Nothing {
        fn turn(&mut self) -> Result<(), String> {
            Ok(())
        }

        fn settle(&mut self) -> Result<(), String> {
            Ok(())
        }
    }

    /// A stress whose processes list the tests of this program and end.
    fn stress(work: impl FnMut() -> Result<u64, String> + Send + 'static) -> Report {
        let shared = shared();
        let threads = vec![shared.spawn(|shared| shared.repeat(work))];
        let child = |_| vec!["--list".to_owned()];
        let mut random = Random::new(1);
        let ended = run(&shared, threads, &child, &mut Nothing, (5, &mut random));
        ended.unwrap().report(Vec::new())
    }

    #[test]
    fn what_a_thread_finds_ends_it() {
        let report = stress(|| Err("EIO".to_owned()));
        assert!(
            matches!(&report.outcome, Outcome::Fail(why) if why.contains("EIO")),
            "{report:?}"
        );
        assert!(report.took < Duration::from_secs(5));
        assert_eq!(report.name, "x/stress/random");
    }

    #[test]
    fn a_process_must_not_end_by_itself() {
        let report = stress(|| Ok(1));
        assert!(
            matches!(&report.outcome, Outcome::Fail(why) if why.contains("ended by itself")),
            "{report:?}"
        );
    }

    #[test]
    fn threads_work_until_one_fails() {
        let shared = shared();
        let mut left = 3;
        let counts = shared.spawn(move |shared| {
            shared.repeat(|| match left {
                0 => Err("no more".to_owned()),
                _ => {
                    left -= 1;
                    Ok(10)
                }
            });
        });
        let panics = shared.spawn(|_| panic!("as a test does"));
        shared.join(vec![counts, panics]);
        assert_eq!(shared.calls.load(Ordering::Relaxed), 30);
        assert_eq!(shared.failed().len(), 2);
    }
}
