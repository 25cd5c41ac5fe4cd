// SPDX-License-Identifier: GPL-2.0-only
/*
 * C for what bindgen can't bind of PCI devices, and what belongs together. A driver's helpers.c includes it if the
 * driver has some. All may sleep, but for the accesses to registers, and where it is said.
 */
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/pci.h>

#include "pci.h"

/*
 * Turns a device's pin off if that is what interrupts; false if it is not: it is off already, or the device sends
 * messages, or is not there any more (all of its configuration is ones then). The command register is read and
 * written at once (pci_check_and_mask_intx()), so nothing is lost that others write to it; but who has read it before
 * and writes it afterwards turns the pin on again, and it interrupts again. Any context.
 */
bool rloop_pci_stop_pin(struct pci_dev *device)
{
	u16 command;

	if (pci_dev_msi_enabled(device))
		return false;
	pci_read_config_word(device, PCI_COMMAND, &command);
	return !(command & PCI_COMMAND_INTX_DISABLE) && pci_check_and_mask_intx(device);
}

/*
 * Turns a device's pin on again. Any context, while nobody but rloop_pci_stop_pin() changes the device's command
 * register.
 */
void rloop_pci_start_pin(struct pci_dev *device)
{
	pci_intx(device, 1);
}

static irqreturn_t rloop_pci_hush(int line, void *device)
{
	return rloop_pci_stop_pin(device) ? IRQ_HANDLED : IRQ_NONE;
}

/*
 * Lets a device answer, but keeps it from the bus, which a firmware, or a driver that has not cleaned up, may have left
 * it the right to use. And keeps its pin off, which the core turns on: what the device raises before its interrupts are
 * requested nobody would handle. If it raises something already, and others share the line, these would be called without
 * end before the pin can be turned off here; so a handler does that. (Not where the line becomes known only as the device
 * is enabled, as on x86 for the first time. And for no other device: free_irq() waits for all threads of the line, and a
 * slot's may be the one that has found this device.)
 */
int rloop_pci_enable(struct pci_dev *device)
{
	unsigned int line = device->irq;
	bool guarded = false;
	u16 status;
	int error;

	pci_read_config_word(device, PCI_STATUS, &status);
	if ((status & PCI_STATUS_INTERRUPT) && irq_has_action(line))
		guarded = !request_irq(line, rloop_pci_hush, IRQF_SHARED | IRQF_PROBE_SHARED, pci_name(device), device);
	error = pci_enable_device(device);
	if (!error) {
		pci_clear_master(device);
		pci_intx(device, 0);
	}
	if (guarded)
		free_irq(line, device);
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
 * Has a device's interrupts handled, until rloop_pci_free_interrupt() with the same cookie: messages (MSI) of one vector,
 * or else its pin, which others may share, and which is on only while there is a handler. -ENOSPC if it has neither.
 */
int rloop_pci_request_interrupt(struct pci_dev *device, irqreturn_t (*handler)(int, void *),
				const char *name, void *cookie)
{
	bool messages = pci_alloc_irq_vectors(device, 1, 1, PCI_IRQ_MSI) > 0;
	int error;

	if (!messages && !device->irq)
		return -ENOSPC;
	error = request_irq(pci_irq_vector(device, 0), handler, messages ? 0 : IRQF_SHARED, name, cookie);
	if (error) {
		pci_free_irq_vectors(device);
		/* The core has turned it on as the messages went. */
		pci_intx(device, 0);
	} else if (!messages) {
		pci_intx(device, 1);
	}
	return error;
}

/*
 * Waits until the handler does not run any more. What the device raises after that reaches nobody: without a message it
 * would raise its pin, which nobody would lower.
 */
void rloop_pci_free_interrupt(struct pci_dev *device, void *cookie)
{
	pci_intx(device, 0);
	free_irq(pci_irq_vector(device, 0), cookie);
	pci_free_irq_vectors(device);
	/* The core has turned it on as the messages went, or a handler that still ran did. */
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

void rloop_pci_free_coherent(struct pci_dev *device, size_t size, void *memory, u64 address)
{
	dma_free_coherent(&device->dev, size, memory, address);
}
