# SPDX-License-Identifier: MIT
#
# For a program of ours: the crate crates/${RLOOP_CRATE} of the repository's workspace. A recipe says what it is and which
# of the workspace's directories it is built from, inherits this, and requires ${BPN}-crates.inc.

LIC_FILES_CHKSUM = "\
    file://LICENSES/Apache-2.0.txt;md5=3b83ef96387f14655fc854ddc3c6bd57 \
    file://LICENSES/MIT.txt;md5=12d18462d5c63a32486fed9875a2b101 \
"
CVE_PRODUCT ?= "${BPN}"

# The crate, and the directories of the repository that are built: the crate's own, those of the workspace that it
# depends on, and the drivers' models, which crates/models compiles
RLOOP_CRATE ?= "${BPN}"
RLOOP_CRATES ?= "crates/${RLOOP_CRATE}"
RLOOP_MODELS = "crates/models drivers/lib/model drivers/netdrv/model drivers/snd-minivosc/model drivers/virtio-loopback/model"

SRC_URI = "\
    file://Cargo.lock;subdir=${BP} \
    file://Cargo.toml;subdir=${BP} \
    file://LICENSES/Apache-2.0.txt;subdir=${BP} \
    file://LICENSES/MIT.txt;subdir=${BP} \
    ${@' '.join('file://%s;subdir=${BP}' % crate for crate in (d.getVar('RLOOP_CRATES') + ' ' + d.getVar('RLOOP_MODELS')).split())} \
"

inherit cargo cargo-update-recipe-crates rloop_host rloop_sources

CARGO_SRC_DIR = "crates/${RLOOP_CRATE}"
CARGO_LOCK_PATH = "${S}/Cargo.lock"

# The repository's workspace has members that are not for the target. Takes them, and the crates that only
# they need, out of its manifest and its lock file. What the crate depends on by path is a member by that alone.
rloop_prune_workspace() {
    sed -i -E 's,^((default-)?members) = .*,\1 = ["${CARGO_SRC_DIR}"],' ${S}/Cargo.toml
    ${CARGO} update --workspace --manifest-path ${CARGO_MANIFEST_PATH} "$@"
}

rloop_prune_workspace[doc] = "Leaves in the workspace only what the recipe builds"

do_configure:append() {
    rloop_prune_workspace --offline
}

# bitbake -c update_crates NAME: the list is that of the pruned lock file, for which cargo asks crates.io's index
do_update_crates[depends] += "cargo-native:do_populate_sysroot"
do_update_crates[network] = "1"
do_update_crates:prepend() {
    CARGO_HOME=${T}/cargo_home rloop_prune_workspace
}
