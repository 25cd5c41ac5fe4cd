# SPDX-License-Identifier: MIT

SUMMARY = "Driver netdrv, a kernel module in Rust"
DESCRIPTION = "A driver that has just been begun."

inherit rloop_module
