# SPDX-License-Identifier: MIT

SUMMARY = "Device file that is heard on a sound card, a kernel module in Rust"
DESCRIPTION = "What a shell writes to /dev/sad leaves sample by sample, and any program records it: \
a microphone that is a file."

inherit rloop_sound
