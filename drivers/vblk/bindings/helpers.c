// SPDX-License-Identifier: GPL-2.0-only
/*
 * C for what bindgen can't bind, and the module's parameters.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "devices.h"

#include "../../lib/helpers/block.c"
#include "../../lib/helpers/kernel.c"

/* As in model/params.rs. */
#define RLOOP_PARAMETERS(X)									\
	X(enable, bool, false, "N", "Whether to make /dev/vblk0 (default: yes).")		\
	X(disk_size_mb, ulong, false, "16", "Size of the disk in MiB, 1-524288 (default: 16).")	\
	X(block_size, ulong, false, "512", "Size of a block in bytes: 512, 1024, 2048 or 4096 (default: 512).") \
	X(read_only, bool, false, "N", "Whether the disk can only be read (default: no).")	\
	X(write_cache, bool, false, "N", "Whether writes are safe only after a flush (default: no).") \
	X(queues, ulong, false, "0", "Hardware queues, 0-64; 0, the default: one for each processor.")

#include "../../lib/helpers/parameters.c"
