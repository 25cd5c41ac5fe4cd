/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What bindgen makes crate::lib::bindings from.
 */
/* Parameters hold for all devices. */
#define RLOOP_DEVICES 1

#include "../../lib/helpers/chardev.h"
#include "../../lib/helpers/kernel.h"
#include "../../lib/helpers/parameters.h"
#include "../../lib/helpers/pci.h"
