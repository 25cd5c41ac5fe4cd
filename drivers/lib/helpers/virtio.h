/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * C for what bindgen can't bind of virtio devices that a module stands for, and of the files that programs bring for
 * them: inline functions and macros.
 */
#ifndef RLOOP_HELPERS_VIRTIO_H
#define RLOOP_HELPERS_VIRTIO_H

#include <asm/barrier.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/memfd.h>
#include <linux/mm.h>
#include <linux/types.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <linux/vmalloc.h>

void rloop_virtio_device_init(struct virtio_device *device, struct device *parent, void (*release)(struct device *));
u64 rloop_virtio_features(const struct virtio_device *device);
void rloop_virtio_interrupt(struct virtqueue *queue);
void *rloop_page_address(const struct page *page);

void rloop_smp_rmb(void);
void rloop_smp_wmb(void);
void rloop_smp_mb(void);

void rloop_module_get(struct module *module);
void rloop_module_put(struct module *module);

unsigned long rloop_folio_pages(const struct folio *folio);
struct page *rloop_folio_page(struct folio *folio, unsigned long number);
void *rloop_map_pages(struct page **pages, unsigned int count);

struct eventfd_ctx *rloop_eventfd_get(int fd);
void rloop_eventfd_put(struct eventfd_ctx *eventfd);
void rloop_eventfd_signal(struct eventfd_ctx *eventfd);

struct workqueue_struct *rloop_worker(const char *name);
void rloop_work_init(struct work_struct *work, void (*function)(struct work_struct *));
void rloop_work_start(struct workqueue_struct *worker, struct work_struct *work);

/* Constants that bindgen does not see, since they are casts or no literals. */
enum rloop_virtio_constant {
	RLOOP_PAGE_SIZE = PAGE_SIZE,
};

#endif
