// SPDX-License-Identifier: GPL-2.0-only
/*
 * C for what bindgen can't bind of character devices. A driver's helpers.c includes it if the driver has some.
 */
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>

#include "chardev.h"

void rloop_queue_init(struct wait_queue_head *queue)
{
	init_waitqueue_head(queue);
}

/* Wakes all, those that poll among them. Any context. */
void rloop_queue_wake(struct wait_queue_head *queue)
{
	wake_up_all(queue);
}

/*
 * Wakes one of those that sleep exclusively until a signal, and all that poll for one of the events; the caller is about
 * to sleep itself, or to end. To be called after that has changed which is waited for. Any context.
 */
void rloop_queue_wake_one(struct wait_queue_head *queue, unsigned int events)
{
	/* It has a barrier for the change, which pairs with that of prepare_to_wait_event(). */
	if (wq_has_sleeper(queue))
		wake_up_interruptible_sync_poll(queue, (__force __poll_t)events);
}

void rloop_poll_wait(struct file *file, struct wait_queue_head *queue, struct poll_table_struct *table)
{
	poll_wait(file, queue, table);
}

/* Lets programs ask for single calls that don't wait (RWF_NOWAIT), of a file that is being opened. */
void rloop_file_heeds_nowait(struct file *file)
{
	file->f_mode |= FMODE_NOWAIT;
}

/* How a file was opened: RLOOP_MODE_… */
unsigned int rloop_file_mode(const struct file *file)
{
	return (file->f_mode & FMODE_READ ? RLOOP_MODE_READABLE : 0) |
	       (file->f_mode & FMODE_WRITE ? RLOOP_MODE_WRITABLE : 0) |
	       (READ_ONCE(file->f_flags) & O_NONBLOCK ? RLOOP_MODE_NONBLOCKING : 0);
}

/* The same, of the file that a call is for, and whether the call may wait. */
unsigned int rloop_call_mode(const struct kiocb *iocb)
{
	return rloop_file_mode(iocb->ki_filp) | (iocb->ki_flags & IOCB_NOWAIT ? RLOOP_MODE_NONBLOCKING : 0);
}

/* Whether a file is being closed by a thread of the kernel, which nobody's signal reaches. */
bool rloop_closed_by_kernel(void)
{
	return current->flags & PF_KTHREAD;
}

/* Whether this thread is exiting: then no signal, not even SIGKILL, reaches it any more. */
bool rloop_exiting(void)
{
	return current->flags & PF_EXITING;
}

/*
 * Whether a file is being closed because a signal ends the program. Of a program that is exiting the signal is
 * no longer pending, but is what it exits with.
 */
bool rloop_closed_by_kill(void)
{
	return fatal_signal_pending(current) ||
	       ((current->flags & PF_EXITING) && (current->exit_code & 0x7f));
}
