// SPDX-License-Identifier: MIT OR Apache-2.0

//! One open end of a cable.

use std::ffi::CString;
use std::thread;
use std::time::{Duration, Instant};

use super::params::{Config, Flags, Setup, Start, Stop};
use super::sys::{Handle, HwParams, Raw};
use super::types::{Address, Direction, Snapshot, State};
use super::{Access, AlsaError, Result};

/// An open stream. It never blocks but in [`Pcm::drain`], and where [`Pcm::open_blocking`] says.
pub struct Pcm {
    pub(super) handle: Handle,
    address: Address,
    setup: Option<Setup>,
}

/// Methods that pass a call on and give its errors a name.
macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) $function:literal = $raw:expr;)*) => {
        $($(#[$doc])*
        ///
        /// # Errors
        /// What ALSA says.
        pub fn $name(&self $(, $arg: $type)*) -> Result<()> {
            let call: fn(&Handle $(, $type)*) -> Raw<u64> = $raw;
            self.named($function, call(&self.handle $(, $arg)*)).map(|_| ())
        })*
    };
}

impl Pcm {
    /// Opens the end at `address`.
    ///
    /// # Errors
    /// `EBUSY`/`EAGAIN` if somebody has it open, `ENOENT`/`ENODEV` if it does not exist.
    pub fn open(address: Address) -> Result<Self> {
        Self::open_as(address, alsa_sys::SND_PCM_NONBLOCK)
    }

    /// The same, but waits until the end is there to be had; and [`Pcm::write`] and [`Pcm::read`] (not of
    /// a mapped buffer) wait until all has been transferred.
    ///
    /// # Errors
    /// `ENOENT`/`ENODEV` if it does not exist.
    pub fn open_blocking(address: Address) -> Result<Self> {
        Self::open_as(address, 0)
    }

    fn open_as(address: Address, mode: i32) -> Result<Self> {
        let named = |errno| AlsaError {
            call: "snd_pcm_open",
            at: address,
            errno,
        };
        let name = format!(
            "hw:{},{},{}",
            address.card, address.device, address.subdevice
        );
        let name = CString::new(name).map_err(|_| named(libc::EINVAL))?;
        let handle =
            Handle::open(&name, address.direction == Direction::Playback, mode).map_err(named)?;
        Ok(Self {
            handle,
            address,
            setup: None,
        })
    }

    /// Where it is.
    pub fn address(&self) -> Address {
        self.address
    }

    /// What it was set up with.
    pub fn config(&self) -> Option<Config> {
        self.setup.map(|s| s.config)
    }

    /// Whether it has parameters. After a refusal it has none, whatever state it is in.
    pub fn is_set_up(&self) -> bool {
        self.setup.is_some()
    }

    /// Whether it is a playback end.
    pub fn is_playback(&self) -> bool {
        self.address.direction == Direction::Playback
    }

    pub(super) fn named<T>(&self, call: &'static str, result: Raw<T>) -> Result<T> {
        result.map_err(|errno| AlsaError {
            call,
            at: self.address,
            errno,
        })
    }

    /// Chooses the parameters without telling the card: what it refuses is refused here already.
    fn choose(&self, config: &Config) -> Result<HwParams> {
        let pcm = &self.handle;
        let p = self.named("snd_pcm_hw_params_any", HwParams::any(pcm))?;
        self.named(
            "snd_pcm_hw_params_set_rate_resample",
            p.set_resample(pcm, 0),
        )?;
        self.named(
            "snd_pcm_hw_params_set_access",
            p.set_access(pcm, config.access.id()),
        )?;
        self.named(
            "snd_pcm_hw_params_set_format",
            p.set_format(pcm, config.format.id()),
        )?;
        self.named(
            "snd_pcm_hw_params_set_channels",
            p.set_channels(pcm, config.channels),
        )?;
        self.named(
            "snd_pcm_hw_params_set_rate",
            p.set_rate(pcm, config.rate, 0),
        )?;
        if !config.period_wakeup {
            self.named(
                "snd_pcm_hw_params_set_period_wakeup",
                p.set_period_wakeup(pcm, 0),
            )?;
        }
        self.named(
            "snd_pcm_hw_params_set_buffer_size",
            p.set_buffer(pcm, config.buffer as _),
        )?;
        self.named(
            "snd_pcm_hw_params_set_period_size",
            p.set_period(pcm, config.period as _, 0),
        )?;
        Ok(p)
    }

