// SPDX-License-Identifier: MIT OR Apache-2.0

//! Waiting for a file of a character device.

use std::fs::File;
use std::time::{Duration, Instant};

use rig::verdict::{Verdict, fail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Waits until a file is ready for `what`, or something is wrong with it, at most so long. What `poll` says of it;
/// nothing if it was not woken.
///
/// # Errors
/// If it can't be polled.
pub fn ready(file: &File, what: PollFlags, most: Duration) -> Verdict<PollFlags> {
    let mut fds = [PollFd::new(file, what)];
    let timeout = Timespec {
        tv_sec: most.as_secs() as i64,
        tv_nsec: most.subsec_nanos().into(),
    };
    let begin = Instant::now();
    match poll(&mut fds, Some(&timeout)) {
        // When the time is over the kernel looks once more: nobody has woken it for that.
        Ok(_) if !most.is_zero() && begin.elapsed() >= most => Ok(PollFlags::empty()),
        Ok(_) => Ok(fds[0].revents()),
        Err(error) => fail(format!("poll: {error}")),
    }
}
