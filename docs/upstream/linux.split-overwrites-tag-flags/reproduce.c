// SPDX-License-Identifier: GPL-2.0
/*
 * When a huge page is split, every part gets PG_mte_tagged as the first part has it. In memory of a KVM guest, where
 * some pages have tags and others do not, tags are lost that way, or those of the memory's last owner become visible.
 *
 *	aarch64-linux-gnu-gcc -O2 -static -o reproduce reproduce.c
 *
 * It works as an ordinary program that can open /dev/kvm, and as /init of an initramfs that has /dev/console and
 * /dev/kvm. It needs CONFIG_TRANSPARENT_HUGEPAGE and MADV_COLLAPSE (Linux 6.1).
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

#ifndef MADV_COLD
#define MADV_COLD 20
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

enum { NOT_REPRODUCED, REPRODUCED, CANNOT_TELL = 4 };

#define IPA 0x80000000UL
#define LEFT_BEHIND 0xf
#define OURS 0xa
#define ATTEMPTS 10

static size_t page, huge;

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

/* Makes a VM with MTE of this memory. */
static int make_vm(int kvm, char *memory, size_t size)
{
	struct kvm_enable_cap mte = { .cap = KVM_CAP_ARM_MTE };
	struct kvm_userspace_memory_region region = {
		.guest_phys_addr = IPA, .memory_size = size, .userspace_addr = (unsigned long)memory,
	};
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);

	need(vm >= 0, "KVM_CREATE_VM");
	need(!ioctl(vm, KVM_ENABLE_CAP, &mte), "KVM_CAP_ARM_MTE");
	need(!ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
	return vm;
}

static void copy_tags(int vm, size_t offset, size_t length, unsigned char *tags, int flags)
{
	struct kvm_arm_copy_mte_tags copy = {
		.guest_ipa = IPA + offset, .length = length, .addr = tags, .flags = flags,
	};

	need(ioctl(vm, KVM_ARM_MTE_COPY_TAGS, &copy) == (int)length, "KVM_ARM_MTE_COPY_TAGS");
}

/* Returns the first tag of the n-th page. */
static int tag_of(int vm, int n)
{
	unsigned char *tags = malloc(page / 16);
	int tag;

	copy_tags(vm, n * page, page, tags, KVM_ARM_TAGS_FROM_GUEST);
	tag = tags[0];
	free(tags);
	return tag;
}

/* Maps anonymous memory that may become huge pages, aligned as they are. */
static char *map_huge(size_t size)
{
	char *at = mmap(NULL, size + huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	need(at != MAP_FAILED, "mmap");
	at = (char *)(((unsigned long)at + huge - 1) & ~(huge - 1));
	need(!madvise(at, size, MADV_HUGEPAGE), "MADV_HUGEPAGE");
	return at;
}

/* Returns memory with tags to the host: what comes next is likely to get it. */
static void leave_tags_behind(int kvm)
{
	size_t size = 4 * huge > 128 << 20 ? 4 * huge : 128 << 20;
	char *memory = map_huge(size);
	unsigned char *tags = malloc(size / 16);
	int vm = make_vm(kvm, memory, size);

	memset(memory, 1, size);
	memset(tags, LEFT_BEHIND, size / 16);
	copy_tags(vm, 0, size, tags, KVM_ARM_TAGS_TO_GUEST);
	close(vm);
	munmap(memory, size);
	free(tags);
}

/*
 * Tags one of the small pages that become a huge page, splits that, and looks at the tags of three of them. Returns
 * whether they are wrong.
 */
static int try(int kvm, int tagged)
{
	char *memory = map_huge(huge);
	unsigned char *tags = malloc(page / 16);
	int vm, wrong = 0;

	/* Small pages first. */
	madvise(memory, huge, MADV_NOHUGEPAGE);
	memset(memory, 1, huge);
	vm = make_vm(kvm, memory, huge);
	memset(tags, OURS, page / 16);
	copy_tags(vm, tagged * page, page, tags, KVM_ARM_TAGS_TO_GUEST);
	leave_tags_behind(kvm);

	need(!madvise(memory, huge, MADV_HUGEPAGE), "MADV_HUGEPAGE");
	for (int i = 0; madvise(memory, huge, MADV_COLLAPSE); i++) {
		need(errno == EAGAIN && i < ATTEMPTS, "MADV_COLLAPSE");
		usleep(10000);
	}
	for (int n = 0; n < 3; n++)
		need(tag_of(vm, n) == (n == tagged ? OURS : 0), "tags in the huge page");

	/* Advice for a part of it splits it, unless somebody else holds it for a moment; that is not told. */
	for (int i = 0; i < ATTEMPTS; i++) {
		need(!madvise(memory + huge / 2 + i * page, page, MADV_COLD), "MADV_COLD");
		usleep(10000);
	}
	for (int n = 0; n < 3; n++) {
		int expected = n == tagged ? OURS : 0, found = tag_of(vm, n);

		if (found == expected)
			continue;
		printf("page %d was the only one tagged: page %d has tag %#x once the huge page is split, expected %#x%s\n",
		       tagged, n, found, expected, found == LEFT_BEHIND ? " (a former VM's)" : "");
		wrong = 1;
	}
	close(vm);
	munmap(memory, huge);
	free(tags);
	return wrong;
}

int main(void)
{
	int kvm, wrong;

	atexit(drain);
	page = sysconf(_SC_PAGESIZE);
	/* A table of the last level maps as much. */
	huge = page * (page / 8);
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	need(kvm >= 0, "open /dev/kvm");

	/* The second page is tagged, and loses its tags; the first page is tagged, and others get stale ones. */
	wrong = try(kvm, 1);
	wrong |= try(kvm, 0);
	printf(wrong ? "reproduced: a huge page that is split has wrong tags\n"
		     : "not reproduced: the parts of a huge page that is split have the right tags\n");
	return wrong ? REPRODUCED : NOT_REPRODUCED;
}
