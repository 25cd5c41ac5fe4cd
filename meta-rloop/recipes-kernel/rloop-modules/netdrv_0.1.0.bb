# SPDX-License-Identifier: MIT

SUMMARY = "Two network cards and the wire between them, a kernel module in Rust"
DESCRIPTION = "vnet0 and vnet1 are connected, and more pairs are made by ip link add: what one sends the other receives, \
in rings of a size that can be changed. Frames get lost, doubled, damaged or late on demand."

inherit rloop_module
