# SPDX-License-Identifier: MIT

SUMMARY = "ALSA sound card that records an oscillator, a kernel module in Rust"
DESCRIPTION = "A card for capture alone, whose samples are known in advance; and the smallest driver of a card, to \
begin one's own with."

inherit rloop_sound
