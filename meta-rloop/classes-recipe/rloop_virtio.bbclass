# SPDX-License-Identifier: MIT
#
# For a program that serves devices of virtio-loopback: its services, of which each node has an instance, and the group
# that may open nodes. No instance runs until somebody enables it. To be inherited after what sets SRC_URI.

RLOOP_SERVICES ?= "${BPN}@.service"

SRC_URI += "${@' '.join('file://' + service for service in d.getVar('RLOOP_SERVICES').split())}"

inherit systemd useradd

SYSTEMD_SERVICE:${PN} = "${RLOOP_SERVICES}"
SYSTEMD_AUTO_ENABLE = "disable"

# Where ids are fixed, as in AGL: USERADD_GID_TABLES += "files/rloop-group"
USERADD_PACKAGES = "${PN}"
GROUPADD_PARAM:${PN} = "--system virtio-loopback"

do_install:append() {
    for service in ${RLOOP_SERVICES}; do
        install -D -m 0644 -t ${D}${systemd_system_unitdir} ${UNPACKDIR}/$service
    done
}
