// SPDX-License-Identifier: GPL-2.0-only

//! Whatever is turned while frames run: the position neither jumps nor stands still, timers that go
//! off have something to do, and whoever waits has one that does, or is told by the other end.

use driver_model::layout::{Access, Layout};
use driver_model::plan::Plan;
use driver_model::stream::{Pointers, Setup, Wake};
use driver_model::ticks::Heard;
use proptest::prelude::*;
use snd_rloop_model::cable::{Cable, Effort, Touched};
use snd_rloop_model::end::{End, EndState, Port};
use Port::Playback;

use crate::memory::{Fake, NextWakeup as _, UNTOUCHED};
use crate::properties::cases;
use crate::rig::{index, variant, CAPTURE};

const MS: u64 = 1_000_000;
const RATE: u32 = 48_000;
/// The slowest pitch of the slowest master, and the fastest of the fastest, in frames per second.
const SPEED_MIN: f64 = 48_000.0 * 0.79 * 0.79;
const SPEED_MAX: f64 = 48_000.0 * 1.26 * 1.21;
/// Each of a period's ends is told once, and a drain now and then.
const WAKEUPS_PER_MS: u64 = 20;

#[derive(Clone, Debug)]
enum Op {
    Wait(u64),
    Pitch(u32),
    Step(u64),
    Listen,
    Ticks(u64, u64),
    Frames(u64, u32),
    Freeze(bool),
    Delay(u64),
    Drop(Plan),
    Double(Plan),
    Flip(Plan),
    Jitter(u64),
    Break(Port),
    Stop(Port),
    Pause(Port),
    Start(Port, u64),
    Prepare(Port),
    Drain,
    Look(Port),
    Close(Port),
    Free(bool),
    Notify(bool),
    Write(u64),
    Read(u64),
}

/// A plan for the next frames.
fn soon() -> impl Strategy<Value = Plan> {
    (0..10u64, 0..10u64).prop_map(|(skip, count)| match count {
        0 => Plan::None,
        count => Plan::Some { skip, count },
    })
}

fn by_seed() -> impl Strategy<Value = Plan> {
    any::<u32>().prop_map(|seed| Plan::Seeded {
        wrong: 1,
        of: 4,
        seed,
        number: 0,
    })
}

fn op() -> impl Strategy<Value = Op> {
    let port = || prop_oneof![Just(Playback), Just(CAPTURE)];
    prop_oneof![
        12 => (0..30 * MS).prop_map(Op::Wait),
        1 => (100 * MS..1_000 * MS).prop_map(Op::Wait),
        2 => (800_000..=1_250_000u32).prop_map(Op::Pitch),
        2 => prop_oneof![Just(1), Just(4 * MS), Just(10 * MS)].prop_map(Op::Step),
        1 => Just(Op::Listen),
        6 => (0..4u64, prop_oneof![Just(MS), Just(10 * MS), 0..20 * MS]).prop_map(|(n, r)| Op::Ticks(n, r)),
        3 => (0..2_000u64, prop_oneof![Just(RATE), Just(8_000), any::<u32>()]).prop_map(|(n, r)| Op::Frames(n, r)),
        2 => any::<bool>().prop_map(Op::Freeze),
        2 => prop_oneof![Just(0), 0..2_000u64].prop_map(Op::Delay),
        1 => prop_oneof![soon(), by_seed()].prop_map(Op::Drop),
        1 => soon().prop_map(Op::Double),
        1 => prop_oneof![soon(), by_seed()].prop_map(Op::Flip),
        1 => (0..2 * MS).prop_map(Op::Jitter),
        1 => port().prop_map(Op::Break),
        2 => port().prop_map(Op::Stop),
        1 => port().prop_map(Op::Pause),
        4 => (port(), prop_oneof![Just(0), 0..MS]).prop_map(|(p, t)| Op::Start(p, t)),
        4 => port().prop_map(Op::Prepare),
        2 => Just(Op::Drain),
        3 => port().prop_map(Op::Look),
        1 => port().prop_map(Op::Close),
        1 => any::<bool>().prop_map(Op::Free),
        1 => any::<bool>().prop_map(Op::Notify),
        4 => (0..300u64).prop_map(Op::Write),
        4 => (0..500u64).prop_map(Op::Read),
    ]
}

