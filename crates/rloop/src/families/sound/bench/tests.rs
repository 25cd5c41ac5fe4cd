// SPDX-License-Identifier: MIT OR Apache-2.0

//! A run that was not measured, through all that is made of one.

use super::figures::*;
use super::targets::{Reached, judge};
use super::*;
use rig::stats::Spread;

fn spread(p50: f64, max: f64) -> Spread {
    Spread {
        count: 1000,
        min: 0.0,
        p50,
        p99: max,
        p999: max,
        max,
    }
}

fn loaded(cables: usize, mode: Mode, cpu_us: f64, interrupts: f64) -> Loaded {
    Loaded {
        cables,
        period: 1024,
        mode,
        cost: Figure::Measured(Cost {
            cpu_us: Some(cpu_us),
            interrupts: Some(interrupts),
        }),
    }
}

/// A card whose every figure is `scale` times that of a good one.
fn subject(driver: Driver, scale: f64) -> Subject {
    Subject {
        driver,
        cards: vec!["A".to_owned()],
        cables: 16,
        position: Some(Figure::Measured(Position {
            readings: 1000,
            call_us: 2.0,
            least_step: 1,
            largest_step: scale as u64,
            excess: scale - 0.2,
            rms: 0.3 * scale,
            farthest: scale,
            curve: vec![(0.0, 0.0), (1.0, scale)],
        })),
        jitter: vec![
            Jittered {
                period: 16,
                jitter: Figure::Measured(Jitter {
                    periods: 1000,
                    wakeups: 900,
                    late_us: spread(10.0 * scale, 50.0 * scale),
                }),
            },
            Jittered {
                period: 32,
                jitter: Figure::Skipped("too <slow>".to_owned()),
            },
        ],
        buffer: Some(Figure::Measured(Buffer {
            smallest: Some(16 * scale as u64),
            tries: vec![Try {
                period: 16,
                trouble: (scale > 1.0).then(|| "xrun after 0.00 s".to_owned()),
            }],
        })),
        delay: Some(Figure::Measured(Delay {
            frames: spread(0.0, scale),
            surely: scale - 1.0,
            known_to: 0.4,
            classes: vec![(0.0, 900), (1.0, 100)],
        })),
        load: Some(Figure::Measured(Load {
            seconds: 20,
            idle: Cost {
                cpu_us: Some(100.0),
                interrupts: Some(5.0),
            },
            idle_differs: 0.5,
            resolution_us: 500.0,
            loads: vec![
                loaded(64, Mode::Wakeups, 700.0 * scale, 93.0),
                loaded(64, Mode::Off, 1.0, 0.0),
            ],
        })),
        pitch: vec![Pitched {
            element: "PCM Rate Shift 100000".to_owned(),
            pitch: Figure::Measured(Pitch {
                greater_is_faster: driver == Driver::SndRloop,
                settings: vec![Setting {
                    value: 100_001,
                    error_ppm: 0.01 * scale,
                }],
                effect_us: spread(5.0, 20.0 * scale),
            }),
        }],
        throughput: Some(match driver {
            Driver::SndRloop => Figure::Measured(Throughput {
                period: 1024,
                buffer: 8192,
                times: 900.0 / scale,
                pipe_times: 1800.0,
            }),
            Driver::SndAloop => Figure::Skipped("no cables without a clock".to_owned()),
        }),
    }
}

fn sample(rloop: f64) -> Run {
    Run {
        title: "a <title>".to_owned(),
        machine: Machine {
            kernel: "7.2".to_owned(),
            architecture: "aarch64".to_owned(),
            model: "a board".to_owned(),
            processors: 1,
            hz: 250,
            clock: "a clock".to_owned(),
            policy: "SCHED_OTHER".to_owned(),
        },
        seconds: 60,
        noise: Some(Figure::Measured(Noise {
            by: "cyclictest".to_owned(),
            late_us: spread(10.0, 90.0),
        })),
        subjects: vec![
            subject(Driver::SndRloop, rloop),
            subject(Driver::SndAloop, 192.0),
        ],
    }
}

