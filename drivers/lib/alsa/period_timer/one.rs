// SPDX-License-Identifier: GPL-2.0-only

//! The period timer of a stream that has one for itself.

use kernel::prelude::*;
use kernel::sync::Arc;

use super::{Handler, PeriodTimers};
use crate::lib::kernel::lock::{Guard, IrqSpinLock};
use crate::lib::kernel::time::now;
use crate::lib::model::stream::{Timed, Wake};

/// The handler of a stream whose state is a value behind one lock.
impl<T: Timed + Send> Handler for IrqSpinLock<T> {
    type State = T;
    type Wakes = ();

    fn lock(&self) -> Guard<'_, T> {
        IrqSpinLock::lock(self)
    }

    fn expired(&self, state: &mut T, _: usize, now: u64) -> (Wake, ()) {
        (state.wake(now), ())
    }

    fn rearm(state: &mut T, number: usize, timers: &PeriodTimers<Self>) {
        if let Some(when) = state.next_wakeup() {
            timers.timer(number).arm(when);
        }
    }
}

impl<T: Timed + Send> PeriodTimers<IrqSpinLock<T>> {
    /// Makes one timer, whose handler is `state` behind a lock. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn one(state: T) -> Result<Arc<Self>> {
        Arc::pin_init(Self::new(1, 0, IrqSpinLock::new(state)), GFP_KERNEL)
    }

    /// Changes the state by `change`, which gets the time (ns, `CLOCK_MONOTONIC`), and sets the one
    /// timer anew. Returns what `change` does. Any context.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut T, u64) -> R) -> R {
        // Under the lock, so that whoever changes more meanwhile has the last word.
        let mut state = self.handler.lock();
        let result = change(&mut state, now());
        match state.next_wakeup() {
            Some(when) => self.timer(0).arm(when),
            None => self.timer(0).disarm(),
        }
        result
    }
}
