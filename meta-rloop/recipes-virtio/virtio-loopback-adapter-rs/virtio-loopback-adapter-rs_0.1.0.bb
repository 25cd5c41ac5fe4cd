# SPDX-License-Identifier: MIT

SUMMARY = "Connects vhost-user backends with devices of virtio-loopback"
DESCRIPTION = "A program that is a virtio device for virtual machines becomes one for this machine. Takes the place of \
AGL's virtio-loopback-adapter, whose recipe has that name."
SECTION = "base"
# Of the crates that it is linked with some are under one of these alone; where there is a choice, it is between them.
LICENSE = "BSD-3-Clause & MIT"

RLOOP_CRATE = "virtio-loopback-adapter"
# That of vhost-device-rng as well: AGL has a recipe of that name, whose package may be taken.
RLOOP_SERVICES = "vhost-device-rng@.service virtio-loopback-adapter@.service"

# As the module; vm-memory is for 64 bits, too.
COMPATIBLE_HOST = "(aarch64|riscv64|x86_64).*-linux"

# Without the module it has nothing to connect to.
inherit rloop_kernel rloop_crate rloop_virtio

require ${BPN}-crates.inc

LIC_FILES_CHKSUM += "file://${COMMON_LICENSE_DIR}/BSD-3-Clause;md5=550794465ba0ec5312d6919e203a55f9"

SRC_URI += "file://60-virtio-loopback.rules"

do_install:append() {
    install -D -m 0644 -t ${D}${nonarch_base_libdir}/udev/rules.d ${UNPACKDIR}/60-virtio-loopback.rules
}

FILES:${PN} += "${nonarch_base_libdir}/udev"

# Both have /usr/bin/virtio-loopback-adapter.
RCONFLICTS:${PN} = "virtio-loopback-adapter"
