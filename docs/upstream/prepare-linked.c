// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two threads prepare two linked streams, each its own. Takes the two devices, which must be of one
 * card or of two, for playback or capture:
 *
 *	cc -O2 -pthread -o prepare-linked prepare-linked.c
 *	modprobe snd-aloop
 *	./prepare-linked /dev/snd/pcmC0D0p /dev/snd/pcmC0D1c
 */
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <sound/asound.h>

static volatile unsigned long prepared[2];

static int stream(const char *path)
{
	struct snd_pcm_hw_params params;
	int fd = open(path, O_RDWR);

	if (fd < 0)
		err(2, "%s", path);
	/* Anything: the kernel chooses. */
	memset(&params, 0, sizeof(params));
	memset(params.masks, 0xff, sizeof(params.masks));
	for (int i = 0; i < SNDRV_PCM_HW_PARAM_LAST_INTERVAL - SNDRV_PCM_HW_PARAM_FIRST_INTERVAL + 1; i++)
		params.intervals[i].max = ~0u;
	params.rmask = ~0u;
	if (ioctl(fd, SNDRV_PCM_IOCTL_HW_PARAMS, &params))
		err(2, "%s: SNDRV_PCM_IOCTL_HW_PARAMS", path);
	return fd;
}

struct job {
	int fd, number;
};

static void *prepare(void *arg)
{
	struct job *job = arg;

	for (;;) {
		/* EBUSY, if the other one is at it, is fine. */
		ioctl(job->fd, SNDRV_PCM_IOCTL_PREPARE);
		prepared[job->number]++;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct job jobs[2];

	if (argc != 3)
		errx(2, "usage: %s DEVICE DEVICE", argv[0]);
	for (int i = 0; i < 2; i++)
		jobs[i] = (struct job){ .fd = stream(argv[1 + i]), .number = i };
	if (ioctl(jobs[0].fd, SNDRV_PCM_IOCTL_LINK, jobs[1].fd))
		err(2, "SNDRV_PCM_IOCTL_LINK");
	for (int i = 0; i < 2; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, prepare, &jobs[i]))
			errx(2, "pthread_create");
	}
	for (int second = 1; second <= 20; second++) {
		unsigned long before[2] = { prepared[0], prepared[1] };

		sleep(1);
		printf("after %d s: prepared %lu and %lu times\n", second, prepared[0], prepared[1]);
		fflush(stdout);
		if (before[0] == prepared[0] && before[1] == prepared[1]) {
			printf("both threads are stuck\n");
			fflush(stdout);
			_exit(1);
		}
	}
	_exit(0);
}
