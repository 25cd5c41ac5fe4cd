# SPDX-License-Identifier: MIT

SUMMARY = "The loopback sound card snd-rloop and its tools"
SUMMARY:${PN}-ptest = "The tests of the loopback sound card snd-rloop"
DESCRIPTION = "For an image of your own: packagegroup-rloop has the module, the tool rloop, aplay, arecord and \
               amixer; packagegroup-rloop-ptest has the tests and ptest-runner."

# Of the module there is one package for each machine.
PACKAGE_ARCH = "${MACHINE_ARCH}"

inherit rloop_kernel packagegroup

RDEPENDS:${PN} = "\
    alsa-utils-amixer \
    alsa-utils-aplay \
    rloop \
    snd-rloop \
"

# The class makes this package where ptests are on.
RDEPENDS:${PN}-ptest = "\
    ${PN} \
    ptest-runner \
    rloop-ptest \
"
