// SPDX-License-Identifier: MIT OR Apache-2.0

//! A status as a table and as JSON.

use comfy_table::{Table, presets};

use super::model::{CableStatus, CardStatus, EndStatus};

/// Two lines for each cable that somebody uses, and a sentence for the others.
pub fn table(cards: &[CardStatus]) -> String {
    let mut text = String::new();
    for status in cards {
        let card = &status.card;
        text += &format!(
            "card {}: {} [{}], {}, {} cables\n",
            card.index,
            card.id,
            card.name,
            card.driver.name(),
            status.cables.len()
        );
        let used: Vec<&CableStatus> = status.cables.iter().filter(|c| in_use(c)).collect();
        if used.is_empty() {
            text += "  nobody uses it\n";
            continue;
        }
        let mut table = Table::new();
        table.load_preset(presets::ASCII_BORDERS_ONLY_CONDENSED);
        table.set_header([
            "end", "state", "format", "rate", "ch", "period", "buffer", "position", "moved",
            "lost", "silent", "xruns", "wake-ups", "late",
        ]);
        let mut clocks = String::new();
        for cable in used {
            for line in clock(cable).into_iter().chain(delay(cable)) {
                clocks += &format!("  {line}\n");
            }
            table.add_row(row(
                cable,
                &cable.playback,
                format!("play {}", cable.playback_at),
            ));
            table.add_row(row(
                cable,
                &cable.capture,
                format!("record {}", cable.capture_at),
            ));
            for (number, end) in (1..).zip(&cable.more_captures) {
                table.add_row(row(cable, end, format!("record +{number}")));
            }
        }
        text += &format!("{table}\n{clocks}");
        match status.cables.iter().filter(|c| !in_use(c)).count() {
            0 => {}
            n => text += &format!("  {n} more cables are idle\n"),
        }
    }
    text
}

fn in_use(cable: &CableStatus) -> bool {
    let mut ends = [&cable.playback, &cable.capture]
        .into_iter()
        .chain(&cable.more_captures);
    ends.any(|end| end.state != "closed")
}

/// What a cable's clock goes by, where that is not its own time.
fn clock(cable: &CableStatus) -> Option<String> {
    if cable.clock.as_deref() == Some("free") {
        return Some(format!("clock of play {}: none (free)", cable.playback_at));
    }
    let source = cable.timer_source.as_deref().filter(|c| *c != "hrtimer")?;
    let mut text = format!("clock of play {}: {source}", cable.playback_at);
    if let Some(state) = cable.timer_state.as_deref().filter(|_| source != "jiffies") {
        text += &format!(", {state}");
    }
    if let Some(ppm) = cable.timer_ppm {
        text += &format!(", {ppm:+.3} ppm");
    }
    if let Some(ticks) = cable.timer_ticks.filter(|ticks| *ticks > 0) {
        text += &format!(", {ticks} ticks");
    }
    if let Some(breaks) = cable.timer_breaks.filter(|breaks| *breaks > 0) {
        text += &format!(", {breaks} breaks");
    }
    Some(text)
}

/// By how much a cable delays what is played, where it does.
fn delay(cable: &CableStatus) -> Option<String> {
    // Without a clock it has no meaning.
    let timed = cable.clock.as_deref() != Some("free");
    let frames = cable.delay.filter(|frames| *frames > 0 && timed)?;
    Some(format!(
        "delay of play {}: {frames} frames",
        cable.playback_at
    ))
}

fn row(cable: &CableStatus, end: &EndStatus, name: String) -> Vec<String> {
    fn shown<T: ToString>(value: Option<T>) -> String {
        value.map_or("-".to_owned(), |v| v.to_string())
    }
    vec![
        name,
        end.state.clone(),
        shown(cable.format.as_ref()),
        shown(cable.rate),
        shown(cable.channels),
        shown(end.period),
        shown(end.buffer),
        shown(end.position),
        shown(end.moved),
        shown(end.lost),
        shown(end.unheard.or(end.silence)),
        shown(end.xruns),
        shown(end.wakeups),
        shown(end.late_wakeups),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_shown_where_it_is_not_the_cables_own() {
        let mut cable = CableStatus {
            playback_at: "0,3".to_owned(),
            ..CableStatus::default()
        };
        assert_eq!(clock(&cable), None);
        cable.timer_source = Some("hrtimer".to_owned());
        assert_eq!(clock(&cable), None);
        cable.timer_source = Some("hw:1.0".to_owned());
        cable.timer_state = Some("following".to_owned());
        cable.timer_ppm = Some(12.3456);
        cable.timer_ticks = Some(7);
        cable.timer_breaks = Some(0);
        assert_eq!(
            clock(&cable).as_deref(),
            Some("clock of play 0,3: hw:1.0, following, +12.346 ppm, 7 ticks")
        );
    }
    #[test]
    fn what_a_user_has_set_of_a_cable_is_shown() {
        let mut cable = CableStatus {
            playback_at: "0,3".to_owned(),
            clock: Some("timer".to_owned()),
            delay: Some(0),
            ..CableStatus::default()
        };
        assert_eq!(delay(&cable), None);
        cable.delay = Some(4_800);
        assert_eq!(
            delay(&cable).as_deref(),
            Some("delay of play 0,3: 4800 frames")
        );
        cable.clock = Some("free".to_owned());
        assert_eq!(delay(&cable), None);
        assert_eq!(
            clock(&cable).as_deref(),
            Some("clock of play 0,3: none (free)")
        );
    }
}
