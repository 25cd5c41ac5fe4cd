// SPDX-License-Identifier: GPL-2.0-only

//! `timer_source`: listening to the clock that a card's cables are to follow.
//!
//! A timer is listened to while an end of the cable is open. Opening and closing one sleeps, so that
//! happens where programs open and close streams, where the setting is written, and once a second
//! meanwhile: then a timer that was not there yet is looked for, and one that has gone is let go. The
//! tick itself takes the cable's lock, and no other (see [`model::follow`]).
//!
//! Lock order: what ALSA holds when it opens a stream, [`Master::held`], ALSA's timer locks. A tick
//! comes with the master's stream locked, and takes the cable's lock, which is a leaf.

use kernel::c_str;
use kernel::new_mutex;
use kernel::prelude::*;
use kernel::str::CString;
use kernel::sync::{Arc, Mutex};

use crate::ends::Ends;
use crate::lib::alsa::timer::{card_by_id, card_is_there, Timer, TimerId};
use crate::lib::kernel::time::now;
use crate::lib::kernel::time::JIFFY;
use crate::lib::kernel::work::{DelayedWork, Work};
use crate::model::source::{Owner, Source, SourceText};

/// How often a timer is looked after, in milliseconds.
const LOOK: u32 = 1_000;
/// How often one is tried that its card, or the kernel, does not have. ALSA tries to load a module each time.
const RETRY: u32 = 60_000;

/// What a cable listens to.
#[pin_data]
pub(crate) struct Master {
    ends: Arc<Ends>,
    /// The number of the card that the cable is on.
    card: u32,
    #[pin]
    held: Mutex<Held>,
}

struct Held {
    source: SourceText,
    /// Open ends of the cable.
    users: u32,
    timer: Option<Timer<Ends>>,
    /// When a timer was last tried that was not there though its card was, in nanoseconds.
    tried: Option<u64>,
    /// Whether it has been said that the timer is missing: once, for any user can have it come and go.
    said: bool,
}

impl Master {
    /// Makes what listens for a cable of the card with the number `card`.
    pub(crate) fn new(
        ends: Arc<Ends>,
        card: u32,
        source: SourceText,
    ) -> impl PinInit<DelayedWork<Self>, Error> {
        DelayedWork::new(try_pin_init!(Self {
            ends,
            card,
            held <- new_mutex!(Held {
                source,
                users: 0,
                timer: None,
                tried: None,
                said: false,
            }),
        }? Error))
    }

    /// What the cable goes by.
    pub(crate) fn source(&self) -> SourceText {
        self.held.lock().source
    }

    /// Looks after the timer. Returns when to look again, in milliseconds.
    fn look(&self, held: &mut Held) -> Option<u32> {
        let Source::Timer(_) = held.source.source() else {
            return None;
        };
        if held
            .timer
            .as_ref()
            .is_some_and(|timer| timer.listen().is_err())
        {
            held.timer = None;
        }
        if held.users == 0 || held.timer.is_some() {
            return (held.users > 0).then_some(LOOK);
        }
        let Some(id) = find(&held.source) else {
            return Some(LOOK);
        };
        if id.card == Some(self.card) {
            return None;
        }
        let tried = held.tried.map(|then| now().saturating_sub(then));
        if tried.is_some_and(|ago| ago < u64::from(RETRY) * 1_000_000) {
            return Some(RETRY);
        }
        self.ends.lock().listen();
        match Timer::open(c_str!("snd-rloop"), id, self.ends.clone()) {
            Ok(timer) => held.timer = Some(timer),
            Err(_) if id.is_user_driven() => {}
            Err(_) => {
                held.tried = Some(now());
                return Some(RETRY);
            }
        }
        Some(LOOK)
    }
}

impl Work for Master {
    fn run(&self, work: &DelayedWork<Self>) {
        let mut held = self.held.lock();
        if let Some(ms) = self.look(&mut held) {
            work.schedule(ms);
        }
    }
}

impl DelayedWork<Master> {
    /// A program opens an end of the cable.
    pub(crate) fn open(&self) {
        let mut held = self.work().held.lock();
        held.users += 1;
        let ms = self.work().look(&mut held);
        if held.timer.is_none() && ms.is_some() && !held.said {
            held.said = true;
            pr_info!(
                "card {}: timer {} is not there, the cable goes by its own clock until it is\n",
                self.work().card,
                format_args!("{}", held.source)
            );
        }
        if let Some(ms) = ms {
            self.schedule(ms);
        }
    }

    /// A program closes an end of the cable.
    pub(crate) fn close(&self) {
        let mut held = self.work().held.lock();
        held.users = held.users.saturating_sub(1);
        if held.users == 0 {
            held.timer = None;
        }
    }

    /// Listens to another timer from now on.
    pub(crate) fn set_source(&self, source: SourceText) {
        let master = self.work();
        let mut held = master.held.lock();
        held.timer = None;
        (held.tried, held.said) = (None, false);
        held.source = source;
        master
            .ends
            .change(|state, now| state.set_source(source.source().step(JIFFY), now));
        if let Some(ms) = master.look(&mut held) {
            self.schedule(ms);
        }
    }
}

/// The timer that a source means; `None` if it is none, or its card is not there.
fn find(source: &SourceText) -> Option<TimerId> {
    let Source::Timer(address) = source.source() else {
        return None;
    };
    let card = match address.owner {
        Owner::Global => None,
        Owner::Number(number) => Some(number).filter(|number| card_is_there(*number)),
        Owner::Id(id) => card_by_id(&CString::try_from_fmt(fmt!("{}", id)).ok()?),
    };
    (card.is_some() || address.owner == Owner::Global).then_some(TimerId {
        card,
        device: address.device,
        subdevice: address.subdevice,
    })
}

/// Whether `source` is a timer of the card with this number itself.
pub(crate) fn is_own(source: &SourceText, card: u32) -> bool {
    find(source).is_some_and(|id| id.card == Some(card))
}
