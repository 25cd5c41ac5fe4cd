// SPDX-License-Identifier: MIT OR Apache-2.0

//! The only unsafe code of this crate: calls into alsa-lib's PCM interface.
//!
//! The crate `alsa` does not give out the handle of its `PCM`, and lacks what is checked here:
//! period wake-ups off, SYNC_START and NO_PERIOD_WAKEUP flags, hw_free, planar access (mapped or
//! not) and several streams in one poll. So the PCM calls are made here, on `alsa-sys`, each in a
//! method that upholds what alsa-lib asks for. Errors are positive errno values.

#![expect(unsafe_code, reason = "alsa-lib is a C library")]
#![allow(
    clippy::useless_conversion,
    clippy::unnecessary_cast,
    reason = "alsa-lib counts frames in a long, which has 32 bits on some machines"
)]

use std::ffi::CStr;
use std::os::fd::AsRawFd;
use std::ptr::{self, NonNull};

use alsa_sys as ffi;

mod hw;
mod status;
mod transfer;

pub use hw::HwParams;

/// A result with an errno.
pub type Raw<T> = Result<T, i32>;

fn check(code: impl Into<i64>) -> Raw<u64> {
    let code = code.into();
    u64::try_from(code).map_err(|_| i32::try_from(-code).unwrap_or(libc::EIO))
}

/// An open `snd_pcm_t`, closed on drop.
///
/// # Invariants
/// The pointer comes from `snd_pcm_open` and has not been closed.
pub struct Handle(NonNull<ffi::snd_pcm_t>);

// SAFETY: alsa-lib ties a PCM to no thread; a handle is used by one thread at a time, as it is not Sync.
unsafe impl Send for Handle {}

