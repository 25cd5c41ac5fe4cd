// SPDX-License-Identifier: GPL-2.0-only

//! Ring cursors: runs are the whole of what was asked for, in order, and never wrap; period ends;
//! distances between pointers that wrap.

mod properties;

use driver_model::ring::{distance, next_boundary, runs, Run};
use properties::cases;
use proptest::prelude::*;

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn runs_are_all_frames_in_order_and_never_wrap(
        source in prop_oneof![0..50u64, 0..1u64 << 60], source_size in 1..40u64,
        target in prop_oneof![0..50u64, 0..1u64 << 60], target_size in 1..40u64,
        frames in 0..200u64,
    ) {
        let all: Vec<Run> =
            runs(source, source_size, target, target_size, frames).collect();
        let mut done = 0;
        for (i, run) in all.iter().enumerate() {
            prop_assert!(run.frames > 0);
            prop_assert!(run.source + run.frames <= source_size);
            prop_assert!(run.target + run.frames <= target_size);
            prop_assert_eq!(run.source, (source + done) % source_size);
            prop_assert_eq!(run.target, (target + done) % target_size);
            done += run.frames;
            // As few as possible: each but the last ends where a ring does.
            prop_assert!(
                i + 1 == all.len()
                    || run.source + run.frames == source_size
                    || run.target + run.frames == target_size
            );
        }
        prop_assert_eq!(done, frames);
    }

    #[test]
    fn the_next_boundary_is_the_first_multiple_after(
        position in 0..1u64 << 60, period in prop_oneof![1..20u64, 1..1u64 << 40]
    ) {
        let next = next_boundary(position, period);
        prop_assert!(next > position && next - position <= period && next % period == 0);
    }

    #[test]
    fn the_distance_of_wrapped_pointers_is_that_of_the_unwrapped(
        from in 0..1u64 << 60,
        boundary in prop_oneof![1..20u64, Just(1 << 30), Just(1 << 62), Just((1 << 63) - 8)],
        step in any::<i64>(),
    ) {
        let half = i64::try_from(boundary / 2).unwrap();
        // Modulo `boundary`, half of it ahead and half of it behind are the same.
        let step = if half == 0 { 0 } else { step % (half + 1) };
        let step = if step == -half && boundary % 2 == 0 { half } else { step };
        let to = (i128::from(from) + i128::from(step)).rem_euclid(i128::from(boundary));
        let to = u64::try_from(to).unwrap();
        prop_assert_eq!(distance(from % boundary, to, boundary), step);
        prop_assert_eq!(distance(from, to, boundary), step);
    }

    #[test]
    fn nonsense_pointers_do_no_harm(from: u64, to: u64, boundary: u64) {
        let step = distance(from, to, boundary);
        prop_assert!(step.unsigned_abs() <= boundary / 2);
    }
}

#[test]
fn next_boundary_at_the_edges() {
    assert_eq!(next_boundary(0, 16), 16);
    assert_eq!(next_boundary(15, 16), 16);
    assert_eq!(next_boundary(16, 16), 32);
    assert_eq!(next_boundary(7, 1), 8);
}
