# SPDX-License-Identifier: MIT
#
# For what is built from the repository that this layer is part of: SRC_URI names its files and directories
# by file://, relative to its top. A checkout, an unpacked release and somebody else's kas build are all the
# same then, nothing is fetched, and what is edited is built again.

# nooelint: oelint.vars.fileextrapaths,oelint.vars.outofcontext
FILESEXTRAPATHS:prepend := "${RLOOP_SRC}:"

python __anonymous() {
    source = os.path.join(d.getVar('RLOOP_SRC'), 'drivers/lib/module.kbuild')
    bb.parse.mark_dependency(d, source)
    if not os.path.exists(source):
        raise bb.parse.SkipRecipe('its sources are not in RLOOP_SRC = "%s". Set RLOOP_SRC to the repository '
            'that the layer comes from; see docs/using/yocto.md of rloop' % d.getVar('RLOOP_SRC'))
}
