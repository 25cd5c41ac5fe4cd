// SPDX-License-Identifier: MIT OR Apache-2.0
//! Connects a vhost-user backend, a program that is a virtio device for virtual machines, with a device of the
//! virtio-loopback module: so it is one for this machine.
//!
//! It sets both up, and then sleeps: what is played goes from the kernel to the backend and back without it.

mod attach;
mod backend;
mod cli;
mod error;
mod kind;
mod node;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;

use cli::{Cli, OnLoss};
use error::{Error, Result};

/// How long is waited before a device is made anew, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));

fn main() -> ExitCode {
    let cli = Cli::parse();
    match serve(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("virtio-loopback-adapter: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves one device after the other.
fn serve(cli: &Cli) -> Result<()> {
    let mut pause = PAUSES.0;
    loop {
        let lost = match attach::attach(cli) {
            Err(lost @ (Error::Gone | Error::HungUp { .. } | Error::Broken { .. })) => lost,
            other => return other,
        };
        if cli.on_loss == OnLoss::Exit {
            return Err(lost);
        }
        println!("{lost}; the device is made anew as soon as the backend is there");
        // One that breaks its rings will do so again, and one that hangs up may, if it was not just being started.
        pause = match lost {
            Error::Gone => PAUSES.0,
            _ => PAUSES.1.min(pause * 2),
        };
        std::thread::sleep(pause);
    }
}
