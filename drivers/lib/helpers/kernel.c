// SPDX-License-Identifier: GPL-2.0-only
/*
 * C for what bindgen can't bind of the kernel's core: inline functions and macros. A driver's
 * helpers.c includes it.
 */
#include <linux/configfs.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "kernel.h"
#include "division.c"

/* That of every driver, which `module!` has no word for. DKMS puts a later one in an earlier one's place. */
MODULE_VERSION("0.1.0");

/* Initialises a lock. All of them are of one lockdep class. */
void rloop_spin_lock_init(struct spinlock *lock)
{
	spin_lock_init(lock);
}

/* Takes a lock and turns interrupts off; returns their state before. Any context. */
unsigned long rloop_spin_lock(struct spinlock *lock)
{
	unsigned long flags;

	spin_lock_irqsave(lock, flags);
	return flags;
}

/* Releases a lock and restores the state that rloop_spin_lock() returned. */
void rloop_spin_unlock(struct spinlock *lock, unsigned long flags)
{
	spin_unlock_irqrestore(lock, flags);
}

static DEFINE_PER_CPU(struct rloop_pace, timers_pace);

/* This processor's account of time. To be called by a timer's callback, which stays on it. */
struct rloop_pace rloop_pace(void)
{
	return *this_cpu_ptr(&timers_pace);
}

/* Sets this processor's account of time. To be called by a timer's callback. */
void rloop_set_pace(struct rloop_pace pace)
{
	*this_cpu_ptr(&timers_pace) = pace;
}

/*
 * Arms a timer from its callback for a time or up to so many ns later. Returns whether the callback has to return
 * HRTIMER_RESTART for that, which spares looking for the timer's base. To be called with a lock held that all who
 * arm the timer hold, so that nobody does meanwhile.
 */
bool rloop_hrtimer_restart(struct hrtimer *timer, ktime_t when, u64 slack)
{
	/* By somebody who has come between the expiry and this. */
	if (hrtimer_is_queued(timer)) {
		hrtimer_start_range_ns(timer, when, slack, HRTIMER_MODE_ABS);
		return false;
	}
	hrtimer_set_expires_range_ns(timer, when, slack);
	return true;
}

/* Whether this is an interrupt or a softirq. Any context. */
bool rloop_in_interrupt(void)
{
	return in_hardirq() || in_serving_softirq();
}

/* Whether a module is still being loaded: then it may have to go at once, whoever uses it. Any context. */
bool rloop_module_is_coming(const struct module *module)
{
	return READ_ONCE(module->state) == MODULE_STATE_COMING;
}

/* Waits until nobody uses a module but who loads it. May sleep. */
void rloop_module_wait(struct module *module)
{
#ifdef CONFIG_MODULE_UNLOAD
	while (module_refcount(module) > 1)
		msleep(10);
#endif
}

#if IS_ENABLED(CONFIG_CONFIGFS_FS)
/* Initialises a subsystem, which is registered after that. May sleep. */
void rloop_configfs_init(struct configfs_subsystem *subsystem, const char *name,
			 const struct config_item_type *type)
{
	config_group_init_type_name(&subsystem->su_group, name, type);
	mutex_init(&subsystem->su_mutex);
}
#endif

/*
 * Copies memory that a program or a device may change meanwhile; the two must not overlap. For as many bytes as a page
 * has, C's compiler has instructions that on x86_64 are faster than a call, where the processor has no FSRM. Any context.
 */
void rloop_copy(void *to, const void *from, size_t size)
{
	if (size == SZ_4K)
		memcpy(to, from, SZ_4K);
	else
		memcpy(to, from, size);
}

/* Copies to user space; returns whether all of it could be copied. May sleep. */
bool rloop_copy_to_user(char __user *to, const void *from, size_t size)
{
	return !copy_to_user(to, from, size);
}

/* Copies from user space; returns whether all of it could be copied. May sleep. */
bool rloop_copy_from_user(void *to, const char __user *from, size_t size)
{
	return !copy_from_user(to, from, size);
}

/* Initialises a work item. Any context. */
void rloop_delayed_work_init(struct delayed_work *work, void (*function)(struct work_struct *))
{
	INIT_DELAYED_WORK(work, function);
}

/*
 * Schedules the work in about ms milliseconds (0: as soon as possible), replacing a pending run.
 * The work may wait for a module to be loaded, and runs on a queue where that hinders nobody. Any
 * context.
 */
void rloop_delayed_work_schedule(struct delayed_work *work, unsigned int ms)
{
	mod_delayed_work(system_long_wq, work, ms ? round_jiffies_relative(msecs_to_jiffies(ms)) : 0);
}

/* Prints a Rust fmt::Arguments, if dynamic debug is on. Any context. */
void rloop_debug(const void *arguments)
{
	pr_debug("%pA\n", arguments);
}
