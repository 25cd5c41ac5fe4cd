# SPDX-License-Identifier: MIT

SUMMARY = "Virtio devices whose other end is a program, a kernel module in Rust"
DESCRIPTION = "/dev/loopback-N connects a driver of virtio with a program that serves virtual machines otherwise. The \
program sees nothing but memory that it has brought, and what it writes there is looked at first."

# Its rings are where the kernel has all memory mapped: not on 32 bits.
COMPATIBLE_HOST = "(aarch64|riscv64|x86_64).*-linux"

inherit rloop_module
