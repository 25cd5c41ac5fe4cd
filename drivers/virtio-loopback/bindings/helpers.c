// SPDX-License-Identifier: GPL-2.0-only
/*
 * C for what bindgen can't bind, and the module's parameters.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "devices.h"

#include "../../lib/helpers/chardev.c"
#include "../../lib/helpers/kernel.c"
#include "../../lib/helpers/virtio.c"

/* As in model/params.rs. */
#define RLOOP_PARAMETERS(X)									\
	X(devices, int, false, "2", "How many nodes /dev/loopback-N there are, 1-16 (default: 2).") \
	X(untested, bool, false, "N", "Whether kinds of devices are allowed that have not been tried (default: no).")

#include "../../lib/helpers/parameters.c"
