// SPDX-License-Identifier: GPL-2.0-only
/*
 * What Rust can't say: inline functions, macros, and arrays of module parameters.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/configfs.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kstrtox.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/sysfs.h>
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
 * The module's parameters, a value for each card. All are strings, so that src/pure/params.rs reads them all,
 * tells a value that was not written from one that was, and refuses a bad one with a message of one form.
 *
 * X(name, type, kept, standard, text): the type that users are told; whether a value holds for the cards after
 * it, too, until there is another; what holds where nothing was written. Those that snd-aloop has are not kept,
 * so that a line written for it means the same; but for ids, which ALSA makes as it does there.
 */
#define RLOOP_PARAMETERS(X)									\
	X(index, int, false, "-1", "Number of each card, -1 for the first that is free (default), -2 for any but 0.") \
	X(id, charp, true, "rloop", "Id of each card, of which ALSA keeps letters and digits (default: rloop).") \
	X(enable, bool, false, "N", "Whether to make each card (default: the first only).")	\
	X(name, charp, true, "Virtual Loopback", "Short and long name of each card (default: Virtual Loopback).") \
	X(pcm_substreams, int, false, "8", "PCM substreams of each card, 1-128 (default: 8).")	\
	X(clock, charp, true, "timer", "timer: frames move in time (default); free: as soon as there is room.") \
	X(pcm_notify, int, false, "0", "Whether a player may change parameters under an open recorder (default: no).") \
	X(topology, charp, true, "cable", "cable: device 0 to itself (default); crossed: device 0 to 1 and back; fanout: one playback to all captures.") \
	X(timer_source, charp, false, "hrtimer", "What the clocks go by: hrtimer (default), jiffies, or [hw:]CARD[.DEV[.SUBDEV]].") \
	X(formats, charp, true, "all", "Sample formats of each card, with spaces between (default: all).") \
	X(rates, charp, true, "8000-768000", "Rates of each card, numbers or ranges with spaces between (default: 8000-768000).") \
	X(channels, charp, true, "1-128", "Channels of each card, numbers or ranges with spaces between (default: 1-128).") \
	X(bandwidth, int, true, "2000", "MB/s that all streams of each card may ask for together (default: 2000).")

struct rloop_values {
	const char *name;
	int (*show)(char *page, int at, const char *value);
	bool kept;
	const char *standard;
	char *written[RLOOP_CARDS];
};

/* These add a value to what is shown of a parameter, and return how many bytes that took. */
static int show_charp(char *page, int at, const char *value)
{
	return sysfs_emit_at(page, at, "%s", value);
}

static int show_int(char *page, int at, const char *value)
{
	int number;

	return kstrtoint(value, 0, &number) ? show_charp(page, at, value) : sysfs_emit_at(page, at, "%d", number);
}

static int show_bool(char *page, int at, const char *value)
{
	bool yes;

	return show_charp(page, at, kstrtobool(value, &yes) ? value : yes ? "Y" : "N");
}

#define RLOOP_VALUES(_name, type, _kept, _standard, text)					\
	static struct rloop_values values_##_name = {						\
		.name = #_name, .show = show_##type, .kept = _kept, .standard = _standard,	\
	};
RLOOP_PARAMETERS(RLOOP_VALUES)

#define RLOOP_ENTRY(name, ...) &values_##name,
static const struct rloop_values *const rloop_values[] = { RLOOP_PARAMETERS(RLOOP_ENTRY) };

static const char *rloop_written(const struct rloop_values *values, unsigned int card)
{
	while (values->kept && card && !values->written[card])
		card--;
	return values->written[card];
}

const char *rloop_parameter(const char *name, size_t length, unsigned int card)
{
	for (size_t i = 0; i < ARRAY_SIZE(rloop_values); i++)
		if (strlen(rloop_values[i]->name) == length && !memcmp(rloop_values[i]->name, name, length))
			return card < RLOOP_CARDS ? rloop_written(rloop_values[i], card) : NULL;
	return ERR_PTR(-ENOENT);
}

static int rloop_values_set(const char *text, const struct kernel_param *parameter)
{
	return param_array_ops.set(text, parameter);
}

/*
 * Shows what holds for each card, numbers and switches as snd-aloop does, and as much of it as a page has room
 * for: the core's own function would write beyond it.
 */
