// SPDX-License-Identifier: GPL-2.0-only
/*
 * C for what bindgen can't bind (inline functions, macros), and the module's parameters.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "../../lib/helpers/kernel.c"
#include "../../lib/helpers/sound.c"

/*
 * As in model/params.rs. Those that snd-aloop has are not kept for the cards that follow, so that a
 * line written for it means the same; but for ids, which ALSA makes as it does there.
 */
#define RLOOP_PARAMETERS(X)									\
	X(index, int, false, "-1", "Number of each card, -1 for the first that is free (default), -2 for any but 0.") \
	X(id, charp, true, "rloop", "Id of each card, of which ALSA keeps letters and digits (default: rloop).") \
	X(enable, bool, false, "N", "Whether to make each card (default: the first only).")	\
	X(name, charp, true, "Virtual Loopback", "Short and long name of each card, 1-31 bytes (default: Virtual Loopback).") \
	X(pcm_substreams, int, false, "8", "PCM substreams of each card, 1-128 (default: 8).")	\
	X(clock, charp, true, "timer", "timer: frames move in time (default); free: as soon as there is room.") \
	X(pcm_notify, int, false, "0", "Whether a player may change parameters under an open recorder, 1 or 0 (default: 0).") \
	X(topology, charp, true, "cable", "cable: device 0 to itself (default); crossed: device 0 to 1 and back; fanout: one playback to all captures.") \
	X(timer_source, charp, false, "hrtimer", "What the clocks go by: hrtimer (default), jiffies, or [hw:]CARD[.DEV[.SUBDEV]].") \
	X(wakeup_slack, int, true, "0", "Microseconds by which wake-ups of each card may be late, 0-50000 (default: 0).") \
	X(formats, charp, true, "all", "Sample formats of each card, with spaces between (default: all).") \
	X(rates, charp, true, "8000-768000", "Rates of each card, numbers or ranges with spaces between (default: 8000-768000).") \
	X(channels, charp, true, "1-128", "Channels of each card, numbers or ranges with spaces between (default: 1-128).") \
	X(bandwidth, int, true, "2000", "MB/s that all streams of each card may ask for together, 1-1000000 (default: 2000).")

#include "../../lib/helpers/parameters.c"
