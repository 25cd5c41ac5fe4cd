// SPDX-License-Identifier: MIT OR Apache-2.0

//! `rloop bench pci`: what pcie-edu needs beside what the device does: interrupts, and time.
//!
//! A transfer takes the device the guest's time. Where that is counted in instructions the figures are nearly the same
//! in every run. A computation takes the time of the machine that QEMU runs on, and is not timed.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::time::{Duration, Instant};

use comfy_table::Table;
use rig::output::Ending;
use serde::Serialize;

use super::FAMILY;
use super::pcie_edu::device::{self, Device};
use super::pcie_edu::longer::longer;
use super::pcie_edu::raw::{compute, transfer};
use crate::error::Error;
use crate::families::measured::{Place, Target, failed, report, told};
use crate::options;

/// Bytes per transfer.
const SIZES: [u32; 3] = [1, 64, 4_096];
/// Transfers whose interrupts are counted.
const TRANSFERS: u32 = 20;
/// Numbers that are computed.
const COMPUTATIONS: u32 = 100;
/// How exactly the time of a way is measured.
const STEP: Duration = Duration::from_micros(5);
/// How much longer than the device a way may take, in microseconds.
const LONGER: f64 = 50.0;

/// A way of a transfer of so many bytes: the microseconds beyond what the device needs.
#[derive(Debug, Serialize)]
struct Way {
    bytes: u32,
    longer: f64,
}

/// All that was measured, where it was.
#[derive(Debug, Serialize)]
struct Document {
    #[serde(flatten)]
    place: Place,
    ways: Vec<Way>,
    /// Nanoseconds for a write of the liveness register and a read.
    register: f64,
    /// Interrupts per COMPUTE.
    computation: f64,
    /// Interrupts per way of DMA_TRANSFER.
    way: f64,
}

fn way(file: &File, bytes: u32) -> io::Result<Way> {
    let longer = longer(file, bytes, STEP)?.as_nanos() as f64 / 1e3;
    Ok(Way { bytes, longer })
}

fn register(mut file: &File) -> io::Result<f64> {
    const TURNS: u32 = 1_000;
    let mut best = f64::MAX;
    for _ in 0..4 {
        let begin = Instant::now();
        for _ in 0..TURNS {
            let mut bytes = [0x55; 4];
            file.write_all(&bytes)?;
            file.read_exact(&mut bytes)?;
        }
        best = best.min(begin.elapsed().as_nanos() as f64 / f64::from(TURNS));
    }
    Ok(best)
}

/// How many interrupts the kernel counts for each of `times` calls.
fn interrupts(
    device: &Device,
    times: u32,
    call: impl Fn(u32) -> io::Result<()>,
) -> Result<f64, Error> {
    let count = || {
        let counted = device.interrupts().map_err(|e| failed(&device.name, e))?;
        let missing = || failed(&device.name, "it has no line in /proc/interrupts");
        counted.map(|(count, _)| count).ok_or_else(missing)
    };
    let before = count()?;
    for number in 0..times {
        call(number).map_err(|e| failed(&device.name, e))?;
    }
    Ok((count()? - before) as f64 / f64::from(times))
}

impl Document {
    fn measure(device: &Device) -> Result<Self, Error> {
        let why = |error| failed(&device.name, error);
        let file = device.open(0).map_err(|e| failed(&device.name, e))?;
        // What others have left behind has ended after this.
        compute(&file, 1).map_err(why)?;
        transfer(&file, 1, 1).map_err(why)?;
        let ways = SIZES.into_iter().map(|bytes| way(&file, bytes));
        Ok(Self {
            place: Place::here(),
            ways: ways.collect::<io::Result<_>>().map_err(why)?,
            register: register(&file).map_err(why)?,
            computation: interrupts(device, COMPUTATIONS, |n| compute(&file, n).map(drop))?,
            way: interrupts(device, TRANSFERS, |_| transfer(&file, 4_096, 0xAB))? / 2.0,
        })
    }

    fn targets(&self) -> [Target; 3] {
        let longest = self.ways.iter().map(|way| way.longer);
        [
            Target {
                want: "interrupts for a COMPUTE, more or less than 1".to_owned(),
                came: (self.computation - 1.0).abs(),
                most: 0.0,
            },
            Target {
                want: "interrupts for a way of DMA_TRANSFER, more or less than 1".to_owned(),
                came: (self.way - 1.0).abs(),
                most: 0.0,
            },
            Target {
                want: format!(
                    "a way of DMA_TRANSFER: at most {LONGER} µs beyond the device's time"
                ),
                came: longest.fold(0.0, f64::max),
                most: LONGER,
            },
        ]
    }

    fn table(&self, preset: &str) -> Table {
        let mut table = Table::new();
        table.load_preset(preset);
        table.set_header(["", "microseconds"]);
        for Way { bytes, longer } in &self.ways {
            let what = format!("a way of {bytes} bytes, beyond the device's time");
            table.add_row([what, format!("{longer:.1}")]);
        }
        let register = format!("{:.1}", self.register / 1e3);
        table.add_row(["write and read of the liveness register", &register]);
        table
    }

    fn text(&self, preset: &str) -> String {
        told(&self.place, &self.table(preset), &self.targets(), &[])
    }
}

/// `rloop bench pci`, of the first device.
///
/// # Errors
/// If there is no device, or something can't be measured.
pub fn command(options: &options::Bench) -> Result<Ending, Error> {
    let device = device::all().into_iter().next();
    let device = device.ok_or_else(|| FAMILY.absent())?;
    let document = Document::measure(&device)?;
    report(&document, options.format, |preset| document.text(preset))
}