static int rloop_values_get(char *page, const struct kernel_param *parameter)
{
	const struct rloop_values *values = parameter->arr->elem - offsetof(struct rloop_values, written);
	int at = 0;

	for (unsigned int card = 0; card < RLOOP_CARDS; card++) {
		const char *value = rloop_written(values, card);

		if (!value)
			value = values == &values_enable && card == 0 ? "Y" : values->standard;
		at += values->show(page, at, value);
		at += sysfs_emit_at(page, at, card + 1 < RLOOP_CARDS ? "," : "\n");
	}
	return at;
}

static void rloop_values_free(void *array)
{
	param_array_ops.free(array);
}

static const struct kernel_param_ops rloop_values_ops = {
	.set = rloop_values_set,
	.get = rloop_values_get,
	.free = rloop_values_free,
};

#define RLOOP_PARAMETER(name, type, kept, standard, text)					\
	static const struct kparam_array array_##name = {					\
		.max = RLOOP_CARDS,								\
		.elemsize = sizeof(char *),							\
		.ops = &param_ops_charp,							\
		.elem = values_##name.written,							\
	};											\
	__module_param_call(MODULE_PARAM_PREFIX, name, &rloop_values_ops,			\
			    .arr = &array_##name, 0444, -1, 0);				\
	__MODULE_PARM_TYPE(name, "array of " #type);						\
	MODULE_PARM_DESC(name, text);
RLOOP_PARAMETERS(RLOOP_PARAMETER)

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

/* Whether the program wants to be woken after each period. */
bool rloop_pcm_wakeups(const struct snd_pcm_runtime *runtime)
{
	return !runtime->no_period_wakeup;
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

static DEFINE_PER_CPU(struct rloop_pace, timers_pace);

/* This processor's account. To be called by a timer's callback, as is the next. */
struct rloop_pace rloop_pace(void)
{
	return *this_cpu_ptr(&timers_pace);
}

void rloop_set_pace(struct rloop_pace pace)
{
	*this_cpu_ptr(&timers_pace) = pace;
}

bool rloop_in_interrupt(void)
{
	return in_hardirq() || in_serving_softirq();
}

/*
 * Says of a stream that was prepared that it no longer is: to prepare it anew has failed, after which ALSA leaves it
 * in the state it was in. A drain would then start it, not mind that the driver refuses, and wait for ever.
 */
void rloop_pcm_not_prepared(struct snd_pcm_substream *substream)
{
	snd_pcm_stream_lock_irq(substream);
	if (substream->runtime->state == SNDRV_PCM_STATE_PREPARED)
		__snd_pcm_set_state(substream->runtime, SNDRV_PCM_STATE_SETUP);
	snd_pcm_stream_unlock_irq(substream);
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

/*
 * Registers the card. Where a PCM device's playback half can be registered and its capture half can't,
 * snd_pcm_dev_register() leaves the former: it stays in the list of minors, holds the card, and snd_card_free()
 * waits for ever. As a device that has been registered it is disconnected first, which takes both halves away.
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

/*
 * Copies the card's id, with a final 0. User space may be changing it: then each letter is that of one moment or
 * the other.
 */
void rloop_card_id(const struct snd_card *card, char *id)
{
	size_t i;

	for (i = 0; i < sizeof(card->id) - 1; i++)
		id[i] = READ_ONCE(card->id[i]);
	id[i] = 0;
}

/* Of several who disconnect a card at once the others wait for the first. */
static DEFINE_MUTEX(disconnect_mutex);

/*
 * As snd_card_disconnect(), which may be called any number of times. Before that it takes away the
 * file `id` in sysfs, and waits for whoever is writing to it: ALSA first frees what it has in /proc,
 * and that is what writing an id uses (snd_info_card_disconnect(), snd_info_card_id_change()).
 */
void rloop_card_disconnect(struct snd_card *card)
{
	static const struct device_attribute id = { .attr.name = "id" };

	guard(mutex)(&disconnect_mutex);
	if (card->registered)
		device_remove_file(&card->card_dev, &id);
	snd_card_disconnect(card);
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

/*
 * Runs the work in about so many milliseconds, 0 for as soon as possible, and not when it would have run before.
 * It may wait for a module to be loaded, and runs on a queue where that hinders nobody.
 */
void rloop_delayed_work_schedule(struct delayed_work *work, unsigned int ms)
{
	mod_delayed_work(system_long_wq, work, ms ? round_jiffies_relative(msecs_to_jiffies(ms)) : 0);
}

void rloop_debug(const void *arguments)
{
	pr_debug("%pA\n", arguments);
}
