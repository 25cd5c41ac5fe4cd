// SPDX-License-Identifier: GPL-2.0-only
/*
 * C for what bindgen can't bind, and the module's parameters.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
/* As in bindings.h. */
#define RLOOP_DEVICES 1

#include "../../lib/helpers/chardev.c"
#include "../../lib/helpers/kernel.c"
#include "../../lib/helpers/pci.c"

/* As in model/params.rs. */
#define RLOOP_PARAMETERS(X)									\
	X(dma_bits, int, false, "28", "Bits of the addresses that the device reaches memory at, 24-64 (default: 28).")

#include "../../lib/helpers/parameters.c"
