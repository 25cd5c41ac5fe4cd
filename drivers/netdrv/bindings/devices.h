/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How many pairs the module makes by itself.
 */
#define RLOOP_DEVICES 1
