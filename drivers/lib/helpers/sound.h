/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * C for what bindgen can't bind of ALSA: inline functions and macros.
 */
#ifndef RLOOP_HELPERS_SOUND_H
#define RLOOP_HELPERS_SOUND_H

#include <linux/types.h>
#include <sound/core.h>
#include <sound/control.h>
#include <sound/info.h>
#include <sound/initval.h>
#include <sound/pcm.h>
#include <sound/pcm_params.h>
#include <sound/timer.h>
#include <sound/tlv.h>

bool rloop_pcm_wakeups(const struct snd_pcm_runtime *runtime);
void rloop_pcm_set_sync(struct snd_pcm_substream *substream);
struct snd_pcm_substream *rloop_pcm_group_next(struct snd_pcm_substream *first,
					       struct snd_pcm_substream *now);
void rloop_pcm_time_of_position(struct snd_pcm_substream *substream);
void rloop_pcm_not_prepared(struct snd_pcm_substream *substream);
void rloop_pcm_keep_draining(struct snd_pcm_substream *substream);
void rloop_pcm_debug(const struct snd_pcm_substream *substream, const void *arguments);
bool rloop_hw_params_hang(struct snd_pcm_hw_params *params);
struct snd_interval *rloop_hw_param_interval(struct snd_pcm_hw_params *params, int var);
struct snd_mask *rloop_hw_param_mask(struct snd_pcm_hw_params *params, int var);

int rloop_card_register(struct snd_card *card);
void rloop_card_disconnect(struct snd_card *card);
bool rloop_card_in_use(struct snd_card *card);
bool rloop_card_held(struct snd_card *card);
void rloop_card_id(const struct snd_card *card, char *id);
int rloop_card_proc_new(struct snd_card *card, const char *name, void *private_data,
			void (*read)(struct snd_info_entry *, struct snd_info_buffer *));

int rloop_card_proc_data(struct snd_card *card, const char *name, void *private_data,
			 const struct snd_info_entry_ops *ops, unsigned int size);
int rloop_card_by_id(const char *id);
bool rloop_card_is_there(unsigned int number);

bool rloop_timer_stream(const struct snd_timer_instance *instance, u64 *position, u64 *boundary,
			unsigned int *rate);

/* Constants that bindgen does not see, since they are casts. */
enum rloop_constant {
	RLOOP_CTL_IFACE_MIXER = (__force int)SNDRV_CTL_ELEM_IFACE_MIXER,
	RLOOP_CTL_IFACE_PCM = (__force int)SNDRV_CTL_ELEM_IFACE_PCM,
	RLOOP_CTL_TYPE_BOOLEAN = (__force int)SNDRV_CTL_ELEM_TYPE_BOOLEAN,
	RLOOP_CTL_TYPE_ENUMERATED = (__force int)SNDRV_CTL_ELEM_TYPE_ENUMERATED,
	RLOOP_CTL_TYPE_INTEGER = (__force int)SNDRV_CTL_ELEM_TYPE_INTEGER,
	RLOOP_PCM_STATE_RUNNING = (__force int)SNDRV_PCM_STATE_RUNNING,
	RLOOP_PCM_STATE_DRAINING = (__force int)SNDRV_PCM_STATE_DRAINING,
};

#endif
