// SPDX-License-Identifier: GPL-2.0-only

//! Masters (`timer_source`): listening to the sound timer that a card's cables are to follow.
//!
//! A timer is listened to while an end of the cable is open. Opening and closing one sleeps, so
//! that happens where programs open and close streams, where the setting is written, and once a
//! second meanwhile: then a timer that was not there yet is looked for, and one that has gone is
//! let go. The tick itself takes the cable's lock, and no other.
//!
//! Lock order, beside that in [`shared_cable`](crate::shared_cable):
//! 1. what ALSA holds when it opens or closes a stream;
//! 2. [`Master::listening`];
//! 3. ALSA's locks of timers.
//!
//! A tick comes with the stream of the master locked, which is another card's, and takes the
//! cable's lock.

use kernel::c_str;
use kernel::new_mutex;
use kernel::prelude::*;
use kernel::str::CString;
use kernel::sync::{Arc, Mutex};

use crate::lib::alsa::timer::{card_by_id, card_is_there, Timer, TimerId};
use crate::lib::kernel::time::now;
use crate::lib::kernel::time::JIFFY;
use crate::lib::kernel::work::{DelayedWork, Work};
use crate::model::source::{Owner, Source, SourceText};
use crate::shared_cable::SharedCable;

/// The time from one check of a timer to the next, in milliseconds.
const CHECK_MS: u32 = 1_000;
/// The time after which a timer is tried again that its card, or the kernel, does not have, in
/// milliseconds. ALSA tries to load a module each time.
const RETRY_MS: u32 = 60_000;

/// The master of a cable: the timer that it listens to, as long as there is one.
#[pin_data]
pub(crate) struct Master {
    shared: Arc<SharedCable>,
    /// The number of the card that the cable is on.
    card: u32,
    #[pin]
    listening: Mutex<Listening>,
}

/// The state of a master: the timer that is listened to, and for whom.
struct Listening {
    /// The source of the cable's clock, as it was written.
    source: SourceText,
    /// The number of open ends of the cable.
    users: u32,
    /// The timer, while it is listened to.
    timer: Option<Timer<SharedCable>>,
    /// The time at which a timer was last tried that was not there though its card was (ns,
    /// `CLOCK_MONOTONIC`).
    tried: Option<u64>,
    /// Whether it has been logged that the timer is missing: once, for any user can have it come
    /// and go.
    logged: bool,
}

impl Master {
    /// Makes the master of a cable of the card with the number `card`. May sleep.
    pub(crate) fn new(
        shared: Arc<SharedCable>,
        card: u32,
        source: SourceText,
    ) -> impl PinInit<DelayedWork<Self>, Error> {
        DelayedWork::new(try_pin_init!(Self {
            shared,
            card,
            listening <- new_mutex!(Listening {
                source,
                users: 0,
                timer: None,
                tried: None,
                logged: false,
            }),
        }? Error))
    }

    /// The source of the cable's clock. May sleep.
    pub(crate) fn source(&self) -> SourceText {
        self.listening.lock().source
    }

    /// Checks the timer: lets one go that is gone, and opens one that is there. Returns after how
    /// many milliseconds to check again. May sleep, and load a module.
    fn check_timer(&self, listening: &mut Listening) -> Option<u32> {
        let Source::Timer(_) = listening.source.source() else {
            return None;
        };
        if listening
            .timer
            .as_ref()
            .is_some_and(|timer| timer.listen().is_err())
        {
            listening.timer = None;
        }
        if listening.users == 0 || listening.timer.is_some() {
            return (listening.users > 0).then_some(CHECK_MS);
        }
        let Some(id) = find(&listening.source) else {
            return Some(CHECK_MS);
        };
        if id.card == Some(self.card) {
            return None;
        }
        let tried = listening.tried.map(|then| now().saturating_sub(then));
        if tried.is_some_and(|ago| ago < u64::from(RETRY_MS) * 1_000_000) {
            return Some(RETRY_MS);
        }
        self.shared.lock().listen();
        match Timer::open(c_str!("snd-rloop"), id, self.shared.clone()) {
            Ok(timer) => listening.timer = Some(timer),
            Err(_) if id.is_user_driven() => {}
            Err(_) => {
                listening.tried = Some(now());
                return Some(RETRY_MS);
            }
        }
        Some(CHECK_MS)
    }
}

impl Work for Master {
    fn run(&self, work: &DelayedWork<Self>) {
        let mut listening = self.listening.lock();
        if let Some(ms) = self.check_timer(&mut listening) {
            work.schedule(ms);
        }
    }
}

impl DelayedWork<Master> {
    /// Notes that a program opens an end of the cable. May sleep.
    pub(crate) fn open(&self) {
        let mut listening = self.work().listening.lock();
        listening.users += 1;
        let ms = self.work().check_timer(&mut listening);
        if listening.timer.is_none() && ms.is_some() && !listening.logged {
            listening.logged = true;
            pr_info!(
                "card {}: timer {} is not there, the cable goes by its own clock until it is\n",
                self.work().card,
                format_args!("{}", listening.source)
            );
        }
        if let Some(ms) = ms {
            self.schedule(ms);
        }
    }

    /// Notes that a program closes an end of the cable. May sleep.
    pub(crate) fn close(&self) {
        let mut listening = self.work().listening.lock();
        listening.users = listening.users.saturating_sub(1);
        if listening.users == 0 {
            listening.timer = None;
        }
    }

    /// Sets the source of the cable's clock from now on. May sleep.
    pub(crate) fn set_source(&self, source: SourceText) {
        let master = self.work();
        let mut listening = master.listening.lock();
        listening.timer = None;
        (listening.tried, listening.logged) = (None, false);
        listening.source = source;
        master
            .shared
            .change(|state, now| state.set_source(source.source().step(JIFFY), now));
        if let Some(ms) = master.check_timer(&mut listening) {
            self.schedule(ms);
        }
    }
}

/// The timer that a source means; `None` if it is none, or its card is not there. May sleep.
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

/// Whether `source` is a timer of the card with this number itself. May sleep.
pub(crate) fn is_own(source: &SourceText, card: u32) -> bool {
    find(source).is_some_and(|id| id.card == Some(card))
}
