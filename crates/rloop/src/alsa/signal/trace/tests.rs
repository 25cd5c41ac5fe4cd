// SPDX-License-Identifier: MIT OR Apache-2.0

//! Injects each fault that a driver could have, in every format, and wants it found.

use super::*;
use crate::alsa::signal::Format;
use crate::alsa::signal::format::FORMATS;

const LEN: u64 = 600;
const EXACT: RangeInclusive<u64> = LEN..=LEN;

fn each(mut test: impl FnMut(Sequence, Vec<u8>)) {
    for &format in FORMATS {
        for channels in [1, 2, 3] {
            let seq = Sequence::new(5, format, channels);
            test(seq, seq.frames(0, LEN as usize));
        }
    }
}

fn whole() -> Vec<Want> {
    vec![Want::Sequence(0..=0, EXACT)]
}

fn error(seq: Sequence, data: &[u8]) -> String {
    Trace::of(&seq, data, LEN).expect(&whole()).unwrap_err()
}

#[test]
fn clean_passes() {
    each(|seq, data| Trace::of(&seq, &data, LEN).expect(&whole()).unwrap());
}

#[test]
fn silence_around_is_measured_to_the_frame() {
    each(|seq, data| {
        let silence = |n| {
            seq.format()
                .silence()
                .repeat(n * seq.frame_bytes() / seq.format().bytes())
        };
        let all = [silence(17), data, silence(5)].concat();
        let trace = Trace::of(&seq, &all, LEN);
        trace
            .expect(&[
                Want::Silence(17..=17),
                Want::Sequence(0..=0, EXACT),
                Want::Silence(5..=5),
            ])
            .unwrap();
        assert!(
            trace
                .expect(&[
                    Want::Silence(16..=16),
                    Want::Sequence(0..=0, EXACT),
                    Want::Silence(5..=5)
                ])
                .is_err()
        );
        assert!(trace.expect(&whole()).is_err());
        assert_eq!(trace.frames(), LEN + 22);
        assert_eq!(trace.leading_silence(), 17);
    });
}

#[test]
fn a_lost_frame() {
    each(|seq, mut data| {
        let w = seq.frame_bytes();
        data.drain(100 * w..101 * w);
        let text = error(seq, &data);
        assert!(
            seq.frame_bytes() < 3 || text.contains("at captured frame 0: expected 600 frames"),
            "{text}"
        );
        assert!(
            seq.frame_bytes() < 3 || text.contains("sequence 0..100, sequence 101..600"),
            "{text}"
        );
    });
}

#[test]
fn a_doubled_frame() {
    each(|seq, data| {
        let w = seq.frame_bytes();
        error(seq, &[&data[..101 * w], &data[100 * w..599 * w]].concat());
    });
}

#[test]
fn two_frames_in_the_wrong_order() {
    each(|seq, mut data| {
        let w = seq.frame_bytes();
        let frame = data[100 * w..101 * w].to_vec();
        data.copy_within(101 * w..102 * w, 100 * w);
        data[101 * w..102 * w].copy_from_slice(&frame);
        error(seq, &data);
    });
}

#[test]
fn each_flipped_bit() {
    each(|seq, data| {
        let data = &data[..20 * seq.frame_bytes()];
        for bit in 0..seq.frame_bytes() * 8 {
            let mut data = data.to_vec();
            data[7 * seq.frame_bytes() + bit / 8] ^= 1 << (bit % 8);
            assert!(
                Trace::of(&seq, &data, 20)
                    .expect(&[Want::Sequence(0..=0, 20..=20)])
                    .is_err()
            );
        }
    });
}

#[test]
fn a_flipped_bit_is_named() {
    let seq = Sequence::new(5, Format::from_name("S32_LE").unwrap(), 2);
    let mut data = seq.frames(0, LEN as usize);
    data[200 * 8 + 5] ^= 1;
    let text = error(seq, &data);
    assert!(text.contains("frame 200, channel 1: expected"), "{text}");
    assert!(text.contains("(1 bit(s) flipped)"), "{text}");
}

