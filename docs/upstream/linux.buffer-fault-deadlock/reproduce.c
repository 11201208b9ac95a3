// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_ARM_MTE_COPY_TAGS reads its tag buffer with the page locked for tagging. If the buffer lies in that very page,
 * mapped with PROT_MTE and not touched yet, the thread waits for itself: a CPU is lost in the kernel.
 *
 *	aarch64-linux-gnu-gcc -O2 -static -o reproduce reproduce.c
 *
 * Run it in a virtual machine that can be thrown away, with two CPUs or more: on an affected kernel only a reset helps.
 * It works as an ordinary program that can open /dev/kvm, and as /init of an initramfs that has /dev/console and
 * /dev/kvm. Linux 6.2 and later are affected.
 *
 * Exit status: 0 not reproduced, 1 reproduced, 4 this machine cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#ifndef PROT_MTE
#define PROT_MTE 0x20
#endif

enum { NOT_REPRODUCED, REPRODUCED, CANNOT_TELL = 4 };

#define IPA 0x80000000UL
#define SECONDS 3

/* What /init prints last would be lost when the kernel panics because it ends. */
static void drain(void)
{
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
}

static void need(int ok, const char *what)
{
	if (ok)
		return;
	printf("cannot tell: %s: %s\n", what, strerror(errno));
	exit(CANNOT_TELL);
}

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	need(!sched_setaffinity(0, sizeof(set), &set), "two CPUs");
}

static int is_gone(pid_t child, int *status)
{
	const struct timespec tick = { .tv_nsec = 10 * 1000 * 1000 };

	for (int i = 0; i < SECONDS * 100; i++) {
		if (waitpid(child, status, WNOHANG) == child)
			return 1;
		nanosleep(&tick, NULL);
	}
	return 0;
}

int main(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	int memory, kvm, vm, status;
	char *slot, *alias;
	pid_t child;

	atexit(drain);
	run_on(0);

	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	need(kvm >= 0, "open /dev/kvm");
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	need(vm >= 0, "KVM_CREATE_VM");
	struct kvm_enable_cap mte = { .cap = KVM_CAP_ARM_MTE };
	need(!ioctl(vm, KVM_ENABLE_CAP, &mte), "KVM_CAP_ARM_MTE");

	/* One page of memory, mapped twice. Nobody touches the second mapping. */
	memory = memfd_create("guest", MFD_CLOEXEC);
	need(memory >= 0 && !ftruncate(memory, page), "memfd_create");
	slot = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	alias = mmap(NULL, page, PROT_READ | PROT_WRITE | PROT_MTE, MAP_SHARED, memory, 0);
	need(slot != MAP_FAILED && alias != MAP_FAILED, "mmap with and without PROT_MTE");

	struct kvm_userspace_memory_region region = {
		.guest_phys_addr = IPA, .memory_size = page, .userspace_addr = (unsigned long)slot,
	};
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region)) {
		/* Before 6.2 KVM takes no shared memory with MTE, and there is no lock. */
		printf("not reproduced: KVM refuses shared memory with MTE (%s)\n", strerror(errno));
		return NOT_REPRODUCED;
	}

	child = fork();
	need(child >= 0, "fork");
	if (!child) {
		/* A VM belongs to the process that made it: all over again in the child. */
		run_on(1);
		vm = ioctl(kvm, KVM_CREATE_VM, 0);
		if (vm < 0 || ioctl(vm, KVM_ENABLE_CAP, &mte) || ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region))
			_exit(CANNOT_TELL);
		struct kvm_arm_copy_mte_tags copy = {
			.guest_ipa = IPA, .length = page, .addr = alias, .flags = KVM_ARM_TAGS_TO_GUEST,
		};
		ioctl(vm, KVM_ARM_MTE_COPY_TAGS, &copy);
		_exit(0);
	}

	if (is_gone(child, &status)) {
		need(WIFEXITED(status) && !WEXITSTATUS(status), "the child that stores tags");
		printf("not reproduced: KVM_ARM_MTE_COPY_TAGS comes back\n");
		return NOT_REPRODUCED;
	}
	kill(child, SIGKILL);
	int killed = is_gone(child, &status);
	printf("reproduced: KVM_ARM_MTE_COPY_TAGS has not come back in %d s, and SIGKILL %s\n", SECONDS,
	       killed ? "ends it" : "does not end it");
	return REPRODUCED;
}
