/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What Rust can't say: inline functions, macros, and arrays of module parameters.
 */
#ifndef RLOOP_HELPERS_H
#define RLOOP_HELPERS_H

#include <linux/types.h>

struct config_item_type;
struct configfs_subsystem;
struct delayed_work;
struct snd_card;
struct snd_info_buffer;
struct snd_info_entry;
struct snd_info_entry_ops;
struct snd_interval;
struct snd_mask;
struct snd_pcm_hw_params;
struct snd_pcm_runtime;
struct snd_pcm_substream;
struct snd_timer_instance;
struct spinlock;
struct work_struct;

#define RLOOP_CARDS SNDRV_CARDS

/*
 * What holds of what was written for a card to the parameter whose name has so many letters, or NULL if nothing
 * does; -ENOENT if there is no such parameter.
 */
const char *rloop_parameter(const char *name, size_t length, unsigned int card);

void rloop_spin_lock_init(struct spinlock *lock);
unsigned long rloop_spin_lock(struct spinlock *lock);
void rloop_spin_unlock(struct spinlock *lock, unsigned long flags);

bool rloop_pcm_wakeups(const struct snd_pcm_runtime *runtime);
void rloop_pcm_set_sync(struct snd_pcm_substream *substream);
struct snd_pcm_substream *rloop_pcm_group_next(struct snd_pcm_substream *first,
					       struct snd_pcm_substream *now);
void rloop_pcm_time_of_position(struct snd_pcm_substream *substream);
/* What our timers have spent of a processor's time: src/pure/pace.rs. */
struct rloop_pace {
	u64 settled;
	u64 closed;
	u64 last;
	u64 cost;
};

struct rloop_pace rloop_pace(void);
void rloop_set_pace(struct rloop_pace pace);
bool rloop_in_interrupt(void);
void rloop_pcm_not_prepared(struct snd_pcm_substream *substream);
void rloop_pcm_keep_draining(struct snd_pcm_substream *substream);
bool rloop_hw_params_hang(struct snd_pcm_hw_params *params);
struct snd_interval *rloop_hw_param_interval(struct snd_pcm_hw_params *params, int var);
struct snd_mask *rloop_hw_param_mask(struct snd_pcm_hw_params *params, int var);

int rloop_card_register(struct snd_card *card);
bool rloop_card_in_use(struct snd_card *card);
bool rloop_card_held(struct snd_card *card);
void rloop_card_id(const struct snd_card *card, char *id);
void rloop_card_disconnect(struct snd_card *card);
int rloop_card_proc_new(struct snd_card *card, const char *name, void *private_data,
			void (*read)(struct snd_info_entry *, struct snd_info_buffer *));

void rloop_configfs_init(struct configfs_subsystem *subsystem, const char *name,
			 const struct config_item_type *type);

int rloop_card_proc_data(struct snd_card *card, const char *name, void *private_data,
			 const struct snd_info_entry_ops *ops, unsigned int size);
bool rloop_copy_to_user(char __user *to, const void *from, size_t size);
bool rloop_copy_from_user(void *to, const char __user *from, size_t size);

int rloop_card_by_id(const char *id);
bool rloop_card_is_there(unsigned int number);

bool rloop_timer_stream(const struct snd_timer_instance *instance, u64 *position, u64 *boundary,
			unsigned int *rate);

void rloop_delayed_work_init(struct delayed_work *work, void (*function)(struct work_struct *));
void rloop_delayed_work_schedule(struct delayed_work *work, unsigned int ms);

/* A message for dynamic debug; the text is a Rust `fmt::Arguments`. */
void rloop_debug(const void *arguments);

#endif
