// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_ARM_MTE_COPY_TAGS to one small page of a hugetlb folio that was never tagged flags all of the folio as tagged, and
 * initialises no tags but those of the one page: the others show the tags of the memory's last owner.
 *
 *	aarch64-linux-gnu-gcc -O2 -static -o reproduce reproduce.c
 *
 * It works as an ordinary program that can open /dev/kvm, and as /init of an initramfs that has /dev/console and
 * /dev/kvm. It needs two pages in the pool of huge pages: `hugepages=2` on the kernel's command line, or
 * /proc/sys/vm/nr_hugepages. Linux 6.13
 * and later are affected.
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
#include <termios.h>
#include <unistd.h>

enum { NOT_REPRODUCED, REPRODUCED, CANNOT_TELL = 4 };

#define IPA 0x80000000UL
#define LEFT_BEHIND 0xf
#define OURS 0xa

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

/* Tags all pages of the pool that are free, and returns them. */
static void leave_tags_behind(int kvm)
{
	unsigned char *tags = malloc(huge / 16);
	char *memory[16];
	int n = 0, vm;

	memset(tags, LEFT_BEHIND, huge / 16);
	for (; n < 16; n++) {
		memory[n] = mmap(NULL, huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
		if (memory[n] == MAP_FAILED)
			break;
		memset(memory[n], 1, huge);
		vm = make_vm(kvm, memory[n], 0);
		need(copy_tags(vm, 0, huge, tags, KVM_ARM_TAGS_TO_GUEST), "storing tags");
		close(vm);
	}
	need(n, "a page of the pool of huge pages (hugepages=2)");
	while (n--)
		munmap(memory[n], huge);
	free(tags);
}

int main(void)
{
	unsigned char *tags;
	int kvm, vm, wrong = 0;
	char *memory;

	atexit(drain);
	page = sysconf(_SC_PAGESIZE);
	/* A table of the last level maps as much. */
	huge = page * (page / 8);
	tags = malloc(huge / 16);
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	need(kvm >= 0, "open /dev/kvm");
	leave_tags_behind(kvm);

	memory = map_huge();
	vm = make_vm(kvm, memory, 0);
	memset(tags, OURS, page / 16);
	need(copy_tags(vm, 0, page, tags, KVM_ARM_TAGS_TO_GUEST), "storing the tags of the first page");
	need(copy_tags(vm, 0, huge, tags, KVM_ARM_TAGS_FROM_GUEST), "fetching tags");
	for (size_t n = 0; n < huge / page; n++)
		wrong += tags[n * page / 16] != (n ? 0 : OURS);
	if (!wrong) {
		printf("not reproduced: pages that were not tagged have tag 0\n");
		return NOT_REPRODUCED;
	}
	printf("reproduced: %d small pages of %zu have other tags than they should; the second has %#x, expected 0\n",
	       wrong, huge / page, tags[page / 16]);
	return REPRODUCED;
}
