// SPDX-License-Identifier: GPL-2.0-only
/*
 * C for what bindgen can't bind, and the module's parameters.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "../../lib/helpers/kernel.c"
#include "../../lib/helpers/sound.c"

/* As in model/params.rs. */
#define RLOOP_PARAMETERS(X)									\
	X(index, int, false, "-1", "Number of each card, -1 for the first that is free (default), -2 for any but 0.") \
	X(id, charp, true, "sndminivosc", "Id of each card, of which ALSA keeps letters and digits (default: sndminivosc).") \
	X(enable, bool, false, "N", "Whether to make each card (default: the first only).")	\
	X(name, charp, true, "MySoundCard Audio snd_minivosc", "Short and long name of each card, 1-31 bytes.") \
	X(formats, charp, true, "all", "Sample formats of each card, with spaces between (default: all).") \
	X(rates, charp, true, "8000-768000", "Rates of each card, numbers or ranges with spaces between (default: 8000-768000).") \
	X(channels, charp, true, "1-128", "Channels of each card, numbers or ranges with spaces between (default: 1-128).") \
	X(waveform, charp, true, "sine", "sine (default), square, saw, impulse, counter, silence or noise; in configfs also user.") \
	X(frequency, int, true, "440000", "Turns of the waveform in 1000 s, 0-384000000 (default: 440000).") \
	X(level, int, true, "65536", "Level, 0-65536, which is full scale (default: 65536).") \
	X(lift, int, true, "0", "What each turn adds, 0-65535 parts of 65536 of a sample's range (default: 0).") \
	X(seed, int, true, "0", "Which noise it is, 0-2147483647 (default: 0).")		\
	X(marks, bool, true, "N", "Whether periods and turns of the buffer begin with a mark (default: no).")

#include "../../lib/helpers/parameters.c"
