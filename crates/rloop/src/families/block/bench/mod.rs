// SPDX-License-Identifier: MIT OR Apache-2.0

//! `rloop bench block`: vblk beside the kernel's own disks in memory, and beside what the block layer takes for a disk
//! that stores nothing.
//!
//! Where time is counted in instructions the figures are the same in every run; elsewhere only their ratios say
//! something.

use comfy_table::Table;
use rig::output::Ending;
use serde::Serialize;

use super::FAMILY;
use crate::error::Error;
use crate::families::measured::{INTERRUPTS_OFF, Place, Rows, Target, failed, report, told};
use crate::options;

mod aio;
mod measure;
mod on_file;
mod rivals;

use measure::{Figures, Kind, measure};
use rivals::Rival;

/// All that was measured, where it was.
#[derive(Debug, Serialize)]
struct Document {
    #[serde(flatten)]
    place: Place,
    kinds: Vec<Kind>,
    rivals: Vec<Figures>,
    /// Rivals that could not be measured, and why.
    missing: Vec<(&'static str, String)>,
}

impl Document {
    fn measure() -> Result<Self, Error> {
        let (mut rivals, mut missing) = (Vec::new(), Vec::new());
        for rival in Rival::ALL {
            match measure(rival) {
                Ok(figures) => rivals.push(figures),
                Err(why) if rival == Rival::Vblk => return Err(failed(rival.name(), why)),
                Err(why) => missing.push((rival.name(), why)),
            }
        }
        Ok(Self {
            place: Place::here(),
            kinds: Kind::all(),
            rivals,
            missing,
        })
    }

    fn of(&self, rival: Rival) -> Option<&Figures> {
        let name = rival.name();
        self.rivals.iter().find(|figures| figures.rival == name)
    }

    /// How much longer than `rival`'s a read or write of ours takes, of the kinds of these sizes: the most.
    fn longest(&self, rival: Rival, is_meant: impl Fn(usize) -> bool) -> Option<f64> {
        let (ours, theirs) = (self.of(Rival::Vblk)?, self.of(rival)?);
        let both = ours.kinds.iter().zip(&theirs.kinds);
        let meant = self
            .kinds
            .iter()
            .zip(both)
            .filter(|(kind, _)| is_meant(kind.size));
        let ratios = meant.map(|(_, (ours, theirs))| ours / theirs);
        ratios.reduce(f64::max)
    }

    fn targets(&self) -> Vec<Target> {
        let mut targets = Vec::new();
        let mut target = |want: &str, came: Option<f64>, most| {
            let want = want.to_owned();
            targets.extend(came.map(|came| Target { want, came, most }));
        };
        for (size, rival, most) in [
            (4_096, Rival::NullBlk, 0.9),
            (131_072, Rival::NullBlk, 0.9),
            (1_048_576, Rival::NullBlk, 0.9),
            (4_096, Rival::Brd, 1.5),
            (131_072, Rival::Brd, 1.05),
            (1_048_576, Rival::Brd, 1.05),
        ] {
            let want = format!("{size} bytes: at most {most} times {}'s", rival.name());
            target(&want, self.longest(rival, |other| other == size), most);
        }
        if let Some(ours) = self.of(Rival::Vblk) {
            let fresh = format!("a fresh disk of {} MiB: at most 1024 KiB", rivals::MIB);
            target(&fresh, Some(ours.fresh), 1_024.0);
            let want = "of each MiB not back after a discard: at most 10.24 KiB";
            target(want, ours.left, 10.24);
            let want = "a read when two processors read: at most 0.56 times that when one does";
            target(want, ours.scaling, 0.56);
            let layer = self.of(Rival::Nothing).and_then(|f| f.interrupts_off);
            let both = ours.interrupts_off.zip(layer);
            let want = "interrupts off: at most 1.2 times as long as with null_blk, no memory";
            target(want, both.map(|(ours, layer)| ours / layer), 1.2);
        }
        targets
    }

    fn table(&self, preset: &str) -> Table {
        let mut table = Rows::new(preset, "nanoseconds", &self.rivals, |f| f.rival);
        for (number, kind) in self.kinds.iter().enumerate() {
            table.row(kind.name(), |f: &Figures| f.kinds.get(number).copied());
        }
        table.row("first write of a MiB", |f| Some(f.first));
        table.row("context switches for a read of 4096 bytes", |f| {
            Some(f.switches)
        });
        let fresh = format!("KiB for a fresh disk of {} MiB", rivals::MIB);
        table.row(fresh, |f| Some(f.fresh));
        table.row("KiB for a MiB that is written", |f| Some(f.stored));
        table.row("KiB of it that are not back after a discard", |f| f.left);
        table.row(
            "a read when two processors read, beside one when one does",
            |f| f.scaling,
        );
        table.row(INTERRUPTS_OFF, |f| f.interrupts_off);
        table.done()
    }

    fn text(&self, preset: &str) -> String {
        told(
            &self.place,
            &self.table(preset),
            &self.targets(),
            &self.missing,
        )
    }
}

/// `rloop bench block`.
///
/// # Errors
/// If vblk is not here, or can't be measured.
pub fn command(options: &options::Bench) -> Result<Ending, Error> {
    if !FAMILY.is_here() {
        return Err(FAMILY.absent());
    }
    let document = Document::measure()?;
    report(&document, options.format, |preset| document.text(preset))
}
