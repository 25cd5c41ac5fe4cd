// SPDX-License-Identifier: MIT OR Apache-2.0
//! Module parameters that have to be refused, each with its message.
//!
//! To add one, add a line to [`CASES`].

use std::fmt::Display;

use crate::report::Check;

/// A way to load the module that has to fail.
pub(crate) struct Case {
    /// What follows `modprobe snd-rloop`, as typed into a shell.
    pub(crate) parameters: &'static str,
    /// All of these have to be in one line of the kernel's log.
    pub(crate) message: &'static [&'static str],
}

/// The error, in the words of strerror(3).
const EINVAL: &str = "Invalid argument";

/// The table.
pub(crate) const CASES: &[Case] = &[
    Case {
        parameters: "pcm_substreams=0",
        message: &[
            "snd_rloop: ",
            "pcm_substreams=0 ",
            "a whole number from 1 to 128",
        ],
    },
    Case {
        parameters: "pcm_substreams=129",
        message: &[
            "snd_rloop: ",
            "pcm_substreams=129 ",
            "a whole number from 1 to 128",
        ],
    },
    Case {
        parameters: "pcm_substreams=-1",
        message: &[
            "snd_rloop: ",
            "pcm_substreams=-1 ",
            "a whole number from 1 to 128",
        ],
    },
    Case {
        parameters: "pcm_substreams=8x",
        message: &[
            "snd_rloop: ",
            "pcm_substreams=8x ",
            "a whole number from 1 to 128",
        ],
    },
    Case {
        parameters: "pcm_substreams=1.5",
        message: &[
            "snd_rloop: ",
            "pcm_substreams=1.5 ",
            "a whole number from 1 to 128",
        ],
    },
    Case {
        parameters: "pcm_substreams=4294967304",
        message: &[
            "snd_rloop: ",
            "pcm_substreams=4294967304 ",
            "a whole number from 1 to 128",
        ],
    },
    Case {
        parameters: "enable=1,1 pcm_substreams=8,0",
        message: &[
            "snd_rloop: ",
            "pcm_substreams=0 ",
            "a whole number from 1 to 128",
        ],
    },
    Case {
        parameters: "topology=ring",
        message: &["snd_rloop: ", "topology=ring ", "cable, crossed or fanout"],
    },
    Case {
        parameters: "timer_source=hw:1.x",
        message: &[
            "snd_rloop: ",
            "timer_source=hw:1.x ",
            "hrtimer, jiffies, or a timer as [hw:]CARD",
        ],
    },
    Case {
        parameters: "timer_source=-2.4.0",
        message: &[
            "snd_rloop: ",
            "timer_source=-2.4.0 ",
            "or -1 for a global timer",
        ],
    },
    // The card itself, by its number and by its id.
    Case {
        parameters: "index=5 timer_source=hw:5.0.0",
        message: &[
            "snd_rloop: ",
            "timer_source=hw:5.0.0 ",
            "another card's number or id",
        ],
    },
    Case {
        parameters: "id=Mine timer_source=Mine",
        message: &[
            "snd_rloop: ",
            "timer_source=Mine ",
            "another card's number or id",
        ],
    },
    Case {
        parameters: "topology=Cable",
        message: &["snd_rloop: ", "topology=Cable ", "cable, crossed or fanout"],
    },
    Case {
        parameters: "topology=cables",
        message: &[
            "snd_rloop: ",
            "topology=cables ",
            "cable, crossed or fanout",
        ],
    },
    Case {
        parameters: "enable=1,1 topology=cable,ring",
        message: &["snd_rloop: ", "topology=ring ", "cable, crossed or fanout"],
    },
    Case {
        parameters: "pcm_substreams=8,0",
        message: &[
            "snd_rloop: ",
            "pcm_substreams=0 ",
            "a whole number from 1 to 128",
        ],
    },
    Case {
        parameters: "index=128",
        message: &[
            "snd_rloop: ",
            "index=128 ",
            "a whole number from 0 to 127, -1 for the first that is free, or a negative mask",
        ],
    },
    Case {
        parameters: "index=x",
        message: &[
            "snd_rloop: ",
            "index=x ",
            "a whole number from 0 to 127, -1 for the first that is free, or a negative mask",
        ],
    },
    Case {
        parameters: "index=0x80",
        message: &[
            "snd_rloop: ",
            "index=0x80 ",
            "a whole number from 0 to 127, -1 for the first that is free, or a negative mask",
        ],
    },
    Case {
        parameters: "index=-2147483649",
        message: &[
            "snd_rloop: ",
            "index=-2147483649 ",
            "a whole number from 0 to 127, -1 for the first that is free, or a negative mask",
        ],
    },
    Case {
        parameters: "index=1,128",
        message: &[
            "snd_rloop: ",
            "index=128 ",
            "a whole number from 0 to 127, -1 for the first that is free, or a negative mask",
        ],
    },
    Case {
        parameters: r#""id=$(printf 'a\377b')""#,
        message: &["snd_rloop: ", "id=(not UTF-8) ", "UTF-8, best letters"],
    },
    Case {
        parameters: "name=0123456789012345678901234567890x",
        message: &[
            "snd_rloop: ",
            "name=0123456789012345678901234567890x ",
            "1 to 31 printable bytes of UTF-8",
        ],
    },
    Case {
        parameters: r#""name=$(printf 'a\377b')""#,
        message: &[
            "snd_rloop: ",
            "name=(not UTF-8) ",
            "printable bytes of UTF-8",
        ],
    },
    Case {
        parameters: "enable=2",
        message: &["snd_rloop: ", "enable=2 ", "1, y, on, 0, n or off"],
    },
    Case {
        parameters: "pcm_notify=maybe",
        message: &["snd_rloop: ", "pcm_notify=maybe ", "1, y, on, 0, n or off"],
    },
    Case {
        parameters: "formats=S16",
        message: &[
            "snd_rloop: ",
            "formats=S16 ",
            "all, or names of sample formats",
        ],
    },
    Case {
        parameters: r#"'rates="48000 1000"'"#,
        message: &["snd_rloop: ", "rates=48000 1000 ", "from 8000 to 768000"],
    },
    Case {
        parameters: "channels=2-1",
        message: &["snd_rloop: ", "channels=2-1 ", "from 1 to 128"],
    },
    Case {
        parameters: "bandwidth=0",
        message: &[
            "snd_rloop: ",
            "bandwidth=0 ",
            "a whole number from 1 to 1000000",
        ],
    },
];

