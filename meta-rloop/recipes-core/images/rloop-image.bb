# SPDX-License-Identifier: MIT

SUMMARY = "A console image with the drivers in RLOOP_DRIVERS, their tools and their tests"
DESCRIPTION = "What the class core-image installs, with alsa-utils, the modules, the tool rloop, ptest-runner and ssh."
LICENSE = "MIT"

inherit core-image rloop_kernel

IMAGE_FEATURES += "ssh-server-dropbear"
IMAGE_INSTALL += "\
    alsa-utils \
    packagegroup-rloop \
    ${@bb.utils.contains('DISTRO_FEATURES', 'ptest', 'packagegroup-rloop-ptest', '', d)} \
"
