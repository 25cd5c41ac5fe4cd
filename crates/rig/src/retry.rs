// SPDX-License-Identifier: MIT OR Apache-2.0

//! Tries that may fail by the machine's fault, and are made again on a larger scale.

use crate::run::Context;
use crate::verdict::{Blame, Problem, Verdict};

/// The scales of the tries, in their order.
pub const SCALES: [u64; 4] = [1, 4, 16, 64];

/// What a check is given that may be tried again.
pub trait Retry: Context {
    /// What the scale is of, as notes name it.
    const SCALED: &'static str;

    /// The next try begins, on this scale.
    fn begin(&mut self, scale: u64);

    /// It has ended: the scale is 1 again.
    fn end(&mut self);

    /// What becomes of it if no try was better. The last has ended with `blame` and `text`.
    fn no_better(&mut self, blame: Blame, text: String) -> Problem;
}

/// Runs `attempt`, and runs it again on the next scale as long as it may have been the machine.
///
/// # Errors
/// That of the last try.
pub fn retry<C: Retry + ?Sized>(context: &mut C, attempt: impl Fn(&mut C) -> Verdict) -> Verdict {
    let mut last = (Blame::Machine, String::new());
    for (tries, scale) in (1..).zip(SCALES) {
        context.begin(scale);
        let verdict = attempt(context);
        context.end();
        match verdict {
            Err(Problem::Again(blame, text)) => last = (blame, text),
            other => {
                if tries > 1 {
                    let (what, why) = (C::SCALED, last.1);
                    context.note(format!(
                        "passed at try {tries} with {what} ×{scale} ({why})"
                    ));
                }
                return other;
            }
        }
    }
    Err(context.no_better(last.0, last.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::fail;

    #[derive(Default)]
    struct Tries {
        scale: u64,
        seen: Vec<u64>,
        notes: Vec<String>,
    }

    impl Retry for Tries {
        const SCALED: &'static str = "boxes";

        fn begin(&mut self, scale: u64) {
            self.scale = scale;
            self.seen.push(scale);
        }

        fn end(&mut self) {
            self.scale = 1;
        }

        fn no_better(&mut self, blame: Blame, text: String) -> Problem {
            Problem::Again(blame, text).at_last()
        }
    }

    impl Context for Tries {
        type Error = ();

        fn notes(&mut self) -> &mut Vec<String> {
            &mut self.notes
        }

        fn gone(&self, _: String) -> Option<()> {
            None
        }
    }

    fn again(blame: Blame) -> Verdict {
        Err(Problem::Again(blame, "late".to_owned()))
    }

    #[test]
    fn a_larger_scale_is_tried_until_one_is_enough() {
        let mut tries = Tries::default();
        let verdict = retry(&mut tries, |tries| match tries.scale {
            16 => Ok(()),
            _ => again(Blame::Either),
        });
        assert!(verdict.is_ok());
        assert_eq!((tries.scale, tries.seen), (1, vec![1, 4, 16]));
        assert_eq!(tries.notes, ["passed at try 3 with boxes ×16 (late)"]);
    }

    #[test]
    fn what_is_no_fault_of_the_machine_is_tried_once() {
        let mut tries = Tries::default();
        assert!(retry(&mut tries, |_| fail("wrong")).is_err());
        assert_eq!(tries.seen, [1]);
        assert_eq!(tries.notes, [""; 0]);
    }

    #[test]
    fn the_last_try_says_whose_fault_it_is() {
        let last = |blame| retry(&mut Tries::default(), |_| again(blame));
        assert!(matches!(last(Blame::Subject), Err(Problem::Failed(_))));
        assert!(matches!(last(Blame::Machine), Err(Problem::Skipped(_))));
    }
}
