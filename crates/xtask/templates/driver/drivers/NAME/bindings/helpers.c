// SPDX-License-Identifier: GPL-2.0-only
/*
 * C for what bindgen can't bind.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "../../lib/helpers/kernel.c"