fn document(runs: Vec<Run>) -> Document {
    Document { runs }
}

#[test]
fn what_is_written_can_be_read() {
    let written = document(vec![sample(1.0)]);
    let text = written.json().unwrap();
    assert_eq!(serde_json::from_str::<Document>(&text).unwrap(), written);
}

#[test]
fn the_tables_show_figures_ratios_and_what_was_left_out() {
    let text = document(vec![sample(1.0)]).human();
    for part in [
        "1 : 192",
        "SKIP: too <slow>",
        "xrun after 0.00 s",
        "cyclictest",
        "SKIP: no cables without a clock",
        "50 %",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn in_markdown_every_row_has_all_cells_and_no_cell_is_markup() {
    let text = document(vec![sample(1.0)]).markdown();
    assert!(text.starts_with("## a <title>\n"), "{text}");
    assert!(text.contains("| SKIP: too &lt;slow> |"), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    for pair in lines.windows(2) {
        let cells = |line: &str| line.starts_with('|').then(|| line.matches('|').count());
        if let (Some(a), Some(b)) = (cells(pair[0]), cells(pair[1])) {
            assert_eq!(a, b, "{pair:?}");
        }
    }
}

#[test]
fn the_page_stands_alone_and_escapes_what_it_is_given() {
    let page = document(vec![sample(1.0)]).page().unwrap();
    assert!(page.contains("a &lt;title&gt;") && !page.contains("a <title>"));
    assert_eq!(page.matches("<svg").count(), 4);
    assert!(page.contains("name=\"viewport\""));
    for outside in ["src=", "@import", "url(", "<script", "<link"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn a_good_card_meets_all_targets() {
    let targets = judge(&sample(1.0));
    assert_eq!(targets.len(), 6);
    assert!(
        targets.iter().all(|t| t.reached == Reached::Met),
        "{targets:?}"
    );
}

#[test]
fn interrupts_are_the_cards_only_beyond_what_an_idle_machine_differs_by() {
    for (differs, reached) in [(0.5, Reached::Missed), (1.5, Reached::Met)] {
        let mut run = sample(1.0);
        let Some(Figure::Measured(load)) = &mut run.subjects[0].load else {
            panic!("no load");
        };
        load.idle_differs = differs;
        load.loads[1] = loaded(1, Mode::Off, 0.0, 1.2);
        assert_eq!(judge(&run)[5].reached, reached);
    }
}

#[test]
fn wakeups_that_may_be_late_are_held_against_snd_aloops() {
    for (cpu_us, interrupts, reached) in [
        (690.0, 180.0, [Reached::Met, Reached::Met]),
        (710.0, 190.0, [Reached::Missed, Reached::Missed]),
    ] {
        let mut run = sample(1.0);
        for (subject, late) in [
            (0, loaded(64, Mode::Late, cpu_us, interrupts)),
            (1, loaded(64, Mode::Late, 690.0, 93.0)),
        ] {
            let Some(Figure::Measured(load)) = &mut run.subjects[subject].load else {
                panic!("no load");
            };
            load.loads.push(late);
        }
        let targets = judge(&run);
        assert_eq!([targets[4].reached, targets[5].reached], reached);
    }
}

#[test]
fn what_a_wakeup_costs_is_held_against_snd_aloops() {
    let reached = |cables, ours, aloop_wakes| {
        let mut run = sample(1.0);
        for (subject, cpu_us) in [(0, ours), (1, 600.0)] {
            let subject = &mut run.subjects[subject];
            let Some(Figure::Measured(load)) = &mut subject.load else {
                panic!("no load");
            };
            load.resolution_us = 1.0;
            load.loads = vec![loaded(cables, Mode::Wakeups, cpu_us, 375.0)];
            let period = load.loads[0].period;
            let wakeups = if subject.driver == Driver::SndAloop {
                aloop_wakes
            } else {
                3_000
            };
            subject.jitter = vec![Jittered {
                period,
                jitter: Figure::Measured(Jitter {
                    periods: 3_000,
                    wakeups,
                    late_us: spread(1.0, 2.0),
                }),
            }];
        }
        judge(&run)[3].reached
    };
    assert_eq!(reached(64, 1_190.0, 3_000), Reached::Met);
    assert_eq!(reached(64, 1_210.0, 3_000), Reached::Missed);
    // Who wakes for two of three periods only has spent half as much again for each.
    assert_eq!(reached(64, 1_790.0, 2_000), Reached::Met);
    assert_eq!(reached(1, 715.0, 3_000), Reached::Met);
    assert_eq!(reached(1, 730.0, 3_000), Reached::Missed);
}

#[test]
fn time_that_was_not_counted_is_not_judged() {
    let mut run = sample(1.0);
    for subject in &mut run.subjects {
        let Some(Figure::Measured(load)) = &mut subject.load else {
            panic!("no load");
        };
        load.resolution_us = 1e7;
        load.loads = vec![
            loaded(1, Mode::Wakeups, 900.0, 93.0),
            loaded(1, Mode::Off, 1.0, 0.0),
        ];
    }
    for target in &judge(&run)[3..5] {
        assert_eq!(target.reached, Reached::Open, "{target:?}");
        assert!(target.came.contains("too little to be counted"));
    }
}

#[test]
fn why_there_is_no_figure_is_said_once() {
    let mut run = sample(1.0);
    let Some(Figure::Measured(load)) = &mut run.subjects[1].load else {
        panic!("no load");
    };
    load.loads[1].cost = Figure::Skipped("it can't".to_owned());
    let text = document(vec![run]).markdown();
    assert_eq!(text.matches("SKIP: it can't").count(), 1, "{text}");
    assert_eq!(text.matches("64 cables, no period wake-ups").count(), 2);
}

#[test]
fn what_is_missed_is_said() {
    let targets = judge(&sample(400.0));
    let missed = targets.iter().filter(|t| t.reached == Reached::Missed);
    // All but what the card does when nobody waits for it.
    assert_eq!(missed.count(), 4, "{targets:?}");
    assert!(
        targets[3].came.contains("(2.1 times, allowed 2.0)"),
        "{}",
        targets[3].came
    );
}

#[test]
fn a_noisy_machine_can_not_judge_a_small_buffer() {
    let mut run = sample(2.0);
    if let Some(Figure::Measured(noise)) = &mut run.noise {
        noise.late_us.max = 5000.0;
    }
    let targets = judge(&run);
    assert_eq!(targets[1].reached, Reached::Open, "{:?}", targets[1]);
    assert!(targets[1].came.contains("5000 µs late"));
    run.noise = Some(Figure::Skipped("there is no cyclictest here".to_owned()));
    assert_eq!(judge(&run)[1].reached, Reached::Open);
}

#[test]
fn repeats_are_held_against_each_other() {
    let same = document(vec![sample(1.0), sample(1.0)]).human();
    assert!(
        same.contains("run 2 times, each gave the same figures"),
        "{same}"
    );
    let mut other = sample(1.0);
    other.subjects[0].cables = 8;
    let text = document(vec![sample(1.0), other]).human();
    assert!(
        text.contains(
            "run 2 times, not all with the same figures (1 differ): subjects.0.cables 16 and 8"
        ),
        "{text}"
    );
}

#[test]
fn a_card_that_does_wrong_is_no_success() {
    assert!(document(vec![sample(1.0)]).failures().is_empty());
    let mut run = sample(1.0);
    run.subjects[0].buffer = Some(Figure::Failed("1 frame doubled".to_owned()));
    assert_eq!(document(vec![run]).failures().len(), 1);
}
