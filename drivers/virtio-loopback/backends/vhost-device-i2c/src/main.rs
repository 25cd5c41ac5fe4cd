// SPDX-License-Identifier: MIT OR Apache-2.0
//! rust-vmm's virtio I2C device.

fn main() {
    vhost_device_i2c::main();
}
