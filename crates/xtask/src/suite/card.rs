// SPDX-License-Identifier: MIT OR Apache-2.0
//! Steps about the card as a whole: what it is called, and how it goes.

use std::time::Duration;

use super::Suite;
use super::bad_parameters::{mark, part};
use super::steps::{Time, in_guest};
use crate::report::{self, Check};
use lab::error::Result;
use lab::kernel::{Flavour, Spec};
use lab::ui::Step;

/// What the scripts of this step and of others begin with.
pub(super) const CHECK: &str = include_str!("check.sh");

/// A way to load the module, and what users get to see of it.
struct Load {
    /// What follows `modprobe snd-rloop`, as typed into a shell.
    parameters: &'static str,
    /// Commands, and all that each has to print.
    shown: &'static [(&'static str, &'static [&'static str])],
    /// Each of these has to be in the kernel's log once.
    logged: &'static [&'static str],
}

// Without the line that each subdevice has.
const APLAY: &str = "aplay -l | grep -v 'Subdevice #'";
const ARECORD: &str = "arecord -l | grep -v 'Subdevice #'";
const CARDS: &str = "cat /proc/asound/cards";
// Those that have to be there, then whatever else is.
const MODES: &str = "cd /sys/module/snd_rloop/parameters; \
     stat -c %a index id enable name pcm_substreams topology pcm_notify timer_source formats rates channels bandwidth * | sort -u";

const NOTIFY: &str = "amixer -c0 cget iface=PCM,device=1,subdevice=2,name='PCM Notify' | grep :; \
     grep ^notify /proc/asound/card0/cable#5";

// The sample format is one that the card has not.
const OFFER: &str =
    "aplay -D hw:0 --dump-hw-params -f U8 -c 2 /dev/zero 2>&1 | grep -E '^(FORMAT|RATE|CHANNELS):'";
// Asked for what it has not, the card gives what is next to it.
const AT_48001: &str = "arecord -D hw:0 -v -t raw -f S16_LE -c 2 -r 48001 -d 1 /dev/null 2>&1 | \
     sed -n 's/.*got = \\([0-9]*\\)Hz.*/\\1 Hz/p'";

const LOADS: &[Load] = &[
    Load {
        // modprobe hands the inner quotes on, and the kernel takes them off.
        parameters: r#"index=1 id=MyLoopback 'name="My Virtual Loopback"'"#,
        shown: &[
            (
                APLAY,
                &[
                    "**** List of PLAYBACK Hardware Devices ****",
                    "card 1: MyLoopback [My Virtual Loopback], device 0: Loopback PCM [Loopback PCM]",
                    "  Subdevices: 8/8",
                ],
            ),
            (
                ARECORD,
                &[
                    "**** List of CAPTURE Hardware Devices ****",
                    "card 1: MyLoopback [My Virtual Loopback], device 0: Loopback PCM [Loopback PCM]",
                    "  Subdevices: 8/8",
                ],
            ),
            (
                CARDS,
                &[
                    " 1 [MyLoopback     ]: snd-rloop - My Virtual Loopback",
                    "                      My Virtual Loopback",
                ],
            ),
            (MODES, &["444"]),
        ],
        logged: &[
            "snd_rloop: module loaded, 1 card(s)",
            r#"snd_rloop: registering card "My Virtual Loopback""#,
            "snd_rloop: creating PCM device 0 with 8 subdevices",
            "snd_rloop: card registered as card 1",
        ],
    },
    Load {
        parameters: r#"'formats="S16_LE S24_3LE"' 'rates="44100-48000 96000"' channels=2"#,
        shown: &[
            (
                OFFER,
                &[
                    "FORMAT:  S16_LE S24_3LE",
                    "CHANNELS: 2",
                    "RATE: [44100 96000]",
                ],
            ),
            (AT_48001, &["96000 Hz"]),
        ],
        logged: &["snd_rloop: card registered as card 0"],
    },
    Load {
        parameters: "id=Loopback topology=crossed pcm_substreams=3 pcm_notify=1",
        shown: &[
            (
                APLAY,
                &[
                    "**** List of PLAYBACK Hardware Devices ****",
                    "card 0: Loopback [Virtual Loopback], device 0: Loopback PCM [Loopback PCM]",
                    "  Subdevices: 3/3",
                    "card 0: Loopback [Virtual Loopback], device 1: Loopback PCM [Loopback PCM]",
                    "  Subdevices: 3/3",
                ],
            ),
            (
                ARECORD,
                &[
                    "**** List of CAPTURE Hardware Devices ****",
                    "card 0: Loopback [Virtual Loopback], device 0: Loopback PCM [Loopback PCM]",
                    "  Subdevices: 3/3",
                    "card 0: Loopback [Virtual Loopback], device 1: Loopback PCM [Loopback PCM]",
                    "  Subdevices: 3/3",
                ],
            ),
            (
                CARDS,
                &[
                    " 0 [Loopback       ]: Loopback - Virtual Loopback",
                    "                      Virtual Loopback",
                ],
            ),
            (NOTIFY, &["  : values=on", "notify: on"]),
            (MODES, &["444"]),
        ],
        logged: &[
            "snd_rloop: module loaded, 1 card(s)",
            r#"snd_rloop: registering card "Virtual Loopback""#,
            "snd_rloop: creating PCM device 0 with 3 subdevices",
            "snd_rloop: creating PCM device 1 with 3 subdevices",
            "snd_rloop: card registered as card 0",
        ],
    },
];

