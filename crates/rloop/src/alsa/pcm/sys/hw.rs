// SPDX-License-Identifier: MIT OR Apache-2.0

//! Hardware parameters: the set of what is still possible, and what is left of it.

use std::ptr::{self, NonNull};

use alsa_sys as ffi;

use super::{Handle, Raw, check};

/// A set of possible hardware parameters.
///
/// # Invariants
/// The pointer comes from `snd_pcm_hw_params_malloc`.
pub struct HwParams(NonNull<ffi::snd_pcm_hw_params_t>);

/// Methods that narrow the set, or test it, by one value.
macro_rules! narrow {
    ($($name:ident = $function:ident($($arg:ident: $type:ty),*);)*) => {
        $(pub fn $name(&self, pcm: &Handle $(, $arg: $type)*) -> Raw<()> {
            // SAFETY: The PCM is open and the parameters allocated, by the invariants of both types.
            check(unsafe { ffi::$function(pcm.0.as_ptr(), self.0.as_ptr() $(, $arg)*) }).map(|_| ())
        })*
    };
}

/// Methods that read a bound which has no direction.
macro_rules! bound {
    ($($name:ident: $type:ty = $function:ident($($dir:expr)?);)*) => {
        $(pub fn $name(&self) -> Raw<$type> {
            let mut value = 0;
            // SAFETY: The parameters are allocated, `value` is a valid place; the direction may be null.
            check(unsafe { ffi::$function(self.0.as_ptr(), &raw mut value $(, $dir)?) })?;
            Ok(value.into())
        })*
    };
}

/// Methods that read a flag of the card.
macro_rules! flag {
    ($($name:ident = $function:ident;)*) => {
        $(pub fn $name(&self) -> bool {
            // SAFETY: The parameters are allocated.
            unsafe { ffi::$function(self.0.as_ptr()) == 1 }
        })*
    };
}

impl HwParams {
    pub(super) fn new() -> Raw<Self> {
        let mut params = ptr::null_mut();
        // SAFETY: `params` is a valid place for the result.
        check(unsafe { ffi::snd_pcm_hw_params_malloc(&raw mut params) })?;
        NonNull::new(params).map(Self).ok_or(libc::ENOMEM)
    }

    /// All that `pcm` offers.
    pub fn any(pcm: &Handle) -> Raw<Self> {
        let params = Self::new()?;
        // SAFETY: The PCM is open and the parameters allocated.
        check(unsafe { ffi::snd_pcm_hw_params_any(pcm.0.as_ptr(), params.0.as_ptr()) })?;
        Ok(params)
    }

    /// The parameters, for a call that reads or fills them.
    pub(super) fn as_ptr(&self) -> *mut ffi::snd_pcm_hw_params_t {
        self.0.as_ptr()
    }

    narrow! {
        set_resample = snd_pcm_hw_params_set_rate_resample(on: u32);
        set_access = snd_pcm_hw_params_set_access(id: ffi::snd_pcm_access_t);
        test_access = snd_pcm_hw_params_test_access(id: ffi::snd_pcm_access_t);
        set_format = snd_pcm_hw_params_set_format(id: ffi::snd_pcm_format_t);
        test_format = snd_pcm_hw_params_test_format(id: ffi::snd_pcm_format_t);
        set_channels = snd_pcm_hw_params_set_channels(n: u32);
        test_channels = snd_pcm_hw_params_test_channels(n: u32);
        set_rate = snd_pcm_hw_params_set_rate(hz: u32, dir: i32);
        test_rate = snd_pcm_hw_params_test_rate(hz: u32, dir: i32);
        set_period = snd_pcm_hw_params_set_period_size(frames: ffi::snd_pcm_uframes_t, dir: i32);
        set_buffer = snd_pcm_hw_params_set_buffer_size(frames: ffi::snd_pcm_uframes_t);
        set_period_wakeup = snd_pcm_hw_params_set_period_wakeup(on: u32);
    }

    bound! {
        rate_min: u32 = snd_pcm_hw_params_get_rate_min(ptr::null_mut());
        rate_max: u32 = snd_pcm_hw_params_get_rate_max(ptr::null_mut());
        channels_min: u32 = snd_pcm_hw_params_get_channels_min();
        channels_max: u32 = snd_pcm_hw_params_get_channels_max();
        periods_min: u32 = snd_pcm_hw_params_get_periods_min(ptr::null_mut());
        periods_max: u32 = snd_pcm_hw_params_get_periods_max(ptr::null_mut());
        period_min: u64 = snd_pcm_hw_params_get_period_size_min(ptr::null_mut());
        period_max: u64 = snd_pcm_hw_params_get_period_size_max(ptr::null_mut());
        buffer_min: u64 = snd_pcm_hw_params_get_buffer_size_min();
        buffer_max: u64 = snd_pcm_hw_params_get_buffer_size_max();
    }

    /// Makes the one set of parameters that is left the stream's own.
    pub fn install(&self, pcm: &Handle) -> Raw<()> {
        // SAFETY: The PCM is open and the parameters allocated.
        check(unsafe { ffi::snd_pcm_hw_params(pcm.0.as_ptr(), self.0.as_ptr()) }).map(|_| ())
    }

    flag! {
        can_pause = snd_pcm_hw_params_can_pause;
        can_resume = snd_pcm_hw_params_can_resume;
        can_sync_start = snd_pcm_hw_params_can_sync_start;
        can_disable_period_wakeup = snd_pcm_hw_params_can_disable_period_wakeup;
        can_mmap_sample_resolution = snd_pcm_hw_params_can_mmap_sample_resolution;
        is_batch = snd_pcm_hw_params_is_batch;
    }
}

impl Drop for HwParams {
    fn drop(&mut self) {
        // SAFETY: By the invariant the pointer was allocated, and this is its last use.
        unsafe { ffi::snd_pcm_hw_params_free(self.0.as_ptr()) };
    }
}
