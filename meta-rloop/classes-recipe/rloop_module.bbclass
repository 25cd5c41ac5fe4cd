# SPDX-License-Identifier: MIT
#
# For a driver: the module that is compiled of drivers/${BPN} and drivers/lib. A recipe says what it is, and inherits this.

SECTION = "kernel/modules"
LICENSE = "GPL-2.0-only"
LIC_FILES_CHKSUM = "file://${UNPACKDIR}/LICENSES/GPL-2.0-only.txt;md5=b234ee4d69f5fce4486a80fdaf4a4263"
CVE_PRODUCT ?= "${BPN}"

# What of drivers/${BPN} is built from: of these, single files and directories, so that a change elsewhere in the
# repository, such as in a test, rebuilds nothing
RLOOP_PARTS ?= "Kbuild Makefile bindings model src"
RLOOP_PARTS_LIB ?= "module.kbuild module.mk mod.rs bindings.rs alsa helpers kernel model"

SRC_URI = "\
    file://LICENSES/GPL-2.0-only.txt \
    ${@' '.join('file://drivers/lib/' + part for part in d.getVar('RLOOP_PARTS_LIB').split())} \
    ${@' '.join('file://drivers/${BPN}/' + part for part in d.getVar('RLOOP_PARTS').split())} \
"

S = "${UNPACKDIR}/drivers/${BPN}"

# module-rust asks for rustc alone; module.kbuild runs bindgen as well.
inherit rloop_kernel rloop_sources module-rust rloop_compilers

# Whether the module is loaded at boot, and its parameters, such as "id=Loopback topology=crossed". Each is for all
# drivers; with :pn-snd-rloop after the name for that one.
RLOOP_AUTOLOAD ?= "1"
RLOOP_PARAMETERS ?= ""

# Parameters that the recipe or its class wants. Those of RLOOP_PARAMETERS come later, and so have the last word.
RLOOP_DEFAULTS ??= ""

KERNEL_MODULE_AUTOLOAD += "${@bb.utils.contains('RLOOP_AUTOLOAD', '1', '${BPN}', '', d)}"
KERNEL_MODULE_PROBECONF += "${BPN}"
module_conf_${BPN} = "${@rloop_options(d)}"

def rloop_options(d):
    """The line that modprobe reads, or nothing where there are no parameters."""
    options = (d.getVar('RLOOP_DEFAULTS') + ' ' + d.getVar('RLOOP_PARAMETERS')).split()
    return ' '.join(['options', d.getVar('BPN'), *options]) if options else ''

# What the driver has for other programs, if anything: see drivers/lib/module.mk
do_install:append() {
    oe_runmake DESTDIR=${D} PREFIX=${prefix} UDEV=${nonarch_base_libdir}/udev data_install
}

FILES:${PN} += "\
    ${datadir} \
    ${nonarch_base_libdir}/udev \
"
