/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arrays of module parameters, which the kernel crate has none of.
 */
#ifndef RLOOP_HELPERS_PARAMETERS_H
#define RLOOP_HELPERS_PARAMETERS_H

#include <sound/core.h>

#define RLOOP_CARDS SNDRV_CARDS

/*
 * What holds of what was written for a card to the parameter whose name has so many letters, or NULL if nothing
 * does; -ENOENT if there is no such parameter.
 */
const char *rloop_parameter(const char *name, size_t length, unsigned int card);

#endif
