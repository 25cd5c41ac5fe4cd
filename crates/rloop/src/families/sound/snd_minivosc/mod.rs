// SPDX-License-Identifier: MIT OR Apache-2.0

//! snd-minivosc: a card that is recorded from, and nothing else.
//!
//! The driver's own model says which frames a recording must have: the module compiles the very same files, so what is
//! checked here is what lies between the model and a program. That the model is right, its tests on the host show.

use alsa::Direction;
use alsa::ctl::Ctl;
use rig::check::{Check, Kind, Plain};
use rig::report::Thing;
use rig::retry::{Retry, retry};
use rig::run::Context as _;
use rig::run::{self, Suite, Tests};
use rig::verdict::{Blame, Problem, Verdict, ensure};

mod controls;
mod faults;
mod interrupts;
mod matrix;
mod own_card;
mod samples;
mod status;
mod take;
mod time;

use super::loopback::elements::error;
use crate::alsa::card::Card;
use crate::alsa::find;
use crate::error::Error;
use crate::families::family::{Driver, Status, Suites, listed};
use crate::kernel::latency::Tracer;
use crate::options;

/// The driver's name, as ALSA has it, too.
pub const DRIVER: &str = "snd-minivosc";

/// What the tool knows of it.
pub const ENTRY: Driver = Driver {
    name: DRIVER,
    module: "snd_minivosc",
    node: None,
    has_limits: false,
    list: |_| listed(DRIVER, &checks()),
    verify: |options, _| verify(options),
    stress: None,
    status,
};

/// What a check is given.
pub struct Context {
    /// The card under test.
    card: Card,
    /// Figures worth reporting.
    notes: Vec<String>,
    /// By how much buffers are enlarged: 1 at the first try.
    scale: u64,
}

impl Retry for Context {
    const SCALED: &'static str = "buffers";

    fn begin(&mut self, scale: u64) {
        self.scale = scale;
    }

    fn end(&mut self) {
        self.scale = 1;
    }

    fn no_better(&mut self, blame: Blame, text: String) -> Problem {
        Problem::Again(blame, text).at_last()
    }
}

impl run::Context for Context {
    type Error = Error;

    fn notes(&mut self) -> &mut Vec<String> {
        &mut self.notes
    }

    fn gone(&self, during: String) -> Option<Error> {
        self.card.gone(during)
    }
}

const CHECKS: &[Plain<Context>] = &[(
    "streams/capture-only",
    "capture only",
    "the card has a stream that is recorded from, and none that is played into",
    capture_only,
)];

/// All checks.
fn checks() -> Vec<Check<Context>> {
    let plain = [CHECKS, samples::CHECKS, time::CHECKS, controls::CHECKS];
    let retried = |plain: &Plain<Context>| {
        let run = plain.3;
        Check {
            run: Box::new(move |context: &mut Context| retry(context, run)),
            ..Check::from(plain)
        }
    };
    let plain = plain.into_iter().flatten().map(retried);
    let others = [
        (Kind::Faults, faults::CHECKS),
        (Kind::Interrupts, interrupts::CHECKS),
    ];
    let others = others.into_iter().flat_map(|(kind, others)| {
        let checks = others.iter().map(retried);
        checks.map(move |check| Check { kind, ..check })
    });
    plain.chain(matrix::checks()).chain(others).collect()
}

/// Its cards; only the one that is `given` by id or index, if there is one given.
///
/// # Errors
/// If one can't be opened.
fn cards(given: Option<&str>) -> Result<Vec<Card>, Error> {
    let mut cards = find::of_driver(DRIVER)?;
    cards.retain(|card| given.is_none_or(|given| card.is_named(given)));
    Ok(cards)
}

/// The checks, for one of its cards: each is as good as the other.
fn verify(options: &options::Verify) -> Result<Option<Suites>, Error> {
    let first = cards(options.card.as_deref())?.into_iter().next();
    if first.is_some() && options.kind() == Kind::Interrupts {
        drop(Tracer::new(false).map_err(Error::NoTracer)?);
    }
    Ok(first.map(|card| vec![suite(card)]))
}

/// What its cards are doing, if there are any.
fn status(options: &options::Status) -> Result<Option<Status>, Error> {
    let cards = cards(options.card.as_deref())?;
    let all = cards.iter().map(status::of).collect();
    Ok((!cards.is_empty()).then_some(all))
}

/// The checks, for this card.
fn suite(card: Card) -> Box<dyn Tests<Error>> {
    Box::new(Suite {
        driver: DRIVER,
        thing: Thing {
            key: DRIVER,
            line: format!("{}: [{}], {DRIVER}", card.shown(), card.name),
            value: serde_json::json!(card),
        },
        checks: checks(),
        open: Box::new(|_| {
            Ok(Context {
                card,
                notes: Vec::new(),
                scale: 1,
            })
        }),
    })
}

fn capture_only(context: &mut Context) -> Verdict {
    let index = context.card.index;
    let ctl = Ctl::new(&format!("hw:{index}"), true).map_err(error("control device"))?;
    let capture = ctl.pcm_info(0, 0, Direction::Capture);
    let count = capture.map_err(error("capture"))?.get_subdevices_count();
    let playback = ctl.pcm_info(0, 0, Direction::Playback);
    ensure(playback.is_err(), || "it has a playback stream".to_owned())?;
    context.note(format!("{count} capture subdevices"));
    Ok(())
}
