// SPDX-License-Identifier: MIT OR Apache-2.0

//! The volume and the mute switch of each cable, which programs agree on and the card leaves alone.

use alsa::ctl::{Ctl, ElemId, ElemType};

use crate::alsa::signal::trace::Want;
use crate::families::sound::loopback::elements::{
    SWITCH, VOLUME, all_changed, error, mixer_id, open_own, read, write,
};
use crate::families::sound::loopback::ends::pump;
use crate::families::sound::loopback::settings::VOLUME_FULL;
use crate::families::sound::snd_rloop::context::{Context, Plain};
use rig::verdict::{OrFail, Verdict, Within, ensure, skip};

pub const CHECKS: &[Plain] = &[
    (
        "volume/values",
        "volume and mute that apps can see",
        "each cable has a volume in dB and a switch, which keep what is written, and no other changes with them",
        values,
    ),
    (
        "volume/events",
        "volume and mute that apps can see",
        "an event comes when a value has changed, once, and else never",
        events,
    ),
    (
        "volume/exact",
        "never touch a sample",
        "the data is the same at any volume and muted, and while both change",
        exact,
    ),
];

/// In half dB above -100 dB.
const FULL: i32 = VOLUME_FULL;

/// The pair of elements of a cable.
struct Pair {
    cable: u32,
    volume: ElemId,
    switch: ElemId,
}

impl Pair {
    fn new(cable: u32) -> Verdict<Self> {
        Ok(Self {
            cable,
            volume: mixer_id(VOLUME, cable)?,
            switch: mixer_id(SWITCH, cable)?,
        })
    }

    fn set(&self, ctl: &Ctl, volume: i32, on: bool) -> Verdict {
        self.set_volume(ctl, volume)?;
        let what = format!("\"{SWITCH}\",{} to {on}", self.cable);
        write(ctl, &self.switch, ElemType::Boolean, on.into(), &what)
    }

    fn set_volume(&self, ctl: &Ctl, volume: i32) -> Verdict {
        let what = format!("\"{VOLUME}\",{} to {volume}", self.cable);
        write(ctl, &self.volume, ElemType::Integer, volume, &what)
    }

    fn expect(&self, ctl: &Ctl, volume: i32, on: bool) -> Verdict {
        for (id, name, kind, want) in [
            (&self.volume, VOLUME, ElemType::Integer, volume),
            (&self.switch, SWITCH, ElemType::Boolean, on.into()),
        ] {
            let what = format!("\"{name}\",{}", self.cable);
            let came = read(ctl, id, kind, &what)?;
            ensure(came == want, || {
                format!("{what}: expected {want}, came {came}")
            })?;
        }
        Ok(())
    }
}

/// Does `check` with the elements of all cables, which are as they were at first before and after.
fn with_pairs(
    context: &mut Context,
    check: impl FnOnce(&mut Context, &Ctl, &[Pair]) -> Verdict,
) -> Verdict {
    let ctl = open_own(&context.card)?;
    let pairs: Vec<Pair> = (0..context.card.cables().len())
        .map(|cable| Pair::new(cable as u32))
        .collect::<Verdict<_>>()?;
    for pair in &pairs {
        pair.expect(&ctl, FULL, true)
            .within(|| "if no program has set it".into())?;
    }
    let result = check(context, &ctl, &pairs);
    for pair in &pairs {
        pair.set(&ctl, FULL, true)?;
    }
    result
}

fn values(context: &mut Context) -> Verdict {
    with_pairs(context, |_, ctl, pairs| {
        // Each another value, so that one that lands on a neighbour shows.
        let of = |pair: &Pair| (pair.cable as i32 % FULL, pair.cable % 2 == 1);
        for pair in pairs {
            let (volume, on) = of(pair);
            pair.set(ctl, volume, on)?;
        }
        for pair in pairs {
            let (volume, on) = of(pair);
            pair.expect(ctl, volume, on)?;
        }
        let first = &pairs[0];
        for volume in 0..=FULL {
            first.set(ctl, volume, true)?;
            first.expect(ctl, volume, true)?;
            let decibels = ctl
                .convert_to_db(&first.volume, volume.into())
                .map_err(error("dB"))?;
            let want = i64::from(volume - FULL) * 50;
            ensure(decibels.0 == want, || {
                format!(
                    "{volume}: expected {want} hundredths of a dB, came {}",
                    decibels.0
                )
            })?;
        }
        for volume in [-1, FULL + 1] {
            ensure(first.set_volume(ctl, volume).is_err(), || {
                format!("\"{VOLUME}\": {volume} is accepted")
            })?;
            first.expect(ctl, FULL, true)?;
        }
        Ok(())
    })
}

fn events(context: &mut Context) -> Verdict {
    with_pairs(context, |_, ctl, pairs| {
        ctl.subscribe_events(true)
            .map_err(error("control events"))?;
        all_changed(ctl)?;
        for pair in pairs {
            for (volume, on, want) in [
                (FULL, true, &[][..]),
                (120, true, &[VOLUME]),
                (120, true, &[]),
                (120, false, &[SWITCH]),
                (0, false, &[VOLUME]),
                (FULL, true, &[SWITCH, VOLUME]),
            ] {
                pair.set(ctl, volume, on)?;
                let came = all_changed(ctl)?;
                ensure(came == want, || {
                    format!(
                        "cable {}: expected events of {want:?}, came {came:?}",
                        pair.cable
                    )
                })?;
            }
        }
        Ok(())
    })
}

fn exact(context: &mut Context) -> Verdict {
    with_pairs(context, |context, ctl, pairs| {
        let (cable, config) = (context.cable(), context.config());
        let number = context.card.cable_number(&cable);
        let Some(pair) = pairs.iter().find(|pair| pair.cable == number) else {
            return skip("the card has no such cable");
        };
        let mut player = context.player(&cable, &config)?;
        let mut recorder = context.recorder(&cable, &config)?;
        player.fill(config.buffer)?;
        recorder.pcm.start()?;
        player.pcm.start()?;
        let settings = [
            (FULL, true),
            (FULL, false),
            (0, true),
            (0, false),
            (137, true),
        ];
        let total = settings.len() as u64 * config.buffer;
        for (count, (volume, on)) in (1..).zip(settings) {
            pair.set(ctl, volume, on)?;
            let heard = count * config.buffer;
            // Those that are still to be played are the next round's.
            pump(
                Some(&mut player),
                Some(&mut recorder),
                heard + config.buffer,
                heard,
            )?;
        }
        recorder
            .trace(&player.seq, player.written)
            .expect(&[
                Want::Silence(0..=config.buffer),
                Want::Sequence(0..=0, total - config.buffer..=total),
            ])
            .or_fail()
    })
}
