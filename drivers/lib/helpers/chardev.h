/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * C for what bindgen can't bind of character devices: inline functions and macros.
 */
#ifndef RLOOP_HELPERS_CHARDEV_H
#define RLOOP_HELPERS_CHARDEV_H

#include <linux/poll.h>
#include <linux/types.h>
#include <linux/wait.h>

struct file;
struct kiocb;
struct pipe_inode_info;

void rloop_queue_init(struct wait_queue_head *queue);
void rloop_queue_wake(struct wait_queue_head *queue);
void rloop_queue_wake_one(struct wait_queue_head *queue, unsigned int events);
void rloop_poll_wait(struct file *file, struct wait_queue_head *queue, struct poll_table_struct *table);

void rloop_file_heeds_nowait(struct file *file);
unsigned int rloop_file_mode(const struct file *file);
unsigned int rloop_call_mode(const struct kiocb *iocb);

ssize_t rloop_splice_read(struct file *file, loff_t *position, struct pipe_inode_info *pipe, size_t size,
			  unsigned int flags);
ssize_t rloop_splice_write(struct pipe_inode_info *pipe, struct file *file, loff_t *position, size_t size,
			   unsigned int flags);

bool rloop_interrupted(void);
bool rloop_exiting(void);
bool rloop_closed_by_kernel(void);
bool rloop_closed_by_kill(void);

enum rloop_mode_constant {
	RLOOP_MODE_READABLE = 1,
	RLOOP_MODE_WRITABLE = 2,
	RLOOP_MODE_NONBLOCKING = 4,
};

/* bindgen does not see constants that are casts. */
enum rloop_poll_constant {
	RLOOP_POLL_IN = (__force int)(EPOLLIN | EPOLLRDNORM),
	RLOOP_POLL_OUT = (__force int)(EPOLLOUT | EPOLLWRNORM),
	RLOOP_POLL_GONE = (__force int)(EPOLLERR | EPOLLHUP),
};

#endif
