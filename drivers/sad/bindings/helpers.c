// SPDX-License-Identifier: GPL-2.0-only
/*
 * C for what bindgen can't bind, and the module's parameters.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "../../lib/helpers/chardev.c"
#include "../../lib/helpers/kernel.c"
#include "../../lib/helpers/parport.c"
#include "../../lib/helpers/sound.c"

/* As in model/params.rs. */
#define RLOOP_PARAMETERS(X)									\
	X(index, int, false, "-1", "Number of each card, -1 for the first that is free (default), -2 for any but 0.") \
	X(id, charp, true, "sad", "Id of each card, of which ALSA keeps letters and digits (default: sad).") \
	X(enable, bool, false, "N", "Whether to make each device (default: the first only).")	\
	X(name, charp, true, "Simple Audio Device", "Short and long name of each card, 1-31 bytes.")	\
	X(rate, int, true, "8000", "Samples per second, 8000-192000 (default: 8000).")		\
	X(format, charp, true, "mulaw", "What is written: mulaw (default), alaw, or a sample format of up to 32 bits such as U8 or S16_LE.") \
	X(buffer, int, true, "8192", "Samples that can wait, 8192-1048576 (default: 8192).")	\
	X(parport, int, false, "-1", "Number of the parallel port that samples leave by as well, -1 for none (default).") \
	X(strobe, bool, true, "Y", "Whether the parallel port's strobe line tells of each sample (default: yes).")

#include "../../lib/helpers/parameters.c"
