// SPDX-License-Identifier: GPL-2.0-only

//! A buffer is lent through a gate (`alsa::buffer::Lease`): nobody uses it after it was freed.

use loom::cell::UnsafeCell;
use loom::sync::atomic::Ordering;
use loom::sync::Arc;
use loom::thread;

use super::gate::Gate;
use super::{check, needs};

/// A buffer: loom sees to it that nobody reads it while it is freed.
struct Lent {
    gate: Gate,
    buffer: UnsafeCell<()>,
}

impl Lent {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            gate: Gate::new(),
            buffer: UnsafeCell::new(()),
        })
    }

    /// As what copies: whether there was a buffer.
    fn copy(&self) -> bool {
        let Some(_pass) = self.gate.enter() else {
            return false;
        };
        self.buffer.with(|_| ());
        true
    }

    fn revoke_and_free(&self) {
        self.gate.close(thread::yield_now);
        self.buffer.with_mut(|_| ());
    }
}

/// One copies twice, and another once, while the buffer is freed.
fn freed_under_two_users() {
    let lent = Lent::new();
    let [first, second] = [2, 1].map(|copies| {
        let lent = Arc::clone(&lent);
        thread::spawn(move || {
            let had: Vec<bool> = (0..copies).map(|_| lent.copy()).collect();
            // What is gone does not come back.
            assert!(
                had.is_sorted_by(|earlier, later| earlier >= later),
                "{had:?}"
            );
        })
    });
    lent.revoke_and_free();
    assert!(!lent.copy(), "the gate was open after it was closed");
    first.join().and(second.join()).expect("a user failed");
}

#[test]
fn nobody_uses_a_buffer_that_was_freed() {
    check(freed_under_two_users);
}

#[test]
fn before_it_is_closed_everybody_gets_in() {
    check(|| {
        let lent = Lent::new();
        let other = Arc::clone(&lent);
        let user = thread::spawn(move || assert!(other.copy()));
        assert!(lent.copy());
        user.join().expect("a user failed");
        lent.revoke_and_free();
    });
}

#[test]
fn what_users_have_done_is_done_before_the_end() {
    needs(Ordering::Release, freed_under_two_users);
    needs(Ordering::Acquire, freed_under_two_users);
}
