# SPDX-License-Identifier: MIT

SUMMARY = "Pipe that one can see into, a kernel module in Rust"
DESCRIPTION = "/dev/circbuf is a buffer that all who open it share: what one program writes another reads. It says \
how full it is, and goes wrong on demand."

inherit rloop_module
