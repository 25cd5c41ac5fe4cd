# SPDX-License-Identifier: MIT

SUMMARY = "ALSA loopback sound card, a kernel module in Rust"
DESCRIPTION = "What is played on the card's output appears on its input, bit for bit. \
               Takes the place of snd-aloop for tests of players, DSPs and codecs without hardware."
SECTION = "kernel/modules"
LICENSE = "GPL-2.0-only"
LIC_FILES_CHKSUM = "file://${UNPACKDIR}/LICENSES/GPL-2.0-only.txt;md5=b234ee4d69f5fce4486a80fdaf4a4263"
CVE_PRODUCT = "snd-rloop"

# Single files and directories, so that a change elsewhere in the repository rebuilds nothing
SRC_URI = "\
    file://LICENSES/GPL-2.0-only.txt \
    file://drivers/lib/module.kbuild \
    file://drivers/lib/module.mk \
    file://drivers/lib/mod.rs \
    file://drivers/lib/bindings.rs \
    file://drivers/lib/alsa \
    file://drivers/lib/helpers \
    file://drivers/lib/kernel \
    file://drivers/lib/model \
    file://drivers/snd-rloop/Kbuild \
    file://drivers/snd-rloop/Makefile \
    file://drivers/snd-rloop/bindings \
    file://drivers/snd-rloop/data \
    file://drivers/snd-rloop/model \
    file://drivers/snd-rloop/src \
"

S = "${UNPACKDIR}/drivers/snd-rloop"

inherit rloop_kernel rloop_sources module-rust

# Whether the card is there from boot on, and the module's parameters, such as "id=Loopback topology=crossed"
RLOOP_AUTOLOAD ?= "1"
RLOOP_PARAMETERS ?= ""

KERNEL_MODULE_AUTOLOAD += "${@bb.utils.contains('RLOOP_AUTOLOAD', '1', 'snd-rloop', '', d)}"
KERNEL_MODULE_PROBECONF += "snd-rloop"
# A codec may be found after the module has been loaded, and programs take card 0 for the default: none of up to
# eight cards becomes that one, unless RLOOP_PARAMETERS have an index, which comes later.
module_conf_snd-rloop = "options snd-rloop index=-2,-2,-2,-2,-2,-2,-2,-2 ${RLOOP_PARAMETERS}"

# What alsa-lib, udev and WirePlumber know of the card
do_install:append() {
    install -D -m 0644 -t ${D}${datadir}/alsa/cards ${S}/data/alsa/snd-rloop.conf
    install -D -m 0644 -t ${D}${nonarch_base_libdir}/udev/rules.d ${S}/data/udev/79-snd-rloop.rules
    install -D -m 0644 -t ${D}${datadir}/wireplumber/wireplumber.conf.d ${S}/data/wireplumber/snd-rloop.conf
}

FILES:${PN} += "\
    ${datadir}/alsa \
    ${datadir}/wireplumber \
    ${nonarch_base_libdir}/udev \
"
