/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arrays of module parameters, which the kernel crate has none of.
 */
#ifndef RLOOP_HELPERS_PARAMETERS_H
#define RLOOP_HELPERS_PARAMETERS_H

#include <sound/core.h>

#define RLOOP_CARDS SNDRV_CARDS

/*
 * The value that holds for a card of the parameter whose name has so many letters, NULL if none was
 * written; -ENOENT if there is no such parameter. Any context.
 */
const char *rloop_parameter(const char *name, size_t length, unsigned int card);

#endif
