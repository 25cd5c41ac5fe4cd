# SPDX-License-Identifier: MIT

SUMMARY = "ALSA loopback sound card, a kernel module in Rust"
DESCRIPTION = "What is played on the card's output appears on its input, bit for bit. \
Takes the place of snd-aloop for tests of players, DSPs and codecs without hardware."

inherit rloop_sound

# What alsa-lib, udev and WirePlumber know of the card
RLOOP_PARTS:append = " data"
