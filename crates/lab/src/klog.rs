// SPDX-License-Identifier: MIT OR Apache-2.0
//! Looks for complaints in a kernel's log.
//!
//! The files in klog/ are examples for whatever reads the patterns.

/// The patterns, which the layer has, too; in the form that its first lines tell.
const PATTERNS: &str =
    include_str!("../../../meta-rloop/recipes-test/rloop/rloop/kernel-complaints");

/// The taint of a module from outside of the kernel's tree, and of one without a signature.
const ALLOWED_TAINT: u64 = (1 << 12) | (1 << 13);
/// The taint that a warning leaves.
const TAINT_OF_WARNING: u64 = 1 << 9;

/// What [`PATTERNS`] says: the texts that make a line a complaint, and those that make it harmless nevertheless.
fn patterns() -> (Vec<&'static str>, Vec<&'static str>) {
    let lines = PATTERNS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (harmless, complaints): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with('!'));
    (
        complaints,
        harmless.into_iter().map(|line| &line[1..]).collect(),
    )
}

/// The lines of `log` that are complaints.
pub fn complaints(log: &str) -> Vec<&str> {
    let (complaints, harmless) = patterns();
    log.lines()
        .filter(|line| complaints.iter().any(|text| line.contains(text)))
        .filter(|line| !harmless.iter().any(|text| line.contains(text)))
        .collect()
}

/// The first and the last line of a warning (`kernel/panic.c`).
const WARNING: [&str; 2] = ["[ cut here ]", "[ end trace "];

/// What the kernel's own code warns of after an allocation of its own has failed, as the function that warns and the one
/// that has called it: an interrupt's folder in /proc/irq that found no memory is removed nevertheless
/// (`kernel/irq/proc.c`).
const WARNINGS_OF_FAILED: [[&str; 2]; 1] = [[" remove_proc_entry+", " unregister_irq_proc+"]];

/// `log` without what the kernel itself says of allocations that were made to fail: most have no say of their own, but
/// where memory for pages is mapped, it prints where that was, and some of its callers warn.
pub fn without_failed_allocations(log: &str) -> String {
    // The trace follows a few lines behind.
    let mut near = 0;
    let kept = log.lines().filter(|line| {
        if line.contains("vmalloc error: size") {
            near = 8;
        }
        near -= i32::from(near > 0);
        let trace = line.contains("Call trace:") || line.contains("Call Trace:");
        !(trace && near > 0)
    });
    let lines: Vec<&str> = kept.collect();
    let mut kept = String::new();
    let mut next = 0;
    while let Some(line) = lines.get(next) {
        match warning(&lines[next..]) {
            Some(report) if is_of_failed(report) => next += report.len(),
            _ => {
                kept.extend([line, "\n"]);
                next += 1;
            }
        }
    }
    kept
}

/// The warning that begins there.
fn warning<'a, 'b>(lines: &'a [&'b str]) -> Option<&'a [&'b str]> {
    let [first, last] = WARNING;
    lines.first().filter(|line| line.contains(first))?;
    let rest = &lines[1..];
    let end = rest
        .iter()
        .position(|line| [first, last].iter().any(|part| line.contains(part)))?;
    rest[end].contains(last).then(|| &lines[..end + 2])
}

/// Whether a warning is one of [`WARNINGS_OF_FAILED`].
fn is_of_failed(report: &[&str]) -> bool {
    let has = |what: &str, of: &str| (report.iter()).any(|l| l.contains(what) && l.contains(of));
    WARNINGS_OF_FAILED
        .iter()
        .any(|[by, caller]| has("WARNING:", by) && has(caller, ""))
}

/// Whether a warning was in `log` and none is in what was `kept` of it: whoever left them out has accounted for the taint
/// that they leave.
pub fn left_out_warnings(log: &str, kept: &str) -> bool {
    log.contains(WARNING[0]) && !kept.contains(WARNING[0])
}

/// The first line of lockdep's report that a lock was taken while one of the same class was held.
const RECURSIVE: &str = "WARNING: possible recursive locking detected";
/// What the lines below "trying to acquire lock" and "already holding lock" say, both, where ALSA's core waits for the
/// lock of a group of linked streams and then takes a stream's own, which is of the same class: the order is right, and
/// only the annotation is missing (docs/upstream/group-lock-nesting.md).
const GROUP_LOCK: [&str; 2] = ["(&group->lock", "at: snd_pcm_stream_group_ref+"];

