/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What bindgen makes crate::lib::bindings from.
 */
#include "../../lib/helpers/kernel.h"
