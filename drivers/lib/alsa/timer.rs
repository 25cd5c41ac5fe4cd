// SPDX-License-Identifier: GPL-2.0-only

//! Sound timers: listening to the ticks of another card's stream, or of whatever else drives a
//! timer.
//!
//! A [`Timer`] is a timer instance, a [`Listener`] its callback, and what is heard are ticks.
//!
//! C header: `include/sound/timer.h`

use core::ptr::{addr_of_mut, NonNull};

use kernel::error::to_result;
use kernel::ffi::{c_int, c_ulong};
use kernel::prelude::*;
use kernel::str::CStr;
use kernel::sync::Arc;

use crate::lib::bindings;
use crate::lib::kernel::time::now;
use crate::lib::model::ticks::Heard;

/// The address of a timer, `struct snd_timer_id`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimerId {
    /// The number of the card whose PCM timer it is; `None` for a global timer.
    pub(crate) card: Option<u32>,
    /// The PCM device, or the number of the global timer.
    pub(crate) device: u32,
    /// Twice the PCM substream's number, and one more for capture, or that of the global timer.
    pub(crate) subdevice: u32,
}

impl TimerId {
    /// Whether it is a user-driven timer, which a program makes and drives
    /// (`SNDRV_TIMER_GLOBAL_UDRIVEN`). Any context.
    pub(crate) fn is_user_driven(&self) -> bool {
        self.card.is_none() && self.device == bindings::SNDRV_TIMER_GLOBAL_UDRIVEN
    }
}

/// The listener of a timer.
pub(crate) trait Listener: Send + Sync + 'static {
    /// Handles a tick of the timer at the time `at` (ns, `CLOCK_MONOTONIC`):
    /// `snd_timer_instance.callback`.
    ///
    /// Called with interrupts off, and with a stream of another card locked: it must not call ALSA,
    /// nor wait for anybody who does.
    fn heard(&self, heard: Heard, at: u64);
}

/// An open timer instance; dropping it closes the instance, `snd_timer_close()`, which sleeps.
///
/// # Invariants
///
/// `raw` points to an instance that was opened with `listener` as its callback's data, and that
/// this value alone closes and frees.
pub(crate) struct Timer<L: Listener> {
    raw: NonNull<bindings::snd_timer_instance>,
    ticks: u32,
    _listener: Arc<L>,
}

// SAFETY: An instance is not bound to the thread that has opened it, and the listener is `Send`.
unsafe impl<L: Listener> Send for Timer<L> {}

/// The least time between two callbacks, in nanoseconds, where a timer ticks faster. ALSA asks for
/// 0.1 ms at least.
const CALLBACK_INTERVAL_MIN: c_ulong = 1_000_000;

impl<L: Listener> Timer<L> {
    /// Opens a timer in the name of `owner` and starts to listen to it: `snd_timer_open()`. May
    /// sleep; if there is no such timer, ALSA first tries to load the module of its card.
    ///
    /// # Errors
    ///
    /// `ENODEV` if there is no such timer, `EBUSY` if it takes no more listeners, `EINVAL` if it
    /// ticks too fast, `ENOMEM`.
    pub(crate) fn open(owner: &CStr, id: TimerId, listener: Arc<L>) -> Result<Self> {
        // SAFETY: The name is copied.
        let raw = unsafe { bindings::snd_timer_instance_new(owner.as_char_ptr()) };
        let raw = NonNull::new(raw).ok_or(ENOMEM)?;
        let class = match id.card {
            Some(_) => bindings::SNDRV_TIMER_CLASS_PCM as c_int,
            None => bindings::SNDRV_TIMER_CLASS_GLOBAL as c_int,
        };
        let mut tid = bindings::snd_timer_id {
            dev_class: class,
            dev_sclass: bindings::SNDRV_TIMER_SCLASS_NONE as c_int,
            card: id.card.map_or(Ok(-1), c_int::try_from)?,
            device: c_int::try_from(id.device)?,
            subdevice: c_int::try_from(id.subdevice)?,
        };
        // SAFETY: The instance is valid, and nobody else knows it yet. The listener lives until
        // after it has been closed, which waits for the callback; it may be called in any context,
        // as a fast callback is.
        let opened = unsafe {
            let instance = raw.as_ptr();
            (*instance).flags |= bindings::SNDRV_TIMER_IFLG_AUTO | bindings::SNDRV_TIMER_IFLG_FAST;
            (*instance).callback = Some(Self::callback);
            (*instance).callback_data = Arc::as_ptr(&listener).cast_mut().cast();
            to_result(bindings::snd_timer_open(instance, addr_of_mut!(tid), 0))
        };
        if let Err(error) = opened {
            // SAFETY: It is not open, and nobody else knows it.
            unsafe { bindings::snd_timer_instance_free(raw.as_ptr()) };
            return Err(error);
        }
        // INVARIANT: Just opened.
        let mut timer = Self {
            raw,
            ticks: 1,
            _listener: listener,
        };
        // A PCM timer ticks when it likes, and a user-driven one counts a call for as many ticks as
        // are asked for.
        if id.card.is_none() && !id.is_user_driven() {
            // SAFETY: By the invariants the instance is valid.
            let resolution = unsafe { bindings::snd_timer_resolution(raw.as_ptr()) };
            let ticks = CALLBACK_INTERVAL_MIN.checked_div(resolution).unwrap_or(1);
            timer.ticks = u32::try_from(ticks)?.max(1);
        }
        timer.listen()?;
        Ok(timer)
    }

