// SPDX-License-Identifier: MIT OR Apache-2.0

//! Programs whose threads share descriptors: several threads use the same streams and the same control device at a time,
//! each as if it were alone, and whichever comes last closes them.
//!
//! Two things they do not do, since ALSA's core can't, whatever the card:
//! - They do not prepare (or reset) two streams that are linked, at a time. The core takes the mutexes of a group in the
//!   order in which the calls name them, so two such calls may wait for each other for ever; and then every other
//!   call on a group of streams waits as well.
//! - They do not set up a stream, or give its buffer up, while they write to it or read from it. The core changes the
//!   size of the buffer without the lock under which a transfer calculates with it, and frees the buffer before it says
//!   so in the state; with `CONFIG_SND_DEBUG` it warns of what comes of that.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use super::elements::Maker;
use super::field::{cable_of, is_without_clock, no_memory};
use crate::alsa::pcm::errno_name;
use crate::alsa::raw::ctl::Control;
use crate::alsa::raw::pcm::{FRAMES, Page, Room, Setup, Stream};
use crate::families::sound::loopback::Card;
use rig::random::Random;
use rig::watchdog::Watchdog;

/// Threads that share.
const CREW: u64 = 4;
/// What each of them does at most before it lets go.
const CALLS: u64 = 150;

/// How often a thread prepares, starts and stops a stream in a row.
const HAMMERED: u32 = 50;

/// What a thread can do.
#[derive(Clone, Copy, Debug)]
enum Action {
    HwParams,
    SwParams,
    HwFree,
    Prepare,
    Reset,
    Start,
    Stop,
    Drain,
    Pause,
    Resume,
    Xrun,
    Wind,
    Status,
    Delay,
    SyncPtr,
    Transfer,
    Hammer,
    Link,
    Unlink,
    Wait,
    Map,
    Again,
    Blocking,
    Elements,
    Events,
    Sleep,
}

/// What is done most often stands here most often.
const ACTIONS: &[Action] = &[
    Action::HwParams,
    Action::HwParams,
    Action::SwParams,
    Action::HwFree,
    Action::Prepare,
    Action::Prepare,
    Action::Prepare,
    Action::Reset,
    Action::Start,
    Action::Start,
    Action::Start,
    Action::Stop,
    Action::Drain,
    Action::Pause,
    Action::Resume,
    Action::Xrun,
    Action::Wind,
    Action::Status,
    Action::Delay,
    Action::SyncPtr,
    Action::SyncPtr,
    Action::Transfer,
    Action::Transfer,
    Action::Transfer,
    Action::Transfer,
    Action::Hammer,
    Action::Link,
    Action::Link,
    Action::Unlink,
    Action::Wait,
    Action::Map,
    Action::Again,
    Action::Blocking,
    Action::Elements,
    Action::Events,
    Action::Sleep,
];

/// The errors that ALSA allows where any other thread may have changed the state in between: all that says so.
/// (`ENXIO`: a page that this architecture does not map, `ENOMEM`: no memory for a buffer or a delay.)
const ALLOWED: &[i32] = &[
    libc::EBADFD,
    libc::EPIPE,
    libc::EAGAIN,
    libc::EINVAL,
    libc::EIO,
    libc::EBUSY,
    libc::EALREADY,
    libc::ENOSYS,
    libc::ENXIO,
    libc::ENOMEM,
];

/// Who lets a crew work on some streams, again and again.
pub struct Foreman<'a> {
    cards: &'a [Card],
    failing_allocations: bool,
    random: Random,
    /// One for each thread.
    watchdogs: Vec<Arc<Watchdog>>,
}

/// What the threads of a crew share.
struct Job<'a> {
    card: &'a Card,
    streams: Vec<Arc<Stream>>,
    control: Arc<Control>,
    alone: Alone,
    /// Whether time moves the streams: without a clock a call may wait for ever.
    timed: bool,
}

/// What must not be done at a time.
#[derive(Default)]
struct Alone {
    /// Held while streams are prepared.
    preparing: Mutex<()>,
    /// Held, by one, while a stream is set up or its buffer given up and, by any number, during transfers.
    setting_up: RwLock<()>,
}

impl Alone {
    /// Waits until nobody prepares a stream, and lets nobody until that goes.
    fn preparing(&self) -> MutexGuard<'_, ()> {
        self.preparing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Foreman<'a> {
    /// A foreman on `cards` whose actions `seed` selects, and who gets the watchdogs of its threads from `watchdog`.
    /// With `failing_allocations` each call may find no memory.
    pub fn new(
        cards: &'a [Card],
        failing_allocations: bool,
        seed: u64,
        watchdog: impl Fn() -> Arc<Watchdog>,
    ) -> Self {
        Self {
            cards,
            failing_allocations,
            random: Random::new(seed),
            watchdogs: (0..CREW).map(|_| watchdog()).collect(),
        }
    }

