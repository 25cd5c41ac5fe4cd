// SPDX-License-Identifier: MIT OR Apache-2.0

//! How much longer a way of a transfer takes than the device.
//!
//! The device counts in milliseconds: 100 of them after that in which it was told, it has ended. So it takes 99 ms if it
//! is told at the end of one, and 100 ms at the beginning. The second way of a transfer begins where one has just begun,
//! and takes from there to 100 ms later, whatever the driver needs before and after. So the shortest transfer, of
//! some that begin at all points of a millisecond, takes 199 ms and what one way needs beside.

use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use super::raw::transfer;

/// The shortest that the device takes for both ways.
const SHORTEST: Duration = Duration::from_millis(199);
const MILLISECOND: Duration = Duration::from_millis(1);

/// How much longer a way of `bytes` takes than the device, or up to `step` more.
///
/// # Errors
/// As the transfer.
pub fn longer(file: &File, bytes: u32, step: Duration) -> io::Result<Duration> {
    let mut best = Duration::MAX;
    // After this one it is always the same time in a millisecond.
    transfer(file, bytes, 0xAB)?;
    let mut wait = Duration::ZERO;
    while wait < MILLISECOND {
        let ended = Instant::now();
        while ended.elapsed() < wait {
            std::hint::spin_loop();
        }
        let begin = Instant::now();
        transfer(file, bytes, 0xAB)?;
        best = best.min(begin.elapsed());
        wait += step;
    }
    Ok(best.saturating_sub(SHORTEST))
}
