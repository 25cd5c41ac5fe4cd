// SPDX-License-Identifier: GPL-2.0-only

//! The operations of a substream, `struct snd_pcm_ops`.
//!
//! ALSA calls `trigger`, `pointer` and `ack` with the stream locked and interrupts off, the others
//! where they may sleep: `open` and `close` with the device's `open_mutex` held, `hw_params`,
//! `hw_free` and `prepare` with the runtime's `buffer_mutex` (or, where a program closes a stream
//! that has parameters, `hw_free` with `open_mutex`).
//!
//! Lock order:
//! 1. the device's `open_mutex`, the runtime's `buffer_mutex` (ALSA);
//! 2. `OpenStream::resources`;
//! 3. the stream lock, of a group all of them (ALSA);
//! 4. what the driver's [`Stream`] takes.

use core::marker::PhantomData;
use core::ptr::{addr_of, addr_of_mut, null_mut};

use kernel::error::{from_result, to_result};
use kernel::ffi::{c_int, c_long, c_uint};
use kernel::new_mutex;
use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::Arc;
use kernel::types::ForeignOwnable;

use super::open_stream::{OpenStream, Resources};
use crate::lib::alsa::buffer::Lease;
use crate::lib::alsa::card::CardRef;
use crate::lib::alsa::hardware::{parameters, set_hardware};
use crate::lib::alsa::rules;
use crate::lib::alsa::stream::{Action, Stream, TriggerCommand};
use crate::lib::alsa::trace::debug;
use crate::lib::bindings;
use crate::lib::kernel::log;
use crate::lib::kernel::time::now;
use crate::lib::model::stream::{Direction, Setup};

/// `runtime->private_free`: called by `snd_pcm_detach_substream()`, after the substream was closed
/// and unlinked. May sleep.
///
/// # Safety
///
/// `runtime` must be that of a substream that [`OpsTable::open`] has opened for `S`, and not be
/// used after this.
unsafe extern "C" fn free_open_stream<S: Stream>(runtime: *mut bindings::snd_pcm_runtime) {
    // SAFETY: `open` has put this pointer there, and ALSA calls this once, at the end.
    let open_stream: Pin<KBox<OpenStream<S>>> =
        unsafe { ForeignOwnable::from_foreign((*runtime).private_data.cast()) };
    drop(open_stream);
}

/// The `SNDRV_PCM_INFO_*` flags that a free-running stream has besides: each new position of the
/// program must be made known (also one that is mapped), none can be taken back, and many frames
/// may move at once.
const FREE_RUNNING_INFO: u32 = bindings::SNDRV_PCM_INFO_SYNC_APPLPTR
    | bindings::SNDRV_PCM_INFO_NO_REWINDS
    | bindings::SNDRV_PCM_INFO_BATCH;

/// The `wait_time` of a free-running stream, for how long a write or a read waits, in milliseconds:
/// `msecs_to_jiffies()` takes what is more than an `int` holds for ever.
const WAIT_FOREVER: c_long = c_uint::MAX as c_long;

/// The table of operations of a PCM device whose streams are `S`.
pub(super) struct OpsTable<S>(PhantomData<S>);

