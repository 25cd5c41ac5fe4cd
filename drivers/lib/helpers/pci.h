/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * C for what bindgen can't bind of PCI devices, and what belongs together.
 */
#ifndef RLOOP_HELPERS_PCI_H
#define RLOOP_HELPERS_PCI_H

#include <linux/irqreturn.h>
#include <linux/types.h>

struct pci_dev;

int rloop_pci_enable(struct pci_dev *device);
void *rloop_pci_map(struct pci_dev *device, int bar, const char *name, size_t *size);
void rloop_pci_unmap(struct pci_dev *device, int bar, void *base);
u32 rloop_read32(const void *from);
void rloop_write32(u32 value, void *to);
void rloop_write64(u64 value, void *to);

int rloop_pci_request_interrupt(struct pci_dev *device, irqreturn_t (*handler)(int, void *),
				const char *name, void *cookie);
void rloop_pci_free_interrupt(struct pci_dev *device, void *cookie);
bool rloop_pci_stop_pin(struct pci_dev *device);
void rloop_pci_start_pin(struct pci_dev *device);

int rloop_pci_set_dma_bits(struct pci_dev *device, unsigned int bits);
void *rloop_pci_alloc_coherent(struct pci_dev *device, size_t size, u64 *address);
void rloop_pci_free_coherent(struct pci_dev *device, size_t size, void *memory, u64 address);

#endif
