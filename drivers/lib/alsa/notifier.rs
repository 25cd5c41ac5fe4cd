// SPDX-License-Identifier: GPL-2.0-only

//! Notifiers: work items that send events of a card's changes to user space.
//!
//! `snd_ctl_notify()` takes time for each program that has subscribed, of which there may be any
//! number, and where a change is noticed interrupts are often off: in a trigger those of a whole
//! group of linked streams.
//!
//! C headers: `include/sound/control.h`, `include/linux/workqueue.h`

use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Full};
use kernel::sync::Arc;

use crate::lib::alsa::card::{CardHold, CardRef, NewCard};
use crate::lib::kernel::work::{DelayedWork, Work};

/// The source of a notifier's events.
pub(crate) trait Notify: Send + Sync + 'static {
    /// Sends events of what has changed since it was last called. In a work item: may sleep.
    fn notify(&self, card: &CardRef<'_>);
}

/// A notifier: calls [`Notify::notify`] soon after a change. Clones are of one notifier.
pub(crate) struct Notifier<N: Notify>(Arc<DelayedWork<Pending<N>>>);

impl<N: Notify> Clone for Notifier<N> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// The work item of a [`Notifier`].
#[pin_data(PinnedDrop)]
struct Pending<N> {
    /// The address of a [`CardHold`] from when the work is asked for until it runs, else 0.
    card: Atomic<usize>,
    #[pin]
    what: N,
}

impl<N> Pending<N> {
    /// Takes the reference to the card, if the work has one. Any context.
    fn take(&self) -> Option<CardHold> {
        // SAFETY: What is not 0 comes from `into_address`; the exchange is atomic, so each address
        // is taken out, and therefore given back, once.
        unsafe { CardHold::from_address(self.card.xchg(0, Full)) }
    }
}

impl<N: Notify> Notifier<N> {
    /// Makes a notifier of a card's changes. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(card: &mut NewCard, what: impl PinInit<N, Error>) -> Result<Self> {
        let pending = try_pin_init!(Pending {
            card: Atomic::new(0),
            what <- what,
        }? Error);
        let work = Arc::pin_init(DelayedWork::new(pending), GFP_KERNEL)?;
        // The work may give up the last reference to the card, and then frees the card, with all
        // that has a clone of this. It must not wait for its own end there: this clone goes after
        // the card.
        card.keep(work.clone())?;
        Ok(Self(work))
    }

    /// The source of the events. Any context.
    pub(crate) fn what(&self) -> &N {
        &self.0.work().what
    }

    /// Notes that something may have changed: [`Notify::notify`] is called soon. Any context.
    pub(crate) fn changed(&self, card: &CardRef<'_>) {
        let hold = CardHold::new(card).into_address();
        // SAFETY: As in `take`. That reference is not the last: `card` is there.
        drop(unsafe { CardHold::from_address(self.0.work().card.xchg(hold, Full)) });
        self.0.schedule(0);
    }
}

impl<N: Notify> Work for Pending<N> {
    fn run(&self, _: &DelayedWork<Self>) {
        if let Some(hold) = self.take() {
            self.what.notify(&hold.card());
        }
    }
}

#[pinned_drop]
impl<N> PinnedDrop for Pending<N> {
    fn drop(self: Pin<&mut Self>) {
        // The reference of work that was cancelled before it ran.
        drop(self.take());
    }
}
