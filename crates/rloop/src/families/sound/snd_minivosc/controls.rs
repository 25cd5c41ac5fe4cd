// SPDX-License-Identifier: MIT OR Apache-2.0

//! What can be changed while it is heard, and what is refused.

use std::fs;
use std::io;

use alsa::ctl::{Ctl, ElemType};
use driver_models::snd_minivosc::oscillator::{LEVEL_MAX, SETTINGS, Setting};
use rig::check::Plain;
use rig::verdict::{OrFail as _, Verdict, Within as _, ensure, fail};

use super::Context;
use super::own_card::OwnCard;
use super::take::{SINE, Wanted, read};
use crate::alsa::pcm::{Access, Address, Config, Pcm};
use crate::alsa::signal::Format;
use crate::families::sound::loopback::elements::{all_changed, choose, error, set, value};

pub const CHECKS: &[Plain<Context>] = &[
    (
        "controls/phase",
        "phase-continuous changes",
        "waveform, frequency, level and lift change at one frame, and go on from the phase before",
        phase,
    ),
    (
        "controls/events",
        "events",
        "a change is told of once, and a value that is not new not at all; ranges are kept",
        events,
    ),
    (
        "limits/offer",
        "formats, rates, channels",
        "a card that is made for U8 at 8000 Hz in mono offers that and refuses the rest",
        offer,
    ),
    (
        "limits/parameters",
        "bad input",
        "each parameter refuses what is not allowed with EINVAL, and keeps what it was",
        parameters,
    ),
    (
        "limits/busy",
        "a module can't be unloaded while it is in use",
        "an open stream counts for the module, and keeps its card from being changed or removed",
        busy,
    ),
];

/// The control device of the card.
pub fn open_ctl(at: Address) -> Verdict<Ctl> {
    Ctl::new(&format!("hw:{}", at.card), true).map_err(error("control device"))
}

fn change(ctl: &Ctl, at: Address, setting: Setting, value: u32) -> Verdict {
    let (_, name, _) = SETTINGS[setting as usize];
    match setting {
        Setting::Waveform => choose(ctl, name, at, value as i32),
        _ => set(ctl, name, at, value as i32),
    }
}

fn phase(context: &mut Context) -> Verdict {
    let (_card, mut pcm) = OwnCard::open(&[])?;
    let at = pcm.address();
    let ctl = open_ctl(at)?;
    let config = Config {
        channels: 1,
        ..Config::default()
    }
    .with_buffer(240 * context.scale, 8);
    pcm.configure(&config)?;
    pcm.start()?;
    let mut wanted = Wanted::new(&config, SINE, &[])?;
    let (mut settings, mut from) = (SINE, 0);
    let changes = [
        (Setting::Frequency, 1_234_567),
        (Setting::Waveform, 2),
        (Setting::Level, LEVEL_MAX / 3),
        (Setting::Lift, 5_000),
        (Setting::Waveform, 0),
        (Setting::Frequency, 50_001),
    ];
    for (setting, value) in changes {
        let what = || format!("{setting:?} to {value}");
        let bytes = read(&pcm, &config, 300, 100).within(what)?;
        wanted.check(&bytes, from).within(what)?;
        from += 300;
        change(&ctl, at, setting, value)?;
        settings = settings.with(setting, value).unwrap_or(settings);
        let bytes = read(&pcm, &config, config.buffer, 100).within(what)?;
        // Where the two are alike, nobody can tell which frame is the first of the new.
        let last = wanted
            .first_other(&bytes, from)
            .unwrap_or(from + config.buffer);
        let first = last.saturating_sub(20).max(from);
        let fits = (first..=last).rev().find(|at| {
            let after = &bytes[(at - from) as usize * config.frame_bytes()..];
            let mut new = wanted.clone();
            new.oscillator.set(settings, *at);
            new.first_other(after, *at).is_none()
        });
        let Some(at_frame) = fits else {
            return fail(format!(
                "{}: from frame {last} on it is neither the old nor the new from any frame",
                what()
            ));
        };
        wanted.oscillator.set(settings, at_frame);
        from += config.buffer;
    }
    Ok(())
}

fn events(_: &mut Context) -> Verdict {
    let (_card, at) = OwnCard::with(&[])?;
    let (listener, ctl) = (open_ctl(at)?, open_ctl(at)?);
    listener.subscribe_events(true).map_err(error("events"))?;
    for (setting, name, most) in SETTINGS {
        let kind = match setting {
            Setting::Waveform => ElemType::Enumerated,
            _ => ElemType::Integer,
        };
        // There is no waveform of the user's.
        let most = most - u32::from(setting == Setting::Waveform);
        let now = value(&ctl, name, kind, at)? as u32;
        ensure(now == SINE.get(setting), || format!("{name} is {now}"))?;
        let new = if now == most { most / 2 } else { most };
        change(&ctl, at, setting, new)?;
        let told = all_changed(&listener)?;
        ensure(told == [name], || {
            format!("{name} was set, and events came of {told:?}")
        })?;
        change(&ctl, at, setting, new)?;
        let told = all_changed(&listener)?;
        ensure(told.is_empty(), || {
            format!("nothing new, and events came of {told:?}")
        })?;
        let beyond = change(&ctl, at, setting, most + 1);
        ensure(beyond.is_err(), || format!("{name} took {}", most + 1))?;
        let now = value(&ctl, name, kind, at)? as u32;
        ensure(now == new, || format!("{name} is {now} and not {new}"))?;
    }
    Ok(())
}

