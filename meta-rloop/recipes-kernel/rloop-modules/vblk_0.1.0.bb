# SPDX-License-Identifier: MIT

SUMMARY = "Disk that fails when told to, a kernel module in Rust"
DESCRIPTION = "/dev/vblk0 is a disk in memory. It takes memory only for what is written, has a volatile write cache that \
a power cut can take, and goes wrong on demand."

inherit rloop_module