#[test]
fn swapped_channels() {
    each(|seq, mut data| {
        let w = seq.format().bytes();
        if seq.frame_bytes() > w {
            data.chunks_exact_mut(seq.frame_bytes())
                .for_each(|f| f[..2 * w].rotate_left(w));
            let text = error(seq, &data);
            assert!(text.contains("(the sample of channel 1)"), "{text}");
        }
    });
}

#[test]
fn data_that_is_off_by_some_frames() {
    each(|seq, _| {
        let text = Trace::of(&seq, &seq.frames(3, LEN as usize), LEN + 3)
            .expect(&whole())
            .unwrap_err();
        assert!(text.contains("came sequence 3..603"), "{text}");
    });
}

#[test]
fn an_offset_between_channels() {
    each(|seq, data| {
        let (w, n) = (seq.format().bytes(), seq.frame_bytes());
        if n > w {
            let mut off = data.clone();
            for at in (n..data.len()).step_by(n) {
                let from = at - n;
                off[at..at + w].copy_from_slice(&data[from..from + w]);
            }
            error(seq, &off);
        }
    });
}

#[test]
fn swapped_bytes() {
    each(|seq, mut data| {
        let w = seq.format().bytes();
        if w > 1 {
            data.chunks_exact_mut(w).for_each(<[u8]>::reverse);
            error(seq, &data);
        }
    });
}

#[test]
fn stale_data_instead_of_silence() {
    each(|seq, data| {
        let stale = &data[..64 * seq.frame_bytes()];
        let all = [&data[..], stale].concat();
        let wants = [Want::Sequence(0..=0, EXACT), Want::Silence(64..=64)];
        let text = Trace::of(&seq, &all, LEN).expect(&wants).unwrap_err();
        assert!(
            text.contains("at captured frame 600") || seq.frame_bytes() < 3,
            "{text}"
        );
    });
}

#[test]
fn zeros_instead_of_the_formats_silence() {
    each(|seq, data| {
        if seq.format().silence().iter().any(|&b| b != 0) {
            let all = [data, vec![0; 8 * seq.frame_bytes()]].concat();
            let wants = [Want::Sequence(0..=0, EXACT), Want::Silence(8..=8)];
            assert!(Trace::of(&seq, &all, LEN).expect(&wants).is_err());
        }
    });
}

#[test]
fn a_hole_of_silence() {
    each(|seq, mut data| {
        let w = seq.format().bytes();
        let hole = 50 * seq.frame_bytes()..51 * seq.frame_bytes();
        data[hole]
            .chunks_exact_mut(w)
            .for_each(|s| s.copy_from_slice(seq.format().silence()));
        error(seq, &data);
    });
}

#[test]
fn a_recording_that_is_too_short_or_too_long() {
    each(|seq, data| {
        error(seq, &data[..data.len() - seq.frame_bytes()]);
        error(seq, &[&data[..], &seq.frames(LEN, 1)].concat());
        error(seq, &[]);
    });
}

#[test]
fn another_streams_data() {
    each(|seq, _| {
        let other = Sequence::new(
            6,
            seq.format(),
            (seq.frame_bytes() / seq.format().bytes()) as u32,
        );
        error(seq, &other.frames(0, LEN as usize));
    });
}

#[test]
fn a_pause_loses_nothing() {
    each(|seq, data| {
        let (a, b) = data.split_at(300 * seq.frame_bytes());
        let silence = seq
            .format()
            .silence()
            .repeat(40 * seq.frame_bytes() / seq.format().bytes());
        let wants = [
            Want::Sequence(0..=0, 1..=LEN),
            Want::Silence(40..=40),
            Want::Sequence(300..=300, 300..=300),
        ];
        Trace::of(&seq, &[a, &silence, b].concat(), LEN)
            .expect(&wants)
            .unwrap();
        // One frame less after the pause must not pass.
        assert!(
            Trace::of(&seq, &[a, &silence, &b[seq.frame_bytes()..]].concat(), LEN)
                .expect(&wants)
                .is_err()
        );
    });
}
