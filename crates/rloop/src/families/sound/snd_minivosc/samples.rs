// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which frames a program reads: seams, marks, the user's waveform, starts, pauses.

use std::thread;
use std::time::{Duration, Instant};

use driver_models::snd_minivosc::oscillator::{Settings, Waveform};
use driver_models::snd_minivosc::wav::Samples;
use rig::check::Plain;
use rig::verdict::{Blame, Problem, Verdict, Within as _, ensure};

use super::Context;
use super::own_card::OwnCard;
use super::take::{SINE, Wanted, read, record, runs};
use crate::alsa::pcm::{Access, Config, Pcm, State, time_frames};
use crate::alsa::signal::Format;

pub const CHECKS: &[Plain<Context>] = &[
    (
        "samples/seams",
        "sample n is a function of n",
        "a waveform of 21 samples goes round in buffers of 816 and 1536 frames, read 32 and 64 and 7 at a time",
        seams,
    ),
    (
        "samples/user",
        "a waveform that the user gives",
        "a WAV file of 16 bits in two channels is heard by its first, at its own pace and at a frequency",
        user,
    ),
    (
        "samples/marks",
        "marks",
        "the first frame of each period and of each turn of the buffer is a mark, and no other",
        marks,
    ),
    (
        "samples/starts-anew",
        "sample n is a function of n",
        "after a stop and a new start the first frame is frame 0 again",
        starts_anew,
    ),
    (
        "samples/pause",
        "pause",
        "a pause stops the position, and after it no frame is missing or doubled",
        pause,
    ),
    (
        "samples/no-wakeups",
        "NO_PERIOD_WAKEUP",
        "without period wake-ups the frames are the same, over several turns of the buffer",
        no_wakeups,
    ),
];

/// As telephones have it.
fn telephone(format: Format) -> Config {
    Config {
        format,
        rate: 8_000,
        channels: 1,
        ..Config::default()
    }
}

/// A WAV file of 21 bytes of sound.
fn turn_of_21() -> Vec<u8> {
    let samples: Vec<u8> = (0..21).map(|n| 128 + 6 * n).collect();
    wav(8, 1, &samples)
}