/// What separates the cases in the output and in the kernel's log.
const MARK: &str = "rloop-case ";

/// What the guest runs to have [`part`] find what comes of a case.
pub(super) fn mark(case: impl Display) -> String {
    format!("echo '{MARK}{case}' >/dev/kmsg\necho '{MARK}{case}'\n")
}

/// A script that tries all of them.
pub(crate) fn script(cases: &[Case]) -> String {
    let mut script = String::new();
    for (number, case) in cases.iter().enumerate() {
        script.push_str(&format!(
            "{}if modprobe snd-rloop {}; then echo 'it loaded'; rmmod snd-rloop; fi\n",
            mark(number),
            case.parameters
        ));
    }
    // What is wrong with one load mustn't be in the way of the next.
    script.push_str(&format!(
        "{}modprobe snd-rloop && echo 'PASS: the module loads after all that'\n",
        mark("end")
    ));
    script
}

/// The part of `text` between the mark of `number` and the next mark.
pub(super) fn part(text: &str, number: usize) -> String {
    let mark = format!("{MARK}{number}");
    text.lines()
        .skip_while(|line| !line.trim_end().ends_with(&mark))
        .skip(1)
        .take_while(|line| !line.contains(MARK))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Judges what came of them.
pub(crate) fn judge(cases: &[Case], output: &str, dmesg: &str) -> Vec<Check> {
    cases
        .iter()
        .enumerate()
        .map(|(number, case)| {
            let said = part(output, number);
            let logged = part(dmesg, number);
            let name = format!("refused: {}", case.parameters);
            Check::that(name, complaint(case, &said, &logged))
        })
        .collect()
}

fn complaint(case: &Case, said: &str, logged: &str) -> Option<String> {
    if said.contains("it loaded") {
        return Some("expected to be refused, but the module loaded".into());
    }
    if !said.contains(EINVAL) {
        return Some(format!("expected modprobe to say `{EINVAL}`, got `{said}`"));
    }
    let told = logged
        .lines()
        .any(|line| case.message.iter().all(|word| line.contains(word)));
    (!told).then(|| {
        format!(
            "expected a line with {} in the kernel's log, got `{logged}`",
            case.message.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &[Case] = &[Case {
        parameters: "pcm_substreams=0",
        message: &["pcm_substreams", "128"],
    }];

    fn judged(output: &str, dmesg: &str) -> bool {
        judge(ONE, output, dmesg)[0].verdict == crate::report::Verdict::Pass
    }

    #[test]
    fn error_and_message_have_to_be_there() {
        let output = "rloop-case 0\nmodprobe: ERROR: could not insert 'snd_rloop': Invalid argument\nrloop-case end\n";
        let dmesg = "[ 1.0] rloop-case 0\n[ 1.1] snd_rloop: pcm_substreams=0 isn't in 1..128\n[ 1.2] rloop-case end\n";
        assert!(judged(output, dmesg));
        assert!(!judged(
            &output.replace("Invalid argument", "No such device"),
            dmesg
        ));
        assert!(!judged(
            output,
            "[ 1.0] rloop-case 0\n[ 1.2] rloop-case end\n[ 2.0] pcm_substreams 128\n"
        ));
        assert!(!judged("rloop-case 0\nit loaded\n", dmesg));
    }
}
