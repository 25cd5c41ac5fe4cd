# SPDX-License-Identifier: MIT

SUMMARY = "Proves that an ALSA loopback card loses, doubles, changes and delays nothing"
DESCRIPTION = "A tool for the target: verify plays numbered frames round a card of snd-rloop or snd-aloop \
               and checks what comes back, bench measures the cards, status shows what they are doing. Its ptest \
               tests the card."
SECTION = "multimedia"
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

# modprobe and rmmod; a card to put beside ours
RDEPENDS:${PN}-ptest += "kmod"
RRECOMMENDS:${PN}-ptest += "kernel-module-snd-aloop"
