// SPDX-License-Identifier: GPL-2.0-only
/*
 * C for what bindgen can't bind of the kernel's core. A driver's helpers.c includes it.
 */
#include <linux/configfs.h>
#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "kernel.h"

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

#if IS_ENABLED(CONFIG_CONFIGFS_FS)
/* What a subsystem has to be before it is registered. */
void rloop_configfs_init(struct configfs_subsystem *subsystem, const char *name,
			 const struct config_item_type *type)
{
	config_group_init_type_name(&subsystem->su_group, name, type);
	mutex_init(&subsystem->su_mutex);
}
#endif

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