/// What comes before a command's output.
const PROMPT: &str = "rloop-command ";

/// A script that loads the module in each of these ways.
fn script(loads: &[Load]) -> String {
    let mut script = String::from("set -e\n");
    for (number, load) in loads.iter().enumerate() {
        script.push_str(&mark(number));
        script.push_str(&format!("modprobe snd-rloop {}\n", load.parameters));
        for (number, (command, _)) in load.shown.iter().enumerate() {
            script.push_str(&format!("echo '{PROMPT}{number}'\n( {command} )\n"));
        }
        script.push_str("modprobe -r snd-rloop\n");
    }
    script.push_str(&mark("end"));
    script
}

/// Judges what came of them.
fn judge(loads: &[Load], output: &str, dmesg: &str) -> Vec<Check> {
    let mut checks = Vec::new();
    for (number, load) in loads.iter().enumerate() {
        let (said, log) = (part(output, number), part(dmesg, number));
        let parameters = load.parameters;
        for (number, (command, expected)) in load.shown.iter().enumerate() {
            let prompt = format!("{PROMPT}{number}");
            let shown: Vec<&str> = said
                .lines()
                .map(str::trim_end)
                .skip_while(|line| *line != prompt)
                .skip(1)
                .take_while(|line| !line.starts_with(PROMPT))
                .collect();
            let why = (shown != *expected)
                .then(|| format!("expected {expected:?} and nothing else, got {shown:?}"));
            checks.push(Check::that(format!("{parameters}: {command}"), why));
        }
        for expected in load.logged {
            // The time is before it, and nothing after it.
            let end = format!("] {expected}");
            let times = log.lines().filter(|l| l.trim_end().ends_with(&end)).count();
            let why = (times != 1)
                .then(|| format!("expected once in the kernel's log, got {times} in `{log}`"));
            checks.push(Check::that(format!("{parameters}: logs `{expected}`"), why));
        }
    }
    checks
}

pub(super) fn names(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    let script = script(LOADS);
    let job = ("names", script.as_str(), Duration::from_secs(300));
    let (outcome, mut checks) = in_guest(suite, spec, step, job, Time::Counted)?;
    checks.extend(judge(LOADS, &outcome.output, &outcome.dmesg));
    Ok(checks)
}

/// The values of control elements outlast the card, by means of alsactl.
pub(super) fn alsactl(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    let script = [CHECK, include_str!("alsactl.sh")].concat();
    let job = ("alsactl", script.as_str(), Duration::from_secs(300));
    let (outcome, mut checks) = in_guest(suite, spec, step, job, Time::Counted)?;
    checks.extend(report::from_ptest(&outcome.output));
    Ok(checks)
}

/// What root lets a card's streams ask for.
pub(super) fn bandwidth(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    let script = [CHECK, include_str!("bandwidth.sh")].concat();
    let job = ("bandwidth", script.as_str(), Duration::from_secs(300));
    let (outcome, mut checks) = in_guest(suite, spec, step, job, Time::Counted)?;
    checks.extend(report::from_ptest(&outcome.output));
    Ok(checks)
}

/// The card goes while programs use it. The debug kernel sees what they use after that.
pub(super) fn unplug(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    // Real time goes on while the host is busy elsewhere.
    let (name, limit, time) = match spec.flavour {
        Flavour::Debug => ("unplug-debug", 30, Time::Real),
        _ => ("unplug", 2, Time::Counted),
    };
    let script = format!("limit={limit}\n{CHECK}{}", include_str!("unplug.sh"));
    let job = (name, script.as_str(), Duration::from_secs(600));
    let (outcome, mut checks) = in_guest(suite, spec, step, job, time)?;
    checks.extend(report::from_ptest(&outcome.output));
    Ok(checks)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &[Load] = &[Load {
        parameters: "index=1",
        shown: &[("a", &["card 1", "  8/8"]), ("b", &["444"])],
        logged: &["snd_rloop: card 1"],
    }];
    const OUTPUT: &str =
        "rloop-case 0\nrloop-command 0\ncard 1\n  8/8\nrloop-command 1\n444\nrloop-case end\n";
    const DMESG: &str = "[ 1.0] rloop-case 0\n[ 1.1] snd_rloop: card 1\n[ 1.2] rloop-case end\n";

    fn failures(output: &str, dmesg: &str) -> usize {
        report::Counts::of(&judge(ONE, output, dmesg)).failed
    }

    #[test]
    fn all_that_is_shown_has_to_be_as_expected() {
        assert_eq!(failures(OUTPUT, DMESG), 0);
        assert_eq!(failures(&OUTPUT.replace("8/8", "7/8"), DMESG), 1);
        assert_eq!(failures(&OUTPUT.replace("444", "444\n644"), DMESG), 1);
        assert_eq!(failures(&OUTPUT.replace("card 1\n", ""), DMESG), 1);
        assert_eq!(failures("", DMESG), 2);
    }

    #[test]
    fn what_is_logged_has_to_be_there_once() {
        let line = "[ 1.1] snd_rloop: card 1\n";
        assert_eq!(failures(OUTPUT, &DMESG.replace(line, &line.repeat(2))), 1);
        assert_eq!(failures(OUTPUT, &DMESG.replace("card 1", "card 12")), 1);
        assert_eq!(failures(OUTPUT, ""), 1);
    }
}
