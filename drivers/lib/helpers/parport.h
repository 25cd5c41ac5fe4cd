/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * C for what bindgen can't bind of parallel ports.
 */
#ifndef RLOOP_HELPERS_PARPORT_H
#define RLOOP_HELPERS_PARPORT_H

#include <linux/types.h>

struct pardevice;

struct pardevice *rloop_parport_claim(unsigned int number, const char *name);
void rloop_parport_release(struct pardevice *device);
void rloop_parport_put(struct pardevice *device, u8 byte, bool strobe);

#endif
