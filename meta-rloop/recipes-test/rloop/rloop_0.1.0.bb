# SPDX-License-Identifier: MIT

SUMMARY = "Proves that an ALSA loopback card loses, doubles, changes and delays nothing"
DESCRIPTION = "A tool for the target: verify plays numbered frames round a card of snd-rloop or snd-aloop \
               and checks what comes back, bench measures the cards, status shows what they are doing. Its ptest \
               tests the card."
SECTION = "multimedia"
# Of the crates that it is linked with some are under one of these alone; where there is a choice, it is between them.
LICENSE = "Apache-2.0 & MIT"
LIC_FILES_CHKSUM = "\
    file://LICENSES/Apache-2.0.txt;md5=3b83ef96387f14655fc854ddc3c6bd57 \
    file://LICENSES/MIT.txt;md5=12d18462d5c63a32486fed9875a2b101 \
"
DEPENDS = "alsa-lib"
CVE_PRODUCT = "rloop"

# Directories of the repository that are built: the tool's crate, those of the workspace that it depends on, and the
# drivers' models, which crates/models compiles
RLOOP_CRATES = "crates/models crates/rig crates/rloop drivers/lib/model drivers/netdrv/model drivers/snd-minivosc/model drivers/virtio-loopback/model"

SRC_URI = "\
    file://Cargo.lock;subdir=${BP} \
    file://Cargo.toml;subdir=${BP} \
    file://LICENSES/Apache-2.0.txt;subdir=${BP} \
    file://LICENSES/MIT.txt;subdir=${BP} \
    ${@' '.join('file://%s;subdir=${BP}' % crate for crate in d.getVar('RLOOP_CRATES').split())} \
    file://kernel-complaints \
    file://run-ptest \
"

inherit bash-completion cargo cargo-update-recipe-crates pkgconfig ptest-cargo rloop_sources

require ${BPN}-crates.inc

CARGO_SRC_DIR = "crates/rloop"
CARGO_LOCK_PATH = "${S}/Cargo.lock"

# The repository's workspace has members that are not for the target. Takes them, and the crates that only
# they need, out of its manifest and its lock file. What the tool depends on by path is a member by that alone.
rloop_prune_workspace() {
    sed -i -E 's,^((default-)?members) = .*,\1 = ["crates/rloop"],' ${S}/Cargo.toml
    ${CARGO} update --workspace --manifest-path ${CARGO_MANIFEST_PATH} "$@"
}

rloop_prune_workspace[doc] = "Leaves in the workspace only what the recipe builds"

do_configure:append() {
    rloop_prune_workspace --offline
}

# bitbake -c update_crates rloop: the list is that of the pruned lock file, for which cargo asks crates.io's index
do_update_crates[depends] += "cargo-native:do_populate_sysroot"
do_update_crates[network] = "1"
do_update_crates:prepend() {
    CARGO_HOME=${T}/cargo_home rloop_prune_workspace
}

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
