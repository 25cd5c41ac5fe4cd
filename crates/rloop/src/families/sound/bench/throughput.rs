// SPDX-License-Identifier: MIT OR Apache-2.0

//! How fast a cable without a clock carries sound: as fast as a player and a recorder go. The same
//! two, with a pipe between them instead of the card, say what this machine can do at best.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use alsa::ctl::{Ctl, ElemType};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use rustix::time::Timespec;

use super::figures::Throughput;
use super::given::Bench;
use crate::alsa::pcm::{Config, Pcm, Start, wait};
use crate::alsa::signal::Sequence;
use crate::families::sound::loopback::elements::{CLOCK, FREE, choose, value};
use rig::clock::{now, seconds, whole_second};
use rig::stats::round;
use rig::verdict::{Problem, Verdict, Within, fail, of_both, skip};

/// At each end, in frames: periods, and how many of them.
const BUFFER: (u64, u64) = (1024, 8);
/// After so long without a frame a way is given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// Through a cable of the card, then through a pipe that holds as much as its buffers.
pub fn measure(bench: &Bench<'_>) -> Verdict<Throughput> {
    let (cable, time) = (bench.card().cable(0, 0), bench.part(10));
    let ctl = Ctl::new(&format!("hw:{}", bench.card().index), false)
        .map_err(|e| Problem::Failed(format!("control device: {e}")))?;
    let Ok(before) = value(&ctl, CLOCK, ElemType::Enumerated, cable.playback) else {
        return skip("the card has no cables without a clock");
    };
    let config = Config {
        start: Start::Frames(1),
        ..Config::default().with_buffer(BUFFER.0, BUFFER.1)
    };
    bench.say("a cable without a clock");
    choose(&ctl, CLOCK, cable.playback, FREE)?;
    let card = (|| {
        let (mut player, mut recorder) = (Pcm::open(cable.playback)?, Pcm::open(cable.capture)?);
        player.configure(&config)?;
        recorder.configure(&config)?;
        recorder.start()?;
        carry(&config, time, player, recorder)
    })();
    choose(&ctl, CLOCK, cable.playback, before)?;
    bench.say("a pipe");
    let bytes = config.buffer as usize * config.frame_bytes();
    let (output, input) = pipe(2 * bytes).within(|| "a pipe".to_owned())?;
    let pipe = carry(&config, time, input, output)?;
    Ok(Throughput {
        period: BUFFER.0,
        buffer: config.buffer,
        times: round(card?, 1),
        pipe_times: round(pipe, 1),
    })
}

/// An end of a way for bytes, which blocks in `wait` alone.
trait End: Send {
    /// Puts in what there is room for; how many bytes, 0 if none.
    fn put(&self, bytes: &[u8]) -> Verdict<usize>;
    /// Takes out what is there; how many bytes, 0 if none.
    fn take(&self, bytes: &mut [u8]) -> Verdict<usize>;
    /// Sleeps until there is room, or something there; false if that took too long.
    fn wait(&self) -> Verdict<bool>;
}

/// Carries sound from `input` to `output` for as long as `time`, and compares it: how many times as
/// fast as it sounds.
fn carry(config: &Config, time: Duration, input: impl End, output: impl End) -> Verdict<f64> {
    // A second each, in turn: what is left of the one is not taken for the other.
    let blocks = [1, 2].map(|seed| {
        Sequence::new(seed, config.format, config.channels).frames(0, config.rate as usize)
    });
    let mut heard = vec![0; blocks[0].len()];
    // Known before the last block is begun, so that nobody waits for one that does not come.
    let last = AtomicU64::new(u64::MAX);
    whole_second();
    let begin = now();
    let count = thread::scope(|scope| {
        let (blocks, last) = (&blocks, &last);
        let player = scope.spawn(move || -> Verdict<_> {
            for (block, number) in blocks.iter().cycle().zip(0..) {
                let enough = now().saturating_sub(begin) >= time;
                if enough {
                    last.store(number, Ordering::Release);
                }
                all(block.len(), &input, |done| input.put(&block[done..]))
                    .within(|| "the player".to_owned())?;
                if enough {
                    break;
                }
            }
            // Not to be closed yet: what a card has not played by then is lost.
            Ok(input)
        });
        // Its end is closed with it: whoever writes to a pipe then is told.
        let heard = (move || -> Verdict<u64> {
            for (block, number) in blocks.iter().cycle().zip(0..) {
                all(block.len(), &output, |done| output.take(&mut heard[done..]))
                    .within(|| "the recorder".to_owned())?;
                if heard != *block {
                    return fail(format!("second {number} of the sound came back changed"));
                }
                if number == last.load(Ordering::Acquire) {
                    return Ok(number + 1);
                }
            }
            fail("the sound has no end")
        })();
        let played = player
            .join()
            .unwrap_or_else(|_| fail("the player panicked"));
        of_both(heard, played).map(|(count, _)| count)
    })?;
    Ok(count as f64 / seconds(now().saturating_sub(begin)))
}

