// SPDX-License-Identifier: MIT OR Apache-2.0

//! A status as a table and as JSON.

use comfy_table::{Table, presets};

use super::model::{CableStatus, CardStatus, EndStatus};

/// What each end of a cable that somebody uses or has used has counted, and its parameters where it has some; what is
/// set of any cable, and a sentence for the others.
pub fn table(cards: &[CardStatus]) -> String {
    cards.iter().map(card).collect()
}

fn card(status: &CardStatus) -> String {
    let card = &status.card;
    let mut text = format!(
        "card {}: {} [{}], {}, {}\n",
        card.index,
        card.id,
        card.name,
        card.driver.name(),
        cables(status.cables.len())
    );
    let cable_is_shown = |cable: &CableStatus| cable.in_use() || has_counted(cable);
    let (shown, idle): (Vec<_>, Vec<_>) = status.cables.iter().partition(|c| cable_is_shown(c));
    if !shown.is_empty() {
        // As one table it would have 120 columns, and a serial line has 80.
        let mut counted = narrow([
            "end", "state", "moved", "lost", "unheard", "silence", "xruns", "wake-ups", "late",
        ]);
        let mut set_up = narrow([
            "end", "format", "rate", "ch", "period", "buffer", "position",
        ]);
        for cable in &shown {
            let names = [
                format!("play {}", cable.playback_at),
                format!("record {}", cable.capture_at),
            ];
            let more = (1..).map(|number| format!("record +{number}"));
            for (end, name) in cable.ends().zip(names.into_iter().chain(more)) {
                if end.period.is_some() || end.position.is_some() {
                    set_up.add_row(parameters(cable, end, &name));
                }
                counted.add_row(counters(end, name));
            }
        }
        text += &format!("{counted}\n");
        if !set_up.is_empty() {
            text += &format!("{set_up}\n");
        }
    }
    for cable in &status.cables {
        for line in settings(cable) {
            text += &format!("  {line}\n");
        }
    }
    if !status.cables.iter().any(CableStatus::in_use) {
        text += "  nobody uses it\n";
    } else if !idle.is_empty() {
        let verb = if idle.len() == 1 { "is" } else { "are" };
        text += &format!(
            "  {} {verb} idle\n",
            cables(idle.len()).replacen(' ', " more ", 1)
        );
    }
    text
}

/// A table of these columns, with little between them.
fn narrow<const N: usize>(head: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_BORDERS_ONLY_CONDENSED);
    table.set_header(head);
    for column in table.column_iter_mut() {
        column.set_padding((0, 0));
    }
    table
}

fn cables(count: usize) -> String {
    match count {
        1 => "1 cable".to_owned(),
        n => format!("{n} cables"),
    }
}

/// Whether an end of the cable has counted something since the card was made.
fn has_counted(cable: &CableStatus) -> bool {
    let mut counters = cable.ends().flat_map(EndStatus::counters);
    counters.any(|count| count.is_some_and(|count| count > 0))
}

