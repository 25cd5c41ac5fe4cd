// SPDX-License-Identifier: MIT OR Apache-2.0

//! What ALSA itself says of a stream: `/proc/asound/cardN/pcmNp/subN/status`, which a kernel with
//! `CONFIG_SND_VERBOSE_PROCFS` has, and which anybody may read.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::alsa::pcm::{Address, Direction};

/// An open stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Substream {
    /// The process that has opened it; 0 if that can't be seen from here, as from inside of a container.
    pub owner: u32,
    /// Frames between the program and the ear.
    pub delay: i64,
    /// Frames that can be transferred.
    pub avail: i64,
    /// ALSA's position of the card.
    pub hw_ptr: u64,
    /// ALSA's position of the program.
    pub appl_ptr: u64,
}

/// The file, below the directory `proc` (`/proc/asound`), which knows the card by `number`.
fn file(proc: &Path, number: u32, at: Address) -> PathBuf {
    let letter = match at.direction {
        Direction::Playback => 'p',
        Direction::Capture => 'c',
    };
    proc.join(format!(
        "card{number}/pcm{}{letter}/sub{}/status",
        at.device, at.subdevice
    ))
}

/// What ALSA says of the stream at `at`, of the card that `/proc` knows by `number`; nothing if nobody has it open.
///
/// # Errors
/// If the file is not there, or can't be read.
pub fn read(proc: &Path, number: u32, at: Address) -> io::Result<Option<Substream>> {
    Ok(parse(&fs::read_to_string(file(proc, number, at))?))
}

fn parse(text: &str) -> Option<Substream> {
    let mut found = None;
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim();
        let stream: &mut Substream = found.get_or_insert_default();
        match key.trim() {
            "owner_pid" => stream.owner = value.parse().unwrap_or(0),
            "delay" => stream.delay = value.parse().unwrap_or(0),
            "avail" => stream.avail = value.parse().unwrap_or(0),
            "hw_ptr" => stream.hw_ptr = value.parse().unwrap_or(0),
            "appl_ptr" => stream.appl_ptr = value.parse().unwrap_or(0),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_and_a_closed_stream() {
        let text = "state: RUNNING\nowner_pid   : 1234\ntrigger_time: 1.000000002\ntstamp      : 2.0\n\
            delay       : 4096\navail       : -3\navail_max   : 5\n-----\nhw_ptr      : 12\nappl_ptr    : 34\n";
        let stream = parse(text).unwrap();
        assert_eq!((stream.owner, stream.delay, stream.avail), (1234, 4096, -3));
        assert_eq!((stream.hw_ptr, stream.appl_ptr), (12, 34));
        assert_eq!(parse("closed\n"), None);
    }

    #[test]
    fn each_stream_has_a_file() {
        let at = Address {
            card: 1,
            device: 2,
            subdevice: 3,
            direction: Direction::Capture,
        };
        let path = file(Path::new("/proc/asound"), 4, at);
        assert_eq!(path, Path::new("/proc/asound/card4/pcm2c/sub3/status"));
    }
}
