// SPDX-License-Identifier: GPL-2.0-only

//! Rules for the hardware parameters of an open stream: those that it is bound or limited to,
//! looked up each time the parameters are refined.
//!
//! C header: `include/sound/pcm.h` (`snd_pcm_hw_rule_add`)

use kernel::error::{code::EINVAL, to_result, Result};
use kernel::ffi::{c_int, c_uint};

use crate::lib::alsa::stream::Stream;
use crate::lib::bindings;
use crate::lib::model::limits::{Ranges, RANGES_MAX};

/// Adds the rules that bind a stream to what [`Stream::bound`] says, and limit it to
/// [`Stream::limits`]. May sleep.
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
        // SAFETY: The caller promises that `runtime` is valid, and that `stream` lives until the
        // stream is closed, after which no rule is called. The list of parameters that the rule
        // depends on ends with -1.
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

/// The stream of a rule.
///
/// # Safety
///
/// `rule` must be one that [`add`] has made for `S`, as it is when ALSA calls it.
unsafe fn stream<'a, S: Stream>(rule: *mut bindings::snd_pcm_hw_rule) -> &'a S {
    // SAFETY: `add` has made the rule's private data a pointer to an `S` that lives until the
    // stream is closed, and no rule is called after that.
    unsafe { &*(*rule).private.cast::<S>() }
}

/// The rule for the format: `EINVAL` if none is left. May sleep.
///
/// # Safety
///
/// `params` must be valid, and `rule` one that [`add`] has made for `S`.
unsafe extern "C" fn format<S: Stream>(
    params: *mut bindings::snd_pcm_hw_params,
    rule: *mut bindings::snd_pcm_hw_rule,
) -> c_int {
    // SAFETY: By this function's precondition.
    let Some(bound) = unsafe { stream::<S>(rule) }.bound() else {
        return 0;
    };
    let (word, bit) = (bound.format.number / 32, bound.format.number % 32);
    // SAFETY: `params` is valid, the parameter is a mask, and ALSA lets nobody else change it
    // meanwhile.
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

/// The rule for the rate: `EINVAL` if none is left. May sleep.
///
/// # Safety
///
/// As [`format`].
unsafe extern "C" fn rate<S: Stream>(
    params: *mut bindings::snd_pcm_hw_params,
    rule: *mut bindings::snd_pcm_hw_rule,
) -> c_int {
    // SAFETY: By this function's precondition.
    let stream = unsafe { stream::<S>(rule) };
    let rate = stream.bound().map(|bound| bound.rate);
    // SAFETY: `params` is valid, and the parameter is an interval.
    unsafe {
        narrow(
            params,
            bindings::SNDRV_PCM_HW_PARAM_RATE,
            rate,
            &stream.limits().rates,
        )
    }
}

/// The rule for the channels: `EINVAL` if none are left. May sleep.
///
/// # Safety
///
/// As [`format`].
unsafe extern "C" fn channels<S: Stream>(
    params: *mut bindings::snd_pcm_hw_params,
    rule: *mut bindings::snd_pcm_hw_rule,
) -> c_int {
    // SAFETY: By this function's precondition.
    let stream = unsafe { stream::<S>(rule) };
    let channels = stream.bound().map(|bound| bound.channels);
    // SAFETY: `params` is valid, and the parameter is an interval.
    unsafe {
        narrow(
            params,
            bindings::SNDRV_PCM_HW_PARAM_CHANNELS,
            channels,
            &stream.limits().channels,
        )
    }
}

/// Narrows an interval to the one value that the stream is bound to, or else to its limits.
///
/// # Safety
///
/// `params` must be valid, and `parameter` an interval of it.
unsafe fn narrow(
    params: *mut bindings::snd_pcm_hw_params,
    parameter: u32,
    bound: Option<c_uint>,
    limits: &Ranges,
) -> c_int {
    let mut intervals = [bindings::snd_interval::default(); RANGES_MAX];
    let bound = bound.map(|value| [(value, value)]);
    let ranges = bound.as_ref().map_or(limits.as_slice(), |one| one);
    for (interval, (least, most)) in intervals.iter_mut().zip(ranges) {
        interval.min = *least;
        interval.max = *most;
        interval.set_integer(1);
    }
    // SAFETY: The caller promises that the interval is there. `intervals` holds at least
    // `ranges.len()` initialised intervals, which ALSA only reads.
    unsafe {
        bindings::snd_interval_ranges(
            bindings::rloop_hw_param_interval(params, parameter as c_int),
            ranges.len() as c_uint,
            intervals.as_ptr(),
            0,
        )
    }
}
