/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How many values each parameter has: they are the module's, not a device's.
 */
#define RLOOP_DEVICES 1
