// SPDX-License-Identifier: MIT OR Apache-2.0

//! `rloop verify --stress`: random legal things on all cables of all loopback cards at once, by
//! threads of this process and by processes that are killed in the middle.
//!
//! Meanwhile the cards' control elements and timer sources are changed, others are made and removed under their names,
//! and if asked for the cards do wrong, the kernel finds no memory, or all programs are frozen now and then.
//!
//! Every call's result must be one that ALSA allows for it, and every call must come back.

use std::sync::Arc;
use std::thread::JoinHandle;

use rig::ledger::Ledger;
use rig::output::{Ending, complain};
use rig::random::Random;
use rig::report::Report;
use rig::stress::{Meanwhile, Shared, run as stress};

use crate::error::Error;
use crate::families::sound::loopback::{self, Card, Driver};
use crate::families::stress::Options;
use crate::kernel::allocations::{Injection, make_it_fail};
use crate::options;

mod elements;
mod field;
mod freezer;
mod listener;
mod operator;
mod shared;
mod worker;

use elements::{Maker, Sweeper};
use field::{Field, no_memory};
use freezer::Freezer;
use listener::Listener;
use operator::Operator;
use shared::Foreman;
use worker::Worker;

/// Threads of each process that use streams.
const THREADS: u64 = 6;

/// What the result is called.
const NAME: &str = "snd-rloop/stress/random";

/// Starts the threads of a process.
fn spawn_workers(shared: &Arc<Shared>, field: Field, seed: u64) -> Vec<JoinHandle<()>> {
    let (failing, field) = (field.failing_allocations, Arc::new(field));
    let seed = move |n: u64| seed.wrapping_mul(1000).wrapping_add(n);
    let mut threads: Vec<_> = (0..THREADS)
        .map(|n| {
            let field = field.clone();
            shared.spawn(move |shared| {
                let (cards, least) = (&field.cards, field.least);
                let mut worker = Worker::new(cards, least, failing, seed(n), shared.watchdog());
                shared.repeat(|| worker.session());
            })
        })
        .collect();
    let cards = field.clone();
    threads.push(shared.spawn(move |shared| {
        let mut maker = Maker::new(&cards.cards, failing, seed(THREADS), shared.watchdog());
        shared.repeat(|| maker.session());
    }));
    let cards = field.clone();
    threads.push(shared.spawn(move |shared| {
        let seed = seed(THREADS + 1);
        let mut foreman = Foreman::new(&cards.cards, failing, seed, || shared.watchdog());
        shared.repeat(|| foreman.session());
    }));
    threads.push(shared.spawn(move |shared| {
        let mut listener = None;
        shared.repeat(|| match &mut listener {
            Some(listener) => Listener::listen(listener),
            None => {
                match Listener::new(&field.cards, failing, seed(THREADS + 2)) {
                    Err(e) if no_memory(failing, &e) => {}
                    new => listener = Some(new.map_err(|e| format!("control events: {e}"))?),
                }
                Ok(0)
            }
        });
    }));
    threads
}

fn share(cards: &[Card], ledger: Option<&Ledger>) -> Arc<Shared> {
    let cards = cards.to_vec();
    Shared::new(NAME, ledger, move || cards.iter().all(|c| c.is_there()))
}

/// What `rloop stress-child` does.
///
/// # Errors
/// If a card can't be opened, or allocations can't be made to fail.
pub fn child_command(options: &options::StressChild) -> Result<Ending, Error> {
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
    let shared = share(&cards, None);
    let workers = spawn_workers(&shared, Field::new(&cards, failing), options.seed);
    let passed = rig::stress::child(&shared, workers);
    Ok(Ending::of(usize::from(!passed), true))
}

/// The arguments of a process that stresses, too.
fn child(cards: &[Card], failing_allocations: bool, seed: u64) -> Vec<String> {
    let mut arguments = vec![
        "stress-child".to_owned(),
        format!("--seed={seed}"),
        format!("--driver={}", Driver::SndRloop.name()),
    ];
    arguments.extend(cards.iter().map(|card| format!("--cards={}", card.id)));
    if failing_allocations {
        arguments.push("--failing-allocations".to_owned());
    }
    arguments
}

/// What the main thread does to the cards.
struct Director {
    operator: Operator,
    freezer: Option<Freezer>,
}

impl Meanwhile for Director {
    fn turn(&mut self) -> Result<(), String> {
        self.operator
            .turn()
            .map_err(|problem| problem.to_string())?;
        self.freezer.as_mut().map_or(Ok(()), Freezer::turn)
    }

    fn settle(&mut self) -> Result<(), String> {
        self.operator.thaw().map_err(|problem| problem.to_string())
    }
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
    let shared = share(cards, Some(ledger));
    let operator = Operator::new(cards, options, random.number(), shared.watchdog())?;
    let failing = options.failing_allocations;
    let injection = match failing {
        true => Some(Injection::at_random().map_err(Error::NoFailingAllocations)?),
        false => None,
    };
    let freezer = match options.suspend {
        true => Some(Freezer::new(random.number()).map_err(Error::NoSuspend)?),
        false => None,
    };
    let mut director = Director { operator, freezer };
    let workers = spawn_workers(&shared, Field::new(cards, failing), random.number());
    let child = |seed| child(cards, failing, seed);
    let limits = (options.seconds, &mut random);
    let stressed = stress(&shared, workers, &child, &mut director, limits);
    let stressed = stressed.map_err(Error::Process)?;
    drop(injection);
    let turned = director.operator.turned();
    if let Err(error) = sweeper.sweep() {
        stressed.fail(format!("control elements that were made: {error}"));
    }
    if let Err(problem) = director.operator.rest() {
        stressed.fail(problem.to_string());
    }
    let gone = |card: &Card| card.gone("under stress".to_owned());
    if let Some(error) = cards.iter().find_map(gone) {
        return Err(error);
    }
    let (calls, killed) = stressed.counts();
    let mut notes = vec![format!(
        "seed {}: {calls} calls, {killed} processes killed, {turned} settings changed",
        options.seed
    )];
    notes.extend(director.freezer.as_ref().map(Freezer::note));
    Ok(stressed.report(notes))
}
