// SPDX-License-Identifier: GPL-2.0-only
/*
 * C for what bindgen can't bind of character devices. A driver's helpers.c includes it if the driver has some.
 */
#include <linux/bvec.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pipe_fs_i.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/splice.h>
#include <linux/uio.h>
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

/*
 * A call for a splice, which holds the pipe's mutex: who sleeps in it keeps all others from the pipe, also those that
 * close it, and whom then no signal reaches. So it doesn't wait, but for the pipe of a sendfile(), which is nobody
 * else's.
 */
static void rloop_splice_call(struct kiocb *call, struct file *file, const struct pipe_inode_info *pipe)
{
	init_sync_kiocb(call, file);
	if (pipe != current->splice_pipe)
		call->ki_flags |= IOCB_NOWAIT;
}

static void rloop_splice_release(struct splice_pipe_desc *splice, unsigned int i)
{
	put_page(splice->pages[i]);
}

/*
 * file_operations.splice_read of a file that can be read: as copy_splice_read(), which waits as long as the file does,
 * but with rloop_splice_call(). May sleep.
 */
ssize_t rloop_splice_read(struct file *file, loff_t *position, struct pipe_inode_info *pipe, size_t size,
			  unsigned int flags)
{
	struct page *pages[PIPE_DEF_BUFFERS];
	struct partial_page parts[PIPE_DEF_BUFFERS] = {};
	struct bio_vec vectors[PIPE_DEF_BUFFERS];
	struct splice_pipe_desc splice = {
		.pages = pages,
		.partial = parts,
		.nr_pages_max = PIPE_DEF_BUFFERS,
		.ops = &nosteal_pipe_buf_ops,
		.spd_release = rloop_splice_release,
	};
	/* The caller has waited for room, and holds the mutex, so that there is no less of it afterwards. */
	size_t room = pipe->max_usage - pipe_occupancy(pipe->head, pipe->tail);
	size_t most = min3(DIV_ROUND_UP(size, PAGE_SIZE), room, (size_t)PIPE_DEF_BUFFERS);
	struct iov_iter to;
	struct kiocb call;
	size_t count, i, left;
	ssize_t read;

	for (count = 0; count < most; count++) {
		pages[count] = alloc_page(GFP_USER);
		if (!pages[count])
			break;
		bvec_set_page(&vectors[count], pages[count], PAGE_SIZE, 0);
	}
	if (!count)
		return -ENOMEM;

	iov_iter_bvec(&to, ITER_DEST, vectors, count, min(size, count * PAGE_SIZE));
	rloop_splice_call(&call, file, pipe);
	read = file->f_op->read_iter(&call, &to);

	for (i = 0, left = read > 0 ? read : 0; i < count; i++) {
		parts[i].len = min(left, PAGE_SIZE);
		left -= parts[i].len;
		if (parts[i].len)
			splice.nr_pages++;
		else
			put_page(pages[i]);
	}
	return read > 0 ? splice_to_pipe(pipe, &splice) : read;
}

static int rloop_splice_buffer(struct pipe_inode_info *pipe, struct pipe_buffer *buffer, struct splice_desc *splice)
{
	struct file *file = splice->u.file;
	struct bio_vec vector;
	struct iov_iter from;
	struct kiocb call;

	bvec_set_page(&vector, buffer->page, splice->len, buffer->offset);
	iov_iter_bvec(&from, ITER_SOURCE, &vector, 1, splice->len);
	rloop_splice_call(&call, file, pipe);
	return file->f_op->write_iter(&call, &from);
}

/*
 * file_operations.splice_write of a file that can be written: as iter_file_splice_write(), but with rloop_splice_call(),
 * and a call for each of the pipe's buffers. May sleep.
 */
ssize_t rloop_splice_write(struct pipe_inode_info *pipe, struct file *file, loff_t *position, size_t size,
			   unsigned int flags)
{
	struct splice_desc splice = {
		.total_len = size,
		.flags = flags,
		.u.file = file,
	};
	ssize_t written;

	pipe_lock(pipe);
	written = __splice_from_pipe(pipe, &splice, rloop_splice_buffer);
	pipe_unlock(pipe);
	return written;
}

/* Lets others run, if it is their turn, and says whether a signal has come meanwhile. May sleep. */
bool rloop_interrupted(void)
{
	cond_resched();
	return signal_pending(current);
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
