/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arrays of module parameters, which the kernel crate has none of: a value for each device that the module makes by
 * itself. Those are cards, unless the driver has said how many there are.
 */
#ifndef RLOOP_HELPERS_PARAMETERS_H
#define RLOOP_HELPERS_PARAMETERS_H

#include <linux/types.h>

#ifndef RLOOP_DEVICES
#include <sound/core.h>

#define RLOOP_DEVICES SNDRV_CARDS
#endif

/*
 * The value that holds for a device of the parameter whose name has so many letters, NULL if none was
 * written; -ENOENT if there is no such parameter. Any context.
 */
const char *rloop_parameter(const char *name, size_t length, unsigned int device);

#endif
