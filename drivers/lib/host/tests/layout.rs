// SPDX-License-Identifier: GPL-2.0-only

//! Moving and filling frames between buffers of any layout is what a loop over single samples does,
//! and nothing else is touched.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod properties;

use driver_model::blocks::transpose;
use driver_model::layout::{moves, spans, Access, Axis, Layout, Move, Span};
use properties::cases;
use proptest::prelude::*;

const UNTOUCHED: u8 = 0xee;

/// The offset of a sample, without any of the code under test.
fn at(layout: &Layout, position: u64, channel: usize) -> usize {
    let frame = usize::try_from(position % layout.frames).unwrap();
    match layout.plane {
        None => (frame * layout.channels + channel) * layout.sample,
        Some(plane) => channel * plane + frame * layout.sample,
    }
}

fn size(layout: &Layout) -> usize {
    at(layout, layout.frames - 1, layout.channels - 1) + layout.sample
}

/// Bytes that are not the same anywhere near.
fn noise(bytes: usize) -> Vec<u8> {
    (0..bytes)
        .map(|i| (i.wrapping_mul(0x9e37_79b9) >> 11) as u8)
        .collect()
}

fn carry_out(what: Move, source: &[u8], target: &mut [u8]) {
    for row in 0..what.rows.count {
        for column in 0..what.columns.count {
            let from = what.source + row * what.rows.source + column * what.columns.source;
            let to = what.target + row * what.rows.target + column * what.columns.target;
            target[to..to + what.bytes].copy_from_slice(&source[from..from + what.bytes]);
        }
    }
}

fn check_move(source: &Layout, from: u64, target: &Layout, to: u64, frames: u64) {
    let bytes = noise(size(source));
    let mut expected = vec![UNTOUCHED; size(target)];
    for i in 0..frames {
        for channel in 0..source.channels {
            let (s, t) = (at(source, from + i, channel), at(target, to + i, channel));
            let sample = &bytes[s..s + source.sample];
            expected[t..t + source.sample].copy_from_slice(sample);
        }
    }

    // The slices panic where a move is out of bounds.
    let mut got = vec![UNTOUCHED; size(target)];
    let mut pieces = 0;
    moves(source, from, target, to, frames, |what| {
        pieces += 1;
        assert!(what.fits(bytes.len(), got.len()));
        carry_out(what, &bytes, &mut got);
    });
    assert!(
        got == expected,
        "{source:?} {from} {target:?} {to} {frames}"
    );

    // One wrap for each end of a ring.
    let wraps = frames / source.frames + frames / target.frames + 3;
    assert!(pieces <= wraps, "{pieces} pieces");
}

fn check_span(layout: &Layout, from: u64, frames: u64) {
    let silence = &[1, 2, 3, 4, 5, 6, 7, 8][..layout.sample];
    let mut expected = vec![UNTOUCHED; size(layout)];
    for i in 0..frames {
        for channel in 0..layout.channels {
            let t = at(layout, from + i, channel);
            expected[t..t + layout.sample].copy_from_slice(silence);
        }
    }

    let mut got = vec![UNTOUCHED; size(layout)];
    spans(layout, from, frames, |what| {
        assert!(what.bytes > 0 && what.bytes % layout.sample == 0);
        assert!(what.fits(got.len()));
        for row in 0..what.rows {
            let offset = what.offset + row * what.step;
            for sample in got[offset..offset + what.bytes].chunks_mut(layout.sample) {
                sample.copy_from_slice(silence);
            }
        }
    });
    assert!(got == expected, "{layout:?} {from} {frames}");
}

fn layout(planar: bool, frames: u64, channels: usize, sample: usize, gap: usize) -> Layout {
    Layout {
        frames,
        channels,
        sample,
        plane: planar.then_some(frames as usize * sample + gap),
    }
}