    /// Opens both ends of one cable or two and a control device, lets a crew use them, and closes them, early or late.
    /// Gives the number of calls.
    ///
    /// # Errors
    /// A result that ALSA does not allow.
    pub fn session(&mut self) -> Result<u64, String> {
        let card = &self.cards[self.random.between(0, self.cards.len() as u64 - 1) as usize];
        let (mut streams, mut timed) = (Vec::new(), true);
        for _ in 0..self.random.between(1, 2) {
            let cable = cable_of(&mut self.random, card);
            for at in [cable.playback, cable.capture] {
                match Stream::open(at) {
                    Ok(stream) => streams.push(Arc::new(stream)),
                    Err(e) if is_in_use(&e) || no_memory(self.failing_allocations, &e) => {}
                    Err(e) => return Err(format!("open of {at}: {e}")),
                }
            }
            timed &= !is_without_clock(self.failing_allocations, &cable);
        }
        if streams.is_empty() {
            thread::sleep(Duration::from_millis(5));
            return Ok(0);
        }
        let control = match Control::open(card.index) {
            Err(e) if no_memory(self.failing_allocations, &e) => return Ok(0),
            other => other.map_err(|e| format!("control device: {e}"))?,
        };
        let job = Job {
            card,
            streams,
            control: Arc::new(control),
            alone: Alone::default(),
            timed,
        };
        self.work(job)
    }

    fn work(&mut self, mut job: Job<'_>) -> Result<u64, String> {
        let ends = Instant::now() + Duration::from_millis(self.random.between(1, 200));
        let closes_early = self.random.once_in(2);
        thread::scope(|scope| {
            let alone = &job.alone;
            let crew: Vec<_> = self
                .watchdogs
                .iter()
                .map(|watchdog| {
                    let mut worker = Worker {
                        card: job.card,
                        failing_allocations: self.failing_allocations,
                        streams: job.streams.clone(),
                        control: Arc::clone(&job.control),
                        alone,
                        // Who waits may have to be let go.
                        may_wait: job.timed && !closes_early,
                        random: Random::new(self.random.number()),
                        watchdog: Arc::clone(watchdog),
                        room: Room::default(),
                    };
                    scope.spawn(move || worker.work(ends))
                })
                .collect();
            // From here on the crew closes them.
            if closes_early {
                job.streams.clear();
            }
            // Whoever waits in a call is let go by a stop.
            while !crew.iter().all(|worker| worker.is_finished()) {
                thread::sleep(Duration::from_millis(5));
                if Instant::now() > ends {
                    for stream in &job.streams {
                        let _ = stream.stop();
                    }
                }
            }
            let mut calls = 0;
            for worker in crew {
                calls += worker
                    .join()
                    .unwrap_or_else(|_| Err("a thread that shares streams panicked".to_owned()))?;
            }
            Ok(calls)
        })
    }
}

fn is_in_use(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EBUSY | libc::EAGAIN))
}

/// A thread of a crew.
struct Worker<'a> {
    card: &'a Card,
    failing_allocations: bool,
    streams: Vec<Arc<Stream>>,
    control: Arc<Control>,
    alone: &'a Alone,
    may_wait: bool,
    random: Random,
    watchdog: Arc<Watchdog>,
    room: Room,
}

