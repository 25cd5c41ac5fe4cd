// SPDX-License-Identifier: MIT OR Apache-2.0

//! `snd_pcm_status`: state, position and times of a stream.

use std::ffi::c_long;
use std::ptr;
use std::time::Duration;

use alsa_sys as ffi;

use super::{Handle, Raw, check};
use crate::alsa::pcm::types::{Snapshot, State};

impl Handle {
    /// State, position and times, all read together. The audio time is that of the last frame which the card has
    /// taken or, with `less_delay`, less the delay that the driver adds.
    pub fn status(&self, less_delay: bool) -> Raw<Snapshot> {
        let mut status = ptr::null_mut();
        // SAFETY: `status` is a valid place; it is freed below on every path, after its last use.
        check(unsafe { ffi::snd_pcm_status_malloc(&raw mut status) })?;
        let [mut now, mut trigger, mut audio] = [Time::UNWRITTEN; 3];
        let mut config = ffi::_snd_pcm_audio_tstamp_config {
            _bitfield_align_1: [],
            _bitfield_1: ffi::_snd_pcm_audio_tstamp_config::new_bitfield_1(
                ffi::SND_PCM_AUDIO_TSTAMP_TYPE_DEFAULT,
                u32::from(less_delay),
            ),
            __bindgen_padding_0: [0; 3],
        };
        // SAFETY: The PCM is open and `status` was allocated above; the others are valid places.
        let result = unsafe {
            ffi::snd_pcm_status_set_audio_htstamp_config(status, &raw mut config);
            check(ffi::snd_pcm_status(self.0.as_ptr(), status)).map(|_| {
                ffi::snd_pcm_status_get_htstamp(status, (&raw mut now).cast());
                ffi::snd_pcm_status_get_trigger_htstamp(status, (&raw mut trigger).cast());
                ffi::snd_pcm_status_get_audio_htstamp(status, (&raw mut audio).cast());
                Snapshot {
                    state: State::from_raw(ffi::snd_pcm_status_get_state(status)),
                    avail: u64::from(ffi::snd_pcm_status_get_avail(status)),
                    delay: i64::from(ffi::snd_pcm_status_get_delay(status)),
                    now: now.duration(),
                    trigger: trigger.duration(),
                    audio: audio.duration(),
                }
            })
        };
        // SAFETY: Allocated above and not used after this.
        unsafe { ffi::snd_pcm_status_free(status) };
        result
    }
}

/// A place for a `snd_htimestamp_t`. On systems of 32 bits its seconds may have 64 bits or 32, as the library was built, and
/// libc's `timespec` need not be the same.
#[derive(Clone, Copy)]
#[repr(C)]
union Time {
    wide: Parts<i64>,
    narrow: Parts<c_long>,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct Parts<Seconds> {
    seconds: Seconds,
    nanoseconds: c_long,
}

impl Time {
    /// A library whose seconds have 32 bits does not reach these nanoseconds.
    const UNWRITTEN: Self = Self {
        wide: Parts {
            seconds: 0,
            nanoseconds: -1,
        },
    };

    fn duration(self) -> Duration {
        // SAFETY: Both are integers, all of whose bytes `UNWRITTEN` has set.
        let (wide, narrow) = unsafe { (self.wide, self.narrow) };
        let (seconds, nanoseconds) = match wide.nanoseconds {
            -1 => (i64::from(narrow.seconds), narrow.nanoseconds),
            nanoseconds => (wide.seconds, nanoseconds),
        };
        Duration::new(
            u64::try_from(seconds).unwrap_or(0),
            u32::try_from(nanoseconds).unwrap_or(0),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_as_many_bits_as_the_library_gives_them() {
        let mut time = Time::UNWRITTEN;
        time.narrow = Parts {
            seconds: 3,
            nanoseconds: 5,
        };
        assert_eq!(time.duration(), Duration::new(3, 5));
        time.wide = Parts {
            seconds: 1 << 33,
            nanoseconds: 5,
        };
        assert_eq!(time.duration(), Duration::new(1 << 33, 5));
    }
}
