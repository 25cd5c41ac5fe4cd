# SPDX-License-Identifier: MIT

SUMMARY = "Proves on the target what the drivers of rloop promise"
DESCRIPTION = "A tool for these drivers, and for cards of snd-aloop: verify proves what they promise, bench measures \
them, status shows what they are doing. Its ptest tests each driver that is installed."
SECTION = "devel"
# Of the crates that it is linked with some are under one of these alone; where there is a choice, it is between them.
LICENSE = "Apache-2.0 & MIT"
DEPENDS = "alsa-lib"

# Besides the models
RLOOP_CRATES = "crates/rig crates/rloop"

inherit bash-completion pkgconfig ptest-cargo rloop_crate

require ${BPN}-crates.inc

SRC_URI += "\
    file://kernel-complaints \
    file://run-ptest \
"

# Manual pages and completions
do_install:append() {
    oe_runmake -C ${S}/${CARGO_SRC_DIR} DESTDIR=${D} PREFIX=${prefix} data_install
}

# What run-ptest holds the kernel's log against
do_install_ptest() {
    install -m 0644 ${UNPACKDIR}/kernel-complaints ${D}${PTEST_PATH}/
}

PACKAGE_BEFORE_PN += "${PN}-fish-completion ${PN}-zsh-completion"
FILES:${PN}-fish-completion += "${datadir}/fish"
FILES:${PN}-zsh-completion += "${datadir}/zsh"

# The tool itself, which the test of its output has cargo build, is no test.
rloop_only_tests() {
    sed -i '\,/rloop$,d' ${CARGO_TEST_BINARIES_FILES}
}

rloop_only_tests[doc] = "Takes the tool out of the list of tests"
do_compile_ptest_cargo[postfuncs] += "rloop_only_tests"

# modprobe and rmmod; a card to put beside ours, and a file system to put on a disk
RDEPENDS:${PN}-ptest += "kmod"
RRECOMMENDS:${PN}-ptest += "\
    e2fsprogs-e2fsck \
    e2fsprogs-mke2fs \
    kernel-module-ext4 \
    kernel-module-snd-aloop \
"
