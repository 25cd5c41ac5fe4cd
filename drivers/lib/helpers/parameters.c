// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arrays of module parameters, a value for each device. All are strings, so that the driver reads
 * them all, tells a value that was not written from one that was, and refuses a bad one with a
 * message of one form.
 *
 * A driver's helpers.c includes this after it has defined RLOOP_PARAMETERS(X), in which there is
 * for each
 *
 * X(name, type, kept, standard, text): the type that users are told; whether a value holds for the
 * devices after it, too, until there is another; what holds where nothing was written. The first
 * device has `enable` by itself.
 */
#include <linux/err.h>
#include <linux/kstrtox.h>
#include <linux/moduleparam.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "parameters.h"

struct rloop_values {
	const char *name;
	int (*show)(char *page, int at, const char *value);
	bool kept;
	const char *standard;
	char *written[RLOOP_DEVICES];
};

/* These print a value of a parameter at an offset of the page, and return the bytes it took. */
static int __maybe_unused show_charp(char *page, int at, const char *value)
{
	return sysfs_emit_at(page, at, "%s", value);
}

static int __maybe_unused show_int(char *page, int at, const char *value)
{
	int number;

	if (kstrtoint(value, 0, &number))
		return show_charp(page, at, value);
	return sysfs_emit_at(page, at, "%d", number);
}

static int __maybe_unused show_uint(char *page, int at, const char *value)
{
	unsigned int number;

	if (kstrtouint(value, 0, &number))
		return show_charp(page, at, value);
	return sysfs_emit_at(page, at, "%u", number);
}

static int __maybe_unused show_ulong(char *page, int at, const char *value)
{
	unsigned long number;

	if (kstrtoul(value, 0, &number))
		return show_charp(page, at, value);
	return sysfs_emit_at(page, at, "%lu", number);
}

static int __maybe_unused show_bool(char *page, int at, const char *value)
{
	bool yes;

	return show_charp(page, at, kstrtobool(value, &yes) ? value : yes ? "Y" : "N");
}

#define RLOOP_VALUES(_name, type, _kept, _standard, text)					\
	static struct rloop_values values_##_name = {						\
		.name = #_name, .show = show_##type, .kept = _kept, .standard = _standard,	\
	};
RLOOP_PARAMETERS(RLOOP_VALUES)

#define RLOOP_ENTRY(name, ...) &values_##name,
static const struct rloop_values *const rloop_values[] = { RLOOP_PARAMETERS(RLOOP_ENTRY) };

/* The value that holds for a device, NULL if none was written. */
static const char *rloop_written(const struct rloop_values *values, unsigned int device)
{
	while (values->kept && device && !values->written[device])
		device--;
	return values->written[device];
}

/* See the header. Any context. */
const char *rloop_parameter(const char *name, size_t length, unsigned int device)
{
	for (size_t i = 0; i < ARRAY_SIZE(rloop_values); i++)
		if (strlen(rloop_values[i]->name) == length && !memcmp(rloop_values[i]->name, name, length))
			return device < RLOOP_DEVICES ? rloop_written(rloop_values[i], device) : NULL;
	return ERR_PTR(-ENOENT);
}

/* Parses the array; at load time only, the parameters not being writable. */
static int rloop_values_set(const char *text, const struct kernel_param *parameter)
{
	return param_array_ops.set(text, parameter);
}

/*
 * Shows what holds for each device, numbers and switches as snd-aloop does, and as much of it as a
 * page has room for: the core's own function would write beyond it.
 */
static int rloop_values_get(char *page, const struct kernel_param *parameter)
{
	const struct rloop_values *values = parameter->arr->elem - offsetof(struct rloop_values, written);
	int at = 0;

	for (unsigned int device = 0; device < RLOOP_DEVICES; device++) {
		const char *value = rloop_written(values, device);

		if (!value)
			value = device == 0 && !strcmp(values->name, "enable") ? "Y" : values->standard;
		at += values->show(page, at, value);
		at += sysfs_emit_at(page, at, device + 1 < RLOOP_DEVICES ? "," : "\n");
	}
	return at;
}

/* Frees the strings when the module is unloaded. */
static void rloop_values_free(void *array)
{
	param_array_ops.free(array);
}

static const struct kernel_param_ops rloop_values_ops = {
	.set = rloop_values_set,
	.get = rloop_values_get,
	.free = rloop_values_free,
};

/* As modinfo says it. */
#if RLOOP_DEVICES > 1
#define RLOOP_SEVERAL "array of "
#else
#define RLOOP_SEVERAL ""
#endif

#define RLOOP_PARAMETER(name, type, kept, standard, text)					\
	static const struct kparam_array array_##name = {					\
		.max = RLOOP_DEVICES,								\
		.elemsize = sizeof(char *),							\
		.ops = &param_ops_charp,							\
		.elem = values_##name.written,							\
	};											\
	__module_param_call(MODULE_PARAM_PREFIX, name, &rloop_values_ops,			\
			    .arr = &array_##name, 0444, -1, 0);				\
	__MODULE_PARM_TYPE(name, RLOOP_SEVERAL #type);						\
	MODULE_PARM_DESC(name, text);
RLOOP_PARAMETERS(RLOOP_PARAMETER)
