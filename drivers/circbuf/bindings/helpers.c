// SPDX-License-Identifier: GPL-2.0-only
/*
 * C for what bindgen can't bind, and the module's parameters.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "devices.h"

#include "../../lib/helpers/chardev.c"
#include "../../lib/helpers/fifo.c"
#include "../../lib/helpers/kernel.c"

/* As in model/params.rs. */
#define RLOOP_PARAMETERS(X)									\
	X(enable, bool, false, "N", "Whether to make /dev/circbuf (default: yes).")		\
	X(buffer_size, ulong, false, "4096", "Size of the buffer in bytes, 1-1073741824 (default: 4096).") \
	X(atomic, bool, false, "N", "Whether writes of up to 4096 bytes are whole (default: no).")	\
	X(overwrite, bool, false, "N", "Whether a full buffer loses its oldest bytes (default: no).")

#include "../../lib/helpers/parameters.c"
