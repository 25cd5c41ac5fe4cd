# SPDX-License-Identifier: MIT

SUMMARY = "PCI device edu, all of its life, a kernel module in Rust"
DESCRIPTION = "Driver of QEMU's teaching device edu: registers, interrupts, DMA, and a device that goes at any moment."

inherit rloop_module
