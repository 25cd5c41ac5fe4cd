/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * C for what bindgen can't bind of FIFOs: inline functions and macros.
 */
#ifndef RLOOP_HELPERS_FIFO_H
#define RLOOP_HELPERS_FIFO_H

#include <linux/types.h>

struct iov_iter;

void *rloop_fifo_alloc(size_t size);
void rloop_fifo_free(void *memory);

size_t rloop_copy_to_iter_nofault(const void *from, size_t size, struct iov_iter *to);
size_t rloop_copy_from_iter_nofault(void *to, size_t size, struct iov_iter *from);

#endif
