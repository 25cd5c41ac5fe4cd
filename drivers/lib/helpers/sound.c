// SPDX-License-Identifier: GPL-2.0-only
/*
 * C for what bindgen can't bind of ALSA. A sound driver's helpers.c includes it.
 */
#include <linux/device.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <sound/core.h>
#include <sound/info.h>
#include <sound/pcm.h>
#include <sound/pcm_params.h>
#include <sound/timer.h>

#include "sound.h"

/* Sets the sync id of a stream that is being opened: its card's. Any context. */
void rloop_pcm_set_sync(struct snd_pcm_substream *substream)
{
	snd_pcm_set_sync(substream);
}

/* Whether the program wants to be woken after each period. Any context. */
bool rloop_pcm_wakeups(const struct snd_pcm_runtime *runtime)
{
	return !runtime->no_period_wakeup;
}

/* The substream after `now` in the group that `first` is in, or NULL. With the group locked. */
struct snd_pcm_substream *rloop_pcm_group_next(struct snd_pcm_substream *first,
					       struct snd_pcm_substream *now)
{
	struct list_head *next = now ? now->link_list.next : first->group->substreams.next;

	if (next == &first->group->substreams)
		return NULL;
	return list_entry(next, struct snd_pcm_substream, link_list);
}

/* Dates the position that ALSA has to now. With the stream locked. */
void rloop_pcm_time_of_position(struct snd_pcm_substream *substream)
{
	substream->runtime->hw_ptr_jiffies = jiffies;
}

/*
 * Takes a stream that was prepared back to SETUP: to prepare it anew has failed, after which ALSA
 * leaves it in the state it was in. A drain would then start it, not mind that the driver refuses,
 * and wait for ever. Takes the stream lock; interrupts must be on.
 */
void rloop_pcm_not_prepared(struct snd_pcm_substream *substream)
{
	snd_pcm_stream_lock_irq(substream);
	if (substream->runtime->state == SNDRV_PCM_STATE_PREPARED)
		__snd_pcm_set_state(substream->runtime, SNDRV_PCM_STATE_SETUP);
	snd_pcm_stream_unlock_irq(substream);
}

/* Wakes whoever drains the stream, if that is being done, who then waits anew instead of giving up. Any context. */
void rloop_pcm_keep_draining(struct snd_pcm_substream *substream)
{
	if (READ_ONCE(substream->runtime->state) == SNDRV_PCM_STATE_DRAINING)
		wake_up(&substream->runtime->sleep);
}

/* Prints a Rust fmt::Arguments about a substream of a card that is there, if dynamic debug is on. Any context. */
void rloop_pcm_debug(const struct snd_pcm_substream *substream, const void *arguments)
{
	pr_debug("hw:%d,%d,%d %s: %pA\n", substream->pcm->card->number, substream->pcm->device, substream->number,
		 substream->stream == SNDRV_PCM_STREAM_PLAYBACK ? "playback" : "capture", arguments);
}

/*
 * Whether these parameters would hang ALSA: without period wake-ups it counts missed buffers in
 * jiffies, and if a buffer is shorter than one, it counts for ever (snd_pcm_update_hw_ptr0()). Any
 * context.
 */
bool rloop_hw_params_hang(struct snd_pcm_hw_params *params)
{
	return (params->flags & SNDRV_PCM_HW_PARAMS_NO_PERIOD_WAKEUP) &&
	       (u64)params_buffer_size(params) * HZ < params_rate(params);
}

/* The interval of a parameter that is one. Any context. */
struct snd_interval *rloop_hw_param_interval(struct snd_pcm_hw_params *params, int var)
{
	return hw_param_interval(params, var);
}

/* The mask of a parameter that is one. Any context. */
struct snd_mask *rloop_hw_param_mask(struct snd_pcm_hw_params *params, int var)
{
	return hw_param_mask(params, var);
}

/*
 * Registers the card. Where a PCM device's playback half can be registered and its capture half
 * can't, snd_pcm_dev_register() leaves the former: it stays in the list of minors, holds the card,
 * and snd_card_free() waits for ever. As a device that has been registered it is disconnected
 * first, which takes both halves away. May sleep.
 */
int rloop_card_register(struct snd_card *card)
{
	struct snd_device *device;
	int error = snd_card_register(card);

	if (!error)
		return 0;
	list_for_each_entry(device, &card->devices, list)
		if (device->type == SNDRV_DEV_PCM && device->state == SNDRV_DEV_BUILD)
			device->state = SNDRV_DEV_REGISTERED;
	return error;
}