struct World {
    cable: Cable<Fake, Vec<End<Fake>>>,
    now: u64,
    /// Frames of the master.
    master: u64,
    fired: u64,
    memories: [Option<Fake>; 2],
    /// When the driver's timers go off.
    timers: [Option<u64>; 2],
    /// Frames have been doubled.
    doubled: bool,
}

impl World {
    fn new(free_running: bool, effort: Effort) -> Self {
        let mut world = Self {
            cable: Cable::new(vec![End::new()]),
            now: 1_000 * MS,
            master: 0,
            fired: 0,
            memories: [None, None],
            timers: [None, None],
            doubled: false,
        };
        world.cable.effort = effort;
        world.cable.set_free_running(free_running);
        for port in [Playback, CAPTURE] {
            world.cable.open(port);
            world.prepare(port);
            world.act(&Op::Start(port, 0));
        }
        world
    }

    /// Sets the timers, as the driver does.
    fn arm(&mut self, touched: Touched) {
        let timers = &mut self.timers;
        self.cable
            .timers(touched, |port, when| timers[index(port)] = when);
    }

    /// What the driver does with what may sleep: it first moves all that is due.
    fn change(&mut self, change: impl FnOnce(&mut Cable<Fake, Vec<End<Fake>>>, u64)) {
        while !self.cable.advance(self.now) {}
        change(&mut self.cable, self.now);
        self.cable.advance(self.now);
        self.arm(Touched::All);
    }

    /// Whoever waits has a timer that goes off in time.
    fn check(&self, op: &Op) {
        // Without a clock a timer that goes off sees to the other's.
        let now = self.timers.iter().flatten().any(|when| *when <= self.now);
        for port in [Playback, CAPTURE] {
            if self.cable.is_free_running() && now {
                break;
            }
            let (needed, armed) = (self.cable.next_wakeup(port), self.timers[index(port)]);
            // A master that goes a little faster makes timers a little late. So do faults: jitter,
            // and frames that arrive twice, by a period.
            let fault = self.cable.faults.jitter + if self.doubled { 4 * MS } else { 0 };
            let late = |needed: u64| needed + needed.saturating_sub(self.now) / 50 + fault;
            let in_time = match (needed, armed) {
                (None, _) => true,
                (Some(needed), armed) => {
                    armed.is_some_and(|armed| armed <= late(needed.max(self.now)))
                }
            };
            assert!(
                in_time,
                "{op:?}: {port:?} needs {needed:?}, has {armed:?}, at {}",
                self.now
            );
        }
        let could = self.cable.is_free_running() && self.cable.due(self.now) > 0;
        assert!(
            !could || now,
            "{op:?}: frames could move, and nobody is armed"
        );
    }

    fn prepare(&mut self, port: Port) {
        if self.cable.end(port).state == EndState::Closed {
            self.cable.open(port);
        }
        let params = variant(0, RATE, 1);
        let (period, buffer) = match port {
            Playback => (64, 256),
            Port::Capture(_) => (100, 400),
        };
        let layout = Layout {
            frames: buffer,
            channels: 1,
            sample: 1,
            plane: None,
        };
        let memory = Fake::new(layout, UNTOUCHED);
        let boundary = buffer << 32;
        memory.0.pointers.set(Pointers {
            hw: 0,
            appl: if port == Playback { buffer } else { 0 },
            boundary,
            stop_threshold: boundary,
        });
        let setup = Setup {
            period,
            buffer,
            wakeups: true,
            access: Access::RwInterleaved,
        };
        self.act(&Op::Stop(port));
        self.memories[index(port)] = Some(memory.clone());
        self.cable.prepare(port, params, setup, memory).unwrap();
        self.arm(Touched::All);
    }

