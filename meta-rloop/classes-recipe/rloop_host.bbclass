# SPDX-License-Identifier: MIT
#
# For what is built for machines on which the drivers have been tried: of Arm's with 32 bits those of version 7, for no other has
# Linux Rust.

RLOOP_HOSTS = "aarch64|riscv64|x86_64"
RLOOP_HOSTS:append:armv7a = "|arm"
RLOOP_HOSTS:append:armv7ve = "|arm"
COMPATIBLE_HOST ?= "(${RLOOP_HOSTS})-.*linux"
