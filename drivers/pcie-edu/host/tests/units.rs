// SPDX-License-Identifier: GPL-2.0-only

//! Who may use the device when, against a device that does as QEMU's does.

use std::collections::VecDeque;

use pcie_edu_model::factorial::{Ended, Factorial};
use pcie_edu_model::unit::{Meaning, Refused, Unit};
use proptest::prelude::*;

#[path = "../../../lib/host/tests/properties/mod.rs"]
mod properties;

use properties::cases;

/// The part of the device that computes: its thread clears "computing" first, and interrupts later.
#[derive(Default)]
struct Device {
    computing: Option<u32>,
    result: u32,
    /// Interrupts that have not come yet.
    raised: u32,
    /// What was written while it was computing, which it ignores.
    ignored: u32,
}

impl Device {
    fn write(&mut self, number: u32) {
        match self.computing {
            Some(_) => self.ignored += 1,
            None => self.computing = Some(number),
        }
    }

    fn busy(&self) -> bool {
        self.computing.is_some()
    }

    /// It ends what it computes; the interrupt comes later.
    fn end(&mut self) {
        if let Some(number) = self.computing.take() {
            // In place of the factorial: another for each number.
            self.result = !number;
            self.raised += 1;
        }
    }
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Somebody wants this number computed.
    Ask,
    /// Whose number is being computed no longer waits.
    GiveUp,
    /// The device is done.
    End,
    /// An interrupt arrives. (Several that were raised may arrive as one.)
    Interrupt { together: bool },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Ask),
        1 => Just(Step::GiveUp),
        4 => Just(Step::End),
        4 => any::<bool>().prop_map(|together| Step::Interrupt { together }),
    ]
}

proptest! {
    #![proptest_config(cases(2000))]

    /// Whatever happens in whatever order: the device is never told what it ignores; each who waits gets the result of
    /// their own number; and when the device is done and has said so, it can be had, and nobody waits for it.
    #[test]
    fn each_gets_their_own(steps in prop::collection::vec(step(), 1..200), begun in any::<bool>()) {
        let mut device = Device::default();
        if begun {
            // By a driver before.
            device.write(u32::MAX);
        }
        let mut unit = Factorial::new(device.busy(), Vec::new());
        let mut next = 0;
        let mut waits = None;
        let mut all = VecDeque::from(steps);
        // At the end all is done, and said.
        all.extend([Step::End, Step::Interrupt { together: false }].repeat(3));
        for step in all {
            match step {
                Step::Ask => {
                    let was_busy = device.busy();
                    match unit.start(next, None, || device.busy()) {
                        Ok(()) => {
                            prop_assert_eq!(waits, None);
                            prop_assert!(!was_busy);
                            device.write(next);
                            waits = Some(next);
                            next += 1;
                        }
                        Err(refused) => {
                            prop_assert_eq!(refused, Refused::Busy);
                            prop_assert!(waits.is_some() || was_busy);
                        }
                    }
                }
                Step::GiveUp => {
                    let given_up = unit.give_up(|number| Some(*number) == waits);
                    prop_assert_eq!(given_up, waits.take());
                }
                Step::End => device.end(),
                Step::Interrupt { together } => {
                    if device.raised == 0 {
                        continue;
                    }
                    device.raised = match together {
                        true => 0,
                        false => device.raised - 1,
                    };
                    let before = waits;
                    match unit.interrupted(device.busy(), device.result) {
                        Ended::Job(number, result) => {
                            prop_assert_eq!(Some(number), waits.take());
                            prop_assert_eq!(result, !number);
                        }
                        Ended::Left => prop_assert_eq!(before, None),
                        Ended::Nothing => prop_assert!(before.is_none() || device.busy()),
                    }
                }
            }
            prop_assert_eq!(device.ignored, 0);
        }
        prop_assert_eq!(waits, None);
        prop_assert!(unit.is_free(|| device.busy()));
        prop_assert_eq!(unit.word(), "idle");
    }

    /// A unit that has gone is never had again, whatever is done with it.
    #[test]
    fn gone_is_gone(steps in prop::collection::vec(0..5_u8, 0..30)) {
        let mut unit = unit(false);
        unit.leave();
        for step in steps {
            match step {
                0 => prop_assert_eq!(unit.hold(None, || false), Err(Refused::Gone)),
                1 => prop_assert_eq!(unit.start(), Err(Refused::Gone)),
                2 => prop_assert_eq!(unit.interrupted(false), Meaning::Nothing),
                3 => prop_assert!(!unit.release()),
                _ => prop_assert!(!unit.leave()),
            }
            prop_assert!(!unit.is_free(|| false));
            prop_assert_eq!(unit.outcome(), Some(Err(Refused::Gone)));
        }
    }
}

/// A unit for which nobody waits.
fn unit(busy: bool) -> Unit<Vec<u64>> {
    Unit::new(busy, vec![0; 4])
}

#[test]
fn who_waits_has_it_before_who_does_not() {
    let mut unit = unit(false);
    let [first, second] = [unit.turns().come(), unit.turns().come()];
    for early in [None, second] {
        assert_eq!(unit.hold(early, || false), Err(Refused::Busy));
    }
    assert!(!unit.is_free(|| false));
    assert_eq!(unit.hold(first, || false), Ok(()));
    unit.start().unwrap();
    assert_eq!(unit.hold(second, || true), Err(Refused::Busy));
    assert_eq!(unit.interrupted(false), Meaning::Ended);
    assert!(!unit.release());
    // They have done their job, and may not be done with it.
    let again = unit.turns().come();
    assert_eq!(unit.hold(again, || false), Err(Refused::Busy));
    assert_eq!(unit.hold(second, || false), Ok(()));
    unit.release();
    // A signal.
    assert!(unit.turns().go(again.unwrap()));
    assert_eq!(unit.hold(None, || false), Ok(()));
}

#[test]
fn an_interrupt_of_the_job_before_is_no_end() {
    let mut unit = unit(false);
    unit.hold(None, || false).unwrap();
    unit.start().unwrap();
    // A signal; the device ends the job, and its interrupt is late.
    assert!(unit.release());
    assert_eq!(unit.hold(None, || true), Err(Refused::Busy));
    assert_eq!(unit.hold(None, || false), Ok(()));
    unit.start().unwrap();
    assert_eq!(unit.interrupted(true), Meaning::Nothing);
    assert_eq!(unit.outcome(), None);
    assert_eq!(unit.interrupted(false), Meaning::Ended);
    assert_eq!(unit.outcome(), Some(Ok(())));
    // Between two ways of a transfer nobody else gets it.
    assert_eq!(unit.hold(None, || false), Err(Refused::Busy));
    assert!(!unit.release());
    assert_eq!(
        unit.hold(None, || panic!("an idle unit asks nobody")),
        Ok(())
    );
}

#[test]
fn a_job_that_the_device_goes_with_has_not_ended_well() {
    let mut unit = unit(false);
    unit.hold(None, || false).unwrap();
    unit.start().unwrap();
    // Nobody waits for it any more, which is counted once.
    assert!(unit.leave() && !unit.leave() && unit.is_gone());
    assert!(!unit.release());
    assert_eq!(unit.outcome(), Some(Err(Refused::Gone)));
}

#[test]
fn a_job_that_was_begun_before_is_waited_for() {
    let mut unit = unit(true);
    assert_eq!(unit.hold(None, || true), Err(Refused::Busy));
    assert_eq!(unit.interrupted(true), Meaning::Nothing);
    assert_eq!(unit.interrupted(false), Meaning::Freed);
    assert_eq!(unit.word(), "idle");
}