/// `log` without lockdep's reports on ALSA's group locks, which say nothing of a driver. (After any report lockdep is
/// silent until the next boot.)
pub fn without_group_locks(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    let mut kept = String::new();
    let mut next = 0;
    while let Some(line) = lines.get(next) {
        let report = line.contains(RECURSIVE).then(|| &lines[next..]);
        match report.and_then(group_lock_report) {
            Some(length) => next += length,
            None => {
                kept.extend([line, "\n"]);
                next += 1;
            }
        }
    }
    kept
}

/// The number of lines of a report that begins there, up to its trace, if it is of ALSA's group locks.
fn group_lock_report(lines: &[&str]) -> Option<usize> {
    let length = 1 + lines.iter().position(|line| line.contains("Call trace:"))?;
    let report = &lines[..length];
    let below = |what: &str| {
        let at = report.iter().position(|line| line.contains(what))?;
        report.get(at + 1)
    };
    let both = ["is trying to acquire lock:", "already holding lock:"].map(below);
    let of_group = |line: Option<&&str>| {
        line.is_some_and(|line| GROUP_LOCK.iter().all(|part| line.contains(part)))
    };
    let reports = report
        .iter()
        .filter(|line| line.contains("WARNING:"))
        .count();
    (reports == 1 && both.into_iter().all(of_group)).then_some(length)
}

/// The line before and behind a report of KCSAN.
const KCSAN_RULER: &str = "==================================";

/// `log` without those reports of KCSAN (`kernel/kcsan/report.c`) that are others': nothing of this module is in them, or
/// the kernel's own code, such as that of timers or ALSA's looks at a stream's state, races with itself. And how many there
/// were.
pub fn without_others_races(log: &str, module: &str) -> (String, usize) {
    let (mut kept, mut others) = (String::new(), 0);
    let mut report: Option<String> = None;
    for line in log.lines() {
        let ruler = line.contains(KCSAN_RULER);
        match &mut report {
            None if ruler => report = Some(format!("{line}\n")),
            None => kept.extend([line, "\n"]),
            Some(text) => {
                text.extend([line, "\n"]);
                if ruler {
                    if text.contains("BUG: KCSAN:") && !is_race_of(module, text) {
                        others += 1;
                    } else {
                        kept.push_str(text);
                    }
                    report = None;
                }
            }
        }
    }
    // One that has no end is as good as one that has.
    kept.push_str(&report.unwrap_or_default());
    (kept, others)
}

/// Functions of ALSA's core (`sound/core/pcm_native.c`, `pcm_lib.c`) that read a stream's state before they take its lock,
/// only to refuse one that is not set up or has been disconnected. With the lock they ask again.
const READ_STATE_UNLOCKED: &[&str] = &["snd_pcm_drop", "__snd_pcm_lib_xfer", "snd_pcm_mmap"];

/// Functions of ALSA's core that set a stream's state, with its lock held, on behalf of whoever starts or stops it.
const SET_STATE: &[&str] = &[
    "snd_pcm_post_start",
    "snd_pcm_post_stop",
    "snd_pcm_post_pause",
    "snd_pcm_post_prepare",
];

/// Whether a report of KCSAN is of ALSA's core reading a stream's state without the lock: no driver can prevent that, and
/// whichever value is read is right.
fn is_unlocked_look_at_state(report: &str) -> bool {
    let race = report.lines().find_map(|line| {
        let (_, functions) = line.split_once("BUG: KCSAN: data-race in ")?;
        functions.trim_end().split_once(" / ")
    });
    let Some((a, b)) = race else { return false };
    [(a, b), (b, a)].iter().any(|(reads, sets)| {
        READ_STATE_UNLOCKED.contains(reads)
            && SET_STATE.contains(sets)
            && report.contains("read to ")
            && report.contains(" of 4 bytes by ")
    })
}

/// Whether this module is in a report of KCSAN, and one of the accesses that race is made by a module.
fn is_race_of(module: &str, report: &str) -> bool {
    if is_unlocked_look_at_state(report) {
        return false;
    }
    let accesses = report.lines().zip(report.lines().skip(1));
    let by_module = |(access, by): (&str, &str)| {
        // `write to 0xffff… of 8 bytes by interrupt on cpu 0:`, or `race at unknown origin, with read to …`
        access.contains(" bytes by ") && by.trim_end().ends_with(']')
    };
    report.contains(&format!("[{module}]")) && accesses.into_iter().any(by_module)
}

