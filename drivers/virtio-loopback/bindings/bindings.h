/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What bindgen makes crate::lib::bindings from.
 */
#include "devices.h"

#include "../../lib/helpers/chardev.h"
#include "../../lib/helpers/kernel.h"
#include "../../lib/helpers/parameters.h"
#include "../../lib/helpers/virtio.h"
