// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the card offers, against the contract.

use crate::alsa::pcm::{Access, Pcm};
use crate::alsa::signal::Format;
use crate::alsa::signal::format::FORMATS;
use crate::families::sound::snd_rloop::cases::RATES;
use crate::families::sound::snd_rloop::context::{Context, Plain};
use rig::verdict::{Verdict, ensure, fail};

pub const CHECKS: &[Plain] = &[
    (
        "space/formats",
        "formats",
        "both directions offer every format of a fixed physical width, and no other",
        formats,
    ),
    (
        "space/rates",
        "rates, channels",
        "8000 to 768000 Hz, any rate between, none beyond",
        rates,
    ),
    (
        "space/channels",
        "rates, channels",
        "1 to 128 channels, each number, none beyond",
        channels,
    ),
    (
        "space/access",
        "access",
        "read/write and mmap, interleaved and not",
        access,
    ),
    (
        "space/buffers",
        "info flags",
        "periods from 16 frames, 1 to 1024 of them, buffers to 4 MiB",
        buffers,
    ),
    (
        "space/extremes",
        "info flags",
        "the smallest and the largest period and buffer can really be set",
        extremes,
    ),
    (
        "space/info-flags",
        "info flags",
        "MMAP, MMAP_VALID, PAUSE, RESUME, SYNC_START, NO_PERIOD_WAKEUP",
        info_flags,
    ),
];

/// Opens each direction of the first cable and judges it.
fn each(context: &mut Context, mut judge: impl FnMut(&mut Pcm) -> Verdict) -> Verdict {
    let cable = context.cable();
    for address in [cable.playback, cable.capture] {
        judge(&mut Pcm::open(address)?)?;
    }
    Ok(())
}

fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items
        .into_iter()
        .map(|i| i.to_string())
        .collect::<Vec<_>>()
        .join(" ")
}

fn formats(context: &mut Context) -> Verdict {
    each(context, |pcm| {
        let offered = pcm.space()?.formats;
        let missing: Vec<Format> = FORMATS
            .iter()
            .copied()
            .filter(|f| !offered.contains(f))
            .collect();
        ensure(missing.is_empty(), || {
            format!(
                "{}: expected {} formats, came {}; missing: {}",
                pcm.address(),
                FORMATS.len(),
                offered.len(),
                list(missing)
            )
        })?;
        let others: Vec<i32> = (0..64)
            .filter(|id| FORMATS.iter().all(|f| f.id() != *id))
            .filter(|&id| pcm.offers_format_id(id))
            .collect();
        ensure(others.is_empty(), || {
            format!(
                "{}: offers the formats of numbers {}, whose samples have no fixed width of whole bytes",
                pcm.address(),
                list(others)
            )
        })
    })
}

fn rates(context: &mut Context) -> Verdict {
    each(context, |pcm| {
        let offered = pcm.space()?.rate;
        ensure(offered == (8_000..=768_000), || {
            format!(
                "{}: expected 8000 to 768000 Hz, came {} to {}",
                pcm.address(),
                offered.start(),
                offered.end()
            )
        })?;
        let odd = [
            8_001, 12_345, 22_050, 37_800, 65_537, 352_800, 705_600, 767_999,
        ];
        for rate in RATES.into_iter().chain(odd) {
            ensure(pcm.offers_rate(rate), || {
                format!("{}: {rate} Hz is refused", pcm.address())
            })?;
        }
        for rate in [1, 7_999, 768_001] {
            ensure(!pcm.offers_rate(rate), || {
                format!("{}: {rate} Hz is accepted", pcm.address())
            })?;
        }
        Ok(())
    })
}

fn channels(context: &mut Context) -> Verdict {
    each(context, |pcm| {
        let refused: Vec<u32> = (1..=128).filter(|&n| !pcm.offers_channels(n)).collect();
        ensure(refused.is_empty(), || {
            let (first, last) = (refused[0], refused[refused.len() - 1]);
            format!(
                "{}: expected 1 to 128 channels, {} of these are refused ({first} to {last})",
                pcm.address(),
                refused.len()
            )
        })?;
        ensure(!pcm.offers_channels(129), || {
            format!("{}: 129 channels are accepted", pcm.address())
        })
    })
}

fn access(context: &mut Context) -> Verdict {
    each(context, |pcm| {
        let offered = pcm.space()?.accesses;
        let missing: Vec<Access> = Access::ALL
            .into_iter()
            .filter(|a| !offered.contains(a))
            .collect();
        ensure(missing.is_empty(), || {
            format!("{}: missing: {}", pcm.address(), list(missing))
        })
    })
}

fn buffers(context: &mut Context) -> Verdict {
    let free = context.free;
    each(context, |pcm| {
        let space = pcm.space()?;
        let at = pcm.address();
        ensure(*space.period.start() == 16, || {
            format!(
                "{at}: expected a smallest period of 16 frames, came {}",
                space.period.start()
            )
        })?;
        // Without a clock nobody can wait for a single period: it would be an xrun.
        let least = if free { 2 } else { 1 };
        ensure(space.periods == (least..=1024), || {
            format!(
                "{at}: expected {least} to 1024 periods, came {} to {}",
                space.periods.start(),
                space.periods.end()
            )
        })?;
        // The widest frame of the offer counts: 1 byte and 1 channel make the most frames of 4 MiB.
        ensure(*space.buffer.end() == 4 << 20, || {
            format!(
                "{at}: expected buffers to {} frames of one byte, came {}",
                4 << 20,
                space.buffer.end()
            )
        })
    })
}

fn extremes(context: &mut Context) -> Verdict {
    let (config, free) = (context.config(), context.free);
    let most = (4 << 20) / config.frame_bytes() as u64;
    let tried = [
        ("the smallest", config.with_buffer(16, 2)),
        ("one period", config.with_buffer(1024, 1)),
        ("the most periods", config.with_buffer(16, 1024)),
        ("the largest", config.with_buffer(most / 4, 4)),
        ("no power of two", config.with_buffer(1001, 3)),
    ];
    each(context, |pcm| {
        for (name, config) in tried.iter().filter(|(_, c)| !(free && c.is_single())) {
            if let Err(error) = pcm.configure(config) {
                return fail(format!(
                    "{name}: period {} of buffer {}: {error}",
                    config.period, config.buffer
                ));
            }
            pcm.hw_free()?;
        }
        Ok(())
    })
}

fn info_flags(context: &mut Context) -> Verdict {
    let config = context.config();
    let free = context.free;
    each(context, |pcm| {
        let mapped = pcm.space()?.accesses.iter().any(|a| a.is_mmap());
        let flags = pcm.configure(&config)?.flags;
        let wanted = [
            ("MMAP", mapped, true),
            ("MMAP_VALID", flags.mmap_valid, true),
            ("PAUSE", flags.pause, true),
            ("RESUME", flags.resume, true),
            ("SYNC_START", flags.sync_start, true),
            ("NO_PERIOD_WAKEUP", flags.no_period_wakeup, true),
            ("BATCH", flags.batch, free),
        ];
        let wrong: Vec<_> = wanted
            .iter()
            .filter(|(_, came, want)| came != want)
            .map(|(name, _, want)| format!("{name} is {}", if *want { "missing" } else { "set" }))
            .collect();
        ensure(wrong.is_empty(), || {
            format!("{}: {}", pcm.address(), wrong.join(", "))
        })
    })
}
