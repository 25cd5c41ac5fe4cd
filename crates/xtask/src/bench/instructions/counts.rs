// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the plugin of QEMU's has counted, and what of it belongs to which measurement, as the kernel's log says.

use std::str::FromStr;

/// A block of instructions without a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    /// Where it begins.
    pub(super) address: u64,
    /// How often it was executed.
    pub(super) times: u64,
    /// How many instructions that were, in all.
    pub(super) instructions: u64,
}

/// How a cable's ends were served, as `rloop bench` calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// By exact wake-ups, or by snd-aloop's.
    Wakeups,
    /// By wake-ups that may be late.
    Late,
    /// By none, and nobody looks.
    Off,
    /// By none, and a program looks.
    Looked,
}

/// What ran while it was measured.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Load {
    /// Nothing.
    Idle,
    /// Cables, with both ends.
    Cables(Cables),
}

/// Cables that ran.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cables {
    /// The driver's name.
    pub(super) driver: String,
    /// How many.
    pub(super) count: u64,
    /// In frames.
    pub(super) period: u64,
    /// Frames per second.
    pub(super) rate: u64,
    pub(super) mode: Mode,
}

impl Cables {
    /// Ends of a period that are due per second, at both ends of each cable.
    pub(super) fn due(&self) -> f64 {
        (2 * self.count * self.rate) as f64 / self.period as f64
    }
}

/// A measurement.
#[derive(Debug, PartialEq)]
pub(super) struct Window {
    pub(super) load: Load,
    /// How long it took.
    pub(super) seconds: f64,
    /// What was executed meanwhile.
    pub(super) blocks: Vec<Block>,
}

/// Reads the plugin's file: what was executed up to each mark since the one before.
fn sections(text: &str) -> Result<Vec<Vec<Block>>, String> {
    let (mut sections, mut blocks) = (Vec::new(), Vec::new());
    for line in text.lines() {
        if line == "mark" {
            sections.push(std::mem::take(&mut blocks));
        } else {
            blocks.push(block(line).ok_or_else(|| format!("not a block: {line}"))?);
        }
    }
    // What comes after the last mark is written at the next, which there isn't.
    if blocks.is_empty() {
        Ok(sections)
    } else {
        Err("the last section has no mark at its end".to_owned())
    }
}

fn block(line: &str) -> Option<Block> {
    let mut words = line.split(' ');
    let address = u64::from_str_radix(words.next()?, 16).ok()?;
    let [times, length] = [words.next()?, words.next()?].map(|word| word.parse::<u64>().ok());
    let times = times?;
    Some(Block {
        address,
        times,
        instructions: times * length?,
    })
}

/// What `rloop bench` has said in the kernel's log, with the time, in seconds.
fn said(log: &str) -> Vec<(f64, &str)> {
    log.lines().filter_map(mark).collect()
}

fn mark(line: &str) -> Option<(f64, &str)> {
    let (time, text) = line.strip_prefix('[')?.split_once("] ")?;
    let said = text.strip_prefix("rloop bench: ")?;
    Some((time.trim().parse().ok()?, said))
}

/// The value of `name=VALUE` in a line.
fn value<T: FromStr>(line: &str, name: &str) -> Option<T> {
    let mut words = line.split(' ').filter_map(|word| word.split_once('='));
    words.find(|(key, _)| *key == name)?.1.parse().ok()
}

/// What `text` says that runs.
fn load(text: &str) -> Option<Load> {
    let (driver, rest) = text.split_once(' ')?;
    if rest == "idle" {
        return Some(Load::Idle);
    }
    Some(Load::Cables(Cables {
        driver: driver.to_owned(),
        count: value(rest, "cables")?,
        period: value(rest, "period")?,
        rate: value(rest, "rate")?,
        mode: match value::<String>(rest, "mode")?.as_str() {
            "wakeups" => Mode::Wakeups,
            "late" => Mode::Late,
            "off" => Mode::Off,
            "looked" => Mode::Looked,
            _ => return None,
        },
    }))
}

/// The measurements that the kernel's log tells of, with what the plugin's file `counts` has of them: it has to have a mark
/// for each line, and a measurement has to end before another begins.
pub(super) fn windows(log: &str, counts: &str) -> Result<Vec<Window>, String> {
    let (lines, sections) = (said(log), sections(counts)?);
    if lines.is_empty() {
        return Err("the kernel's log tells of no measurement".to_owned());
    }
    if lines.len() != sections.len() {
        return Err(format!(
            "the kernel's log has {} marks, and the plugin has counted {}",
            lines.len(),
            sections.len()
        ));
    }
    let mut windows = Vec::new();
    let mut marks = lines.into_iter().zip(sections);
    while let Some(((from, begin), _)) = marks.next() {
        let what = begin.strip_prefix("begin ").and_then(load);
        let load = what.ok_or_else(|| format!("not the begin of a measurement: {begin}"))?;
        match marks.next() {
            Some(((to, "end"), blocks)) => windows.push(Window {
                load,
                seconds: to - from,
                blocks,
            }),
            _ => return Err(format!("a measurement that does not end: {begin}")),
        }
    }
    Ok(windows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "[    1.000000] Linux\n\
        [   10.000000] rloop bench: begin snd-rloop idle\n\
        [   13.500000] rloop bench: end\n\
        [   14.000000] other\n\
        [   20.000000] rloop bench: begin snd-aloop cables=8 period=256 rate=48000 mode=late\n\
        [   23.000000] rloop bench: end\n";
    const COUNTS: &str =
        "ffff0 9 9\nmark\nffff0 2 5\nffff8 1 3\nmark\nffff0 8 8\nmark\n10 4 1\nmark\n";

    #[test]
    fn what_lies_between_two_marks_is_a_measurement() {
        let windows = windows(LOG, COUNTS).unwrap();
        let block = |address, times, instructions| Block {
            address,
            times,
            instructions,
        };
        let idle = Window {
            load: Load::Idle,
            seconds: 3.5,
            blocks: vec![block(0xffff0, 2, 10), block(0xffff8, 1, 3)],
        };
        let late = Window {
            load: Load::Cables(Cables {
                driver: "snd-aloop".to_owned(),
                count: 8,
                period: 256,
                rate: 48_000,
                mode: Mode::Late,
            }),
            seconds: 3.0,
            blocks: vec![block(0x10, 4, 4)],
        };
        assert_eq!(windows, [idle, late]);
    }

    #[test]
    fn marks_that_do_not_pair_are_told() {
        let told = |log: &str, counts: &str| windows(log, counts).unwrap_err();
        let (fewer, _) = COUNTS.rsplit_once("10 4").unwrap();
        assert_eq!(
            told(LOG, fewer),
            "the kernel's log has 4 marks, and the plugin has counted 3"
        );
        assert_eq!(told("", COUNTS), "the kernel's log tells of no measurement");
        let twice = LOG.replace("bench: end", "bench: begin snd-rloop idle");
        assert_eq!(
            told(&twice, COUNTS),
            "a measurement that does not end: begin snd-rloop idle"
        );
        let ends = LOG.replace("begin snd-rloop idle", "end");
        assert_eq!(told(&ends, COUNTS), "not the begin of a measurement: end");
        assert_eq!(told(LOG, "ffff0 x 1\n"), "not a block: ffff0 x 1");
        let cut = COUNTS.strip_suffix("mark\n").unwrap();
        assert_eq!(told(LOG, cut), "the last section has no mark at its end");
    }
}
