# SPDX-License-Identifier: MIT

SUMMARY = "rust-vmm's virtio sound device, which plays to a PCM of ALSA"
DESCRIPTION = "The program vhost-device-sound, with its ALSA backend alone, and patched so that what is played to it arrives \
whole. Takes the place of AGL's vhost-device-sound, whose recipe has that name."
# A host without a network is no reason to complain.
# nooelint: oelint.vars.homepageping
HOMEPAGE = "https://github.com/rust-vmm/vhost-device"
SECTION = "multimedia"
# Of the crates that it is linked with some are under one of these alone; where there is a choice, it is between them.
LICENSE = "Apache-2.0 & BSD-3-Clause & MIT"
LIC_FILES_CHKSUM = "\
    file://${UNPACKDIR}/LICENSES/Apache-2.0.txt;md5=3b83ef96387f14655fc854ddc3c6bd57 \
    file://${UNPACKDIR}/LICENSES/MIT.txt;md5=12d18462d5c63a32486fed9875a2b101 \
    file://${COMMON_LICENSE_DIR}/BSD-3-Clause;md5=550794465ba0ec5312d6919e203a55f9 \
"
DEPENDS = "alsa-lib"
CVE_PRODUCT = "vhost-device-sound"

# vm-memory is for 64 bits alone; where the C library is musl, the crate leaves its ALSA backend out.
COMPATIBLE_HOST = "(aarch64|x86_64).*-linux"
COMPATIBLE_HOST:libc-musl = "null"

# A small program of ours around the crate keeps the lock file to what the ALSA backend needs. The crate itself is among
# those that are fetched for it.
RLOOP_FOLDER = "drivers/virtio-loopback/backends/vhost-device-sound"

SRC_URI = "\
    file://LICENSES/Apache-2.0.txt \
    file://LICENSES/MIT.txt \
    file://${RLOOP_FOLDER}/Cargo.lock \
    file://${RLOOP_FOLDER}/Cargo.toml \
    file://${RLOOP_FOLDER}/src \
    file://${RLOOP_FOLDER}/vhost-device-sound-${PV}.patch;patchdir=${CARGO_VENDORING_DIRECTORY}/vhost-device-sound-${PV} \
"

S = "${UNPACKDIR}/${RLOOP_FOLDER}"

RLOOP_SERVICES = "vhost-device-sound@.service"
# The version is the crate's, which is released.
RLOOP_GROWTH = "+git"

inherit cargo cargo-update-recipe-crates pkgconfig rloop_sources rloop_virtio

require ${BPN}-crates.inc

# The crate, which is not called as the recipe is
SPDX_PACKAGE_URLS:append = " pkg:cargo/vhost-device-sound@${PV}"

# Both have /usr/bin/vhost-device-sound.
RCONFLICTS:${PN} = "vhost-device-sound"
