# SPDX-License-Identifier: MIT
#
# For a program that serves devices of virtio-loopback: its services, of which each node has an instance, and the group
# that may open nodes. No instance runs until somebody enables it. To be inherited after what sets SRC_URI.

RLOOP_SERVICES ?= "${BPN}@.service"

SRC_URI += "${@' '.join('file://' + service for service in d.getVar('RLOOP_SERVICES').split())}"

inherit systemd useradd

# The class takes the services out where there is no systemd. Its scripts are for services that can be stopped, which these, as
# templates, can't: systemctl fails, and the package could not be removed.
SYSTEMD_PACKAGES = ""
FILES:${PN} += "${systemd_system_unitdir}"

# Where ids are fixed, as in AGL: USERADD_GID_TABLES += "files/rloop-group"
USERADD_PACKAGES = "${PN}"
GROUPADD_PARAM:${PN} = "--system virtio-loopback"

do_install:append() {
    for service in ${RLOOP_SERVICES}; do
        install -D -m 0644 -t ${D}${systemd_system_unitdir} ${UNPACKDIR}/$service
        sed -i 's,^ExecStart=@bindir@/,ExecStart=${bindir}/,' ${D}${systemd_system_unitdir}/$service
    done
}

pkg_postinst:${PN}() {
    if [ -z "$D" ] && systemctl >/dev/null 2>&1; then
        systemctl daemon-reload
    fi
}

# The instances go with the program, though not where a new one takes its place. None may be there: a pattern may match nothing.
pkg_prerm:${PN}() {
    if [ -z "$D" ] && [ "$1" != upgrade ] && systemctl >/dev/null 2>&1; then
        for service in ${RLOOP_SERVICES}; do
            systemctl stop "$(echo "$service" | sed 's/@/@*/')"
            systemctl disable "$service"
        done
    fi
}
