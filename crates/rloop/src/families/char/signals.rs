// SPDX-License-Identifier: MIT OR Apache-2.0

//! Signals for one thread.

#![expect(unsafe_code, reason = "no crate has timers that signal a thread")]

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::thread;
use std::time::Duration;

extern "C" fn nothing(_: i32) {}

/// A signal again and again for the thread that has made it, until it is dropped. Calls that it comes in give `EINTR`.
pub struct Signals(libc::timer_t);

impl Signals {
    /// Starts them.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn every(interval: Duration) -> io::Result<Self> {
        let spec = libc::timespec {
            tv_sec: 0,
            tv_nsec: interval.subsec_nanos() as _,
        };
        let times = libc::itimerspec {
            it_interval: spec,
            it_value: spec,
        };
        let mut timer = MaybeUninit::uninit();
        // SAFETY: All zeroes is a value of these C types; a handler that does nothing may be called at any time. The
        // timer is set by `timer_create` if that succeeds.
        unsafe {
            let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
            action.sa_sigaction = nothing as *const () as usize;
            let mut event: libc::sigevent = MaybeUninit::zeroed().assume_init();
            event.sigev_notify = libc::SIGEV_THREAD_ID;
            event.sigev_signo = libc::SIGUSR2;
            event.sigev_notify_thread_id = libc::gettid();
            if libc::sigaction(libc::SIGUSR2, &raw const action, ptr::null_mut()) != 0
                || libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, timer.as_mut_ptr())
                    != 0
            {
                return Err(io::Error::last_os_error());
            }
            let this = Self(timer.assume_init());
            if libc::timer_settime(this.0, 0, &raw const times, ptr::null_mut()) != 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(this)
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // SAFETY: It was created by `every`.
        unsafe { libc::timer_delete(self.0) };
        // One that is under way.
        thread::yield_now();
    }
}
