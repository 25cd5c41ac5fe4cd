// SPDX-License-Identifier: GPL-2.0-only
/*
 * C for what bindgen can't bind of PCI devices, and what belongs together. A driver's helpers.c includes it if the
 * driver has some. All may sleep, but for the accesses to registers.
 */
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/pci.h>

#include "pci.h"

/*
 * Lets a device answer, and keeps its pin off, which the core turns on: what the device raises before its interrupts are
 * requested nobody would handle.
 */
int rloop_pci_enable(struct pci_dev *device)
{
	int error = pci_enable_device(device);

	if (!error)
		pci_intx(device, 0);
	return error;
}

/*
 * Maps the registers of a device, of which there are `size` bytes afterwards. -EBUSY if another driver has them,
 * -ENODEV if it has none there, -ENOMEM.
 */
void *rloop_pci_map(struct pci_dev *device, int bar, const char *name, size_t *size)
{
	void __iomem *base;

	*size = pci_resource_len(device, bar);
	if (!(pci_resource_flags(device, bar) & IORESOURCE_MEM) || !*size)
		return ERR_PTR(-ENODEV);
	if (pci_request_region(device, bar, name))
		return ERR_PTR(-EBUSY);
	base = pci_iomap(device, bar, 0);
	if (!base) {
		pci_release_region(device, bar);
		return ERR_PTR(-ENOMEM);
	}
	return (__force void *)base;
}

void rloop_pci_unmap(struct pci_dev *device, int bar, void *base)
{
	pci_iounmap(device, (__force void __iomem *)base);
	pci_release_region(device, bar);
}

u32 rloop_read32(const void *from)
{
	return readl((__force const void __iomem *)from);
}

void rloop_write32(u32 value, void *to)
{
	writel(value, (__force void __iomem *)to);
}

void rloop_write64(u64 value, void *to)
{
	writeq(value, (__force void __iomem *)to);
}

/*
 * Allocates a device's only vector, a message (MSI) or else its pin, which others may share, and has its interrupts
 * handled until rloop_pci_free_interrupt() with the same cookie.
 */
int rloop_pci_request_interrupt(struct pci_dev *device, irqreturn_t (*handler)(int, void *),
				const char *name, void *cookie)
{
	int error = pci_alloc_irq_vectors(device, 1, 1, PCI_IRQ_MSI | PCI_IRQ_INTX);

	if (error < 0)
		return error;
	error = request_irq(pci_irq_vector(device, 0), handler, pci_dev_msi_enabled(device) ? 0 : IRQF_SHARED,
			    name, cookie);
	if (error)
		pci_free_irq_vectors(device);
	return error;
}

/*
 * Waits until the handler does not run any more. What the device raises after that reaches nobody: without a message it
 * would raise its pin, which nobody would lower.
 */
void rloop_pci_free_interrupt(struct pci_dev *device, void *cookie)
{
	free_irq(pci_irq_vector(device, 0), cookie);
	pci_free_irq_vectors(device);
	pci_intx(device, 0);
}

/* Says how many bits an address has that the device can reach; -EIO if the machine has no memory there. */
int rloop_pci_set_dma_bits(struct pci_dev *device, unsigned int bits)
{
	return dma_set_mask_and_coherent(&device->dev, DMA_BIT_MASK(bits));
}

/* Memory that a device reaches at `address`, all zeroes; NULL if there is none. */
void *rloop_pci_alloc_coherent(struct pci_dev *device, size_t size, u64 *address)
{
	dma_addr_t handle;
	void *memory = dma_alloc_coherent(&device->dev, size, &handle, GFP_KERNEL);

	*address = handle;
	return memory;
}

void rloop_copy(void *to, const void *from, size_t size)
{
	memcpy(to, from, size);
}

void rloop_pci_free_coherent(struct pci_dev *device, size_t size, void *memory, u64 address)
{
	dma_free_coherent(&device->dev, size, memory, address);
}
