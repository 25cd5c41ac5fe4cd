// SPDX-License-Identifier: MIT OR Apache-2.0

//! PCM streams: the part of ALSA that a check talks to.

mod access;
mod offer;
mod params;
mod stream;
mod sys;
mod types;

pub use access::Access;
pub use params::{Config, Space, Start, Stop};
pub use stream::{Pcm, wait};
pub use types::{Address, Direction, Snapshot, State};

use std::io;
use std::time::Duration;

/// A call into alsa-lib that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call} on {at} gave {} ({})", errno_name(*.errno), errno_text(*.errno))]
pub struct AlsaError {
    /// The function of alsa-lib.
    pub call: &'static str,
    /// The stream.
    pub at: Address,
    /// The error number, positive.
    pub errno: i32,
}

/// What a call on a stream gives.
pub type Result<T> = std::result::Result<T, AlsaError>;

/// What an error number means, without the number.
pub fn errno_text(errno: i32) -> String {
    let text = io::Error::from_raw_os_error(errno).to_string();
    match text.split_once(" (os error") {
        Some((text, _)) => text.to_owned(),
        None => text,
    }
}

/// The names of the error numbers that ALSA uses.
pub fn errno_name(errno: i32) -> String {
    let name = match errno {
        libc::EPERM => "EPERM",
        libc::ENOENT => "ENOENT",
        libc::EINTR => "EINTR",
        libc::EIO => "EIO",
        libc::EAGAIN => "EAGAIN",
        libc::ENOMEM => "ENOMEM",
        libc::EACCES => "EACCES",
        libc::EBUSY => "EBUSY",
        libc::ENODEV => "ENODEV",
        libc::EINVAL => "EINVAL",
        libc::EPIPE => "EPIPE",
        libc::ENOSYS => "ENOSYS",
        libc::EBADFD => "EBADFD",
        libc::ESTRPIPE => "ESTRPIPE",
        libc::EALREADY => "EALREADY",
        libc::ETIMEDOUT => "ETIMEDOUT",
        other => return format!("errno {other}"),
    };
    name.to_owned()
}

/// The time that `frames` take.
pub fn frames_time(frames: u64, rate: u32) -> Duration {
    Duration::from_nanos((u128::from(frames) * 1_000_000_000 / u128::from(rate.max(1))) as u64)
}

/// The frames that fit into `time`, and a fraction.
pub fn time_frames(time: Duration, rate: u32) -> f64 {
    time.as_secs_f64() * f64::from(rate)
}
