# SPDX-License-Identifier: MIT

SUMMARY = "The drivers in RLOOP_DRIVERS and their tools"
SUMMARY:${PN}-ptest = "The tests of the drivers in RLOOP_DRIVERS"
DESCRIPTION = "For an image of your own: packagegroup-rloop has the modules, the tool rloop, aplay, arecord and \
amixer; packagegroup-rloop-ptest has the tests and ptest-runner."

# Of a module there is one package for each machine.
PACKAGE_ARCH = "${MACHINE_ARCH}"

inherit rloop_kernel packagegroup

RDEPENDS:${PN} = "\
    ${RLOOP_DRIVERS} \
    alsa-utils-amixer \
    alsa-utils-aplay \
    ${@bb.utils.contains('RLOOP_DRIVERS', 'virtio-loopback', 'packagegroup-rloop-virtio', '', d)} \
    rloop \
"

# The class makes this package where ptests are on.
RDEPENDS:${PN}-ptest = "\
    ${PN} \
    ptest-runner \
    rloop-ptest \
"
