// SPDX-License-Identifier: MIT OR Apache-2.0

//! `snd_pcm_status`: state, position and times of a stream.

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
        let zero = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let (mut now, mut trigger, mut audio) = (zero, zero, zero);
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
                ffi::snd_pcm_status_get_htstamp(status, &raw mut now);
                ffi::snd_pcm_status_get_trigger_htstamp(status, &raw mut trigger);
                ffi::snd_pcm_status_get_audio_htstamp(status, &raw mut audio);
                Snapshot {
                    state: State::from_raw(ffi::snd_pcm_status_get_state(status)),
                    avail: u64::from(ffi::snd_pcm_status_get_avail(status)),
                    delay: i64::from(ffi::snd_pcm_status_get_delay(status)),
                    now: duration(now),
                    trigger: duration(trigger),
                    audio: duration(audio),
                }
            })
        };
        // SAFETY: Allocated above and not used after this.
        unsafe { ffi::snd_pcm_status_free(status) };
        result
    }
}

fn duration(t: libc::timespec) -> Duration {
    Duration::new(
        u64::try_from(t.tv_sec).unwrap_or(0),
        u32::try_from(t.tv_nsec).unwrap_or(0),
    )
}
