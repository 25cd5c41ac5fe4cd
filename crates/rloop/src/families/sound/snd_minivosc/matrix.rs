// SPDX-License-Identifier: MIT OR Apache-2.0

//! Every format at every rate and with every number of channels, bit for bit.

use driver_models::snd_minivosc::oscillator::{LEVEL_MAX, NAMES, Settings, WAVEFORMS};
use rig::check::{Check, Kind};
use rig::retry::retry;
use rig::verdict::{Verdict, Within as _};

use super::Context;
use super::own_card::OwnCard;
use super::take::{Wanted, record, record_in_pause};
use crate::alsa::pcm::{Access, Config};
use crate::alsa::signal::Format;
use crate::alsa::signal::format::FORMATS;

const RATES: [u32; 9] = [
    8_000, 11_025, 44_100, 47_999, 48_000, 96_000, 192_000, 384_000, 768_000,
];
const CHANNELS: [u32; 8] = [1, 2, 3, 6, 8, 32, 127, 128];
/// Periods in frames, and how many are in a buffer: none divides the other, nor a turn of a waveform. Whoever has read a
/// frame of the next period is not woken at that one's end, but a period later: with two in a buffer that is a frame before
/// an overrun.
const SHAPES: [(u64, u64); 5] = [(16, 32), (64, 8), (147, 5), (512, 3), (37, 11)];
/// Samples per second beyond which a case does not go round its buffer: what is in half of it is read in a pause, so that
/// no machine is too slow for it.
const FAST: u32 = 300_000;
/// Bytes of the largest buffer that is asked for.
const BUFFER: u64 = 2 << 20;

/// A check for each format: over all of them, each rate meets each number of channels.
pub fn checks() -> Vec<Check<Context>> {
    let one = |(number, &format): (usize, &Format)| {
        Check {
        name: format!("matrix/{format}"),
        claim: "bit-exact against the model",
        about: "at each rate, with rotating channels, accesses, periods and waveforms, each frame is the model's"
            .to_owned(),
        kind: Kind::Usual,
        quick: number == 2,
        run: Box::new(move |context: &mut Context| {
            retry(context, |context| run(context, format, number))
        }),
    }
    };
    FORMATS.iter().enumerate().map(one).collect()
}

fn run(context: &mut Context, format: Format, number: usize) -> Verdict {
    let level = LEVEL_MAX - 4_321 * number as u32 % LEVEL_MAX;
    for (i, rate) in RATES.into_iter().enumerate() {
        let turn = i + number;
        let settings = Settings {
            // The user's is not there.
            waveform: WAVEFORMS[turn % (WAVEFORMS.len() - 1)],
            millihertz: 1_000 + 7_654_321 * turn as u32 % (500 * rate),
            level,
            lift: 1_000 * (turn as u32 % 3),
            seed: turn as u32 % 2,
        };
        let (period, periods) = SHAPES[turn % SHAPES.len()];
        let config = Config {
            access: Access::ALL[turn % Access::ALL.len()],
            format,
            channels: CHANNELS[turn % CHANNELS.len()],
            rate,
            ..Config::default()
        };
        let fits = |scale: &u64| {
            let bytes = period * periods * scale * config.frame_bytes() as u64;
            bytes <= BUFFER && period * scale <= u64::from(rate / 8)
        };
        let scale = (1..=context.scale).rev().find(fits).unwrap_or(1);
        let config = config.with_buffer(period * scale, periods);
        let name = NAMES[turn % (WAVEFORMS.len() - 1)];
        let (_card, mut pcm) = OwnCard::open(&[
            ("waveform", name),
            ("frequency", &settings.millihertz.to_string()),
            ("level", &settings.level.to_string()),
            ("lift", &settings.lift.to_string()),
            ("seed", &settings.seed.to_string()),
        ])?;
        let what = || {
            let Config {
                channels, access, ..
            } = config;
            format!("{name}, {rate} Hz, {channels} channels, {access}")
        };
        let bytes = match config.channels * rate > FAST {
            true => record_in_pause(&mut pcm, &config),
            false => record(&mut pcm, &config, 2 * config.buffer + 5, 91),
        };
        let bytes = bytes.within(what)?;
        let wanted = Wanted::new(&config, settings, &[])?;
        wanted.check(&bytes, 0).within(what)?;
    }
    Ok(())
}
