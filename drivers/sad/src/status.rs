// SPDX-License-Identifier: GPL-2.0-only

//! `/proc/asound/CARD/converter`: what a converter is doing. See `docs/using/sad.md` for the keys. All functions may sleep.

use kernel::seq_file::SeqFile;
use kernel::seq_print;
use kernel::sync::Arc;

use crate::device::Timers;
use crate::lib::alsa::proc::Text;
use crate::model::intervals::BOUNDS;

/// The file.
pub(crate) struct Status(Arc<Timers>);

impl Status {
    /// The file of a device.
    pub(crate) fn new(timers: Arc<Timers>) -> Self {
        Self(timers)
    }
}

impl Text for Status {
    fn read(&self, text: &SeqFile) {
        // Copied, so that nothing is printed under the lock.
        let converter = self.0.handler().converter.lock();
        let (format, rate) = (converter.format().name, converter.rate());
        let (used, capacity) = (converter.fifo().used(), converter.fifo().capacity());
        let (open, recorded) = (converter.open_files(), converter.is_recorded());
        let (frozen, counters) = (converter.faults.frozen(), converter.counters);
        let counts = *converter.intervals().counts();
        drop(converter);

        seq_print!(text, "format: {format}\nrate: {rate}\n");
        seq_print!(text, "open: {open}\n");
        seq_print!(text, "recorded: {}\n", if recorded { "yes" } else { "no" });
        seq_print!(text, "clock: {}\n", if frozen { "frozen" } else { "runs" });
        seq_print!(text, "waiting: {used} of {capacity}\n");
        seq_print!(
            text,
            "written: {}\nstrobed: {}\n",
            counters.written,
            counters.strobed
        );
        seq_print!(text, "dropped: {}\n", counters.dropped);
        seq_print!(text, "incomplete: {}\n", counters.incomplete);
        seq_print!(text, "left out: {}\n", counters.left_out);
        let [drop, double, flip] = counters.faults;
        seq_print!(text, "faults: drop {drop}, double {double}, flip {flip}\n");

        seq_print!(text, "\n[intervals]\n");
        let nominal = 1_000_000_000_u64.checked_div(rate.into()).unwrap_or(0);
        for (number, count) in counts.iter().enumerate() {
            match BOUNDS.get(number) {
                Some(end) => {
                    let end = end * nominal / 8 / 100;
                    seq_print!(text, "up to {}.{} us: {count}\n", end / 10, end % 10);
                }
                None => seq_print!(text, "longer: {count}\n"),
            }
        }
    }
}