fn wav(bits: u16, channels: u16, data: &[u8]) -> Vec<u8> {
    let frame = bits / 8 * channels;
    let mut file = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0".to_vec();
    file.extend(channels.to_le_bytes());
    file.extend(8_000u32.to_le_bytes());
    file.extend((8_000 * u32::from(frame)).to_le_bytes());
    file.extend(frame.to_le_bytes());
    file.extend(bits.to_le_bytes());
    file.extend(b"data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

/// The card that plays a file, and its samples as the model reads them.
fn with_file(file: &[u8], frequency: &str) -> Verdict<(OwnCard, Pcm, Vec<i32>)> {
    let card = OwnCard::new()?;
    card.want("samples", file)?;
    card.want("waveform", "user")?;
    card.want("frequency", frequency)?;
    let pcm = Pcm::open(card.enable()?)?;
    let given = Samples::read(file).map(|samples| samples.values().collect());
    Ok((card, pcm, given.unwrap_or_default()))
}

fn user_settings(millihertz: u32) -> Settings {
    Settings {
        waveform: Waveform::User,
        millihertz,
        ..SINE
    }
}

fn seams(context: &mut Context) -> Verdict {
    let file = turn_of_21();
    for (buffer, chunk) in [(816, 32), (1_536, 64), (816, 7)] {
        let (_card, mut pcm, given) = with_file(&file, "0")?;
        let config = telephone(Format::named("U8")?).with_buffer(48 * context.scale, buffer / 48);
        let bytes = record(&mut pcm, &config, 3 * buffer + 1, chunk)?;
        let what = || format!("a buffer of {buffer}, {chunk} at a time");
        let wanted = Wanted::new(&config, user_settings(0), &given)?;
        wanted.check(&bytes, 0).within(what)?;
        // The model's own words for it.
        let turn = &bytes[..21];
        let all = bytes.iter().zip(turn.iter().cycle()).all(|(a, b)| a == b);
        ensure(all && turn[0] == 128 && turn[20] == 248, || {
            format!("{}: the turn is {turn:?}", what())
        })?;
    }
    Ok(())
}

fn user(context: &mut Context) -> Verdict {
    let data: Vec<u8> = (0..100i16)
        .flat_map(|n| [n * 300 - 15_000, 77])
        .flat_map(i16::to_le_bytes)
        .collect();
    let file = wav(16, 2, &data);
    for millihertz in [0, 123_456, 80_000] {
        let (card, mut pcm, given) = with_file(&file, &millihertz.to_string())?;
        let back = std::fs::read(card.dir().join("samples")).unwrap_or_default();
        ensure(back == file, || "samples does not read as written".into())?;
        let config = telephone(Format::named("S16_LE")?).with_buffer(160 * context.scale, 4);
        let bytes = record(&mut pcm, &config, 1_000, 100)?;
        let wanted = Wanted::new(&config, user_settings(millihertz), &given)?;
        wanted
            .check(&bytes, 0)
            .within(|| format!("{millihertz} mHz"))?;
    }
    Ok(())
}

fn marks(context: &mut Context) -> Verdict {
    for name in ["U8", "S16_LE", "S24_3BE", "FLOAT_LE"] {
        let (_card, mut pcm) = OwnCard::open(&[("marks", "1"), ("waveform", "silence")])?;
        let config = telephone(Format::named(name)?).with_buffer(37 * context.scale, 7);
        let bytes = record(&mut pcm, &config, 3 * config.buffer, 50)?;
        let settings = Settings {
            waveform: Waveform::Silence,
            ..SINE
        };
        let mut wanted = Wanted::new(&config, settings, &[])?;
        wanted.marks = true;
        wanted.check(&bytes, 0).within(|| name.to_owned())?;
        let size = config.frame_bytes();
        let silent = &bytes[size..2 * size];
        let marked = bytes.chunks_exact(size).filter(|frame| *frame != silent);
        ensure(marked.count() == 21, || {
            format!("{name}: not 21 marks in 21 periods")
        })?;
    }
    Ok(())
}

/// A card that plays a sine, recorded in mono at 48 kHz.
fn sine(context: &Context, access: Access) -> Verdict<(OwnCard, Pcm, Config)> {
    let (card, pcm) = OwnCard::open(&[])?;
    let config = Config {
        access,
        channels: 1,
        ..Config::default()
    };
    Ok((card, pcm, config.with_buffer(240 * context.scale, 8)))
}

fn starts_anew(context: &mut Context) -> Verdict {
    let (_card, mut pcm, config) = sine(context, Access::RwInterleaved)?;
    let wanted = Wanted::new(&config, SINE, &[])?;
    pcm.configure(&config)?;
    for round in 0..3 {
        pcm.prepare()?;
        pcm.start()?;
        let bytes = read(&pcm, &config, 700, 100)?;
        wanted
            .check(&bytes, 0)
            .within(|| format!("start {round}"))?;
        pcm.stop()?;
    }
    Ok(())
}

fn pause(context: &mut Context) -> Verdict {
    for access in [Access::RwInterleaved, Access::MmapInterleaved] {
        let (_card, mut pcm, config) = sine(context, access)?;
        let wanted = Wanted::new(&config, SINE, &[])?;
        pcm.configure(&config)?;
        pcm.start()?;
        let mut from = 0;
        for round in 0..3 {
            let bytes = read(&pcm, &config, 500, 100)?;
            wanted
                .check(&bytes, from)
                .within(|| format!("after {round} pauses"))?;
            from += 500;
            // What ALSA has of a stream that pauses may be from before: it does not ask the driver again.
            let running = Instant::now();
            let before = pcm.avail()?;
            // Sooner than the driver's timer, so that these are due, and not made.
            let due = Instant::now();
            thread::sleep(Duration::from_millis(2));
            let due = due.elapsed();
            pcm.pause(true)?;
            let running = running.elapsed();
            thread::sleep(Duration::from_millis(20));
            let state = pcm.state();
            ensure(state == State::Paused, || {
                format!("in a pause it is {state:?}")
            })?;
            let resumed = Instant::now();
            pcm.pause(false)?;
            runs(&pcm)?;
            let (came, time) = (pcm.avail()? - before, running + resumed.elapsed());
            ensure(came as f64 <= time_frames(time, config.rate) + 1.0, || {
                format!("{came} frames came within {time:?} before and after a pause")
            })?;
            if (came as f64) < time_frames(due, config.rate) - 1.0 {
                // Where the timer was late there may be more than the driver makes in one go.
                let text = format!("{came} frames came, and {due:?} passed before a pause");
                return Err(Problem::Again(Blame::Subject, text));
            }
        }
    }
    Ok(())
}

fn no_wakeups(context: &mut Context) -> Verdict {
    let (_card, mut pcm, config) = sine(context, Access::MmapInterleaved)?;
    let config = Config {
        period_wakeup: false,
        ..config
    };
    pcm.configure(&config)?;
    pcm.start()?;
    let wanted = Wanted::new(&config, SINE, &[])?;
    let (mut from, mut bytes) = (0, vec![0; 300 * config.frame_bytes()]);
    while from < 5 * config.buffer {
        let some = pcm.read(&mut bytes)?;
        wanted.check(&bytes[..some as usize * config.frame_bytes()], from)?;
        from += some;
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}
