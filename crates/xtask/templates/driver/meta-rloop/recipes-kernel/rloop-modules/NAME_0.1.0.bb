# SPDX-License-Identifier: MIT

SUMMARY = "Driver {{name}}, a kernel module in Rust"
DESCRIPTION = "A driver that has just been begun."

inherit {{class}}
