// SPDX-License-Identifier: GPL-2.0-only
/*
 * C for what bindgen can't bind, and the module's parameters.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "devices.h"

#include "../../lib/helpers/kernel.c"
#include "../../lib/helpers/net.c"

/* As in model/params.rs. */
#define RLOOP_PARAMETERS(X)									\
	X(enable, bool, false, "N", "Whether to make vnet0 and vnet1 (default: yes).")		\
	X(ring_size, uint, false, "256", "Frames that a ring has room for, a power of two, 1-256 (default: 256).")

#include "../../lib/helpers/parameters.c"
