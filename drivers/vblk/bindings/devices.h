/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How many disks the module makes by itself.
 */
#define RLOOP_DEVICES 1
