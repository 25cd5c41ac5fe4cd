# SPDX-License-Identifier: MIT

SUMMARY = "meta-rust-bin's prebuilt rustc and cargo in the places of oe-core's"
DESCRIPTION = "What needs rust-native or cargo-native (the kernel, modules, bindgen, the tool rloop) gets the prebuilt \
ones and is built by oe-core's classes as ever. Adds what meta-rust-bin has not: the sources of the \
standard library, of which the kernel compiles the core crate on its own."
LICENSE = "MIT | Apache-2.0"
LIC_FILES_CHKSUM = "\
    file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10 \
    file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302 \
"
DEPENDS = "cargo-bin-native"
PROVIDES += "cargo-native rust-native"

SRC_URI = "https://static.rust-lang.org/dist/rust-src-${PV}.tar.xz"
SRC_URI[sha256sum] = "67b09138c8db96afc4bbfc69ea771ac9a091fd777698acb43f6dfd9fb7dea363"

S = "${UNPACKDIR}/rust-src-${PV}"

inherit_defer native

INHIBIT_DEFAULT_DEPS = "1"
INHIBIT_SYSROOT_STRIP = "1"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

# Where rustup puts them as well: below the compiler's sysroot
do_install() {
    install -d ${D}${libdir}/rustlib
    cp -r --no-preserve=ownership ${S}/rust-src/lib/rustlib/src ${D}${libdir}/rustlib/
}
