// SPDX-License-Identifier: GPL-2.0-only

//! Gates, through which users get at something until it is taken away.

use super::atomic::{Acquire, Atomic, Relaxed, Release};

/// Added to [`Gate::users`] when the gate is closed.
const CLOSED: i32 = i32::MIN / 2;

/// A gate: open at first, closed for good by [`Gate::close`].
///
/// The thing behind it may be used under a [`Pass`], and taken away after `close`: no pass that was
/// got overlaps with what follows `close`.
///
/// # Invariants
///
/// `users` is the number of callers of [`Gate::enter`] that have not left, successful or not, and
/// [`CLOSED`] more once the gate is closed.
pub(crate) struct Gate {
    users: Atomic<i32>,
}

/// A pass: its holder uses what lies behind the gate, until it is dropped.
pub(crate) struct Pass<'a>(&'a Gate);

impl Gate {
    /// Makes an open gate. Any context.
    pub(crate) fn new() -> Self {
        Self {
            users: Atomic::new(0),
        }
    }

    /// Begins a use; `None` if the gate is closed. Never waits. Any context.
    pub(crate) fn enter(&self) -> Option<Pass<'_>> {
        // Relaxed: the sum and its old value are one atomic step. If it comes before that of
        // `close`, `close` waits for this pass; if not, this sees it.
        let users = self.users.fetch_add(1, Relaxed);
        let pass = Pass(self);
        (users >= 0).then_some(pass)
    }

    /// Closes the gate: after this nobody is using what lies behind it, and nobody will.
    ///
    /// Calls `wait` again and again until those who have entered before have left; sleeps if that
    /// does. To be called once.
    pub(crate) fn close(&self, mut wait: impl FnMut()) {
        // Relaxed: see `enter`.
        self.users.fetch_add(CLOSED, Relaxed);
        // Acquire, for the Release of whoever leaves: all that they did is done.
        while self.users.load(Acquire) != CLOSED {
            wait();
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.0.users.fetch_add(-1, Release);
    }
}
