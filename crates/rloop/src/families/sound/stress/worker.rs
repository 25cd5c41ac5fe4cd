// SPDX-License-Identifier: MIT OR Apache-2.0

//! One thread of the stress test.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::field::{cable_of, is_without_clock};
use crate::alsa::pcm::{
    Access, Address, AlsaError, Config, Pcm, Start, State, Stop, frames_time, wait,
};
use crate::alsa::signal::format::FORMATS;
use crate::families::sound::loopback::{Cable, Card};
use crate::kernel::allocations;
use rig::random::Random;

use crate::families::sound::loopback::ends::describe;
use rig::watchdog::Watchdog;

/// What a thread can do with an open stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Configure,
    Prepare,
    Start,
    Stop,
    Pause,
    Resume,
    Transfer,
    Avail,
    Delay,
    Drain,
    DrainWatched,
    Link,
    Unlink,
    Rewind,
    Forward,
    Reset,
    Wait,
    Sleep,
    Free,
    Snapshot,
}

/// What is done most often stands here most often.
const ACTIONS: &[Action] = &[
    Action::Configure,
    Action::Prepare,
    Action::Prepare,
    Action::Start,
    Action::Start,
    Action::Start,
    Action::Stop,
    Action::Pause,
    Action::Resume,
    Action::Transfer,
    Action::Transfer,
    Action::Transfer,
    Action::Transfer,
    Action::Avail,
    Action::Delay,
    Action::Drain,
    Action::DrainWatched,
    Action::Link,
    Action::Link,
    Action::Unlink,
    Action::Rewind,
    Action::Forward,
    Action::Reset,
    Action::Wait,
    Action::Sleep,
    Action::Free,
    Action::Snapshot,
];

/// The errors that ALSA allows for an action in a wrong state, or with what another thread has fixed.
fn allowed(action: Action) -> &'static [i32] {
    match action {
        // Another end may have fixed other parameters, or may hold the memory.
        Action::Configure => &[libc::EINVAL, libc::EBADFD, libc::EBUSY, libc::EIO],
        // A linked stream may be in any state; an empty player can't start; a recorder neither after a
        // player has changed the parameters (PCM Notify), by whatever starts it.
        Action::Start | Action::Transfer => &[
            libc::EBADFD,
            libc::EPIPE,
            libc::EAGAIN,
            libc::EINVAL,
            libc::EIO,
        ],
        Action::Link => &[libc::EBADFD, libc::EALREADY, libc::EINVAL],
        Action::Unlink => &[libc::EALREADY, libc::EBADFD],
        Action::Prepare => &[libc::EBADFD, libc::EBUSY, libc::EINVAL],
        Action::Free => &[libc::EBADFD, libc::EBUSY],
        Action::Pause => &[libc::EBADFD, libc::ENOSYS, libc::EPIPE],
        Action::Resume => &[libc::EBADFD, libc::ENOSYS, libc::EPIPE, libc::EIO],
        // A thread that waits for a drain and is held up for a tenth of a second gives it up with
        // EIO, and under stress any is. That a drain does end the other half of them shows.
        Action::Drain => &[libc::EBADFD, libc::EPIPE, libc::EINVAL, libc::EIO],
        Action::DrainWatched => &[libc::EBADFD, libc::EPIPE, libc::EINVAL],
        _ => &[libc::EBADFD, libc::EPIPE, libc::EAGAIN, libc::EINVAL],
    }
}

/// A thread.
pub struct Worker<'a> {
    cards: &'a [Card],
    least: Duration,
    failing_allocations: bool,
    random: Random,
    watchdog: Arc<Watchdog>,
    calls: u64,
    /// What was done in this session.
    history: Vec<String>,
}

