// SPDX-License-Identifier: GPL-2.0-only
/*
 * What Rust can't say: inline functions, macros, and arrays of module parameters.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/configfs.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>
#include <sound/core.h>
#include <sound/info.h>
#include <sound/initval.h>
#include <sound/pcm.h>
#include <sound/pcm_params.h>
#include <sound/timer.h>

#include "helpers.h"

/*
 * The module's parameters. All are strings, so that src/pure/params.rs reads them all, tells a
 * value that was not written from one that was, and refuses a bad one with a message of one form.
 */
#define RLOOP_PARAMETERS(X)									\
	X(index, "Number of each card, -1 for the first that is free (default).")		\
	X(id, "Id of each card: 1-15 letters and digits (default: rloop).")			\
	X(enable, "Whether to make each card (default: the first only).")			\
	X(name, "Short and long name of each card (default: Virtual Loopback).")		\
	X(pcm_substreams, "PCM substreams of each card, 1-128 (default: 8).")			\
	X(clock, "timer: frames move in time (default); free: as soon as there is room.")	\
	X(pcm_notify, "Whether a player may change parameters under an open recorder (default: no).") \
	X(topology, "cable: device 0 to itself (default); crossed: device 0 to 1 and back; fanout: one playback to all captures.") \
	X(timer_source, "What the clocks go by: hrtimer (default), jiffies, or [hw:]CARD[.DEV[.SUBDEV]].") \
	X(formats, "Sample formats of each card, with spaces between (default: all).")		\
	X(rates, "Rates of each card, numbers or ranges with spaces between (default: 8000-768000).") \
	X(channels, "Channels of each card, numbers or ranges with spaces between (default: 1-128).")

#define RLOOP_PARAMETER(name, text)				\
	static char *name[RLOOP_CARDS];				\
	module_param_array(name, charp, NULL, 0444);		\
	MODULE_PARM_DESC(name, text);
RLOOP_PARAMETERS(RLOOP_PARAMETER)

#define RLOOP_ENTRY(name, text) { #name, name },
static const struct {
	const char *name;
	char **values;
} parameters[] = { RLOOP_PARAMETERS(RLOOP_ENTRY) };

const char *rloop_parameter(const char *name, unsigned int card)
{
	for (size_t i = 0; i < ARRAY_SIZE(parameters); i++)
		if (!strcmp(parameters[i].name, name))
			return card < RLOOP_CARDS ? parameters[i].values[card] : NULL;
	return ERR_PTR(-ENOENT);
}

void rloop_spin_lock_init(struct spinlock *lock)
{
	spin_lock_init(lock);
}

unsigned long rloop_spin_lock(struct spinlock *lock)
{
	unsigned long flags;

	spin_lock_irqsave(lock, flags);
	return flags;
}

void rloop_spin_unlock(struct spinlock *lock, unsigned long flags)
{
	spin_unlock_irqrestore(lock, flags);
}

void rloop_pcm_set_sync(struct snd_pcm_substream *substream)
{
	snd_pcm_set_sync(substream);
}

/* The substream after `now` in the group that `first` is linked into, or NULL. */
struct snd_pcm_substream *rloop_pcm_group_next(struct snd_pcm_substream *first,
					       struct snd_pcm_substream *now)
{
	struct list_head *next = now ? now->link_list.next : first->group->substreams.next;

	if (next == &first->group->substreams)
		return NULL;
	return list_entry(next, struct snd_pcm_substream, link_list);
}

/* Says that the position ALSA has is that of now. To be called with the stream locked. */
void rloop_pcm_time_of_position(struct snd_pcm_substream *substream)
{
	substream->runtime->hw_ptr_jiffies = jiffies;
}

/* Keeps whoever drains the stream from giving up. */
void rloop_pcm_keep_draining(struct snd_pcm_substream *substream)
{
	wake_up(&substream->runtime->sleep);
}

/*
 * Whether these parameters would hang ALSA: without period wake-ups it counts missed buffers in
 * jiffies, and if a buffer is shorter than one, it counts for ever (snd_pcm_update_hw_ptr0()).
 */
bool rloop_hw_params_hang(struct snd_pcm_hw_params *params)
{
	return (params->flags & SNDRV_PCM_HW_PARAMS_NO_PERIOD_WAKEUP) &&
	       (u64)params_buffer_size(params) * HZ < params_rate(params);
}

struct snd_interval *rloop_hw_param_interval(struct snd_pcm_hw_params *params, int var)
{
	return hw_param_interval(params, var);
}

struct snd_mask *rloop_hw_param_mask(struct snd_pcm_hw_params *params, int var)
{
	return hw_param_mask(params, var);
}

/* Whether a program has opened a file of the card. */
bool rloop_card_in_use(struct snd_card *card)
{
	guard(spinlock)(&card->files_lock);
	return !list_empty(&card->files_list);
}

/* Whether anybody but its driver still has a card that has been disconnected. */
bool rloop_card_held(struct snd_card *card)
{
	return kref_read(&card->card_dev.kobj.kref) > 1;
}

/* Makes a text file in the card's proc directory; -ENODEV without procfs. */
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

#if IS_ENABLED(CONFIG_CONFIGFS_FS)
/* What a subsystem has to be before it is registered. */
void rloop_configfs_init(struct configfs_subsystem *subsystem, const char *name,
			 const struct config_item_type *type)
{
	config_group_init_type_name(&subsystem->su_group, name, type);
	mutex_init(&subsystem->su_mutex);
}
#endif

/*
 * Makes a file in the card's proc directory that is read and written by operations of its own, so
 * that a bad value can be refused; -ENODEV without procfs.
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

/* Returns whether all of it could be copied. */
bool rloop_copy_to_user(char __user *to, const void *from, size_t size)
{
	return !copy_to_user(to, from, size);
}

/* Returns whether all of it could be copied. */
bool rloop_copy_from_user(void *to, const char __user *from, size_t size)
{
	return !copy_from_user(to, from, size);
}

/* The number of the card with this id, or -ENODEV. May sleep. */
int rloop_card_by_id(const char *id)
{
	int number;

	for (number = 0; number < SNDRV_CARDS; number++) {
		struct snd_card *card = snd_card_ref(number);
		bool found;

		if (!card)
			continue;
		found = !strcmp(card->id, id);
		snd_card_unref(card);
		if (found)
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
 * Where the stream is whose PCM timer has ticked; false if it is another timer. A PCM timer knows
 * its period only, rounded to nanoseconds, and ticks once when several have passed. The stream knows
 * how far it has come. To be called by a callback with SNDRV_TIMER_IFLG_FAST only: a PCM timer makes
 * these with the stream locked, and while it runs (snd_pcm_period_elapsed_under_stream_lock()).
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

void rloop_delayed_work_init(struct delayed_work *work, void (*function)(struct work_struct *))
{
	INIT_DELAYED_WORK(work, function);
}

/* Runs the work in about so many milliseconds, and not when it would have run before. */
void rloop_delayed_work_schedule(struct delayed_work *work, unsigned int ms)
{
	mod_delayed_work(system_percpu_wq, work, round_jiffies_relative(msecs_to_jiffies(ms)));
}

void rloop_debug(const void *arguments)
{
	pr_debug("%pA\n", arguments);
}
