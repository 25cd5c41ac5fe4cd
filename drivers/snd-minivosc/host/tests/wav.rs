// SPDX-License-Identifier: GPL-2.0-only

//! WAV files are read as they should, and what is none is refused.

use proptest::prelude::*;
use snd_minivosc_model::wav::{Samples, ALLOWED};

#[path = "../../../lib/host/tests/properties/mod.rs"]
mod properties;

use properties::cases;

fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut chunk = name.to_vec();
    chunk.extend((body.len() as u32).to_le_bytes());
    chunk.extend(body);
    if body.len() % 2 == 1 {
        chunk.push(0);
    }
    chunk
}

fn fmt(kind: u16, channels: u16, bits: u16) -> Vec<u8> {
    let frame = channels * (bits / 8);
    let mut body = Vec::new();
    for field in [kind, channels] {
        body.extend(field.to_le_bytes());
    }
    body.extend(8_000u32.to_le_bytes());
    body.extend((8_000 * u32::from(frame)).to_le_bytes());
    for field in [frame, bits] {
        body.extend(field.to_le_bytes());
    }
    body
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WAVE".to_vec();
    file.extend(chunks.concat());
    file
}

fn values(file: &[u8]) -> Result<Vec<i32>, &'static str> {
    Samples::read(file).map(|samples| samples.values().collect())
}

fn sound(bits: u16, channels: u16, data: &[u8]) -> Vec<u8> {
    riff(&[
        chunk(b"fmt ", &fmt(1, channels, bits)),
        chunk(b"data", data),
    ])
}

#[test]
fn samples_of_each_width_are_of_full_scale() {
    assert_eq!(
        values(&sound(8, 1, &[0, 128, 255])),
        Ok(vec![i32::MIN, 0, 127 << 24])
    );
    assert_eq!(
        values(&sound(16, 1, &[0, 0x80, 0xff, 0x7f])),
        Ok(vec![i32::MIN, 0x7fff << 16])
    );
    assert_eq!(values(&sound(24, 1, &[1, 2, 3])), Ok(vec![0x0302_0100]));
    assert_eq!(values(&sound(32, 1, &[1, 2, 3, 4])), Ok(vec![0x0403_0201]));
}

#[test]
fn of_several_channels_it_is_the_first() {
    let file = sound(16, 2, &[1, 0, 9, 9, 2, 0, 9, 9]);
    assert_eq!(values(&file), Ok(vec![1 << 16, 2 << 16]));
}

#[test]
fn what_is_not_needed_is_skipped() {
    let mut extensible = fmt(0xfffe, 1, 8);
    extensible.extend([22, 0, 8, 0, 4, 0, 0, 0, 1, 0]);
    extensible.extend([0; 14]);
    let file = riff(&[
        chunk(b"LIST", b"odd"),
        chunk(b"fmt ", &extensible),
        chunk(b"fact", &[0; 4]),
        chunk(b"data", &[200, 100]),
        chunk(b"id3 ", &[1]),
    ]);
    assert_eq!(values(&file), Ok(vec![72 << 24, -28 << 24]));
}

#[test]
fn a_length_that_was_not_known_ends_with_the_file() {
    let mut file = sound(16, 1, &[1, 0, 2, 0, 3]);
    let length = file.len() - 6 - 4;
    file[length..length + 4].copy_from_slice(&[0xff; 4]);
    // Half a frame is none.
    file.pop();
    assert_eq!(values(&file), Ok(vec![1 << 16, 2 << 16]));
}

#[test]
fn what_is_none_is_refused() {
    let float = riff(&[chunk(b"fmt ", &fmt(3, 1, 32)), chunk(b"data", &[0; 4])]);
    let no_format = riff(&[chunk(b"data", &[0; 4])]);
    let no_data = riff(&[chunk(b"fmt ", &fmt(1, 1, 8))]);
    let twelve = sound(12, 1, &[0; 4]);
    for file in [
        &b""[..],
        b"RIFF",
        b"hello, world",
        &float,
        &no_format,
        &no_data,
        &twelve,
        &sound(8, 1, &[]),
        &sound(8, 0, &[0]),
        &sound(40, 1, &[0; 10]),
    ] {
        assert_eq!(values(file), Err(ALLOWED), "{file:02x?}");
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn no_file_upsets_it(
        mut file in Just(sound(16, 2, &[1, 2, 3, 4, 5, 6, 7, 8])),
        changes in prop::collection::vec((0..60usize, any::<u8>()), 0..6),
        length in 0..60usize,
    ) {
        for (at, byte) in changes {
            if let Some(place) = file.get_mut(at) {
                *place = byte;
            }
        }
        file.truncate(length);
        let _ = values(&file);
    }
}