#[test]
fn every_access_sample_size_and_channel_count() {
    for sample in [1, 2, 3, 4, 8] {
        for channels in 1..=128 {
            for planar in 0..4 {
                let source = layout(planar & 1 != 0, 7, channels, sample, 5);
                let target = layout(planar & 2 != 0, 5, channels, sample, 0);
                assert_eq!(source.bytes(), size(&source));
                assert_eq!(target.bytes(), size(&target));
                assert_eq!(source.frame(), sample * channels);
                check_move(&source, 5, &target, 13, 5);
                check_span(&source, 11, 6);
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn moving_is_moving_each_sample(
        planar: (bool, bool), sizes in (1..40u64, 1..40u64), channels in 1..=6usize,
        sample in prop::sample::select(vec![1usize, 2, 3, 4, 8]), gaps in (0..9usize, 0..9usize),
        from in prop_oneof![0..80u64, 0..1u64 << 60], to in prop_oneof![0..80u64, 0..1u64 << 60],
        frames in 0..100u64,
    ) {
        let source = layout(planar.0, sizes.0, channels, sample, gaps.0);
        let target = layout(planar.1, sizes.1, channels, sample, gaps.1);
        prop_assert_eq!(source.bytes(), size(&source));
        check_move(&source, from, &target, to, frames);
        check_span(&target, to, frames);
    }
}

/// A table of pieces, any of whose numbers may be absurd.
fn table() -> impl Strategy<Value = Move> {
    let number = || prop_oneof![8 => 0..20usize, 1 => 0..=usize::MAX];
    let axis = move || {
        (number(), number(), number()).prop_map(|(count, source, target)| Axis {
            count,
            source,
            target,
        })
    };
    (number(), number(), number(), axis(), axis()).prop_map(
        |(source, target, bytes, rows, columns)| Move {
            source,
            target,
            bytes,
            rows,
            columns,
        },
    )
}

/// The end of the last of `count` pieces, in numbers that don't overflow.
fn end(first: usize, bytes: usize, steps: [(usize, usize); 2]) -> Option<u128> {
    let mut end = first as u128 + bytes as u128;
    for (count, step) in steps {
        end += (count as u128).checked_sub(1)? * step as u128;
    }
    Some(end)
}

proptest! {
    #![proptest_config(cases(2_000))]

    /// The check on which the driver's copying relies.
    #[test]
    fn what_fits_lies_within(what in table(), areas in (0..200usize, 0..200usize)) {
        let (rows, columns) = (what.rows, what.columns);
        let counts = |a, b| [(rows.count, a), (columns.count, b)];
        let source = end(what.source, what.bytes, counts(rows.source, columns.source));
        let target = end(what.target, what.bytes, counts(rows.target, columns.target));
        let within = |end: Option<u128>, area| end.is_some_and(|end| end <= area as u128);
        let should = within(source, areas.0) && within(target, areas.1);
        prop_assert_eq!(what.fits(areas.0, areas.1), should);

        let span = Span { offset: what.source, bytes: what.bytes, rows: rows.count, step: rows.source };
        let row = end(span.offset, span.bytes, [(span.rows, span.step), (1, 0)]);
        prop_assert_eq!(span.fits(areas.0), within(row, areas.0));
    }

    #[test]
    fn a_block_is_turned_over_its_diagonal(words in any::<[u64; 8]>()) {
        fn check<const BYTES: usize>(words: [u64; 8]) {
            let sample = |words: &[u64; 8], i: usize, j: usize| {
                words[i].to_le_bytes()[j * BYTES..(j + 1) * BYTES].to_vec()
            };
            let mut turned = words;
            transpose::<BYTES>(&mut turned);
            for i in 0..8 / BYTES {
                for j in 0..8 / BYTES {
                    assert_eq!(sample(&turned, i, j), sample(&words, j, i));
                }
            }
            assert_eq!(turned[8 / BYTES..], words[8 / BYTES..]);
        }
        check::<1>(words);
        check::<2>(words);
        check::<4>(words);
    }
}

#[test]
fn nothing_is_moved_for_no_frames() {
    let any = layout(false, 8, 2, 2, 0);
    moves(&any, 3, &any, 5, 0, |_| panic!("moves something"));
    spans(&any, 3, 0, |_| panic!("fills something"));
}

#[test]
fn accesses_are_those_of_alsa() {
    let known = [
        (0, "MMAP_INTERLEAVED", false),
        (1, "MMAP_NONINTERLEAVED", true),
        (3, "RW_INTERLEAVED", false),
        (4, "RW_NONINTERLEAVED", true),
    ];
    for (number, name, planar) in known {
        let access = Access::from_number(number).unwrap();
        assert_eq!((access.name(), access.is_planar()), (name, planar));
    }
    // 2 is MMAP_COMPLEX.
    for number in [2, 5, u32::MAX] {
        assert_eq!(Access::from_number(number), None);
    }
}