/// The bits of /proc/sys/kernel/tainted that have no business to be there; that of a warning has where `warned`.
pub fn taint(tainted: u64, warned: bool) -> Option<String> {
    let warning = if warned { TAINT_OF_WARNING } else { 0 };
    let bits = tainted & !(ALLOWED_TAINT | warning);
    (bits != 0).then(|| {
        let numbers: Vec<String> = (0..64)
            .filter(|n| (bits >> n) & 1 == 1)
            .map(|n| n.to_string())
            .collect();
        format!(
            "the kernel is tainted (bit {} of /proc/sys/kernel/tainted)",
            numbers.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLAINTS: &str = include_str!("klog/complaints.log");
    const HEALTHY: &str = include_str!("klog/healthy.log");

    #[test]
    fn complaints_are_found_and_nothing_else() {
        let all: Vec<&str> = COMPLAINTS.lines().collect();
        assert_eq!(complaints(&format!("{HEALTHY}{COMPLAINTS}")), all);
    }

    #[test]
    fn no_pattern_could_be_left_out() {
        let (texts, harmless) = patterns();
        for text in texts {
            let mut others = patterns().0;
            others.retain(|other| *other != text);
            let only = |line: &str| {
                line.contains(text) && !others.iter().any(|other| line.contains(other))
            };
            assert!(COMPLAINTS.lines().any(only), "complaints.log: {text}");
        }
        for text in harmless {
            assert!(HEALTHY.contains(text), "healthy.log: {text}");
        }
    }

    #[test]
    fn a_mapping_that_was_made_to_fail_is_no_complaint() {
        let log = "[    3.1] rloop: vmalloc error: size 4096, failed to map pages, mode:0xcc0\n\
                   [    3.1] CPU: 0 UID: 0 PID: 52 Comm: rloop\n\
                   [    3.1] Call trace:\n\
                   [    3.1]  warn_alloc+0xec/0xfc\n";
        assert_eq!(complaints(log).len(), 1);
        assert!(complaints(&without_failed_allocations(log)).is_empty());
        let another = format!("{log}[    3.2] Call trace:\n");
        let left = without_failed_allocations(&another.replace("warn_alloc", "x\nx\nx\nx\nx"));
        assert_eq!(complaints(&left), ["[    3.2] Call trace:"]);
        let left = without_failed_allocations("[    3.1] WARNING: CPU: 0\n[    3.1] Call trace:\n");
        assert_eq!(complaints(&left).len(), 2);
    }

    #[test]
    fn a_warning_of_the_kernels_after_a_failed_allocation_is_no_complaint() {
        let report = "[    3.1] ------------[ cut here ]------------\n\
                      [    3.1] name '52'\n\
                      [    3.1] WARNING: fs/proc/generic.c:743 at remove_proc_entry+0x188/0x190, CPU#0: rloop/123\n\
                      [    3.1] Call trace:\n\
                      [    3.1]  remove_proc_entry+0x188/0x190 (P)\n\
                      [    3.1]  unregister_irq_proc+0xd4/0xf0\n\
                      [    3.1] ---[ end trace 0000000000000000 ]---\n";
        let log = format!("[    3.0] a\n{report}[    3.2] b\n");
        let left = without_failed_allocations(&log);
        assert_eq!(left, "[    3.0] a\n[    3.2] b\n");
        assert!(left_out_warnings(&log, &left));
        // Another that warns, another that calls, and one without an end.
        for (from, to) in [
            ("at remove_proc_entry", "at proc_register"),
            ("unregister_irq_proc", "x_exit"),
            ("end trace", "x"),
        ] {
            let other = log.replace(from, to);
            let left = without_failed_allocations(&other);
            assert_eq!(left, other);
            assert!(!left_out_warnings(&other, &left));
        }
        // One that is cut off by another's is not taken for that one.
        let (cut, _) = report.rsplit_once("[    3.1] ---").unwrap();
        let two = format!("{}{report}", cut.replace("unregister_irq_proc", "x_exit"));
        let left = without_failed_allocations(&two);
        assert_eq!(left, two.replace(report, ""));
        assert!(!left_out_warnings(&two, &left));
        assert!(!left_out_warnings("a\n", "a\n"));
    }

    #[test]
    fn only_a_report_on_group_locks_is_left_out() {
        let report = "[    3.1] WARNING: possible recursive locking detected\n\
                      [    3.1] p/461 is trying to acquire lock:\n\
                      [    3.1] ff0 (&group->lock#2){-.-.}-{3:3}, at: snd_pcm_stream_group_ref+0x1d0/0x26c [snd_pcm]\n\
                      [    3.1] but task is already holding lock:\n\
                      [    3.1] ff1 (&group->lock#2){-.-.}-{3:3}, at: snd_pcm_stream_group_ref+0x15c/0x26c [snd_pcm]\n\
                      [    3.1] Call trace:\n";
        // As the kernel has it: \"but task is already holding lock:\".
        let log = format!("[    3.0] a\n{report}[    3.1]  x+0x1/0x2\n[    3.2] BUG: b\n");
        assert_eq!(
            without_group_locks(&log),
            "[    3.0] a\n[    3.1]  x+0x1/0x2\n[    3.2] BUG: b\n"
        );
        let cut = report.replace("[    3.1] Call trace:\n", "");
        assert_eq!(without_group_locks(&cut), cut);
        for (from, to) in [
            ("ff0 (&group->lock#2)", "ff0 (&x->lock)"),
            ("snd_pcm_stream_group_ref+0x15c", "snd_x+0x15c"),
            ("recursive", "circular"),
        ] {
            let other = report.replace(from, to);
            assert_eq!(without_group_locks(&other), other);
        }
        // What comes before the trace of another report is that report's.
        let two = format!("{cut}{}", report.replace("group->lock", "x->lock"));
        assert_eq!(without_group_locks(&two), two);
    }

    #[test]
    fn races_of_others_are_counted_and_ours_are_complaints() {
        let ruler = "=".repeat(66);
        let report = |at: &str| {
            format!(
                "[    3.1] {ruler}\n\
                 [    3.1] BUG: KCSAN: data-race in a / b\n\
                 [    3.1] write to 0xff of 8 bytes by task 1 on cpu 0:\n\
                 [    3.1]  {at}\n\
                 [    3.1] {ruler}\n"
            )
        };
        let (ours, others) = (report("rloop_x+0x1/0x2 [snd_x]"), report("a+0x1/0x2 [snd]"));
        let (kept, count) = without_others_races(&format!("a\n{others}b\n{others}c\n"), "snd_x");
        assert_eq!((kept.as_str(), count), ("a\nb\nc\n", 2));
        let (kept, count) = without_others_races(&format!("{others}{ours}"), "snd_x");
        assert_eq!((kept.as_str(), count), (ours.as_str(), 1));
        assert_eq!(complaints(&kept).len(), 1);
        // The kernel's timers race with themselves; this module has only called them.
        let called = report("hrtimer_active+0x1/0x2\n[    3.1]  rloop_x+0x1/0x2 [snd_x]");
        assert_eq!(without_others_races(&called, "snd_x"), (String::new(), 1));
        // ALSA's own code, by what this module does.
        let by_us = report("snd_x+0x1/0x2 [snd_pcm]\n[    3.1]  rloop_x+0x1/0x2 [snd_x]");
        assert_eq!(without_others_races(&by_us, "snd_x"), (by_us.clone(), 0));
        // ALSA's core looks at the state without its lock.
        let look = by_us
            .replace("a / b", "snd_pcm_drop / snd_pcm_post_stop")
            .replace("write to 0xff of 8", "read to 0xff of 4");
        assert_eq!(without_others_races(&look, "snd_x"), (String::new(), 1));
        // The same two over something else than the state, or another that sets it, is a complaint.
        for (from, to) in [("of 4", "of 8"), ("snd_pcm_post_stop", "snd_x_set")] {
            let other = look.replace(from, to);
            assert_eq!(without_others_races(&other, "snd_x"), (other.clone(), 0));
        }
        // A report of another sanitizer is not KCSAN's.
        let kasan = others.replace("KCSAN", "KASAN");
        assert_eq!(without_others_races(&kasan, "snd_x"), (kasan.clone(), 0));
    }

    #[test]
    fn only_the_taint_of_a_foreign_module_is_allowed() {
        assert_eq!(taint(1 << 12, false), None);
        assert_eq!(taint(0, false), None);
        assert_eq!(
            taint((1 << 9) | (1 << 12), false).as_deref(),
            Some("the kernel is tainted (bit 9 of /proc/sys/kernel/tainted)")
        );
        assert_eq!(taint((1 << 9) | (1 << 12), true), None);
        assert_eq!(
            taint((1 << 9) | (1 << 7), true).as_deref(),
            Some("the kernel is tainted (bit 7 of /proc/sys/kernel/tainted)")
        );
    }
}
