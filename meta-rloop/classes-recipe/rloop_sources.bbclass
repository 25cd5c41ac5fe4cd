# SPDX-License-Identifier: MIT
#
# For what is built from the repository that this layer is part of: SRC_URI names its files and directories
# by file://, relative to its top. A checkout, an unpacked release and somebody else's kas build are all the
# same then, nothing is fetched, and what is edited is built again.

# nooelint: oelint.vars.fileextrapaths,oelint.vars.outofcontext
FILESEXTRAPATHS:prepend := "${RLOOP_SRC}:"
