// SPDX-License-Identifier: MIT OR Apache-2.0
//! vhost-user backends to test virtio-loopback with: a source of numbers that can be told from all others, and what a
//! backend could do to the kernel's rings if it were let.

mod lie;
mod rng;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use clap::Parser;
use vhost_user_backend::VhostUserDaemon;
use vm_memory::{GuestMemoryAtomic, GuestMemoryMmap};

use lie::Lie;
use rng::Rng;

/// A vhost-user backend that is a source of random numbers, which are 0, 1, 2 … in words of 64 bits.
#[derive(Parser)]
struct Cli {
    /// Where it listens
    #[arg(short, long)]
    socket: PathBuf,
    /// How it misbehaves, after so many buffers as it should
    #[arg(long)]
    lie: Option<Lie>,
    /// After how many buffers it begins to lie
    #[arg(long, default_value_t = 10)]
    after: u64,
}

fn main() {
    let cli = Cli::parse();
    loop {
        // Each connection has a device of its own.
        let backend = Arc::new(Mutex::new(Rng::new(cli.lie, cli.after)));
        let memory = GuestMemoryAtomic::new(GuestMemoryMmap::new());
        let daemon = VhostUserDaemon::new("virtio-loopback-test".into(), backend, memory);
        let result = daemon
            .map_err(|error| error.to_string())
            .and_then(|mut daemon| daemon.serve(&cli.socket).map_err(|error| error.to_string()));
        if let Err(error) = result {
            // Whoever was connected may have been killed; the next one is served all the same.
            eprintln!("virtio-loopback-test: {}: {error}", cli.socket.display());
            thread::sleep(Duration::from_millis(100));
        }
    }
}
