/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What bindgen makes src/alsa's bindings from.
 */
#include <linux/configfs.h>
#include <linux/device.h>
#include <linux/hrtimer.h>
#include <linux/platform_device.h>
#include <linux/workqueue.h>
#include <sound/core.h>
#include <sound/control.h>
#include <sound/info.h>
#include <sound/initval.h>
#include <sound/pcm.h>
#include <sound/pcm_params.h>
#include <sound/timer.h>
#include <sound/tlv.h>

#include "helpers.h"

/* bindgen does not see constants that are casts. */
enum rloop_constant {
	RLOOP_CTL_IFACE_MIXER = (__force int)SNDRV_CTL_ELEM_IFACE_MIXER,
	RLOOP_CTL_IFACE_PCM = (__force int)SNDRV_CTL_ELEM_IFACE_PCM,
	RLOOP_CTL_TYPE_BOOLEAN = (__force int)SNDRV_CTL_ELEM_TYPE_BOOLEAN,
	RLOOP_CTL_TYPE_INTEGER = (__force int)SNDRV_CTL_ELEM_TYPE_INTEGER,
	RLOOP_PCM_STATE_RUNNING = (__force int)SNDRV_PCM_STATE_RUNNING,
	RLOOP_HZ = HZ,
	RLOOP_PCM_STATE_DRAINING = (__force int)SNDRV_PCM_STATE_DRAINING,
};
