// SPDX-License-Identifier: GPL-2.0-only

//! Streams that share a timer (`alsa::period_timer::PeriodTimers`): its callback uses no stream that
//! was closed, no check that was requested is forgotten, and whoever waits has a timer.

use loom::cell::UnsafeCell;
use loom::sync::atomic::Ordering;
use loom::sync::{Arc, Mutex, MutexGuard};
use loom::thread::{self, JoinHandle};

use super::alarm::{Alarm, Hrtimer, Schedule};
use super::{check, needs};

/// The kernel's state of a timer under its base's lock.
#[derive(Default)]
struct Base {
    queued: bool,
    running: bool,
}

/// As the kernel's: one that runs is armed again, but not cancelled, and never runs twice at once.
struct Timer {
    base: Mutex<Base>,
    expires: std::sync::atomic::AtomicI64,
    /// Whoever uses `expires` uses this as well: with the base's lock held, or in the callback where
    /// the timer is not queued.
    used: UnsafeCell<()>,
}

impl Timer {
    fn new() -> Self {
        Self {
            base: Mutex::default(),
            expires: 0.into(),
            used: UnsafeCell::new(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Base> {
        self.base.lock().expect("the timer's lock")
    }

    fn set(&self, when: i64) {
        self.used.with_mut(|_| ());
        self.expires.store(when, Ordering::Relaxed);
    }

    /// The time that it is armed for, if it is.
    fn armed(&self) -> Option<i64> {
        let base = self.lock();
        self.used.with(|_| ());
        base.queued.then(|| self.expires.load(Ordering::Relaxed))
    }

    /// The interrupt: runs the callback if the timer is armed, whenever that is.
    fn interrupt(&self, callback: impl FnOnce() -> bool) {
        {
            let mut base = self.lock();
            if !base.queued {
                return;
            }
            *base = Base {
                queued: false,
                running: true,
            };
        }
        let restart = callback();
        let mut base = self.lock();
        base.queued |= restart;
        base.running = false;
    }
}

impl Hrtimer for Timer {
    fn start(&self, when: i64, _slack: u64) {
        let mut base = self.lock();
        self.set(when);
        base.queued = true;
    }

    fn restart(&self, when: i64, slack: u64) -> bool {
        let queued = self.lock().queued;
        if queued {
            self.start(when, slack);
        } else {
            self.set(when);
        }
        !queued
    }

    fn try_to_cancel(&self) -> bool {
        let mut base = self.lock();
        base.queued &= base.running;
        !base.running
    }
}

/// The state of a cable.
#[derive(Default)]
struct State {
    /// Whether the callback has found that ALSA drains the stream.
    draining: bool,
    /// Whether the callback has served the stream's alarm after that.
    woken: bool,
}

/// A cable with two ends, and the stream that ALSA has at the first, to drain it.
struct Cable {
    timer: Timer,
    alarms: [Alarm; 2],
    schedule: Schedule,
    /// Under which all arm and disarm.
    lock: Mutex<State>,
    /// ALSA's, for whatever starts and stops the stream.
    stream_lock: Mutex<u32>,
    /// Written where it is opened and closed, read by the callback.
    stream: UnsafeCell<()>,
    /// Whether somebody waits for a later wake-up.
    goes_on: bool,
}

impl Cable {
    fn new(goes_on: bool) -> Arc<Self> {
        Arc::new(Self {
            timer: Timer::new(),
            alarms: [Alarm::new(), Alarm::new()],
            schedule: Schedule::new(0),
            lock: Mutex::default(),
            stream_lock: Mutex::new(0),
            stream: UnsafeCell::new(()),
            goes_on,
        })
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.lock.lock().expect("the cable's lock")
    }

    /// With the cable locked, as `disarm`.
    fn arm(&self, number: usize, when: u64) {
        let alarm = &self.alarms[number];
        self.schedule
            .arm(&self.timer, self.alarms.iter(), alarm, when);
    }

    fn disarm(&self, number: usize) {
        let alarm = &self.alarms[number];
        self.schedule.disarm(&self.timer, self.alarms.iter(), alarm);
    }

    fn open(&self) {
        self.stream.with_mut(|_| ());
        self.alarms[0].attach(1);
    }

    fn close(&self) {
        self.alarms[0].detach();
        self.cancel();
        self.stream.with_mut(|_| ());
    }

    /// As `PeriodTimer::cancel`.
    fn cancel(&self) {
        loop {
            {
                let (_cable, alarm) = (self.locked(), &self.alarms[0]);
                let alarms = self.alarms.iter();
                if self.schedule.try_to_cancel(&self.timer, alarms, alarm) {
                    return;
                }
            }
            thread::yield_now();
        }
    }

    /// A player starts.
    fn start(&self) {
        let _stream = self.stream_lock.lock().expect("the stream's lock");
        let _cable = self.locked();
        self.schedule
            .request_check(&self.timer, self.alarms.iter(), &self.alarms[0]);
    }

    /// How often the callback has checked the stream.
    fn checked(&self) -> u32 {
        *self.stream_lock.lock().expect("the stream's lock")
    }

    /// As `PeriodTimers::callback`, at the time 100. Returns whether it restarts the timer.
    fn callback(&self) -> bool {
        if self.alarms[0].check_requested() && self.alarms[0].stream().is_some() {
            let mut checked = self.stream_lock.lock().expect("the stream's lock");
            *checked += 1;
            self.locked().draining = true;
            self.alarms[0].end_check();
        }
        let served = {
            let mut cable = self.locked();
            self.schedule.begin();
            let served = [0, 1].map(|number| self.alarms[number].take(100));
            cable.woken |= served[0] && cable.draining;
            served
        };
        if served[0] && self.alarms[0].stream().is_some() {
            self.stream.with(|_| ());
        }
        let _cable = self.locked();
        if served[0] && self.goes_on {
            self.arm(0, 200);
        }
        self.schedule.end(&self.timer, self.alarms.iter(), 0)
    }
}

/// The processor that takes the timer's interrupts, of which so many are modelled.
fn interrupts(cable: &Arc<Cable>, count: usize) -> JoinHandle<()> {
    let cable = Arc::clone(cable);
    thread::spawn(move || {
        for _ in 0..count {
            cable.timer.interrupt(|| cable.callback());
        }
    })
}

/// The program at the other end of the cable, which may change when one has to wake.
fn other(cable: &Arc<Cable>, does: fn(&Cable)) -> JoinHandle<()> {
    let cable = Arc::clone(cable);
    thread::spawn(move || {
        let _cable = cable.locked();
        does(&cable);
    })
}

/// A stream is opened and closed, while the other end arms its timer.
fn closed_while_armed() {
    let cable = Cable::new(true);
    let threads = [
        interrupts(&cable, 2),
        other(&cable, |cable| cable.arm(0, 100)),
    ];
    cable.open();
    cable.close();
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
fn started_while(does: fn(&Cable), goes_on: bool) {
    let cable = Cable::new(goes_on);
    cable.open();
    let threads = [interrupts(&cable, 2), other(&cable, does)];
    cable.start();
    for thread in threads {
        thread.join().expect("a thread failed");
    }
    let armed = cable.timer.armed();
    assert!(
        cable.checked() == 1 || armed == Some(0),
        "checked {} times, and armed for {armed:?}",
        cable.checked()
    );
}

fn arm_both(cable: &Cable) {
    cable.arm(0, 100);
    cable.arm(1, 300);
}

#[test]
fn no_check_is_put_off() {
    check(|| started_while(|cable| cable.arm(0, 100), true));
    check(|| started_while(|cable| cable.arm(0, 100), false));
    check(|| started_while(arm_both, false));
}

#[test]
fn no_check_is_given_up() {
    check(|| started_while(|cable| cable.disarm(0), true));
    check(|| started_while(|cable| cable.disarm(0), false));
}

#[test]
fn who_drains_is_woken() {
    check(|| {
        let cable = Cable::new(false);
        cable.open();
        let interrupts = interrupts(&cable, 1);
        cable.start();
        {
            // The other end wakes up: only a drain needs a timer.
            let state = cable.locked();
            match state.draining {
                true => cable.arm(0, 150),
                false => cable.disarm(0),
            }
        }
        interrupts.join().expect("a thread failed");
        let woken = cable.locked().woken;
        let armed = cable.timer.armed();
        assert!(woken || armed.is_some_and(|when| when <= 150), "{armed:?}");
    });
}

#[test]
fn when_the_stream_is_set_up_again_nothing_is_checked() {
    check(|| {
        let cable = Cable::new(true);
        cable.open();
        let thread = interrupts(&cable, 1);
        cable.start();
        cable.cancel();
        assert!(!cable.alarms[0].check_requested());
        thread.join().expect("a thread failed");
    });
}

/// What happens at the one end while the other waits for the time 300.
fn other_waits_while(does: fn(&Cable)) {
    let cable = Cable::new(false);
    cable.open();
    {
        let _cable = cable.locked();
        cable.arm(0, 50);
    }
    let threads = [
        interrupts(&cable, 1),
        other(&cable, |cable| cable.arm(1, 300)),
    ];
    does(&cable);
    for thread in threads {
        thread.join().expect("a thread failed");
    }
    let armed = cable.timer.armed();
    assert!(armed.is_some_and(|when| when <= 300), "{armed:?}");
}

#[test]
fn who_waits_has_a_timer_whatever_happens_to_the_other_end() {
    check(|| other_waits_while(Cable::close));
    check(|| other_waits_while(Cable::start));
    check(|| {
        other_waits_while(|cable| {
            let _cable = cable.locked();
            cable.disarm(0);
        });
    });
}

#[test]
fn who_waits_has_a_timer_all_the_time() {
    check(|| {
        let cable = Cable::new(false);
        cable.open();
        {
            let _cable = cable.locked();
            cable.arm(0, 50);
            cable.arm(1, 300);
        }
        let threads = [
            interrupts(&cable, 1),
            other(&cable, |cable| {
                let base = cable.timer.lock();
                assert!(base.queued || base.running);
            }),
        ];
        cable.close();
        for thread in threads {
            thread.join().expect("a thread failed");
        }
    });
}

#[test]
fn a_timer_that_nobody_waits_for_is_disarmed() {
    check(|| {
        let cable = Cable::new(false);
        let _cable = cable.locked();
        cable.arm(0, 50);
        cable.arm(1, 300);
        assert_eq!(cable.timer.armed(), Some(50));
        cable.disarm(0);
        assert_eq!(cable.timer.armed(), Some(300));
        cable.disarm(1);
        assert_eq!(cable.timer.armed(), None);
    });
}

#[test]
fn who_is_armed_for_the_same_time_again_looks_at_no_other() {
    check(|| {
        let cable = Cable::new(false);
        let _cable = cable.locked();
        cable.arm(0, 50);
        let alarms = std::iter::from_fn(|| panic!("others are looked at"));
        cable
            .schedule
            .arm(&cable.timer, alarms, &cable.alarms[0], 50);
        assert_eq!(cable.timer.armed(), Some(50));
    });
}
