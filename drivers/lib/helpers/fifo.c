// SPDX-License-Identifier: GPL-2.0-only
/*
 * C for what bindgen can't bind of copies that don't wait for a program's memory. A driver's helpers.c includes it if
 * the driver has FIFOs.
 */
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "fifo.h"

/* Copies to the memory that is there at once; returns how many bytes that was. Does not sleep. */
size_t rloop_copy_to_iter_nofault(const void *from, size_t size, struct iov_iter *to)
{
	size_t copied;

	pagefault_disable();
	copied = copy_to_iter(from, size, to);
	pagefault_enable();
	return copied;
}

/* Copies from the memory that is there at once; returns how many bytes that was. Does not sleep. */
size_t rloop_copy_from_iter_nofault(void *to, size_t size, struct iov_iter *from)
{
	size_t copied;

	pagefault_disable();
	copied = copy_from_iter(to, size, from);
	pagefault_enable();
	return copied;
}
