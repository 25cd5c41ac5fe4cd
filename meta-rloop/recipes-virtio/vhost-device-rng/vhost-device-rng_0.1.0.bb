# SPDX-License-Identifier: MIT

SUMMARY = "rust-vmm's virtio source of random numbers"
DESCRIPTION = "A backend for virtual machines, or for virtio-loopback, that gives what it reads of /dev/urandom or of another \
file. AGL has the same in a recipe of the same name, which is taken where it is there."
# A host without a network is no reason to complain.
# nooelint: oelint.vars.homepageping
HOMEPAGE = "https://github.com/rust-vmm/vhost-device"
SECTION = "base"
# Of the crates that it is linked with some are under one of these alone; where there is a choice, it is between them.
LICENSE = "Apache-2.0 & BSD-3-Clause & MIT & MPL-2.0"
LIC_FILES_CHKSUM = "\
    file://LICENSE-APACHE;md5=3b83ef96387f14655fc854ddc3c6bd57 \
    file://LICENSE-BSD-3-Clause;md5=2489db1359f496fff34bd393df63947e \
"

SRC_URI = "crate://crates.io/vhost-device-rng/${PV}"
SRC_URI[vhost-device-rng-0.1.0.sha256sum] = "51e0af4acaaefc19a3d6c2e2cb00caf2130d728d857494c857662781da9f1329"

# vm-memory is for 64 bits alone.
COMPATIBLE_HOST = "(aarch64|x86_64).*-linux"

inherit cargo cargo-update-recipe-crates

require ${BPN}-crates.inc