/// Moves `bytes` bytes by calls of `some`, which is told how many it has done.
fn all(bytes: usize, end: &impl End, mut some: impl FnMut(usize) -> Verdict<usize>) -> Verdict {
    let mut done = 0;
    while done < bytes {
        match some(done)? {
            0 if !end.wait()? => return fail(format!("nothing moved for {PATIENCE:?}")),
            moved => done += moved,
        }
    }
    Ok(())
}

/// In a frame of `pcm`, which has been set up.
fn bytes_of(pcm: &Pcm) -> usize {
    pcm.config().map_or(0, |config| config.frame_bytes())
}

impl End for Pcm {
    fn put(&self, bytes: &[u8]) -> Verdict<usize> {
        Ok(self.write(bytes)? as usize * bytes_of(self))
    }

    fn take(&self, bytes: &mut [u8]) -> Verdict<usize> {
        Ok(self.read(bytes)? as usize * bytes_of(self))
    }

    fn wait(&self) -> Verdict<bool> {
        Ok(wait(&[self], PATIENCE)? == [true])
    }
}

/// A pipe that holds `bytes` bytes: where they come out, and where they go in.
fn pipe(bytes: usize) -> Result<(OwnedFd, OwnedFd), Problem> {
    let (output, input) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).map_err(of_a_pipe)?;
    fcntl_setpipe_size(&input, bytes).map_err(of_a_pipe)?;
    Ok((output, input))
}

/// It is not the card's fault.
fn of_a_pipe(error: Errno) -> Problem {
    Problem::Skipped(format!("a pipe: {error}"))
}

/// In non-blocking mode "nothing yet" is an error; here it is 0 bytes.
fn none_yet(moved: Result<usize, Errno>) -> Verdict<usize> {
    match moved {
        Err(Errno::AGAIN) => Ok(0),
        other => other.map_err(of_a_pipe),
    }
}

impl End for OwnedFd {
    fn put(&self, bytes: &[u8]) -> Verdict<usize> {
        none_yet(rustix::io::write(self, bytes))
    }

    fn take(&self, bytes: &mut [u8]) -> Verdict<usize> {
        none_yet(rustix::io::read(self, bytes))
    }

    fn wait(&self) -> Verdict<bool> {
        // Each end has but one of the two.
        let mut ends = [PollFd::new(self, PollFlags::IN | PollFlags::OUT)];
        let patience = Timespec::try_from(PATIENCE).ok();
        Ok(poll(&mut ends, patience.as_ref()).map_err(of_a_pipe)? > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pipe that does something to the bytes that come out of it.
    struct Bad<F>(OwnedFd, F);

    impl<F: Fn(&mut [u8]) + Send> End for Bad<F> {
        fn put(&self, bytes: &[u8]) -> Verdict<usize> {
            self.0.put(bytes)
        }

        fn take(&self, bytes: &mut [u8]) -> Verdict<usize> {
            let taken = self.0.take(bytes)?;
            (self.1)(&mut bytes[..taken]);
            Ok(taken)
        }

        fn wait(&self) -> Verdict<bool> {
            self.0.wait()
        }
    }

    fn carried(change: impl Fn(&mut [u8]) + Send) -> Verdict<f64> {
        let (output, input) = pipe(1 << 16).unwrap();
        let output = Bad(output, change);
        carry(&Config::default(), Duration::from_millis(50), input, output)
    }

    #[test]
    fn a_pipe_carries_sound() {
        assert!(carried(|_| ()).unwrap() > 0.0);
    }

    #[test]
    fn a_changed_byte_is_found_and_nobody_waits_for_ever() {
        let Err(Problem::Failed(why)) = carried(|bytes| bytes.iter_mut().for_each(|b| *b ^= 1))
        else {
            panic!("taken for unchanged");
        };
        assert!(
            why.starts_with("second 0 of the sound came back changed"),
            "{why}"
        );
    }
}