    /// Sets hardware and software parameters, which also prepares the stream (alsa-lib does that
    /// in `snd_pcm_hw_params`, so a refusal by the driver's prepare comes from here too).
    ///
    /// # Errors
    /// `EINVAL` for what is not possible, by the call that refused it.
    pub fn configure(&mut self, config: &Config) -> Result<Setup> {
        self.setup = None;
        let p = self.choose(config)?;
        self.named("snd_pcm_hw_params", p.install(&self.handle))?;
        let start = match config.start {
            Start::Told => None,
            Start::Frames(n) => Some(n),
        };
        let stop = (config.stop == Stop::Xrun).then_some(config.buffer);
        let avail_min = if config.avail_min == 0 {
            config.period
        } else {
            config.avail_min
        };
        self.named(
            "snd_pcm_sw_params",
            self.handle.sw_params(start, stop, avail_min),
        )?;
        let flags = Flags {
            mmap_valid: p.can_mmap_sample_resolution(),
            pause: p.can_pause(),
            resume: p.can_resume(),
            sync_start: p.can_sync_start(),
            no_period_wakeup: p.can_disable_period_wakeup(),
            batch: p.is_batch(),
        };
        let setup = Setup {
            config: *config,
            flags,
        };
        self.setup = Some(setup);
        Ok(setup)
    }

    calls! {
        /// Makes it ready to start, with an empty buffer.
        prepare() "snd_pcm_prepare" = |h| h.prepare();
        /// Starts it, and all that are linked to it.
        start() "snd_pcm_start" = |h| h.start();
        /// Stops it at once.
        stop() "snd_pcm_drop" = |h| h.stop();
        /// Sets the position back to 0.
        reset() "snd_pcm_reset" = |h| h.reset();
        /// Pauses it or lets it go on.
        pause(on: bool) "snd_pcm_pause" = |h, on| h.pause(i32::from(on));
        /// Lets it go on after a suspend, and all that are linked to it.
        resume() "snd_pcm_resume" = |h| h.resume();
        /// Undoes a link.
        unlink() "snd_pcm_unlink" = |h| h.unlink();
    }

    /// Lets go of the hardware parameters.
    ///
    /// # Errors
    /// What ALSA says.
    pub fn hw_free(&mut self) -> Result<()> {
        self.setup = None;
        self.named("snd_pcm_hw_free", self.handle.hw_free())
            .map(|_| ())
    }

    /// Lets it stop when all that was written has been played, and does not wait for that.
    ///
    /// # Errors
    /// What ALSA says.
    pub fn begin_drain(&self) -> Result<()> {
        match self.handle.drain() {
            Err(libc::EAGAIN) => Ok(()),
            other => self.named("snd_pcm_drain", other).map(|_| ()),
        }
    }

    /// Begins a drain and awaits its end by the state alone, without asking the card for its
    /// position: nothing but the card's own wake-up ends it.
    ///
    /// # Errors
    /// What ALSA says; `ETIMEDOUT` if it has not ended after ten seconds.
    pub fn drain_watched(&self) -> Result<()> {
        self.begin_drain()?;
        let begin = Instant::now();
        // A recorder is in DRAINING until somebody reads what is left.
        while self.is_playback() && self.state() == State::Draining {
            if begin.elapsed() > Duration::from_secs(10) {
                return self.named("snd_pcm_drain", Err(libc::ETIMEDOUT));
            }
            thread::sleep(Duration::from_micros(200));
        }
        Ok(())
    }

    /// Waits until all that was written has been played. (alsa-lib allows no blocking call on a
    /// stream without period wake-ups: there it is [`Pcm::drain_watched`].)
    ///
    /// # Errors
    /// What ALSA says; `EIO` if it has not ended after the time of 1.1 buffers and at least a tenth
    /// of a second, or if the thread has not been woken for so long.
    pub fn drain(&self) -> Result<()> {
        if self.setup.is_some_and(|s| !s.config.period_wakeup) {
            return self.drain_watched();
        }
        // It may fail after it has changed the mode of the file: set that back in any case.
        let drained = match self.handle.nonblock(0) {
            Ok(_) => self.named("snd_pcm_drain", self.handle.drain()),
            Err(errno) => self.named("snd_pcm_nonblock", Err(errno)),
        };
        self.named("snd_pcm_nonblock", self.handle.nonblock(1))?;
        drained.map(|_| ())
    }

    /// Links it to `other`: both start and stop together.
    ///
    /// # Errors
    /// `EALREADY` if it is linked.
    pub fn link(&self, other: &Self) -> Result<()> {
        self.named("snd_pcm_link", self.handle.link(&other.handle))
            .map(|_| ())
    }

    /// Closes it as a crash would: nothing is stopped or freed before.
    ///
    /// # Errors
    /// What the system says.
    pub fn crash(self) -> Result<()> {
        self.named("dup2", self.handle.cut())
    }

    /// Frames that can be transferred, with the position read from the card now.
    ///
    /// # Errors
    /// `EPIPE` after an xrun.
    pub fn avail(&self) -> Result<u64> {
        self.named("snd_pcm_avail", self.handle.avail())
    }

