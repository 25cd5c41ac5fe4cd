// SPDX-License-Identifier: GPL-2.0-only

//! Hardware parameters that an open stream is bound to, looked up each time they are refined.
//!
//! C header: `include/sound/pcm.h` (`snd_pcm_hw_rule_add`)

use kernel::error::{code::EINVAL, to_result, Result};
use kernel::ffi::{c_int, c_uint};

use super::bindings;
use super::pcm::Stream;
use crate::pure::cable::Params;

/// Binds a stream to what [`Stream::bound`] says.
///
/// # Safety
///
/// `runtime` must be that of a stream which is being opened, and `stream` must live until it is
/// closed.
///
/// # Errors
///
/// `ENOMEM`.
pub(super) unsafe fn add<S: Stream>(
    runtime: *mut bindings::snd_pcm_runtime,
    stream: *const S,
) -> Result {
    type Rule = unsafe extern "C" fn(
        *mut bindings::snd_pcm_hw_params,
        *mut bindings::snd_pcm_hw_rule,
    ) -> c_int;
    let rules: [(u32, Rule); 3] = [
        (bindings::SNDRV_PCM_HW_PARAM_FORMAT, format::<S>),
        (bindings::SNDRV_PCM_HW_PARAM_RATE, rate::<S>),
        (bindings::SNDRV_PCM_HW_PARAM_CHANNELS, channels::<S>),
    ];
    for (parameter, rule) in rules {
        let parameter = parameter as c_int;
        // SAFETY: The caller promises that `runtime` is valid, and that `stream` is as long as
        // the rules are. The list of parameters that the rule depends on ends with -1.
        to_result(unsafe {
            bindings::snd_pcm_hw_rule_add(
                runtime,
                0,
                parameter,
                Some(rule),
                stream.cast_mut().cast(),
                parameter,
                -1 as c_int,
            )
        })?;
    }
    Ok(())
}

/// # Safety
///
/// `rule` must be one that [`add`] has made for `S`, as it is when ALSA calls it.
unsafe fn bound<S: Stream>(rule: *mut bindings::snd_pcm_hw_rule) -> Option<Params> {
    // SAFETY: `add` has made the rule's private data a pointer to an `S` that lives until the
    // stream is closed, and no rule is called after that.
    unsafe { &*(*rule).private.cast::<S>() }.bound()
}

/// # Safety
///
/// `params` must be valid, and `rule` one that [`add`] has made for `S`.
unsafe extern "C" fn format<S: Stream>(
    params: *mut bindings::snd_pcm_hw_params,
    rule: *mut bindings::snd_pcm_hw_rule,
) -> c_int {
    // SAFETY: As this function's.
    let Some(bound) = (unsafe { bound::<S>(rule) }) else {
        return 0;
    };
    let (word, bit) = (bound.format.number / 32, bound.format.number % 32);
    // SAFETY: `params` is valid, and the parameter is a mask.
    let mask = unsafe {
        &mut *bindings::rloop_hw_param_mask(params, bindings::SNDRV_PCM_HW_PARAM_FORMAT as c_int)
    };
    let mut changed = 0;
    for (i, bits) in mask.bits.iter_mut().enumerate() {
        let allowed = if i == word as usize { 1 << bit } else { 0 };
        if *bits & !allowed != 0 {
            changed = 1;
        }
        *bits &= allowed;
    }
    if mask.bits.iter().all(|bits| *bits == 0) {
        return EINVAL.to_errno();
    }
    changed
}

/// # Safety
///
/// As [`format`].
unsafe extern "C" fn rate<S: Stream>(
    params: *mut bindings::snd_pcm_hw_params,
    rule: *mut bindings::snd_pcm_hw_rule,
) -> c_int {
    // SAFETY: As this function's.
    match unsafe { bound::<S>(rule) } {
        // SAFETY: `params` is valid, and the parameter is an interval.
        Some(bound) => unsafe { narrow(params, bindings::SNDRV_PCM_HW_PARAM_RATE, bound.rate) },
        None => 0,
    }
}

/// # Safety
///
/// As [`format`].
unsafe extern "C" fn channels<S: Stream>(
    params: *mut bindings::snd_pcm_hw_params,
    rule: *mut bindings::snd_pcm_hw_rule,
) -> c_int {
    // SAFETY: As this function's.
    match unsafe { bound::<S>(rule) } {
        // SAFETY: `params` is valid, and the parameter is an interval.
        Some(bound) => unsafe {
            narrow(
                params,
                bindings::SNDRV_PCM_HW_PARAM_CHANNELS,
                bound.channels,
            )
        },
        None => 0,
    }
}

/// # Safety
///
/// `params` must be valid, and `parameter` an interval of it.
unsafe fn narrow(params: *mut bindings::snd_pcm_hw_params, parameter: u32, value: c_uint) -> c_int {
    let mut only = bindings::snd_interval {
        min: value,
        max: value,
        ..Default::default()
    };
    only.set_integer(1);
    // SAFETY: The caller promises that the interval is there; `only` is one, too.
    unsafe {
        bindings::snd_interval_refine(
            bindings::rloop_hw_param_interval(params, parameter as c_int),
            &only,
        )
    }
}