impl Worker<'_> {
    fn work(&mut self, ends: Instant) -> Result<u64, String> {
        let mut calls = 0;
        while calls < CALLS && Instant::now() < ends {
            let action = self.random.pick(ACTIONS);
            let at = self.random.between(0, self.streams.len() as u64 - 1) as usize;
            let stream = Arc::clone(&self.streams[at]);
            self.watchdog.step(format!(
                "{action:?} of a stream of {} that is shared",
                self.card.id
            ));
            calls += 1;
            match self.act(action, &stream) {
                Ok(()) => {}
                Err(e) if e.raw_os_error().is_some_and(|e| ALLOWED.contains(&e)) => {}
                Err(e) if no_memory(self.failing_allocations, &e) => {}
                Err(e) => {
                    let name = e.raw_os_error().map_or(String::new(), errno_name);
                    return Err(format!(
                        "{action:?} of a stream of {} that is shared: {name} ({e}), which ALSA does not allow there",
                        self.card.id
                    ));
                }
            }
        }
        self.watchdog.step("close of streams that are shared");
        self.streams.clear();
        self.watchdog.step("between sessions of threads that share");
        Ok(calls)
    }

    fn setup(&mut self) -> Setup {
        let period = self.random.pick(&[240, 256, 480, 1_024]);
        Setup {
            access: self.random.pick(&[0, 1, 3, 3, 3, 4]),
            // S16_LE and S32_LE.
            format: self.random.pick(&[2, 2, 2, 10]),
            channels: self.random.pick(&[1, 2, 2, 8]),
            rate: self.random.pick(&[44_100, 48_000, 48_000]),
            period,
            buffer: period * self.random.between(2, 8) as u32,
        }
    }

    fn prepare(&self, stream: &Stream) -> io::Result<()> {
        let _alone = self.alone.preparing();
        stream.prepare()
    }

    fn set_up(&self, call: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        match self.alone.setting_up.try_write() {
            Ok(_alone) => call(),
            Err(_) => Ok(()),
        }
    }

    fn transfer(&mut self, stream: &Stream, frames: usize, planar: bool) -> io::Result<()> {
        match self.alone.setting_up.try_read() {
            Ok(_others) => stream.transfer(&mut self.room, frames, planar),
            Err(_) => Ok(()),
        }
    }

    fn act(&mut self, action: Action, stream: &Stream) -> io::Result<()> {
        let number = self.random.between(0, 1_000) as u32;
        match action {
            Action::HwParams => {
                let setup = self.setup();
                self.set_up(|| stream.hw_params(&setup))
            }
            Action::SwParams => {
                let buffer = self.random.pick(&[480, 512, 960, 2_048, 8_192]);
                let stop = (!self.random.once_in(3)).then_some(buffer);
                stream.sw_params(number, stop, buffer)
            }
            Action::HwFree => self.set_up(|| stream.hw_free()),
            Action::Prepare => self.prepare(stream),
            Action::Reset => {
                let _alone = self.alone.preparing();
                stream.reset()
            }
            Action::Start => stream.start(),
            Action::Stop => stream.stop(),
            Action::Drain => stream.drain(),
            Action::Pause => stream.pause(true),
            Action::Resume => stream.pause(false).and_then(|()| stream.resume()),
            Action::Xrun => stream.xrun(),
            Action::Wind => stream.wind(self.random.once_in(2), number),
            Action::Status => stream.status(self.random.once_in(2)),
            Action::Delay => stream.delay().and_then(|()| stream.hw_sync()),
            Action::SyncPtr => {
                // A program may say that it is anywhere.
                let anywhere = self.random.number() >> self.random.between(1, 63);
                let told = self.random.once_in(2).then_some(anywhere);
                stream.sync_ptr(self.random.once_in(2), told)
            }
            Action::Transfer => {
                let frames = self.random.between(1, FRAMES as u64) as usize;
                let planar = self.random.once_in(4);
                self.transfer(stream, frames, planar)
            }
            // As fast as can be, to meet others who are in the middle of something.
            Action::Hammer => {
                for _ in 0..HAMMERED {
                    self.prepare(stream)?;
                    let _ = self.transfer(stream, 16, false);
                    let _ = stream.start();
                    stream.stop()?;
                }
                Ok(())
            }
            Action::Link => {
                let other = self.random.between(0, self.streams.len() as u64 - 1) as usize;
                stream.link(&self.streams[other])
            }
            Action::Unlink => stream.unlink(),
            Action::Wait => stream.wait(number / 100),
            Action::Map => {
                let bytes = self.random.pick(&[4_096, 8_192, 1_920, 65_536]);
                let page = self.random.pick(&[
                    Page::Data(bytes),
                    Page::Data(bytes),
                    Page::Status,
                    Page::Control,
                ]);
                stream.map(page)
            }
            Action::Again => {
                let again = stream.again()?;
                again.status(false).and_then(|()| again.stop())
            }
            Action::Blocking => stream.set_blocking(self.may_wait && self.random.once_in(4)),
            Action::Elements => {
                let seed = self.random.number();
                let mut maker = Maker::new(
                    std::slice::from_ref(self.card),
                    self.failing_allocations,
                    seed,
                    Arc::clone(&self.watchdog),
                );
                maker
                    .some(self.card, &self.control, 10)
                    .map_err(io::Error::other)
            }
            Action::Events => {
                self.control.subscribe(!self.random.once_in(8))?;
                while self.control.event()?.is_some() {}
                Ok(())
            }
            Action::Sleep => {
                thread::sleep(Duration::from_micros(number.into()));
                Ok(())
            }
        }
    }
}