/* Held while a card is disconnected: of several who do so at once the others wait for the first. */
static DEFINE_MUTEX(disconnect_mutex);

/*
 * Disconnects a card, snd_card_disconnect(); may be called any number of times. Before that it
 * takes away the file `id` in sysfs, and waits for whoever is writing to it: ALSA first frees what
 * it has in /proc, and that is what writing an id uses (snd_info_card_disconnect(),
 * snd_info_card_id_change()). Sleeps.
 */
void rloop_card_disconnect(struct snd_card *card)
{
	static const struct device_attribute id = { .attr.name = "id" };

	guard(mutex)(&disconnect_mutex);
	if (card->registered)
		device_remove_file(&card->card_dev, &id);
	snd_card_disconnect(card);
}

/* Whether a program has opened a file of the card. Any context but interrupts. */
bool rloop_card_in_use(struct snd_card *card)
{
	guard(spinlock)(&card->files_lock);
	return !list_empty(&card->files_list);
}

/* Whether anybody but its driver still holds a card that has been disconnected. Any context. */
bool rloop_card_held(struct snd_card *card)
{
	return kref_read(&card->card_dev.kobj.kref) > 1;
}

/*
 * Copies the card's id, with a final 0. User space may be changing it: then each letter is that of
 * one moment or the other. Any context.
 */
void rloop_card_id(const struct snd_card *card, char *id)
{
	size_t i;

	for (i = 0; i < sizeof(card->id) - 1; i++)
		id[i] = READ_ONCE(card->id[i]);
	id[i] = 0;
}

/* Makes a text file in the card's proc directory; -ENODEV without procfs. May sleep. */
int rloop_card_proc_new(struct snd_card *card, const char *name, void *private_data,
			void (*read)(struct snd_info_entry *, struct snd_info_buffer *))
{
#if IS_ENABLED(CONFIG_SND_PROC_FS)
	struct snd_info_entry *entry = snd_info_create_card_entry(card, name, card->proc_root);

	if (!entry)
		return -ENOMEM;
	snd_info_set_text_ops(entry, private_data, read);
	return 0;
#else
	return -ENODEV;
#endif
}

/*
 * Makes a file in the card's proc directory that is read and written by operations of its own, so
 * that a bad value can be refused; -ENODEV without procfs. May sleep.
 */
int rloop_card_proc_data(struct snd_card *card, const char *name, void *private_data,
			 const struct snd_info_entry_ops *ops, unsigned int size)
{
#if IS_ENABLED(CONFIG_SND_PROC_FS)
	struct snd_info_entry *entry = snd_info_create_card_entry(card, name, card->proc_root);

	if (!entry)
		return -ENOMEM;
	entry->content = SNDRV_INFO_CONTENT_DATA;
	entry->private_data = private_data;
	entry->mode |= 0200;
	entry->size = size;
	entry->c.ops = ops;
	return 0;
#else
	return -ENODEV;
#endif
}

/* The number of the card with this id, or -ENODEV. May sleep. */
int rloop_card_by_id(const char *id)
{
	int number;

	for (number = 0; number < SNDRV_CARDS; number++) {
		struct snd_card *card = snd_card_ref(number);
		char its[sizeof(card->id)];

		if (!card)
			continue;
		rloop_card_id(card, its);
		snd_card_unref(card);
		if (!strcmp(its, id))
			return number;
	}
	return -ENODEV;
}

/* Whether there is a card with this number. May sleep. */
bool rloop_card_is_there(unsigned int number)
{
	struct snd_card *card = number < SNDRV_CARDS ? snd_card_ref(number) : NULL;

	if (card)
		snd_card_unref(card);
	return card;
}

/*
 * The position of the stream whose PCM timer has ticked; false if it is another timer. A PCM timer
 * knows its period only, rounded to nanoseconds, and ticks once when several have passed. The
 * stream knows how far it has come. To be called by a callback with SNDRV_TIMER_IFLG_FAST only: a
 * PCM timer makes these with the stream locked, and while it runs
 * (snd_pcm_period_elapsed_under_stream_lock()).
 */
bool rloop_timer_stream(const struct snd_timer_instance *instance, u64 *position, u64 *boundary,
			unsigned int *rate)
{
	const struct snd_timer *timer = instance->timer;
	const struct snd_pcm_substream *substream;
	const struct snd_pcm_runtime *runtime;

	if (!timer || timer->tmr_class != SNDRV_TIMER_CLASS_PCM)
		return false;
	substream = snd_timer_chip(timer);
	runtime = substream->runtime;
	*position = runtime->status->hw_ptr;
	*boundary = runtime->boundary;
	*rate = runtime->rate;
	return true;
}

