# SPDX-License-Identifier: MIT

SUMMARY = "What serves the devices of virtio-loopback"
DESCRIPTION = "The adapter, and two backends of rust-vmm: a sound card and a source of random numbers."

# Of a module there is one package for each machine.
PACKAGE_ARCH = "${MACHINE_ARCH}"

# As what is in it
COMPATIBLE_HOST = "(aarch64|x86_64).*-linux"

inherit rloop_kernel packagegroup

RDEPENDS:${PN} = "\
    vhost-device-rng \
    vhost-device-sound-alsa \
    virtio-loopback-adapter-rs \
"

# The drivers of such devices, unless the kernel has them built in
RRECOMMENDS:${PN} = "\
    kernel-module-i2c-virtio \
    kernel-module-virtio-rng \
    kernel-module-virtio-snd \
"
