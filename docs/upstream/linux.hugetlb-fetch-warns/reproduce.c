// SPDX-License-Identifier: GPL-2.0
/*
 * Fetching tags of a hugetlb folio that was never tagged is a VM_WARN_ON_ONCE: KVM_ARM_MTE_COPY_TAGS asks
 * page_mte_tagged(), which is not meant for such pages.
 *
 *	aarch64-linux-gnu-gcc -O2 -static -o reproduce reproduce.c
 *
 * It works as an ordinary program that can open /dev/kvm, and as /init of an initramfs that has /dev/console and
 * /dev/kvm. It needs a page in the pool of huge pages (`hugepages=2` on the kernel's command line), CONFIG_DEBUG_VM, and
 * the right to read /dev/kmsg, which it makes if there is none. Linux 6.13 and later are affected.
 *
 * Exit status: 0 not reproduced, 1 reproduced, 4 this machine cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

enum { NOT_REPRODUCED, REPRODUCED, CANNOT_TELL = 4 };

#define IPA 0x80000000UL

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

static size_t page, huge;

/* Makes a VM with MTE of this memory. */
static int make_vm(int kvm, char *memory, int flags)
{
	struct kvm_enable_cap mte = { .cap = KVM_CAP_ARM_MTE };
	struct kvm_userspace_memory_region region = {
		.flags = flags, .guest_phys_addr = IPA, .memory_size = huge, .userspace_addr = (unsigned long)memory,
	};
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);

	need(vm >= 0, "KVM_CREATE_VM");
	need(!ioctl(vm, KVM_ENABLE_CAP, &mte), "KVM_CAP_ARM_MTE");
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region)) {
		/* So do 6.12.17 and later 6.12. */
		printf("not reproduced: KVM refuses memory of the pool of huge pages for MTE (%s)\n", strerror(errno));
		exit(NOT_REPRODUCED);
	}
	return vm;
}

static int copy_tags(int vm, size_t offset, size_t length, unsigned char *tags, int flags)
{
	struct kvm_arm_copy_mte_tags copy = {
		.guest_ipa = IPA + offset, .length = length, .addr = tags, .flags = flags,
	};

	return ioctl(vm, KVM_ARM_MTE_COPY_TAGS, &copy) == (int)length;
}

/* Maps a page of the pool. */
static char *map_huge(void)
{
	char *at = mmap(NULL, huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	need(at != MAP_FAILED, "a page of the pool of huge pages (hugepages=2)");
	memset(at, 1, huge);
	return at;
}

/* Returns whether a message of the kernel that is not read yet has this text. */
static int is_in_log(int log, const char *text)
{
	char line[8192];
	ssize_t length;
	int found = 0;

	while ((length = read(log, line, sizeof(line) - 1)) > 0) {
		line[length] = 0;
		found |= strstr(line, text) != NULL;
	}
	return found;
}

int main(void)
{
	unsigned char *tags;
	int kvm, vm, log;
	char *memory;

	atexit(drain);
	page = sysconf(_SC_PAGESIZE);
	/* A table of the last level maps as much. */
	huge = page * (page / 8);
	tags = malloc(page / 16);
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	need(kvm >= 0, "open /dev/kvm");
	mknod("/dev/kmsg", S_IFCHR | 0600, makedev(1, 11));
	log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	need(log >= 0, "open /dev/kmsg");
	lseek(log, 0, SEEK_END);

	memory = map_huge();
	vm = make_vm(kvm, memory, 0);
	need(copy_tags(vm, 0, page, tags, KVM_ARM_TAGS_FROM_GUEST), "fetching tags");
	if (!is_in_log(log, "WARNING: ")) {
		printf("not reproduced: no warning, or a kernel without CONFIG_DEBUG_VM, or it warned before\n");
		return NOT_REPRODUCED;
	}
	printf("reproduced: KVM_ARM_MTE_COPY_TAGS of a hugetlb page that was never tagged warns\n");
	return REPRODUCED;
}
