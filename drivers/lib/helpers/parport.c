// SPDX-License-Identifier: GPL-2.0-only
/*
 * C for what bindgen can't bind of parallel ports. A driver's helpers.c includes it if the driver uses some.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/parport.h>

#include "parport.h"

#if IS_ENABLED(CONFIG_PARPORT)

/* Levels of the control lines between two strobes. */
#define RLOOP_PARPORT_IDLE (PARPORT_CONTROL_INIT | PARPORT_CONTROL_SELECT)

/* Another driver wants the port: it is not given up. */
static int rloop_parport_preempt(void *private)
{
	return 1;
}

/*
 * Claims the parallel port with this number for output, until it is released. Its driver can't be unloaded
 * meanwhile. May sleep. -ENODEV if there is no such port, -EBUSY if another driver has it, -ENOMEM.
 */
struct pardevice *rloop_parport_claim(unsigned int number, const char *name)
{
	static const struct pardev_cb callbacks = { .preempt = rloop_parport_preempt };
	static atomic_t last = ATOMIC_INIT(-1);
	struct parport *port = parport_find_number(number);
	struct pardevice *device;

	if (!port)
		return ERR_PTR(-ENODEV);
	device = parport_register_dev_model(port, name, &callbacks, atomic_inc_return(&last));
	parport_put_port(port);
	if (!device)
		return ERR_PTR(-ENOMEM);
	if (parport_claim(device)) {
		parport_unregister_device(device);
		return ERR_PTR(-EBUSY);
	}
	parport_data_forward(port);
	parport_write_control(port, RLOOP_PARPORT_IDLE);
	return device;
}

void rloop_parport_release(struct pardevice *device)
{
	parport_release(device);
	parport_unregister_device(device);
}

/* Puts a byte on the data lines, and tells of it by a pulse on the strobe line. Any context. */
void rloop_parport_put(struct pardevice *device, u8 byte, bool strobe)
{
	struct parport *port = device->port;

	parport_write_data(port, byte);
	if (strobe) {
		parport_write_control(port, RLOOP_PARPORT_IDLE | PARPORT_CONTROL_STROBE);
		parport_write_control(port, RLOOP_PARPORT_IDLE);
	}
}

#endif
