// SPDX-License-Identifier: GPL-2.0-only

//! However much is due, no more is done in one go than may be; what is told has been moved; and
//! where frames come in faster than they can be moved, that is an xrun.

use driver_model::format::Format;
use driver_model::layout::{Access, Layout};
use driver_model::stream::Params;
use driver_model::stream::{Pointers, Setup, Wake};
use proptest::prelude::*;
use snd_rloop_model::cable::{Cable, Effort, Refusal};
use snd_rloop_model::end::{End, Port};
use Port::Playback;

use crate::memory::{Fake, NextWakeup as _, UNTOUCHED};
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
            let line = cable.needed_delay_line(&params, Some(delay)).map(|layout| Fake::new(layout, UNTOUCHED));
            if let (Some(line), Some(memories)) = (&line, memories) {
                memories.push(line.clone());
            }
            drop(cable.set_delay(delay, line, START));
            while !cable.continue_replacement(&mut None) {}
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

    /// Without a timer, since never more has to be moved at once than one would leave.
    #[test]
    fn a_cable_that_is_left_alone_has_a_timer_where_much_piles_up(
        format in prop::sample::select(vec![0u32, 2, 10, 16, 32]), channels in 1..=16u32,
        rate in 8_000..768_000u32, planar in any::<[bool; 4]>(), readers in 1..=3usize,
        sizes in prop::array::uniform4(16..10_000u64), delay in prop_oneof![Just(0), 1..5_000u64], time in 1..2_000 * MS,
    ) {
        let format = Format::from_number(format).expect("it is one");
        let params = Params { format, rate, channels };
        let layouts: Vec<Layout> = (0..=readers).map(|n| layout(&params, sizes[n], planar[n])).collect();
        let (mut cable, mut memories) = running(params, &layouts, 1 << 40, Effort::default());
        let line = cable.needed_delay_line(&params, Some(delay)).map(|layout| Fake::new(layout, UNTOUCHED));
        memories.extend(line.clone());
        drop(cable.set_delay(delay, line, START));
        while !cable.continue_replacement(&mut None) {}

        // What a frame costs: its bytes in each buffer, and more where its samples are laid out otherwise.
        let planar: Vec<bool> = layouts.iter().map(|layout| layout.planes().is_some()).collect();
        let source = planar[0] && delay == 0;
        let others = planar[1..].iter().filter(|planar| **planar != source).count() as u64;
        let bytes = u64::from(channels) * u64::from(format.bytes);
        let targets = readers as u64 + u64::from(delay > 0);
        let turned = others + u64::from(delay > 0 && planar[0]);
        let frame = targets * bytes + turned * 16 * u64::from(channels);
        let piles_up = Effort::default().carry.max(frame * u64::from(rate) / 8_000).min(Effort::default().step) / frame;
        let seen = layouts[1..].iter().map(|layout| layout.frames).max().unwrap_or(0)
            + memories.get(readers + 1).map_or(0, |line| line.0.layout.frames);
        prop_assert_eq!(cable.carries_after(), (seen > piles_up.max(16)).then_some(piles_up.max(16)));
        if cable.carries_after().is_none() {
            let before = work(&memories);
            prop_assert!(cable.advance(START + time));
            // What is seen, in runs of 1024 frames through the line, and the rows of each buffer in each run.
            let rows = (seen / 1_024 + 3) * (targets + 1) * (256 + 32 * u64::from(channels));
            let done = work(&memories) - before;
            prop_assert!(done <= piles_up.max(16) * frame + rows, "{done}");
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
            // The playback end writes whatever there is room for.
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
                let Some(at) = cable.pointer(port, Some(now)) else {
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

    /// A longer delay, whose line gets what is under way in steps while frames run, and now and
    /// then stand still for so long that some are not moved.
    #[test]
    fn a_line_that_is_replaced_loses_nothing(
        delays in (1..2_000u64, 1..2_000u64), frames in 1..50u64, times in prop::collection::vec(0..5 * MS, 1..100),
        stall in prop::option::of(0..20usize),
    ) {
        let format = Format::from_number(NUMBERS).expect("it is one");
        let params = Params { format, rate: 48_000, channels: 1 };
        let size = 1_000;
        let layouts = [layout(&params, size, false); 2];
        let (mut cable, memories) = running(params, &layouts, 1 << 40, Effort::default());
        let (mut written, mut heard) = (0, Vec::new());
        let mut pass = |cable: &mut Cable<Fake, Vec<End<Fake>>>, now: u64| {
            while !cable.advance(now) {}
            let (played, at) = (cable.end(Playback).position, cable.end(Port::Capture(0)).position);
            // The playback end is always in time, the reader reads what is there.
            let bytes = memories[1].0.bytes.borrow();
            for position in heard.len() as u64..at {
                let slot = (position % size) as usize * 8;
                let number = u64::from_le_bytes(bytes[slot..slot + 8].try_into().expect("eight"));
                heard.push(if position + size < at { u64::MAX } else { number });
            }
            for number in written..played + size {
                let slot = (number % size) as usize * 8;
                memories[0].0.bytes.borrow_mut()[slot..slot + 8].copy_from_slice(&(number + 1).to_le_bytes());
            }
            written = played + size;
        };
        let mut now = START;
        let line = |cable: &Cable<Fake, Vec<End<Fake>>>, delay| {
            cable.needed_delay_line(&params, Some(delay)).map(|layout| Fake::new(layout, UNTOUCHED))
        };
        pass(&mut cable, now);
        let first = line(&cable, delays.0);
        drop(cable.set_delay(delays.0, first, now));
        while !cable.continue_replacement(&mut None) {}
        now += 100 * MS;
        for ms in (START / MS..now / MS).step_by(5) {
            pass(&mut cable, ms * MS);
        }
        pass(&mut cable, now);

        let delay = delays.0 + delays.1;
        let second = line(&cable, delay);
        drop(cable.set_delay(delay, second, now));
        cable.effort.step = 256 + 32 + 8 * frames;
        let mut done = false;
        let mut stalled = false;
        for (n, time) in times.iter().cycle().enumerate() {
            if done {
                break;
            }
            done = cable.continue_replacement(&mut None);
            now += time;
            if stall == Some(n) {
                now += 200 * MS;
                stalled = true;
            }
            pass(&mut cable, now);
        }
        for _ in 0..80 {
            now += 5 * MS;
            pass(&mut cable, now);
        }
        prop_assert_eq!(cable.delay(), delay);

        // Nobody has read what was overwritten; all that was read is in order, and as late as it
        // should.
        let last = *heard.last().expect("frames have been heard");
        prop_assert_eq!(heard.len() as u64, last + delay);
        let mut numbers: Vec<u64> = heard.iter().copied().filter(|number| *number > 0).collect();
        if stalled {
            // What a playback end that writes too late plays is nobody's fault here.
            numbers.drain(..numbers.len() - 2_000);
        }
        for pair in numbers.windows(2) {
            prop_assert_eq!(pair[0].wrapping_add(1), pair[1]);
        }
    }
}

#[test]
fn an_end_that_stops_too_late_for_what_is_due_breaks_the_reader_off() {
    let format = Format::from_number(NUMBERS).expect("it is one");
    let params = Params {
        format,
        rate: 48_000,
        channels: 1,
    };
    let layouts = [layout(&params, 4_800, false); 2];
    // Some 40 frames when the playback end stops, of the 480 that are due.
    let effort = Effort {
        step: 256 + 32 + 80,
        carry: 1,
    };
    let (mut cable, _) = running(params, &layouts, 4_800, effort);
    let now = START + 10 * MS;
    cable.stop(Playback, now);
    let reader = Port::Capture(0);
    assert_eq!(cable.due(now), 0);
    assert_eq!(cable.end(reader).position, 480);
    assert_eq!(cable.pointer(reader, Some(now)), None);
    assert_eq!(cable.next_wakeup(reader), Some(0));
    assert_eq!(cable.wake(reader, now), Wake::Xrun);
    cable.stop(reader, now);
    let counters = cable.end(reader).counters;
    assert_eq!((counters.xruns, counters.lost), (1, 480));
}

#[test]
fn readers_have_so_many_channels_together_that_a_frame_can_be_moved_in_one_go() {
    let format = Format::from_number(0).expect("it is one");
    let params = Params {
        format,
        rate: 8_000,
        channels: 128,
    };
    let mut cable = Cable::new((0..128).map(|_| End::new()).collect::<Vec<End<Fake>>>());
    let mut prepare = |port, planar| {
        let layout = layout(&params, 64, planar);
        let setup = Setup {
            period: 64,
            buffer: 64,
            wakeups: true,
            access: Access::RwInterleaved,
        };
        cable.open(port);
        let prepared = cable.prepare(port, params, setup, Fake::new(layout, UNTOUCHED));
        (prepared, cable.end(port).setup.is_some())
    };
    assert_eq!(prepare(Playback, false), (Ok(()), true));
    let fit = (0..128).find(|n| prepare(Port::Capture(*n), true).0.is_err());
    // 256 + 32 * 128 + 17 * 128 units each, of 262,144.
    assert_eq!(fit, Some(40));
    let refused = prepare(Port::Capture(41), true);
    assert_eq!(refused, (Err(Refusal::TooMuch), false));
    // One that costs less still fits.
    assert_eq!(prepare(Port::Capture(42), false), (Ok(()), true));
}