impl<'a> Worker<'a> {
    /// A worker on `cards` whose actions `seed` selects, with periods no shorter than `least`, and whose
    /// calls `watchdog` watches. With `failing_allocations` each call may find no memory.
    pub fn new(
        cards: &'a [Card],
        least: Duration,
        failing_allocations: bool,
        seed: u64,
        watchdog: Arc<Watchdog>,
    ) -> Self {
        Self {
            cards,
            least,
            failing_allocations,
            random: Random::new(seed),
            watchdog,
            calls: 0,
            history: Vec::new(),
        }
    }

    /// Opens one end of a cable or both, does up to 40 things with them, and closes them.
    /// Gives the number of calls.
    ///
    /// # Errors
    /// A result that ALSA does not allow.
    pub fn session(&mut self) -> Result<u64, String> {
        let Some(card) = self
            .cards
            .get(self.random.between(0, self.cards.len() as u64 - 1) as usize)
        else {
            return Ok(0);
        };
        let cable = cable_of(&mut self.random, card);
        let addresses = match self.random.between(0, 3) {
            0 => vec![cable.playback],
            1 => vec![cable.capture],
            _ => vec![cable.playback, cable.capture],
        };
        let mut streams: Vec<Pcm> = Vec::new();
        for address in addresses {
            streams.extend(self.open(address)?);
        }
        self.calls = 0;
        self.history.clear();
        if streams.is_empty() {
            thread::sleep(Duration::from_millis(1));
            return Ok(0);
        }
        let shared = self.config();
        for pcm in &mut streams {
            self.act(Action::Configure, &cable, pcm, None, &shared)?;
        }
        for _ in 0..self.random.between(0, 40) {
            let action = self.random.pick(ACTIONS);
            let at = self.random.between(0, streams.len() as u64 - 1) as usize;
            // In half of the cases both ends keep the same parameters, so that sound goes round.
            let config = if self.random.once_in(2) {
                shared
            } else {
                self.config()
            };
            let (left, right) = streams.split_at_mut(at);
            let Some((pcm, right)) = right.split_first_mut() else {
                continue;
            };
            let other = left.first().or(right.first());
            self.act(action, &cable, pcm, other, &config)?;
        }
        self.watchdog.step("close");
        while !streams.is_empty() {
            let at = self.random.between(0, streams.len() as u64 - 1) as usize;
            drop(streams.swap_remove(at));
        }
        self.watchdog.step("between sessions");
        Ok(self.calls)
    }

    fn open(&mut self, address: Address) -> Result<Option<Pcm>, String> {
        self.watchdog.step(format!("open of {address}"));
        match Pcm::open(address) {
            Ok(pcm) => Ok(Some(pcm)),
            Err(e) if [libc::EBUSY, libc::EAGAIN].contains(&e.errno) => Ok(None),
            Err(e) if self.no_memory(e.call, e.errno) => Ok(None),
            Err(e) => Err(format!("{e}: expected success, EBUSY or EAGAIN")),
        }
    }

    /// Whether a call has failed since it could have no memory, which may be.
    fn no_memory(&self, call: &str, errno: i32) -> bool {
        self.failing_allocations && allocations::of_library(call, errno) == libc::ENOMEM
    }

    fn config(&mut self) -> Config {
        let rate = self
            .random
            .pick(&[8_000, 44_100, 48_000, 48_000, 96_000, 192_000]);
        let mut period = self.random.pick(&[16, 17, 64, 100, 256, 480, 1024]);
        while frames_time(period, rate) < self.least {
            period *= 2;
        }
        let periods = self.random.pick(&[1, 2, 2, 3, 4, 7, 16]);
        Config {
            access: self.random.pick(&Access::ALL),
            format: self.random.pick(FORMATS),
            channels: self.random.pick(&[1, 2, 2, 2, 3, 8, 32, 128]),
            rate,
            period_wakeup: !self.random.once_in(6),
            start: if self.random.once_in(2) {
                Start::Told
            } else {
                Start::Frames(period)
            },
            stop: if self.random.once_in(4) {
                Stop::Never
            } else {
                Stop::Xrun
            },
            avail_min: self.random.pick(&[0, 0, 1, 100]),
            ..Config::default()
        }
        .with_buffer(period, periods)
    }