    /// Makes sure that the timer is listened to: `snd_timer_start()`. Any context; may be called at
    /// any time.
    ///
    /// # Errors
    ///
    /// `ENODEV` or `EINVAL` if the timer has gone. Then this value should go, too: a card that was
    /// taken away waits for it.
    pub(crate) fn listen(&self) -> Result {
        // SAFETY: By the invariants the instance is valid. If it runs already, nothing is done.
        match to_result(unsafe { bindings::snd_timer_start(self.raw.as_ptr(), self.ticks) }) {
            Err(error) if error == EBUSY => Ok(()),
            started => started,
        }
    }

    /// `snd_timer_instance.callback`. With the timer's lock released, interrupts off, and for a PCM
    /// timer with its stream locked.
    ///
    /// # Safety
    ///
    /// `instance` must be one that [`Timer::open`] has opened for `L`, as it is when ALSA calls.
    unsafe extern "C" fn callback(
        instance: *mut bindings::snd_timer_instance,
        resolution: c_ulong,
        ticks: c_ulong,
    ) {
        let at = now();
        // SAFETY: `open` has made this a pointer to an `L` that lives until the instance has been
        // closed, which waits for this function.
        let listener = unsafe { &*(*instance).callback_data.cast::<L>() };
        let (mut position, mut boundary, mut rate) = (0, 0, 0);
        // SAFETY: The instance is valid, and this is a fast callback of it.
        let stream = unsafe {
            bindings::rloop_timer_stream(instance, &mut position, &mut boundary, &mut rate)
        };
        let heard = if stream {
            Heard::Frames {
                position,
                boundary,
                rate,
            }
        } else {
            Heard::Ticks {
                count: ticks as u64,
                resolution: resolution as u64,
            }
        };
        listener.heard(heard, at);
    }
}

impl<L: Listener> Drop for Timer<L> {
    fn drop(&mut self) {
        // SAFETY: By the invariants the instance is open, and this value alone closes and frees it.
        // ALSA may have closed it itself, with its timer; then nothing is left to close. Sleeps,
        // and waits for the callback.
        unsafe {
            bindings::snd_timer_close(self.raw.as_ptr());
            bindings::snd_timer_instance_free(self.raw.as_ptr());
        }
    }
}

/// The number of the card with this id, if there is one. May sleep.
pub(crate) fn card_by_id(id: &CStr) -> Option<u32> {
    // SAFETY: `id` is a string, which the function only reads.
    u32::try_from(unsafe { bindings::rloop_card_by_id(id.as_char_ptr()) }).ok()
}

/// Whether there is a card with this number. May sleep.
pub(crate) fn card_is_there(number: u32) -> bool {
    // SAFETY: The function takes any number.
    unsafe { bindings::rloop_card_is_there(number) }
}
