// SPDX-License-Identifier: MIT OR Apache-2.0

//! snd-minivosc: a card that is recorded from, and nothing else.

use alsa::Direction;
use alsa::ctl::Ctl;
use rig::check::{Check, Plain};
use rig::report::Thing;
use rig::run::{self, Suite, Tests};
use rig::verdict::{Verdict, ensure};

use super::loopback::elements::error;
use crate::alsa::card::Card;
use crate::alsa::find;
use crate::error::Error;

/// The driver's name, as ALSA has it, too.
pub const DRIVER: &str = "snd-minivosc";

/// What a check is given.
pub struct Context {
    /// The card under test.
    card: Card,
    /// Figures worth reporting.
    notes: Vec<String>,
}

impl run::Context for Context {
    type Error = Error;

    fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
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
pub fn checks() -> Vec<Check<Context>> {
    CHECKS.iter().map(Check::from).collect()
}

/// Its cards; only the one that is `given` by id or index, if there is one given.
///
/// # Errors
/// If one can't be opened.
pub fn cards(given: Option<&str>) -> Result<Vec<Card>, Error> {
    let mut cards = find::of_driver(DRIVER)?;
    cards.retain(|card| given.is_none_or(|given| card.is_named(given)));
    Ok(cards)
}

/// The checks, for this card.
pub fn suite(card: Card) -> Box<dyn Tests<Error>> {
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
    context.notes.push(format!("{count} capture subdevices"));
    Ok(())
}
