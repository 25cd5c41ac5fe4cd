// SPDX-License-Identifier: GPL-2.0-only

//! A stream's timer (`alsa::period_timer::PeriodTimer`): its callback uses no stream that was
//! closed, and no check that was requested is forgotten.

use loom::cell::UnsafeCell;
use loom::sync::atomic::Ordering;
use loom::sync::{Arc, Mutex, MutexGuard};
use loom::thread::{self, JoinHandle};

use super::alarm::{Alarm, Hrtimer};
use super::{check, needs};

/// The kernel's state of a timer under its base's lock.
#[derive(Default)]
struct Base {
    armed: Option<i64>,
    running: bool,
}

/// As the kernel's: one that runs is armed again, but not cancelled, and never runs twice at once.
#[derive(Default)]
struct Timer(Mutex<Base>);

impl Timer {
    fn lock(&self) -> MutexGuard<'_, Base> {
        self.0.lock().expect("the timer's lock")
    }

    /// The interrupt: runs the callback if the timer is armed, whenever that is.
    fn interrupt(&self, callback: impl FnOnce()) {
        {
            let mut base = self.lock();
            if base.armed.take().is_none() {
                return;
            }
            base.running = true;
        }
        callback();
        self.lock().running = false;
    }
}

impl Hrtimer for Timer {
    fn start(&self, when: i64, _slack: u64) {
        self.lock().armed = Some(when);
    }

    fn try_to_cancel(&self) {
        let mut base = self.lock();
        if !base.running {
            base.armed = None;
        }
    }

    fn cancel_and_wait(&self) {
        loop {
            {
                let mut base = self.lock();
                if !base.running {
                    base.armed = None;
                    return;
                }
            }
            thread::yield_now();
        }
    }
}

/// An end of a cable, and the stream that ALSA has there.
struct End {
    timer: Timer,
    alarm: Alarm,
    /// Under which all arm and disarm.
    cable: Mutex<()>,
    /// ALSA's, for whatever starts and stops it.
    stream_lock: Mutex<u32>,
    /// Written where it is opened and closed, read by the callback.
    stream: UnsafeCell<()>,
    /// Whether somebody waits for a later wake-up.
    goes_on: bool,
}

impl End {
    fn new(goes_on: bool) -> Arc<Self> {
        Arc::new(Self {
            timer: Timer::default(),
            alarm: Alarm::new(),
            cable: Mutex::new(()),
            stream_lock: Mutex::new(0),
            stream: UnsafeCell::new(()),
            goes_on,
        })
    }

    fn locked(&self, arm: impl FnOnce(&Alarm, &Timer)) {
        let _cable = self.cable.lock().expect("the cable's lock");
        arm(&self.alarm, &self.timer);
    }

    fn open(&self) {
        self.stream.with_mut(|_| ());
        self.alarm.attach(1);
    }

    fn close(&self) {
        self.alarm.detach(&self.timer);
        self.stream.with_mut(|_| ());
    }

    /// A player starts.
    fn start(&self) {
        let _stream = self.stream_lock.lock().expect("the stream's lock");
        self.locked(|alarm, timer| alarm.request_check(timer));
    }

    /// How often the callback has checked the stream.
    fn checked(&self) -> u32 {
        *self.stream_lock.lock().expect("the stream's lock")
    }

    /// As `PeriodTimer::callback`.
    fn callback(&self) {
        let stream = self.alarm.stream();
        if stream.is_some() && self.alarm.check_requested() {
            let mut checked = self.stream_lock.lock().expect("the stream's lock");
            self.alarm.begin_check();
            *checked += 1;
        }
        if stream.is_some() {
            self.stream.with(|_| ());
        }
        if self.goes_on {
            self.locked(|alarm, timer| alarm.arm(timer, 200, 0));
        }
    }
}

/// The processor that takes the timer's interrupts, of which so many are modelled.
fn interrupts(end: &Arc<End>, count: usize) -> JoinHandle<()> {
    let end = Arc::clone(end);
    thread::spawn(move || {
        for _ in 0..count {
            end.timer.interrupt(|| end.callback());
        }
    })
}

/// The program at the other end of the cable, which may change when this one has to wake.
fn other(end: &Arc<End>, does: fn(&Alarm, &Timer)) -> JoinHandle<()> {
    let end = Arc::clone(end);
    thread::spawn(move || end.locked(does))
}

/// A stream is opened and closed, while the other end arms its timer.
fn closed_while_armed() {
    let end = End::new(true);
    let threads = [
        interrupts(&end, 2),
        other(&end, |alarm, timer| alarm.arm(timer, 100, 0)),
    ];
    end.open();
    end.close();
    for thread in threads {
        thread.join().expect("a thread failed");
    }
}

#[test]
fn the_callback_uses_no_stream_that_was_closed() {
    check(closed_while_armed);
}

#[test]
fn the_callback_finds_the_stream_as_it_was_attached() {
    needs(Ordering::Release, closed_while_armed);
    needs(Ordering::Acquire, closed_while_armed);
}

/// A player starts, while the other end arms its timer, or disarms it.
fn started_while(does: fn(&Alarm, &Timer), goes_on: bool) {
    let end = End::new(goes_on);
    end.open();
    let threads = [interrupts(&end, 2), other(&end, does)];
    end.start();
    for thread in threads {
        thread.join().expect("a thread failed");
    }
    let armed = end.timer.lock().armed;
    assert!(
        end.checked() == 1 || armed == Some(0),
        "checked {} times, and armed for {armed:?}",
        end.checked()
    );
}

#[test]
fn no_check_is_put_off() {
    check(|| started_while(|alarm, timer| alarm.arm(timer, 100, 0), true));
    check(|| started_while(|alarm, timer| alarm.arm(timer, 100, 0), false));
}

#[test]
fn no_check_is_given_up() {
    check(|| started_while(|alarm, timer| alarm.disarm(timer), true));
    check(|| started_while(|alarm, timer| alarm.disarm(timer), false));
}

#[test]
fn when_the_stream_is_set_up_again_nothing_is_checked() {
    check(|| {
        let end = End::new(true);
        end.open();
        let thread = interrupts(&end, 1);
        end.start();
        end.alarm.cancel(&end.timer);
        assert!(!end.alarm.check_requested());
        thread.join().expect("a thread failed");
    });
}