fn offer(_: &mut Context) -> Verdict {
    let limits = [("formats", "U8"), ("rates", "8000"), ("channels", "1")];
    let (_card, mut pcm) = OwnCard::open(&limits)?;
    let space = pcm.space()?;
    let formats: Vec<&str> = space.formats.iter().map(|format| format.name()).collect();
    ensure(
        formats == ["U8"] && space.rate == (8_000..=8_000) && space.channels == (1..=1),
        || {
            format!(
                "it offers {formats:?}, {:?} Hz, {:?} channels",
                space.rate, space.channels
            )
        },
    )?;
    let good = Config {
        format: Format::named("U8")?,
        rate: 8_000,
        channels: 1,
        ..Config::default()
    };
    let others = [
        Config {
            format: Config::default().format,
            ..good
        },
        Config {
            rate: 8_001,
            ..good
        },
        Config {
            channels: 2,
            ..good
        },
    ];
    for other in others {
        let refused = pcm.configure(&other).err().map(|e| e.errno);
        ensure(refused == Some(libc::EINVAL), || {
            format!("{other:?} gave {refused:?}")
        })?;
    }
    for access in Access::ALL {
        pcm.configure(&Config { access, ..good })?;
    }
    Ok(())
}

fn parameters(_: &mut Context) -> Verdict {
    let card = OwnCard::new()?;
    for (name, bad, good) in [
        ("waveform", "triangle", "noise"),
        ("frequency", "-1", "0"),
        ("frequency", "384000001", "384000000"),
        ("frequency", "1e3", "0x10"),
        ("level", "65537", "65536"),
        ("lift", "65536", "65535"),
        ("marks", "maybe", "y"),
        ("formats", "S17_LE", "S16_LE U8"),
        ("rates", "7999", "8000-9000"),
        ("channels", "129", "1 128"),
        ("index", "256", "-2"),
        ("name", "a name of more than 31 bytes, by far", "short"),
        ("enable", "perhaps", "0"),
    ] {
        card.want(name, good)?;
        let before = card.read(name)?;
        let refused = card.write(name, bad).err().and_then(|e| e.raw_os_error());
        ensure(refused == Some(libc::EINVAL), || {
            format!("{name}={bad} gave {refused:?}")
        })?;
        let now = card.read(name)?;
        ensure(now == before, || {
            format!("{name} was {before} and is {now}")
        })?;
    }
    // Of a file configfs tells nobody that it was refused; it is not kept.
    card.want("samples", "no WAV file")?;
    let kept = fs::read(card.dir().join("samples")).unwrap_or_default();
    ensure(kept.is_empty(), || {
        "samples keeps what is no WAV file".to_owned()
    })?;
    card.want("waveform", "user")?;
    let refused = card
        .write("enable", "1")
        .err()
        .and_then(|e| e.raw_os_error());
    ensure(refused == Some(libc::EINVAL), || {
        format!("user without samples gave {refused:?}")
    })
}

fn users() -> io::Result<u32> {
    let text = fs::read_to_string("/sys/module/snd_minivosc/refcnt")?;
    text.trim().parse().map_err(io::Error::other)
}

fn busy(_: &mut Context) -> Verdict {
    let errno = |result: io::Result<()>| result.err().and_then(|e| e.raw_os_error());
    let (card, at) = OwnCard::with(&[])?;
    let before = users().unwrap_or(0);
    let mut pcm = Pcm::open(at)?;
    let config = Config::default();
    pcm.configure(&config)?;
    pcm.start()?;
    let during = users().unwrap_or(u32::MAX);
    ensure(during > before, || {
        format!("{before} users of the module, {during} with a stream")
    })?;
    for (what, got) in [
        ("enable=0", errno(card.write("enable", "0"))),
        ("rmdir", errno(fs::remove_dir(card.dir()))),
        ("level=1", errno(card.write("level", "1"))),
    ] {
        ensure(got == Some(libc::EBUSY), || {
            format!("{what} gave {got:?} while recorded from")
        })?;
    }
    let bytes = read(&pcm, &config, 3_000, 100)?;
    Wanted::new(&config, SINE, &[])?.check(&bytes, 0)?;
    drop(pcm);
    card.want("enable", "0")?;
    fs::remove_dir(card.dir())
        .map_err(|e| e.to_string())
        .or_fail()
}
