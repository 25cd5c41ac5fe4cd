// SPDX-License-Identifier: MIT OR Apache-2.0

//! A status as a table and as JSON.

use comfy_table::{Table, presets};

use super::{CableStatus, CardStatus, EndStatus};

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
        for cable in used {
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
        text += &format!("{table}\n");
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

/// An array of cards.
///
/// # Errors
/// Never, as the types are all plain.
pub fn json(cards: &[CardStatus]) -> serde_json::Result<String> {
    serde_json::to_string_pretty(cards)
}
