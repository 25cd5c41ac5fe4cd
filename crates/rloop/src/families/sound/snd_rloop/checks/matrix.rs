// SPDX-License-Identifier: MIT OR Apache-2.0

//! Bit-exact transport over the whole space of parameters.

use crate::alsa::signal::Format;
use crate::alsa::signal::trace::Want;
use crate::families::sound::loopback::Driver;
use crate::families::sound::loopback::ends::pump;
use crate::families::sound::snd_rloop::cases::Case;
use crate::families::sound::snd_rloop::context::Context;
use rig::retry::retry;
use rig::run::Context as _;
use rig::verdict::{OrFail, Problem, Verdict, Within, skip};

/// So many failed cases of one format are described; the rest is counted.
const DESCRIBED: usize = 3;

/// Runs all `cases` of `format`.
pub fn run(context: &mut Context, format: Format, cases: &[Case]) -> Verdict {
    if cases.is_empty() {
        return skip(format!(
            "the card does not offer {format} (see space/formats)"
        ));
    }
    let (mut failed, mut slow) = (Vec::new(), Vec::new());
    // Where no time passes, a program can't wait for the one period that the buffer has.
    let one = |case: &Case| case.write_config().is_single() || case.read_config().is_single();
    let free = context.free;
    for case in cases.iter().filter(|case| !(free && one(case))) {
        context.watchdog.step(format!("matrix/{case}"));
        match retry(context, |context| play(context, case)) {
            Ok(()) => {}
            Err(Problem::Skipped(text)) => slow.push(format!("{case}: {text}")),
            Err(problem) => failed.push(format!("{case}: {problem}")),
        }
    }
    condense(&mut context.notes);
    if !failed.is_empty() {
        let more = failed.len().saturating_sub(DESCRIBED);
        let mut text = format!("{} of {} cases failed: ", failed.len(), cases.len());
        text += &failed[..failed.len().min(DESCRIBED)].join("; ");
        if more > 0 {
            text += &format!("; and {more} more");
        }
        return Err(Problem::Failed(text));
    }
    if let Some(first) = slow.first() {
        return skip(format!(
            "{} of {} cases could not be judged, the others passed: {first}",
            slow.len(),
            cases.len()
        ));
    }
    context.note(format!("{} cases", cases.len()));
    Ok(())
}

/// Many retries become one note.
fn condense(notes: &mut Vec<String>) {
    let retried = notes.len();
    if let Some(first) = notes.first().filter(|_| retried > 1).cloned() {
        notes.clear();
        notes.push(format!(
            "{retried} cases needed more than one try; the first: {first}"
        ));
    }
}

/// Plays a few buffers round and wants every byte back.
fn play(context: &mut Context, case: &Case) -> Verdict {
    let cable = context.cable();
    let (write, read) = (
        context.fitted(case.write_config()),
        context.fitted(case.read_config()),
    );
    let bound = context.limits.case_bytes / write.frame_bytes() as u64;
    // Odd on purpose: the last period is never a whole one.
    let total = (2 * write.buffer.max(read.buffer) + 37).min(bound.max(64));
    let mut player = context.player(&cable, &write)?;
    let mut recorder = context.recorder(&cable, &read)?;
    let written = total + write.buffer + read.buffer;
    player.rehearse(written);
    player.pcm.link(&recorder.pcm)?;
    player.fill(write.buffer)?;
    player.pcm.start()?;
    let pumped = pump(Some(&mut player), Some(&mut recorder), written, total);
    let heard = recorder.frames();
    pumped.within(|| format!("after {heard} of {total} frames"))?;
    let trace = recorder.trace(&player.seq, player.written);
    // Linked ends start together, on a card that says so (see start/linked).
    let wants = match context.card.driver {
        Driver::SndRloop => vec![Want::Sequence(0..=0, total..=total)],
        Driver::SndAloop => vec![
            Want::Silence(0..=write.buffer),
            Want::Sequence(0..=0, 1..=total),
        ],
    };
    trace.expect(&wants).or_fail()
}
