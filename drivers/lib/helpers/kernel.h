/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * C for what bindgen can't bind of the kernel's core: inline functions and macros.
 */
#ifndef RLOOP_HELPERS_KERNEL_H
#define RLOOP_HELPERS_KERNEL_H

#include <linux/configfs.h>
#include <linux/device.h>
#include <linux/hrtimer.h>
#include <linux/platform_device.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct module;

void rloop_spin_lock_init(struct spinlock *lock);
unsigned long rloop_spin_lock(struct spinlock *lock);
void rloop_spin_unlock(struct spinlock *lock, unsigned long flags);

/* What our timers have spent of a processor's time, in ns: model/pace.rs. */
struct rloop_pace {
	u64 settled;
	u64 closed;
	u64 last;
	u64 cost;
};

struct rloop_pace rloop_pace(void);
void rloop_set_pace(struct rloop_pace pace);
bool rloop_hrtimer_restart(struct hrtimer *timer, ktime_t when, u64 slack);
bool rloop_in_interrupt(void);

bool rloop_module_is_coming(const struct module *module);
void rloop_module_wait(struct module *module);

void rloop_configfs_init(struct configfs_subsystem *subsystem, const char *name,
			 const struct config_item_type *type);

void rloop_copy(void *to, const void *from, size_t size);
bool rloop_copy_to_user(char __user *to, const void *from, size_t size);
bool rloop_copy_from_user(void *to, const char __user *from, size_t size);

void rloop_delayed_work_init(struct delayed_work *work, void (*function)(struct work_struct *));
void rloop_delayed_work_schedule(struct delayed_work *work, unsigned int ms);

/* A message for dynamic debug; the text is a Rust `fmt::Arguments`. */
void rloop_debug(const void *arguments);

/* Constants that bindgen does not see, since they are casts or no literals. */
enum rloop_kernel_constant {
	RLOOP_HZ = HZ,
};

#endif