/// Methods that only pass the handle on.
macro_rules! plain {
    ($($(#[$doc:meta])* $name:ident = $function:ident($($arg:ident: $type:ty),*);)*) => {
        $($(#[$doc])* pub fn $name(&self $(, $arg: $type)*) -> Raw<u64> {
            // SAFETY: By the invariant of `Handle` the PCM is open; the function takes no other pointer.
            check(unsafe { ffi::$function(self.0.as_ptr() $(, $arg)*) })
        })*
    };
}

impl Handle {
    /// Opens the PCM `name`; `mode` is 0 or flags such as `SND_PCM_NONBLOCK`.
    pub fn open(name: &CStr, playback: bool, mode: i32) -> Raw<Self> {
        let mut pcm = ptr::null_mut();
        let stream = if playback {
            ffi::SND_PCM_STREAM_PLAYBACK
        } else {
            ffi::SND_PCM_STREAM_CAPTURE
        };
        // SAFETY: `pcm` is a valid place for the result, `name` a C string; alsa-lib copies it.
        check(unsafe { ffi::snd_pcm_open(&raw mut pcm, name.as_ptr(), stream, mode) })?;
        NonNull::new(pcm).map(Self).ok_or(libc::EIO)
    }

    plain! {
        prepare = snd_pcm_prepare();
        start = snd_pcm_start();
        stop = snd_pcm_drop();
        drain = snd_pcm_drain();
        reset = snd_pcm_reset();
        pause = snd_pcm_pause(on: i32);
        resume = snd_pcm_resume();
        unlink = snd_pcm_unlink();
        hw_free = snd_pcm_hw_free();
        nonblock = snd_pcm_nonblock(on: i32);
        /// Asks the card for its position and gives the frames that can be transferred.
        avail = snd_pcm_avail();
        rewind = snd_pcm_rewind(frames: ffi::snd_pcm_uframes_t);
        forward = snd_pcm_forward(frames: ffi::snd_pcm_uframes_t);
    }

    /// The state, as `SND_PCM_STATE_…`.
    pub fn state(&self) -> ffi::snd_pcm_state_t {
        // SAFETY: By the invariant of `Handle` the PCM is open.
        unsafe { ffi::snd_pcm_state(self.0.as_ptr()) }
    }

    /// Links two streams.
    pub fn link(&self, other: &Self) -> Raw<u64> {
        // SAFETY: By the invariant of `Handle` both PCMs are open.
        check(unsafe { ffi::snd_pcm_link(self.0.as_ptr(), other.0.as_ptr()) })
    }

    /// The delay in frames, which can be negative.
    pub fn delay(&self) -> Raw<i64> {
        let mut delay = 0;
        // SAFETY: The PCM is open, `delay` a valid place for the result.
        check(unsafe { ffi::snd_pcm_delay(self.0.as_ptr(), &raw mut delay) })?;
        Ok(i64::from(delay))
    }

    /// Puts `/dev/null` in the place of the stream's file, so that all that alsa-lib asks for from
    /// here on fails, and the card is left to clean up by itself, as after a crash.
    pub fn cut(&self) -> Raw<()> {
        let mut fd = libc::pollfd {
            fd: -1,
            events: 0,
            revents: 0,
        };
        // SAFETY: The PCM is open, and there is room for one descriptor. That of a card is its file.
        check(unsafe { ffi::snd_pcm_poll_descriptors(self.0.as_ptr(), &raw mut fd, 1) })?;
        let last_error = || {
            std::io::Error::last_os_error()
                .raw_os_error()
                .unwrap_or(libc::EIO)
        };
        let null = std::fs::File::open("/dev/null").map_err(|_| last_error())?;
        // SAFETY: Both are open descriptors of ours; alsa-lib's stays valid for its use and its close.
        match unsafe { libc::dup2(null.as_raw_fd(), fd.fd) } {
            -1 => Err(last_error()),
            _ => Ok(()),
        }
    }

    fn channels(&self) -> Raw<usize> {
        let params = HwParams::new()?;
        let mut channels = 0;
        // SAFETY: The PCM is open, `params` allocated, `channels` a valid place.
        unsafe {
            check(ffi::snd_pcm_hw_params_current(
                self.0.as_ptr(),
                params.as_ptr(),
            ))?;
            check(ffi::snd_pcm_hw_params_get_channels(
                params.as_ptr(),
                &raw mut channels,
            ))?;
        }
        Ok(channels as usize)
    }

    /// Sets thresholds (in frames), and time stamps by the monotonic clock. `None`: the boundary, which is never reached.
    pub fn sw_params(&self, start: Option<u64>, stop: Option<u64>, avail_min: u64) -> Raw<()> {
        let mut sw = ptr::null_mut();
        // SAFETY: `sw` is a valid place; it is freed below on every path, after its last use.
        check(unsafe { ffi::snd_pcm_sw_params_malloc(&raw mut sw) })?;
        let pcm = self.0.as_ptr();
        // SAFETY: The PCM is open, `sw` was allocated above, `boundary` is a valid place.
        let result = unsafe {
            (|| {
                let mut boundary = 0;
                check(ffi::snd_pcm_sw_params_current(pcm, sw))?;
                check(ffi::snd_pcm_sw_params_get_boundary(sw, &raw mut boundary))?;
                let threshold =
                    |v: Option<u64>| v.map_or(boundary, |v| v as ffi::snd_pcm_uframes_t);
                check(ffi::snd_pcm_sw_params_set_start_threshold(
                    pcm,
                    sw,
                    threshold(start),
                ))?;
                check(ffi::snd_pcm_sw_params_set_stop_threshold(
                    pcm,
                    sw,
                    threshold(stop),
                ))?;
                check(ffi::snd_pcm_sw_params_set_avail_min(
                    pcm,
                    sw,
                    avail_min as ffi::snd_pcm_uframes_t,
                ))?;
                check(ffi::snd_pcm_sw_params_set_tstamp_mode(
                    pcm,
                    sw,
                    ffi::SND_PCM_TSTAMP_ENABLE,
                ))?;
                check(ffi::snd_pcm_sw_params_set_tstamp_type(
                    pcm,
                    sw,
                    ffi::SND_PCM_TSTAMP_TYPE_MONOTONIC,
                ))?;
                check(ffi::snd_pcm_sw_params(pcm, sw)).map(|_| ())
            })()
        };
        // SAFETY: Allocated above and not used after this.
        unsafe { ffi::snd_pcm_sw_params_free(sw) };
        result
    }

    /// Waits until one of `streams` is ready or has failed, or `timeout_ms` have passed; gives who is.
    pub fn poll(streams: &[&Self], timeout_ms: i32) -> Raw<Vec<bool>> {
        let mut fds: Vec<libc::pollfd> = Vec::new();
        let mut counts = Vec::new();
        for pcm in streams {
            // SAFETY: The PCM is open.
            let count = unsafe { ffi::snd_pcm_poll_descriptors_count(pcm.0.as_ptr()) };
            let count = check(count)? as usize;
            let at = fds.len();
            fds.resize(
                at + count,
                libc::pollfd {
                    fd: -1,
                    events: 0,
                    revents: 0,
                },
            );
            // SAFETY: There is room for `count` descriptors from `at` on.
            check(unsafe {
                ffi::snd_pcm_poll_descriptors(pcm.0.as_ptr(), fds[at..].as_mut_ptr(), count as u32)
            })?;
            counts.push(count);
        }
        // SAFETY: `fds` is an array of `fds.len()` descriptors.
        let polled = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout_ms) };
        if polled < 0 {
            return Err(std::io::Error::last_os_error()
                .raw_os_error()
                .unwrap_or(libc::EIO));
        }
        let mut rest = fds.as_mut_slice();
        let mut ready = Vec::new();
        for (pcm, count) in streams.iter().zip(counts) {
            let (own, others) = rest.split_at_mut(count);
            let mut events = 0;
            // SAFETY: The PCM is open; `own` are its own `count` descriptors; `events` is a valid place.
            check(unsafe {
                ffi::snd_pcm_poll_descriptors_revents(
                    pcm.0.as_ptr(),
                    own.as_mut_ptr(),
                    count as u32,
                    &raw mut events,
                )
            })?;
            ready.push(events != 0);
            rest = others;
        }
        Ok(ready)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: By the invariant of `Handle` the PCM is open, and this is its last use.
        unsafe { ffi::snd_pcm_close(self.0.as_ptr()) };
    }
}
