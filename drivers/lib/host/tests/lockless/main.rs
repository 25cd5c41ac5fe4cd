// SPDX-License-Identifier: GPL-2.0-only

//! The files of `kernel/lockless`, in every order in which the steps of their users can happen, by
//! loom.
//!
//! The models prove themselves: with an ordering weaker than the file asks for they have to fail.

#![cfg(not(miri))]

mod atomic;

#[path = "../../../kernel/lockless/alarm.rs"]
mod alarm;
#[path = "../../../kernel/lockless/allowance.rs"]
mod allowance;
#[path = "../../../kernel/lockless/ends.rs"]
mod ends;
#[path = "../../../kernel/lockless/gate.rs"]
mod gate;

mod alarm_model;
mod allowance_model;
mod ends_model;
mod gate_model;
mod schedule;

use loom::sync::atomic::Ordering;

/// Runs `model` in every order of its threads' steps in which a thread is interrupted by another at
/// most three times.
fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut all = loom::model::Builder::new();
    all.preemption_bound = Some(3);
    all.check(model);
}

/// Runs `model` with all steps of the ordering `ordering` relaxed, and wants it to fail.
#[track_caller]
fn needs(ordering: Ordering, model: fn()) {
    atomic::relax(Some(ordering));
    let result = std::panic::catch_unwind(|| check(model));
    atomic::relax(None);
    assert!(result.is_err(), "passes without {ordering:?}");
}
