// SPDX-License-Identifier: MIT OR Apache-2.0
//! rust-vmm's virtio sound device, which serves one virtio-loopback-adapter after the other.

use clap::Parser as _;
use vhost_device_sound::args::SoundArgs;
use vhost_device_sound::{start_backend_server, SoundConfig};

fn main() {
    env_logger::init();
    let config = SoundConfig::from(SoundArgs::parse());
    loop {
        start_backend_server(config.clone());
    }
}
