// SPDX-License-Identifier: MIT OR Apache-2.0

//! A source of random numbers whose numbers are known.

use std::fs;
use std::io::Read as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rig::verdict::{Problem, Verdict, ensure, fail};

use super::Plain;
use crate::families::virtio::virtio_loopback::Context;
use crate::families::virtio::virtio_loopback::served::{Served, said};

pub const CHECKS: &[Plain] = &[
    (
        "numbers/exact",
        "what a device gives",
        "256 KiB that a program gives as random numbers are read from /dev/hwrng, each once and in order",
        exact,
    ),
    (
        "numbers/fresh",
        "what a device sees",
        "a buffer that the device may write is zero before it does",
        fresh,
    ),
];

/// How many words the kernel takes for itself in between, at most.
const TAKEN: u64 = 4096;

/// Has the kernel take its random numbers from a device that this serves meanwhile, and has `look` look at them.
fn served<T>(look: impl FnOnce() -> Verdict<T>) -> Verdict<T> {
    let mut device = Served::started()?;
    let stop = AtomicBool::new(false);
    let choice = device.choice();
    thread::scope(|scope| {
        let serving = scope.spawn(|| device.serve(1, || stop.load(Ordering::Relaxed)));
        let result = choice.make().and_then(|()| look());
        stop.store(true, Ordering::Relaxed);
        match serving.join() {
            Ok(served) => served.and(result),
            Err(_) => fail("the thread that serves it has panicked"),
        }
    })
}

fn exact(context: &mut Context) -> Verdict {
    let bytes = served(|| {
        let mut bytes = vec![0; 256 << 10];
        let mut file = said("/dev/hwrng", fs::File::open("/dev/hwrng"))?;
        said("a read", file.read_exact(&mut bytes))?;
        Ok(bytes)
    })?;
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
    context
        .notes
        .push(format!("{} words, {skipped} of others", words.len()));
    Ok(())
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