    /// Frames between the program and the ear.
    ///
    /// # Errors
    /// `EPIPE` after an xrun.
    pub fn delay(&self) -> Result<i64> {
        self.named("snd_pcm_delay", self.handle.delay())
    }

    /// Takes back up to `frames` that were written and not yet played; gives how many.
    ///
    /// # Errors
    /// What ALSA says.
    pub fn rewind(&self, frames: u64) -> Result<u64> {
        self.named("snd_pcm_rewind", self.handle.rewind(frames as _))
    }

    /// Skips up to `frames`; gives how many.
    ///
    /// # Errors
    /// What ALSA says.
    pub fn forward(&self, frames: u64) -> Result<u64> {
        self.named("snd_pcm_forward", self.handle.forward(frames as _))
    }

    /// The state.
    pub fn state(&self) -> State {
        State::from_raw(self.handle.state())
    }

    /// State, position and times.
    ///
    /// # Errors
    /// What ALSA says.
    pub fn snapshot(&self) -> Result<Snapshot> {
        self.named("snd_pcm_status", self.handle.status(false))
    }

    /// The same, with an audio time that counts what has been heard (playback) or is on its way (capture).
    ///
    /// # Errors
    /// What ALSA says.
    pub fn snapshot_less_delay(&self) -> Result<Snapshot> {
        self.named("snd_pcm_status", self.handle.status(true))
    }

    fn layout(&self, call: &'static str) -> Result<(Access, usize, usize)> {
        let setup = self.named(call, self.setup.ok_or(libc::EBADFD))?;
        Ok((
            setup.config.access,
            setup.config.format.bytes(),
            setup.config.channels as usize,
        ))
    }

    /// Writes as many of the interleaved frames in `data` as there is room for; gives how many, 0 if none.
    ///
    /// # Errors
    /// `EPIPE` after an underrun, `EBADFD` in a state that takes no data.
    pub fn write(&self, data: &[u8]) -> Result<u64> {
        let (access, sample, channels) = self.layout("write")?;
        let frames = (data.len() / (sample * channels)) as u64;
        if frames == 0 {
            return Ok(0);
        }
        let (call, written) = match access {
            Access::RwInterleaved => (
                "snd_pcm_writei",
                self.handle
                    .write_interleaved(data, frames, sample * channels),
            ),
            Access::RwNoninterleaved => (
                "snd_pcm_writen",
                self.handle.write_planar(data, frames, sample, channels),
            ),
            _ => (
                "snd_pcm_mmap_commit",
                self.handle.mmap_write(data, sample, channels),
            ),
        };
        self.named(call, none_yet(written))
    }

    /// Reads as many interleaved frames into `data` as there are; gives how many, 0 if none.
    ///
    /// # Errors
    /// `EPIPE` after an overrun, `EBADFD` in a state that gives no data.
    pub fn read(&self, data: &mut [u8]) -> Result<u64> {
        let (access, sample, channels) = self.layout("read")?;
        let frames = (data.len() / (sample * channels)) as u64;
        if frames == 0 {
            return Ok(0);
        }
        let (call, read) = match access {
            Access::RwInterleaved => (
                "snd_pcm_readi",
                self.handle
                    .read_interleaved(data, frames, sample * channels),
            ),
            Access::RwNoninterleaved => (
                "snd_pcm_readn",
                self.handle.read_planar(data, frames, sample, channels),
            ),
            _ => (
                "snd_pcm_mmap_commit",
                self.handle.mmap_read(data, sample, channels),
            ),
        };
        self.named(call, none_yet(read))
    }
}

/// In non-blocking mode "nothing yet" is an error; here it is 0 frames.
fn none_yet(result: Raw<u64>) -> Raw<u64> {
    match result {
        Err(libc::EAGAIN) => Ok(0),
        other => other,
    }
}

/// Waits until one of `streams` is ready or has failed: who is. All `false` after `timeout`.
///
/// # Errors
/// What poll says.
pub fn wait(streams: &[&Pcm], timeout: Duration) -> Result<Vec<bool>> {
    let handles: Vec<&Handle> = streams.iter().map(|s| &s.handle).collect();
    let end = Instant::now() + timeout;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        // Rounded up: a wait that ends a moment early would spin.
        let ms = i32::try_from(left.as_micros().div_ceil(1000)).unwrap_or(i32::MAX);
        match Handle::poll(&handles, ms) {
            Err(libc::EINTR) => {}
            other => {
                return match (other, streams.first()) {
                    (Err(errno), Some(first)) => first.named("poll", Err(errno)),
                    (other, _) => Ok(other.unwrap_or_default()),
                };
            }
        }
    }
}
