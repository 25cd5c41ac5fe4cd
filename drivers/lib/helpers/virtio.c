// SPDX-License-Identifier: GPL-2.0-only
/*
 * C for what bindgen can't bind of virtio devices that a module stands for. A driver's helpers.c includes it if the
 * driver has some.
 */
#include <linux/bottom_half.h>
#include <linux/module.h>
#include <linux/pagemap.h>

#include "virtio.h"

/* Says what a device, of which all else is zero, lies below, and who is called with the last reference. Any context. */
void rloop_virtio_device_init(struct virtio_device *device, struct device *parent, void (*release)(struct device *))
{
	device->dev.parent = parent;
	device->dev.release = release;
}

/* What the driver has taken of a device's features. Any context. */
u64 rloop_virtio_features(const struct virtio_device *device)
{
	return device->features;
}

/* Calls the driver of a queue, as from an interrupt. Process context, with bottom halves on. */
void rloop_virtio_interrupt(struct virtqueue *queue)
{
	local_bh_disable();
	vring_interrupt(0, queue);
	local_bh_enable();
}

/* Where a page that is not high memory is mapped. Any context. */
void *rloop_page_address(const struct page *page)
{
	return page_address(page);
}

/* Keeps a module that somebody keeps already. Any context. */
void rloop_module_get(struct module *module)
{
	__module_get(module);
}

/* Gives back what rloop_module_get() has kept. Any context. */
void rloop_module_put(struct module *module)
{
	module_put(module);
}

unsigned long rloop_folio_pages(const struct folio *folio)
{
	return folio_nr_pages(folio);
}

struct page *rloop_folio_page(struct folio *folio, unsigned long number)
{
	return folio_page(folio, number);
}

/* Maps pages in a row; NULL if there is no room. May sleep. */
void *rloop_map_pages(struct page **pages, unsigned int count)
{
	return vmap(pages, count, VM_MAP, PAGE_KERNEL);
}

/* The eventfd of a descriptor, or an error. May sleep. */
struct eventfd_ctx *rloop_eventfd_get(int fd)
{
	return eventfd_ctx_fdget(fd);
}

void rloop_eventfd_put(struct eventfd_ctx *eventfd)
{
	eventfd_ctx_put(eventfd);
}

/* Adds 1 to an eventfd. Any context, but not from inside a wake-up of another. */
void rloop_eventfd_signal(struct eventfd_ctx *eventfd)
{
	eventfd_signal(eventfd);
}

/* A queue for work that may take long; NULL if there is no memory. May sleep. */
struct workqueue_struct *rloop_worker(const char *name)
{
	return alloc_workqueue("%s", WQ_UNBOUND, 0, name);
}

void rloop_work_init(struct work_struct *work, void (*function)(struct work_struct *))
{
	INIT_WORK(work, function);
}

void rloop_work_start(struct workqueue_struct *worker, struct work_struct *work)
{
	queue_work(worker, work);
}

void rloop_smp_rmb(void)
{
	smp_rmb();
}

void rloop_smp_wmb(void)
{
	smp_wmb();
}

void rloop_smp_mb(void)
{
	smp_mb();
}