/// What is set of a cable, each where it is not as the driver sets it.
fn settings(cable: &CableStatus) -> impl Iterator<Item = String> {
    let lines = [
        clock(cable),
        slack(cable),
        delay(cable),
        pitch(cable),
        notify(cable),
    ];
    lines.into_iter().flatten()
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

/// By how much a cable's wake-ups may be late, where they may.
fn slack(cable: &CableStatus) -> Option<String> {
    let slack = cable.wakeup_slack.filter(|slack| *slack > 0)?;
    Some(format!(
        "wake-ups of play {}: up to {slack} µs late",
        cable.playback_at
    ))
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

/// How fast a cable is, where that is not the nominal rate.
fn pitch(cable: &CableStatus) -> Option<String> {
    // Without a clock it has no meaning.
    let timed = cable.clock.as_deref() != Some("free");
    let pitch = cable.pitch.filter(|pitch| *pitch != 1_000_000 && timed)?;
    Some(format!(
        "pitch of play {}: {pitch} millionths",
        cable.playback_at
    ))
}

/// Whether a player may change the parameters under an open recorder.
fn notify(cable: &CableStatus) -> Option<String> {
    cable
        .notify
        .filter(|notify| *notify)
        .map(|_| format!("notify of record {}: on", cable.capture_at))
}

fn shown<T: ToString>(value: Option<T>) -> String {
    value.map_or("-".to_owned(), |v| v.to_string())
}

fn parameters(cable: &CableStatus, end: &EndStatus, name: &str) -> [String; 7] {
    [
        name.to_owned(),
        shown(cable.format.as_ref()),
        shown(cable.rate),
        shown(cable.channels),
        shown(end.period),
        shown(end.buffer),
        shown(end.position),
    ]
}

fn counters(end: &EndStatus, name: String) -> [String; 9] {
    [
        name,
        end.state.clone(),
        shown(end.moved),
        shown(end.lost),
        shown(end.unheard),
        shown(end.silence),
        shown(end.xruns),
        shown(end.wakeups),
        shown(end.late_wakeups),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alsa::card;
    use crate::families::sound::loopback::{Card, Driver, Topology};

    /// A cable that is idle, and of which nobody has set anything.
    fn cable(at: &str) -> CableStatus {
        let end = EndStatus {
            state: "closed".to_owned(),
            moved: Some(0),
            lost: Some(0),
            ..EndStatus::default()
        };
        CableStatus {
            playback_at: at.to_owned(),
            capture_at: at.to_owned(),
            state: "idle".to_owned(),
            clock: Some("timer".to_owned()),
            delay: Some(0),
            pitch: Some(1_000_000),
            notify: Some(false),
            timer_source: Some("hrtimer".to_owned()),
            playback: end.clone(),
            capture: end,
            ..CableStatus::default()
        }
    }

    fn shown(cables: Vec<CableStatus>) -> String {
        let card = Card {
            card: card::Card {
                index: 0,
                number: 0,
                id: "rloop".to_owned(),
                name: "Virtual Loopback".to_owned(),
            },
            driver: Driver::SndRloop,
            topology: Topology::Cable,
            subdevices: 2,
            readers: 1,
        };
        table(&[CardStatus { card, cables }])
    }

    #[test]
    fn of_an_idle_card_there_is_no_table() {
        let head = "card 0: rloop [Virtual Loopback], snd-rloop, ";
        let text = shown(vec![cable("0,0")]);
        assert_eq!(text, format!("{head}1 cable\n  nobody uses it\n"));
        let text = shown(vec![cable("0,0"), cable("0,1")]);
        assert_eq!(text, format!("{head}2 cables\n  nobody uses it\n"));
    }

    #[test]
    fn counters_are_shown_after_the_programs_have_ended() {
        let mut used = cable("0,1");
        used.playback.moved = Some(144_051);
        used.playback.unheard = Some(144_000);
        used.capture.silence = Some(77);
        let text = shown(vec![cable("0,0"), used]);
        let row = |name: &str| -> Vec<String> {
            let line = text.lines().find(|line| line.contains(name));
            let words = line.unwrap_or_default().split_whitespace();
            words.map(str::to_owned).collect()
        };
        let of = |column: &str, row: &[String]| {
            let at = row_of(&text).iter().position(|c| c == column);
            // A name of an end has two words.
            at.and_then(|at| row.get(at + 1).cloned())
        };
        let (play, record) = (row("play 0,1"), row("record 0,1"));
        assert_eq!(of("moved", &play).as_deref(), Some("144051"), "{text}");
        // What nobody heard is no silence, and the other way round.
        assert_eq!(of("unheard", &play).as_deref(), Some("144000"), "{text}");
        assert_eq!(of("silence", &play).as_deref(), Some("-"), "{text}");
        assert_eq!(of("unheard", &record).as_deref(), Some("-"), "{text}");
        assert_eq!(of("silence", &record).as_deref(), Some("77"), "{text}");
        assert!(!text.contains("play 0,0"), "{text}");
        assert!(text.ends_with("  nobody uses it\n"), "{text}");
    }

    #[test]
    fn a_busy_cable_fits_a_serial_line() {
        let mut busy = cable("0,7");
        busy.format = Some("FLOAT64_LE".to_owned());
        (busy.rate, busy.channels) = (Some(768_000), Some(128));
        for end in [&mut busy.playback, &mut busy.capture] {
            end.state = "draining".to_owned();
            (end.period, end.buffer) = (Some(1_024), Some(1_048_576));
            (end.position, end.moved) = (Some(4_147_200_000), Some(4_147_200_000));
            (end.lost, end.unheard) = (Some(144_000), Some(144_000));
            (end.silence, end.xruns) = (Some(144_000), Some(1_000));
            (end.wakeups, end.late_wakeups) = (Some(86_400_000), Some(1_000));
        }
        let text = shown(vec![busy]);
        for line in text.lines() {
            assert!(line.len() <= 80, "{} columns: {line}\n{text}", line.len());
        }
        for head in ["wake-ups", "position"] {
            let lines = text.lines().skip_while(|line| !line.contains(head));
            let rows = lines.take(4).filter(|line| line.contains("4147200000"));
            assert_eq!(rows.count(), 2, "{text}");
        }
    }

    /// The heads of the columns.
    fn row_of(text: &str) -> Vec<String> {
        let head = text.lines().find(|line| line.contains("wake-ups"));
        let words = head.unwrap_or_default().split_whitespace();
        words.map(str::to_owned).collect()
    }

    #[test]
    fn what_is_set_of_an_idle_cable_is_shown() {
        let mut set = cable("0,1");
        set.delay = Some(4_800);
        set.pitch = Some(1_000_050);
        set.notify = Some(true);
        let mut playing = cable("0,0");
        playing.playback.state = "running".to_owned();
        let text = shown(vec![playing, set]);
        let want = "  delay of play 0,1: 4800 frames\n  pitch of play 0,1: 1000050 millionths\n  \
                    notify of record 0,1: on\n  1 more cable is idle\n";
        assert!(text.ends_with(want), "{text}");
    }

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