    /// The program writes or reads.
    fn transfer(&mut self, port: Port, frames: u64) {
        let Some(memory) = &self.memories[index(port)] else {
            return;
        };
        let mut pointers = memory.0.pointers.get();
        let frames_of_buffer = memory.0.layout.frames;
        let most = match port {
            Playback => (pointers.hw + frames_of_buffer).saturating_sub(pointers.appl),
            Port::Capture(_) => pointers.hw.saturating_sub(pointers.appl),
        };
        pointers.appl += frames.min(most);
        memory.0.pointers.set(pointers);
        if self.cable.is_free_running() {
            self.cable.acknowledge(self.now);
            self.arm(Touched::Position(port));
        }
    }

    /// ALSA asks, and believes what it hears.
    fn look(&mut self, port: Port) {
        let at = self.cable.pointer(port, Some(self.now));
        self.arm(Touched::Position(port));
        if let Some(at) = at {
            if let Some(memory) = &self.memories[index(port)] {
                let mut pointers = memory.0.pointers.get();
                let frames = memory.0.layout.frames;
                let moved = (at + frames - pointers.hw % frames) % frames;
                pointers.hw += moved;
                memory.0.pointers.set(pointers);
            }
            let end = self.cable.end(port);
            if end.draining() && self.cable.next_wakeup(port).is_none() {
                self.act(&Op::Stop(port));
            }
        }
    }

    /// Whether the playback end moves with time.
    fn runs(&self) -> bool {
        let playback = self.cable.end(Playback);
        playback.state == EndState::Running
            && !self.cable.is_free_running()
            && !self.cable.faults.frozen()
    }

    /// Lets timers go off until `until`.
    fn pass(&mut self, until: u64) {
        let from = self.fired;
        // If no more is moved at a time, then with each frame.
        let frames = match self.cable.effort == Effort::default() {
            true => 0,
            false => 2_000 + (until - self.now) / MS * 2 * u64::from(RATE) / 1_000,
        };
        let most = 50 + (until - self.now) / MS * WAKEUPS_PER_MS + frames;
        while let Some((when, port)) = [Playback, CAPTURE]
            .into_iter()
            .filter_map(|port| Some((self.timers[index(port)]?, port)))
            .filter(|(when, _)| *when <= until)
            .min_by_key(|(when, _)| *when)
        {
            self.now = self.now.max(when);
            self.fired += 1;
            assert!(
                self.fired - from < most,
                "{port:?} is woken again and again"
            );
            self.timers[index(port)] = None;
            match self.cable.wake(port, self.now) {
                Wake::Period => self.look(port),
                Wake::Xrun | Wake::Stop => self.act(&Op::Stop(port)),
                Wake::Nothing | Wake::KeepDraining => {}
            }
            self.arm(Touched::Wakeup(port));
        }
        self.now = until;
    }

