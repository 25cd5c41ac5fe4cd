// SPDX-License-Identifier: GPL-2.0-only

//! However much is due, no more is done in one go than may be; what is told has been moved; and where frames
//! come in faster than they can be moved, that is an xrun.

use proptest::prelude::*;
use snd_rloop_pure::cable::{Cable, Effort, Params};
use snd_rloop_pure::end::{End, Pointers, Port, Setup, Wake};
use snd_rloop_pure::format::Format;
use snd_rloop_pure::layout::{Access, Layout};
use Port::Playback;

use crate::memory::{Fake, UNTOUCHED};
use crate::properties::cases;

const MS: u64 = 1_000_000;
const START: u64 = 1_000 * MS;
/// One end of it: `FLOAT64_LE`, whose samples hold a number.
const NUMBERS: u32 = 16;

/// A cable with these layouts at its ends, all of which run from `START` on.
fn running(
    params: Params,
    layouts: &[Layout],
    threshold: u64,
    effort: Effort,
) -> (Cable<Fake, Vec<End<Fake>>>, Vec<Fake>) {
    let mut cable = Cable::new((1..layouts.len()).map(|_| End::new()).collect());
    cable.effort = effort;
    let mut memories = Vec::new();
    for (number, layout) in layouts.iter().enumerate() {
        let port = number.checked_sub(1).map_or(Playback, Port::Capture);
        let memory = Fake::new(*layout, UNTOUCHED);
        if port == Playback {
            let mut bytes = memory.0.bytes.borrow_mut();
            for (at, byte) in bytes.iter_mut().enumerate() {
                *byte = (at as u64)
                    .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                    .to_be_bytes()[0];
            }
        }
        memory.0.pointers.set(Pointers {
            hw: 0,
            appl: 0,
            boundary: layout.frames << 32,
            stop_threshold: if port == Playback {
                u64::MAX
            } else {
                threshold
            },
        });
        cable.open(port);
        let setup = Setup {
            period: layout.frames,
            buffer: layout.frames,
            wakeups: true,
            access: Access::RwInterleaved,
        };
        cable
            .prepare(port, params, setup, memory.clone())
            .expect("all have the same parameters");
        memories.push(memory);
    }
    for number in 0..layouts.len() {
        let port = number.checked_sub(1).map_or(Playback, Port::Capture);
        assert!(cable.start(port, START));
    }
    (cable, memories)
}

fn layout(params: &Params, frames: u64, planar: bool) -> Layout {
    let sample = usize::from(params.format.bytes);
    Layout {
        frames,
        channels: params.channels as usize,
        sample,
        plane: planar.then_some(frames as usize * sample),
    }
}

