# SPDX-License-Identifier: MIT
#
# For a program that serves devices of virtio-loopback: its service, of which each node has an instance, and the group that
# may open nodes. No instance runs until somebody enables it. To be inherited after what sets SRC_URI.

RLOOP_SERVICE ?= "${BPN}@.service"

SRC_URI += "file://${RLOOP_SERVICE}"

inherit systemd useradd

SYSTEMD_SERVICE:${PN} = "${RLOOP_SERVICE}"
SYSTEMD_AUTO_ENABLE = "disable"

# Where ids are fixed, as in AGL: USERADD_GID_TABLES += "files/rloop-group"
USERADD_PACKAGES = "${PN}"
GROUPADD_PARAM:${PN} = "--system virtio-loopback"

do_install:append() {
    install -D -m 0644 -t ${D}${systemd_system_unitdir} ${UNPACKDIR}/${RLOOP_SERVICE}
}