    fn act(&mut self, op: &Op) {
        let (cable, now) = (&mut self.cable, self.now);
        match *op {
            Op::Wait(time) => self.pass(now + time),
            Op::Pitch(pitch) => self.change(|cable, now| cable.set_pitch(pitch, now)),
            Op::Step(step) => self.change(|cable, now| cable.set_source(step, now)),
            Op::Listen => cable.listen(),
            Op::Ticks(count, resolution) => self.hear(Heard::Ticks { count, resolution }),
            Op::Frames(frames, rate) => {
                self.master = (self.master + frames) % (1 << 20);
                self.hear(Heard::Frames {
                    position: self.master,
                    boundary: 1 << 20,
                    rate,
                });
            }
            Op::Freeze(freeze) => self.change(|cable, now| cable.freeze(freeze, now)),
            Op::Delay(delay) => {
                let params = cable.params();
                let layout =
                    params.and_then(|params| cable.needed_delay_line(&params, Some(delay)));
                let line = layout.map(|layout| Fake::new(layout, UNTOUCHED));
                self.change(|cable, now| drop(cable.set_delay(delay, line, now)));
                let mut done = false;
                while !done {
                    self.change(|cable, _| done = cable.continue_replacement(&mut None));
                }
            }
            Op::Drop(plan) => self.change(|cable, _| cable.faults.drop = plan),
            Op::Double(plan) => {
                self.doubled = true;
                self.change(|cable, _| cable.faults.double = plan);
            }
            Op::Flip(plan) => self.change(|cable, _| cable.faults.flip = plan),
            Op::Jitter(time) => self.change(|cable, _| cable.faults.jitter = time),
            Op::Break(port) => self.change(|cable, _| _ = cable.force_xrun(port)),
            Op::Stop(port) => self.trigger(port, |cable, now| cable.stop(port, now)),
            Op::Pause(port) => self.trigger(port, |cable, now| cable.pause(port, now)),
            Op::Start(port, ago) => self.trigger(port, |cable, now| {
                cable.start(port, now.saturating_sub(ago));
            }),
            Op::Prepare(port) => self.prepare(port),
            Op::Drain => self.trigger(Playback, |cable, now| cable.drain(now)),
            Op::Look(port) => self.look(port),
            Op::Close(port) => {
                self.act(&Op::Stop(port));
                self.change(|cable, _| drop(cable.take_buffer(port)));
                self.change(|cable, _| drop(cable.drop_params(port)));
                self.cable.close(port);
            }
            Op::Free(free_running) => {
                self.change(|cable, _| _ = cable.set_free_running(free_running))
            }
            Op::Notify(notify) => self.change(|cable, _| cable.set_notify(notify)),
            Op::Write(frames) => self.transfer(Playback, frames),
            Op::Read(frames) => self.transfer(CAPTURE, frames),
        }
    }

    fn trigger(&mut self, port: Port, trigger: impl FnOnce(&mut Cable<Fake, Vec<End<Fake>>>, u64)) {
        trigger(&mut self.cable, self.now);
        self.arm(Touched::State(port));
    }

    fn hear(&mut self, heard: Heard) {
        if self.cable.hear(heard, self.now, self.now) {
            self.arm(Touched::All);
        }
    }
}

/// Nothing is too much; or hardly more than a frame at a time.
fn effort() -> impl Strategy<Value = Effort> {
    prop_oneof![
        Just(Effort::default()),
        (1..2_000u64, 1..2_000u64).prop_map(|(step, carry)| Effort { step, carry }),
    ]
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn nothing_makes_it_leap(program in prop::collection::vec(op(), 1..200)) {
        let mut world = World::new(false, Effort::default());
        for op in program {
            let (then, before) = (world.now, world.cable.end(Playback).position);
            let runs = world.runs();
            world.act(&op);
            world.cable.advance(world.now);
            let moved = world.cable.end(Playback).position.saturating_sub(before);
            let time = (world.now - then) as f64 / 1e9;
            // A kernel tick's worth may be due at once.
            let most = (time + 0.011) * SPEED_MAX + 2.0;
            prop_assert!((moved as f64) < most, "{op:?}: {moved} frames in {time} s");
            let goes = runs && world.runs() && matches!(op, Op::Wait(_));
            // The time of two, if they have just become longer.
            let least = (time - 0.021) * SPEED_MIN - 2.0;
            prop_assert!(!goes || moved as f64 > least, "{moved} frames in {time} s");
        }
    }

    #[test]
    fn whoever_waits_is_told(
        free_running in any::<bool>(), effort in effort(), program in prop::collection::vec(op(), 1..200),
    ) {
        let mut world = World::new(free_running, effort);
        for op in program {
            world.act(&op);
            world.check(&op);
        }
    }
}
