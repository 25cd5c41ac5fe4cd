// SPDX-License-Identifier: MIT OR Apache-2.0

//! A source of random numbers whose numbers are known.

use rig::run::Context as _;
use rig::verdict::{OrFail as _, Problem, Verdict, ensure};

use super::Plain;
use crate::families::virtio::virtio_loopback::Context;
use crate::families::virtio::virtio_loopback::served::{Served, random_bytes, said, while_served};
use crate::kernel::suspend::{Level, Suspender};

pub const CHECKS: &[Plain] = &[
    (
        "numbers/exact",
        "what a device gives",
        "256 KiB that a program gives as random numbers are read from /dev/hwrng, each once and in order",
        exact,
    ),
    (
        "numbers/short",
        "what a device gives",
        "of buffers that a program has written 8, 24 or 40 bytes to, as many are read",
        short,
    ),
    (
        "numbers/fresh",
        "what a device sees",
        "a buffer that the device may write is zero before it does",
        fresh,
    ),
    (
        "numbers/kicks",
        "what a device sees",
        "a backend is kicked once for each buffer, and not at all if it says that it looks by itself",
        kicks,
    ),
];

/// Those that need a kernel which suspends for a moment.
pub const SUSPENDED: &[Plain] = &[(
    "suspend/served",
    "what a device gives",
    "a device that is served goes on after a suspend, and gives each number once and in order",
    suspended,
)];

/// How many words the kernel takes for itself in between, at most.
const TAKEN: u64 = 4096;

fn exact(context: &mut Context) -> Verdict {
    let bytes = while_served(u32::MAX, || random_bytes(256 << 10))?;
    let skipped = in_order(&bytes)?;
    let words = bytes.len() / 8;
    context.note(format!("{words} words, {skipped} of others"));
    Ok(())
}

fn short(_: &mut Context) -> Verdict {
    for most in [8, 24, 40] {
        let bytes = while_served(most, || random_bytes(16 << 10))?;
        // What was not written is zero, and in no order.
        in_order(&bytes)?;
    }
    Ok(())
}

/// Looks whether all words come after each other, but for those that others have taken: how many of them.
fn in_order(bytes: &[u8]) -> Verdict<u64> {
    let words = bytes.chunks_exact(8).map(|word| {
        let word = word
            .try_into()
            .map_err(|_| Problem::Failed("no word".into()))?;
        Ok(u64::from_le_bytes(word))
    });
    let words: Vec<u64> = words.collect::<Verdict<_>>()?;
    let mut skipped = 0;
    for pair in words.windows(2) {
        let step = pair[1].wrapping_sub(pair[0]);
        ensure((1..=TAKEN).contains(&step), || {
            format!("after {} came {}", pair[0], pair[1])
        })?;
        skipped += step - 1;
    }
    Ok(skipped)
}

fn fresh(_: &mut Context) -> Verdict {
    let mut device = Served::started()?;
    let (_, address, length) = device.take()?;
    ensure(length >= 8, || format!("the buffer has {length} bytes"))?;
    for place in (0..u64::from(length) / 8).map(|word| address + 8 * word) {
        let word: [u8; 8] = device.read(place)?;
        ensure(word == [0; 8], || format!("at {place:#x} are {word:?}"))?;
    }
    Ok(())
}

/// How many kicks come for this many buffers: as the backend sees it, and as the device counts.
fn kicked(device: &mut Served, buffers: u64) -> Verdict<[u64; 2]> {
    let before = device.queue_state()?.kicks;
    device.kicks()?;
    for _ in 0..buffers {
        let (head, _, length) = device.take()?;
        device.used(head.into(), length, 1)?;
        said("a ring", device.ring())?;
    }
    // So the last of them has been asked for.
    device.peek()?;
    Ok([device.kicks()?, device.queue_state()?.kicks - before])
}

fn kicks(_: &mut Context) -> Verdict {
    const BUFFERS: u64 = 10;
    let mut device = Served::started()?;
    device.have_it_read()?;
    for (want, due) in [(true, BUFFERS), (false, 0), (true, BUFFERS)] {
        device.peek()?;
        device.want_kicks(want)?;
        let came = kicked(&mut device, BUFFERS)?;
        ensure(came == [due; 2], || {
            let [came, counted] = came;
            format!(
                "{came} kicks came for {BUFFERS} buffers, and {counted} were counted; {due} are due"
            )
        })?;
    }
    Ok(())
}

fn suspended(context: &mut Context) -> Verdict {
    let suspender = Suspender::new().or_fail()?;
    let mut skipped = 0;
    for level in [Level::Freezer, Level::Devices] {
        let bytes = while_served(u32::MAX, || {
            let before = random_bytes(4096)?;
            // Nobody reads meanwhile: whoever waits for a device can't be frozen.
            suspender.suspend(level).or_fail()?;
            Ok([before, random_bytes(4096)?].concat())
        })?;
        skipped += in_order(&bytes)?;
    }
    context.note(format!("{skipped} words of others"));
    Ok(())
}