    fn act(
        &mut self,
        action: Action,
        cable: &Cable,
        pcm: &mut Pcm,
        other: Option<&Pcm>,
        config: &Config,
    ) -> Result<(), String> {
        let before = pcm.state();
        let begin = Instant::now();
        self.watchdog.step(format!(
            "{action:?} of {} in state {before:?}",
            pcm.address()
        ));
        self.calls += 1;
        let result = self.perform(action, cable, pcm, other, config);
        let shown = format!(
            "{action:?} {}",
            if pcm.is_playback() {
                "playback"
            } else {
                "capture"
            }
        );
        self.history.push(match &result {
            Ok(()) => shown,
            Err(e) => format!("{shown} ({})", crate::alsa::pcm::errno_name(e.errno)),
        });
        match result {
            Ok(()) => Ok(()),
            Err(e) if allowed(action).contains(&e.errno) => Ok(()),
            Err(e) if self.no_memory(e.call, e.errno) => Ok(()),
            // What alsa-lib itself says of a stream without parameters.
            Err(e) if e.errno == libc::EIO && !pcm.is_set_up() => Ok(()),
            Err(e) => Err(format!(
                "{e} after {:?} in {action:?} in state {before:?}, which ALSA does not allow there; set up as {}; before that: {}",
                begin.elapsed(),
                pcm.config().map_or("nothing".to_owned(), |c| format!(
                    "{} {:?} {:?} wake-ups {}",
                    describe(&c),
                    c.start,
                    c.stop,
                    c.period_wakeup
                )),
                self.history
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
        }
    }

    fn perform(
        &mut self,
        action: Action,
        cable: &Cable,
        pcm: &mut Pcm,
        other: Option<&Pcm>,
        config: &Config,
    ) -> Result<(), AlsaError> {
        match action {
            Action::Configure => {
                // A running stream has to be stopped first, or gives EBADFD.
                if self.random.once_in(2) {
                    pcm.stop()?;
                }
                pcm.configure(config).map(|_| ())
            }
            Action::Prepare => pcm.prepare(),
            Action::Start => pcm.start(),
            Action::Stop => pcm.stop(),
            Action::Pause => pcm.pause(true),
            Action::Resume => pcm.pause(false),
            Action::Transfer => {
                let mut data = vec![0x5a; self.random.between(1, 1 << 15) as usize];
                if pcm.is_playback() {
                    pcm.write(&data).map(|_| ())
                } else {
                    pcm.read(&mut data).map(|_| ())
                }
            }
            Action::Avail => pcm.avail().map(|_| ()),
            Action::Delay => pcm.delay().map(|_| ()),
            // The drain of a paused stream waits for somebody to let it go on: that is legal, and
            // no use here.
            Action::Drain | Action::DrainWatched if pcm.state() == State::Paused => Ok(()),
            // Without a clock it waits for a reader, who need not come.
            Action::Drain | Action::DrainWatched
                if is_without_clock(self.failing_allocations, cable) =>
            {
                pcm.begin_drain()
            }
            Action::Drain => pcm.drain(),
            Action::DrainWatched => pcm.drain_watched(),
            Action::Link => other.map_or(Ok(()), |other| pcm.link(other)),
            Action::Unlink => pcm.unlink(),
            Action::Rewind => pcm.rewind(self.random.between(1, 500)).map(|_| ()),
            Action::Forward => pcm.forward(self.random.between(1, 500)).map(|_| ()),
            Action::Reset => pcm.reset(),
            Action::Wait => {
                wait(&[pcm], Duration::from_millis(self.random.between(0, 20))).map(|_| ())
            }
            Action::Sleep => {
                thread::sleep(Duration::from_micros(self.random.between(0, 5000)));
                Ok(())
            }
            Action::Free => {
                if self.random.once_in(2) {
                    pcm.stop()?;
                }
                pcm.hw_free()
            }
            Action::Snapshot => pcm.snapshot().map(|_| ()),
        }
    }
}