impl<S: Stream> OpsTable<S> {
    /// The table.
    pub(super) const OPS: &'static bindings::snd_pcm_ops = &bindings::snd_pcm_ops {
        open: Some(Self::open),
        close: Some(Self::close),
        ioctl: None,
        hw_params: Some(Self::hw_params),
        hw_free: Some(Self::hw_free),
        prepare: Some(Self::prepare),
        trigger: Some(Self::trigger),
        sync_stop: Some(Self::sync_stop),
        pointer: Some(Self::pointer),
        get_time_info: None,
        fill_silence: None,
        copy: None,
        page: None,
        mmap: None,
        ack: Some(Self::ack),
    };

    /// The data that [`OpsTable::open`] has made for a substream. ALSA calls the operations other
    /// than `open` only between that and `private_free`, so for each of them the substream is open:
    /// `snd_pcm_detach_substream()` calls `private_free`, after it has taken the substream out of
    /// its group of linked ones.
    ///
    /// # Safety
    ///
    /// `substream` must be one that [`OpsTable::open`] has opened, and `private_free` must not have
    /// been called.
    unsafe fn open_stream<'a>(substream: *mut bindings::snd_pcm_substream) -> &'a OpenStream<S> {
        // SAFETY: `open` has made `private_data` a pointer to a `OpenStream<S>`, which lives until
        // `free_open_stream`. It is only ever borrowed in between.
        unsafe { &*(*(*substream).runtime).private_data.cast() }
    }

    /// `open`: makes the stream and its data, and sets up the runtime's hardware and rules. May
    /// sleep.
    ///
    /// # Safety
    ///
    /// `substream` must be of a PCM device that [`super::create`] has made for `S`, not open.
    unsafe extern "C" fn open(substream: *mut bindings::snd_pcm_substream) -> c_int {
        // SAFETY: The caller promises that the substream is valid; ALSA has given it a runtime.
        let (pcm, runtime, number, direction) = unsafe {
            let substream = &*substream;
            let direction = match substream.stream as u32 {
                bindings::SNDRV_PCM_STREAM_PLAYBACK => Direction::Playback,
                _ => Direction::Capture,
            };
            (
                substream.pcm,
                substream.runtime,
                substream.number,
                direction,
            )
        };
        // SAFETY: `private_data` comes from `Arc::into_foreign` and is valid while the PCM device
        // is, hence while a substream of it is open.
        let device = unsafe { Arc::<S::Device>::borrow((*pcm).private_data.cast()) };

        from_result(|| {
            let number = u32::try_from(number)?;
            let stream = S::open(device, direction, number)?;
            let open_stream = KBox::pin_init(
                pin_init!(OpenStream {
                    stream,
                    resources <- new_mutex!(Resources::default()),
                    action: Atomic::new(TriggerCommand::Stop as u32),
                    action_time: Atomic::new(0),
                    action_streams: Atomic::new(1),
                }),
                GFP_KERNEL,
            )?;

            // SAFETY: ALSA has given the substream its runtime, and nobody else uses either before
            // this function has returned: the device's `open_mutex` is held.
            let hardware = unsafe { &mut (*runtime).hw };
            set_hardware(hardware, &S::HARDWARE, open_stream.stream.limits());
            let free_running = open_stream.stream.free_running();
            if free_running {
                hardware.info |= FREE_RUNNING_INFO;
                // With one alone, a program that waits for it would wait for an xrun.
                hardware.periods_min = 2;
            }
            // SAFETY: As above.
            unsafe { (*substream).wait_time = if free_running { WAIT_FOREVER } else { 0 } };
            // SAFETY: The substream is valid and has a runtime, whose sync id this sets.
            unsafe { bindings::rloop_pcm_set_sync(substream) };
            // SAFETY: The runtime is valid, and its constraints have been set up by ALSA.
            to_result(unsafe {
                bindings::snd_pcm_hw_constraint_minmax(
                    runtime,
                    bindings::SNDRV_PCM_HW_PARAM_PERIOD_SIZE as c_int,
                    S::HARDWARE.period_frames,
                    c_uint::MAX,
                )
            })?;
            // SAFETY: As above. The rules go with the runtime's constraints, which ALSA frees when
            // the substream is detached or this function has failed; no rule is called after that.
            // The stream is in `open_stream`, which is pinned and lives at least as long: until
            // `free_open_stream`, or until this function has failed.
            unsafe { rules::add(runtime, &open_stream.stream)? };
            // From here on nothing fails, since only `close` undoes it.
            //
            // SAFETY: The substream is open as soon as this function has returned, and `close`
            // detaches it before it no longer is.
            unsafe { open_stream.stream.timer().attach(substream) };
            // SAFETY: `private_data` is the driver's, and stays valid until ALSA calls
            // `private_free`.
            unsafe {
                (*runtime).private_data = open_stream.into_foreign().cast();
                (*runtime).private_free = Some(free_open_stream::<S>);
            }
            // SAFETY: By this function's precondition it is valid.
            unsafe { debug(substream, format_args!("open")) };
            Ok(0)
        })
    }

    /// Sets `runtime->delay`, which `snd_pcm_delay()` adds to the frames in the buffer.
    ///
    /// # Safety
    ///
    /// `substream` must be open, and locked or being prepared.
    unsafe fn set_delay(substream: *mut bindings::snd_pcm_substream, delay: u64) {
        // SAFETY: The runtime's `delay` is the driver's to write, with the stream locked; where it
        // is being prepared it stands still, and a reader gets the one value or the other.
        unsafe {
            addr_of_mut!((*(*substream).runtime).delay).write(delay as bindings::snd_pcm_sframes_t)
        };
    }

    /// `close`: ends all use of the buffer. May sleep.
    ///
    /// # Safety
    ///
    /// `substream` must be one that [`OpsTable::open`] has opened.
    unsafe extern "C" fn close(substream: *mut bindings::snd_pcm_substream) -> c_int {
        // SAFETY: By this function's precondition it is open. Its data stays until ALSA has taken
        // the substream out of its group, whose other members may still look at it: see
        // `free_open_stream`.
        let open_stream = unsafe { Self::open_stream(substream) };
        // SAFETY: By this function's precondition.
        unsafe { debug(substream, format_args!("close")) };
        open_stream.stream.timer().detach();
        drop(open_stream.quiesce());
        0
    }

    /// `hw_params`: claims bandwidth and allocates the buffer; `EINVAL`, `EBUSY` or `ENOMEM`. May
    /// sleep.
    ///
    /// # Safety
    ///
    /// `substream` must be open, and `params` valid.
    unsafe extern "C" fn hw_params(
        substream: *mut bindings::snd_pcm_substream,
        params: *mut bindings::snd_pcm_hw_params,
    ) -> c_int {
        // SAFETY: By this function's precondition it is open.
        let open_stream = unsafe { Self::open_stream(substream) };
        let mut resources = open_stream.drop_params();
        // SAFETY: `params` is valid.
        if unsafe { bindings::rloop_hw_params_hang(params) } {
            log::debug(format_args!(
                "refused: without period wake-ups a buffer must not be shorter than a jiffy"
            ));
            return EINVAL.to_errno();
        }
        // SAFETY: `params` is valid, and has one value for each of these.
        let value = |parameter| unsafe {
            (*bindings::rloop_hw_param_interval(params, parameter as c_int)).min
        };
        from_result(|| {
            let claim = open_stream.stream.claim(
                value(bindings::SNDRV_PCM_HW_PARAM_RATE),
                value(bindings::SNDRV_PCM_HW_PARAM_FRAME_BITS) / 8,
            )?;
            let bytes = usize::try_from(value(bindings::SNDRV_PCM_HW_PARAM_BUFFER_BYTES))?;
            let rate = value(bindings::SNDRV_PCM_HW_PARAM_RATE);
            let period = value(bindings::SNDRV_PCM_HW_PARAM_PERIOD_SIZE);
            // SAFETY: By this function's precondition it is open.
            unsafe {
                debug(
                    substream,
                    format_args!(
                        "hw_params: {rate} Hz, a buffer of {bytes} bytes, periods of {period} frames"
                    ),
                )
            };
            // SAFETY: The substream is open, and nobody uses its old buffer.
            let changed = unsafe { bindings::snd_pcm_lib_malloc_pages(substream, bytes) };
            to_result(changed.min(0))?;
            resources.claim = claim;
            Ok(changed)
        })
    }

    /// `hw_free`: gives up the parameters and frees the buffer. May sleep.
    ///
    /// # Safety
    ///
    /// `substream` must be open.
    unsafe extern "C" fn hw_free(substream: *mut bindings::snd_pcm_substream) -> c_int {
        // SAFETY: By this function's precondition it is open.
        let open_stream = unsafe { Self::open_stream(substream) };
        // SAFETY: By this function's precondition.
        unsafe { debug(substream, format_args!("hw_free")) };
        let _held = open_stream.drop_params();
        // SAFETY: The substream is open, and its lease was revoked, so nobody uses the buffer.
        unsafe { bindings::snd_pcm_lib_free_pages(substream) }
    }

    /// `prepare`: lends the buffer to the stream and sets it up. May sleep.
    ///
    /// # Safety
    ///
    /// `substream` must be open and have its parameters and its buffer.
    unsafe extern "C" fn prepare(substream: *mut bindings::snd_pcm_substream) -> c_int {
        // SAFETY: By this function's precondition it is open.
        let open_stream = unsafe { Self::open_stream(substream) };
        let mut resources = open_stream.quiesce();
        // The command that it got last is of no action that is still going on, whatever has come of
        // it.
        open_stream
            .action
            .store(TriggerCommand::Stop as u32, Relaxed);
        let prepared = from_result(|| {
            // SAFETY: The substream is open, so it has a runtime; ALSA does not change the
            // parameters while a stream is being prepared.
            let (runtime, (params, setup, layout)) = unsafe {
                let runtime = (*substream).runtime;
                (runtime, parameters(runtime)?)
            };
            // SAFETY: The buffer has been allocated by `hw_params`. Before it changes or goes,
            // `quiesce` revokes the lease: in `hw_params`, `hw_free` and `close`.
            let lease = unsafe { Lease::new(runtime, layout)? };
            let Setup { period, buffer, .. } = setup;
            // SAFETY: By this function's precondition it is open.
            unsafe {
                debug(
                    substream,
                    format_args!(
                        "prepare: {params}, a buffer of {buffer} frames, periods of {period}"
                    ),
                )
            };
            let buffer = lease.lend();
            resources.lease = Some(lease);
            // SAFETY: An open substream has a card, and that does not go before it is closed.
            let card = unsafe { CardRef::from_raw((*(*substream).pcm).card) };
            open_stream.stream.prepare(params, setup, buffer, &card)?;
            // SAFETY: The substream is open, and ALSA lets nobody else set it up meanwhile.
            unsafe { Self::set_delay(substream, open_stream.stream.delay()) };
            Ok(0)
        });
        if prepared != 0 {
            // SAFETY: The substream is open, and no lock is held that its own comes before.
            unsafe { bindings::rloop_pcm_not_prepared(substream) };
        }
        prepared
    }

    /// `trigger`: hands the command to the stream. With the group locked, interrupts off.
    ///
    /// # Safety
    ///
    /// `substream` must be open, and it and all that it is linked with must be locked.
    unsafe extern "C" fn trigger(
        substream: *mut bindings::snd_pcm_substream,
        command: c_int,
    ) -> c_int {
        let command = match command as u32 {
            bindings::SNDRV_PCM_TRIGGER_START => TriggerCommand::Start,
            bindings::SNDRV_PCM_TRIGGER_STOP => TriggerCommand::Stop,
            bindings::SNDRV_PCM_TRIGGER_PAUSE_PUSH => TriggerCommand::PausePush,
            bindings::SNDRV_PCM_TRIGGER_PAUSE_RELEASE => TriggerCommand::PauseRelease,
            bindings::SNDRV_PCM_TRIGGER_SUSPEND => TriggerCommand::Suspend,
            bindings::SNDRV_PCM_TRIGGER_RESUME => TriggerCommand::Resume,
            bindings::SNDRV_PCM_TRIGGER_DRAIN => TriggerCommand::Drain,
            _ => return EINVAL.to_errno(),
        };
        // SAFETY: By this function's precondition it is open.
        let open_stream = unsafe { Self::open_stream(substream) };
        // SAFETY: By this function's precondition.
        unsafe { debug(substream, format_args!("trigger: {command:?}")) };
        // SAFETY: By this function's precondition.
        let action = unsafe { Self::action(substream, command) };
        open_stream.action.store(command as u32, Relaxed);
        open_stream.action_time.store(action.now, Relaxed);
        open_stream.action_streams.store(action.streams, Relaxed);
        // SAFETY: An open substream has a card, and that does not go before it is closed.
        let card = unsafe { CardRef::from_raw((*(*substream).pcm).card) };
        from_result(|| {
            open_stream.stream.trigger(action, &card)?;
            if matches!(
                command,
                TriggerCommand::PauseRelease | TriggerCommand::Resume
            ) {
                // For a pause ALSA dates its position back by 1000 s, so as to skip a check that it
                // does not make for streams without period wake-ups, and after a suspend it leaves
                // the old date. For these streams it takes the time for frames that have passed
                // unnoticed, and finds an xrun.
                //
                // SAFETY: The substream is open and locked.
                unsafe { bindings::rloop_pcm_time_of_position(substream) };
            }
            Ok(0)
        })
    }

    /// The action that `command` is of: it takes effect now, or if a stream that is linked with this
    /// one has just got it in the course of the same action, at the same time as there.
    ///
    /// ALSA hands a group's command to each member in turn, and changes their states only when all
    /// have got it: whoever has got it and is not in the state that follows is of the same action.
    /// (To let the first member act for all, as some drivers do, would be wrong: a drain starts and
    /// stops the members of a group one by one.)
    ///
    /// # Safety
    ///
    /// As [`OpsTable::trigger`].
    unsafe fn action(
        substream: *mut bindings::snd_pcm_substream,
        command: TriggerCommand,
    ) -> Action {
        let (mut member, mut streams) = (null_mut(), 0_u32);
        loop {
            // SAFETY: ALSA holds the locks of the whole group, so its list does not change.
            member = unsafe { bindings::rloop_pcm_group_next(substream, member) };
            if member.is_null() || command == TriggerCommand::Drain {
                return Action {
                    command,
                    now: now(),
                    // A drain is told to one after the other.
                    streams: streams.max(1),
                };
            }
            streams += 1;
            // SAFETY: Both are valid: ALSA unlinks a substream before it frees it.
            let ours = unsafe { (*member).ops == (*substream).ops };
            if member == substream || !ours {
                continue;
            }
            // SAFETY: It has this table, so its device was made for `S`; it is in a group, so
            // `private_free` has not been called.
            let open_stream = unsafe { Self::open_stream(member) };
            // SAFETY: As above; its lock is held.
            let state = unsafe { addr_of!((*(*member).runtime).state).read() } as u32;
            let runs = state == bindings::rloop_constant_RLOOP_PCM_STATE_RUNNING
                || state == bindings::rloop_constant_RLOOP_PCM_STATE_DRAINING;
            let follows = runs == command.starts();
            if open_stream.action.load(Relaxed) == command as u32 && !follows {
                return Action {
                    command,
                    now: open_stream.action_time.load(Relaxed),
                    streams: open_stream.action_streams.load(Relaxed),
                };
            }
        }
    }

    /// `sync_stop`: waits for the timer's callback. Sleeps.
    ///
    /// # Safety
    ///
    /// `substream` must be open.
    unsafe extern "C" fn sync_stop(substream: *mut bindings::snd_pcm_substream) -> c_int {
        // SAFETY: By this function's precondition it is open.
        unsafe { Self::open_stream(substream) }
            .stream
            .timer()
            .cancel();
        0
    }

    /// `ack`: notes that the program has moved its position. With the stream locked, interrupts
    /// off.
    ///
    /// # Safety
    ///
    /// `substream` must be open and locked.
    unsafe extern "C" fn ack(substream: *mut bindings::snd_pcm_substream) -> c_int {
        // SAFETY: By this function's precondition it is open.
        unsafe { Self::open_stream(substream) }.stream.acknowledge();
        0
    }

    /// `pointer`: where the stream is in its buffer. With the stream locked, interrupts off.
    ///
    /// # Safety
    ///
    /// `substream` must be open and locked.
    unsafe extern "C" fn pointer(
        substream: *mut bindings::snd_pcm_substream,
    ) -> bindings::snd_pcm_uframes_t {
        // SAFETY: By this function's precondition it is open.
        let stream = &unsafe { Self::open_stream(substream) }.stream;
        if stream.free_running() {
            // From the time since the last position ALSA would conclude that it has missed buffers.
            //
            // SAFETY: The substream is open and locked.
            unsafe { bindings::rloop_pcm_time_of_position(substream) };
        }
        // SAFETY: The function may be called in any context. Only the stream's own timer asks ALSA
        // for it in an interrupt.
        let notified = unsafe { bindings::rloop_in_interrupt() };
        let (position, delay) = stream.pointer(notified);
        // SAFETY: By this function's precondition it is open.
        unsafe {
            match position {
                Some(position) => debug(substream, format_args!("pointer: {position}")),
                None => debug(substream, format_args!("pointer: xrun")),
            }
        };
        // SAFETY: The substream is open and locked.
        unsafe { Self::set_delay(substream, delay) };
        match position {
            Some(position) => position as bindings::snd_pcm_uframes_t,
            // SNDRV_PCM_POS_XRUN, which bindgen does not see for its cast.
            None => bindings::snd_pcm_uframes_t::MAX,
        }
    }
}
