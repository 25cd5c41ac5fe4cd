// SPDX-License-Identifier: GPL-2.0-only
/*
 * C for what bindgen can't bind of FIFOs: their memory, and copies that don't wait for a program's. A driver's helpers.c
 * includes it if the driver has some.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "fifo.h"

/*
 * Allocates memory of zeroes, also where there is no piece as large; NULL if there is no more. A FIFO can be as large as
 * the machine, so nobody is killed for it, and whoever asks for one says what it was for. May sleep.
 */
void *rloop_fifo_alloc(size_t size)
{
	return kvmalloc(size, GFP_KERNEL | __GFP_ZERO | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
}

/* Gives back what rloop_fifo_alloc() has given. May sleep. */
void rloop_fifo_free(void *memory)
{
	kvfree(memory);
}

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