/// What has been done in all.
fn work(memories: &[Fake]) -> u64 {
    memories.iter().map(|memory| memory.0.work.get()).sum()
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn a_step_costs_no_more_than_it_may(
        format in prop::sample::select(vec![0u32, 2, 10, 16, 32]), channels in 1..=128u32,
        rate in 8_000..768_000u32, planar in any::<[bool; 4]>(), readers in 1..=3usize,
        sizes in any::<[u8; 4]>(), delay in prop_oneof![Just(0), 1..5_000u64], time in 1..50 * MS,
    ) {
        let format = Format::from_number(format).expect("it is one");
        let params = Params { format, rate, channels };
        let layouts: Vec<Layout> = (0..=readers)
            .map(|n| layout(&params, 64 + u64::from(sizes[n]) * 8, planar[n]))
            .collect();
        let (effort, never) = (Effort::default(), 1 << 40);
        let (mut cable, mut memories) = running(params, &layouts, never, effort);
        let all = Effort { step: u64::MAX, ..effort };
        let (mut other, others) = running(params, &layouts, never, all);
        for (cable, memories) in [(&mut cable, Some(&mut memories)), (&mut other, None)] {
            let line = cable.line_for(&params, Some(delay)).map(|layout| Fake::new(layout, UNTOUCHED));
            if let (Some(line), Some(memories)) = (&line, memories) {
                memories.push(line.clone());
            }
            drop(cable.set_delay(delay, line, START));
            while !cable.relay(&mut None) {}
        }

        let now = START + time;
        let frame = 17 * params.channels as u64 * u64::from(format.bytes) * (readers as u64 + 1);
        // A frame that costs more than all, and what each row of each buffer costs.
        let most = effort.step + frame + 32 * 128 * (readers as u64 + 1);
        let mut rounds = 0;
        loop {
            let before = work(&memories);
            let done = cable.advance(now);
            let step = work(&memories) - before;
            prop_assert!(step <= most, "{step} units");
            rounds += 1;
            prop_assert!(rounds < 100_000);
            if done {
                break;
            }
            // Nobody is told what has not been moved.
            prop_assert!(cable.due(now) > 0);
        }
        prop_assert!(other.advance(now));
        for number in 0..=readers {
            let port = number.checked_sub(1).map_or(Playback, Port::Capture);
            prop_assert_eq!(cable.end(port).position, other.end(port).position);
            prop_assert_eq!(cable.end(port).counters, other.end(port).counters);
            let (ours, theirs) = (memories[number].0.bytes.borrow(), others[number].0.bytes.borrow());
            prop_assert!(*ours == *theirs, "{port:?} has other frames");
        }
    }

    /// One that is looked at for `looks` steps each millisecond, each of which moves some `frames`.
    #[test]
    fn what_comes_in_too_fast_is_an_xrun(
        frames in 1..100u64, looks in 1..4u64, buffers in (100..1_000u64, 100..1_000u64), planar in any::<bool>(),
    ) {
        let format = Format::from_number(NUMBERS).expect("it is one");
        let params = Params { format, rate: 48_000, channels: 1 };
        let layouts = [layout(&params, buffers.0, false), layout(&params, buffers.1, planar)];
        let effort = Effort { step: 256 + 32 + 8 * frames, carry: 1 };
        let (mut cable, memories) = running(params, &layouts, buffers.1, effort);
        let (mut written, mut read, mut xrun) = (0, 0, false);
        let mut hw = [0u64; 2];
        for now in (1..1_000).map(|ms| START + ms * MS) {
            // The player writes whatever there is room for.
            let position = cable.end(Playback).position;
            let last = position + buffers.0;
            for number in written..last {
                let slot = (number % buffers.0) as usize * 8;
                let number = if number < position { 0 } else { number + 1 };
                memories[0].0.bytes.borrow_mut()[slot..slot + 8].copy_from_slice(&number.to_le_bytes());
            }
            written = last;
            for _ in 0..looks {
                let port = Port::Capture(0);
                // The reader's timer.
                xrun |= cable.wake(port, now) == Wake::Xrun;
                let Some(at) = cable.pointer(port, now) else {
                    xrun = true;
                    break;
                };
                let frames = buffers.1;
                hw[1] += (at + frames - hw[1] % frames) % frames;
                for position in read..hw[1] {
                    let slot = (position % frames) as usize * 8;
                    let bytes = memories[1].0.bytes.borrow();
                    let number = u64::from_le_bytes(bytes[slot..slot + 8].try_into().expect("eight"));
                    prop_assert!(number == position + 1 || number == 0, "{number} at {position}");
                }
                read = hw[1];
                let mut pointers = memories[1].0.pointers.get();
                (pointers.hw, pointers.appl) = (hw[1], read);
                memories[1].0.pointers.set(pointers);
            }
            if xrun {
                break;
            }
        }
        // Each look moves twice: when the timer goes off, and when ALSA asks.
        let speed = frames * looks * 2;
        if speed > 60 {
            prop_assert!(!xrun, "{speed} frames can be moved in a millisecond");
            prop_assert!(read > 47_000);
        }
        if speed < 45 {
            prop_assert!(xrun, "{speed} frames can be moved in a millisecond");
            let counters = cable.end(Port::Capture(0)).counters;
            prop_assert_eq!(counters.moved, read + counters.lost);
        }
    }
}
