// SPDX-License-Identifier: GPL-2.0-only
/*
 * C for what bindgen can't bind of block devices. A driver's helpers.c includes it if the driver has some.
 */
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/idr.h>
#include <linux/kdev_t.h>
#include <linux/sched.h>
/* After the others: that of 6.18 does not include what it uses. */
#include <linux/bit_spinlock.h>

#include "block.h"

/* Allocates a disk and its queue; its locks are of one lockdep class. May sleep. */
struct gendisk *rloop_disk_alloc(struct blk_mq_tag_set *set, struct queue_limits *limits, void *data)
{
	return blk_mq_alloc_disk(set, limits, data);
}

/* How many users a disk has, be they programs or file systems. Any context. */
unsigned int rloop_disk_openers(const struct gendisk *disk)
{
	return disk_openers((struct gendisk *)disk);
}

static DEFINE_IDA(minors);

/* A minor number that no other disk of this module has, or an error. May sleep. */
int rloop_disk_minor(void)
{
	return ida_alloc_max(&minors, RLOOP_MINORS - 1, GFP_KERNEL);
}

/* Gives it back. */
void rloop_disk_free_minor(int minor)
{
	ida_free(&minors, minor);
}

/*
 * Calls each for the memory of a request, piece by piece, none of which is beyond a page. It may sleep if the caller
 * may.
 */
void rloop_request_each(struct request *request, void (*each)(void *context, void *memory, unsigned int bytes),
			void *context)
{
	struct req_iterator iterator;
	struct bio_vec piece;

	rq_for_each_segment(piece, request, iterator) {
		void *memory = bvec_kmap_local(&piece);

		each(context, memory, piece.bv_len);
		/* The page may be mapped by programs, or be one that is executed. */
		if (rq_data_dir(request) == READ)
			flush_dcache_page(piece.bv_page);
		kunmap_local(memory);
	}
}

/*
 * A page of zeroes. With wait this may sleep, but never for a disk, which could be the one that asks; without, it fails
 * where it would.
 */
unsigned long *rloop_page_alloc(bool wait)
{
	return (unsigned long *)get_zeroed_page(wait ? GFP_NOIO : GFP_NOWAIT | __GFP_NOWARN);
}

void rloop_page_free(unsigned long *page)
{
	free_page((unsigned long)page);
}

/*
 * Takes the lock that is the lowest bit of a word, and turns preemption off. Returns the word. Not in interrupts.
 */
unsigned long rloop_slot_lock(unsigned long *slot)
{
	bit_spin_lock(0, slot);
	return READ_ONCE(*slot) & ~1UL;
}

/* Sets a word, whose lowest bit must be clear, and releases its lock. */
void rloop_slot_unlock(unsigned long *slot, unsigned long value)
{
	smp_store_release(slot, value);
	preempt_enable();
}

/* Lets others run, if it is their turn. May sleep. */
void rloop_resched(void)
{
	cond_resched();
}
