/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * C for what bindgen can't bind of block devices: inline functions and macros.
 */
#ifndef RLOOP_HELPERS_BLOCK_H
#define RLOOP_HELPERS_BLOCK_H

#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/hrtimer.h>
#include <linux/types.h>

struct gendisk *rloop_disk_alloc(struct blk_mq_tag_set *set, struct queue_limits *limits, void *data);
unsigned int rloop_disk_openers(const struct gendisk *disk);
int rloop_disk_minor(void);
void rloop_disk_free_minor(int minor);

void rloop_request_each(struct request *request, void (*each)(void *context, void *memory, unsigned int bytes),
			void *context);

unsigned long *rloop_page_alloc(bool wait);
void rloop_page_free(unsigned long *page);
unsigned long rloop_slot_lock(unsigned long *slot);
void rloop_slot_unlock(unsigned long *slot, unsigned long value);
void rloop_resched(void);

/* bindgen does not see constants that are casts. */
enum rloop_block_constant {
	RLOOP_FEAT_WRITE_CACHE = (__force int)BLK_FEAT_WRITE_CACHE,
	RLOOP_FEAT_FUA = (__force int)BLK_FEAT_FUA,
	RLOOP_MINORS = 1 << MINORBITS,
};

#endif
