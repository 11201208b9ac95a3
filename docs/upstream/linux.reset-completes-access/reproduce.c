// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU that left the guest for an access to a device, and that KVM_ARM_VCPU_INIT resets before it is entered again,
 * has the access completed after the reset: its first instruction is skipped, and if the access was a load, a register
 * has what was loaded.
 *
 *	aarch64-linux-gnu-gcc -O2 -static -o reproduce reproduce.c
 *
 * It works as an ordinary program that can open /dev/kvm, and as /init of an initramfs that has /dev/console and
 * /dev/kvm. It needs no MTE.
 *
 * Exit status: 0 not reproduced, 1 reproduced, 4 this machine cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

enum { NOT_REPRODUCED, REPRODUCED, CANNOT_TELL = 4 };

#define IPA 0x80000000UL
/* What a device gives to a load. */
#define LOADED 0x100UL

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

static const unsigned int program[] = {
	/* 0: a store to a device */
	0xd2a80000,	/* mov x0, #0x40000000 */
	0xf9000001,	/* str x1, [x0] */
	/* 8: a load from one */
	0xd2a80000,	/* mov x0, #0x40000000 */
	0xf9400001,	/* ldr x1, [x0] */
	/* 16: where the vCPU begins again; x1 is 0 after a reset */
	0x91000421,	/* add x1, x1, #1 */
	0x91000421,	/* add x1, x1, #1 */
	0x91000421,	/* add x1, x1, #1 */
	0xd2a80000,	/* mov x0, #0x40000000 */
	0xf9000001,	/* str x1, [x0] */
};

enum { STORE = 0, LOAD = 8, AGAIN = 16 };

/* Puts a vCPU to a place in the program. */
static void set_pc(int vcpu, unsigned long place)
{
	unsigned long pc = IPA + place;
	struct kvm_one_reg reg = {
		.id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(regs.pc),
		.addr = (unsigned long)&pc,
	};

	need(!ioctl(vcpu, KVM_SET_ONE_REG, &reg), "KVM_SET_ONE_REG of the PC");
}

/*
 * Lets a vCPU access a device, resets it, and lets it begin again: three instructions that add 1 to x1. Returns x1.
 * Completes the access first if it is told to.
 */
static unsigned long run_guest(int kvm, char *memory, size_t page, int access, int complete)
{
	struct kvm_userspace_memory_region region = {
		.guest_phys_addr = IPA, .memory_size = page, .userspace_addr = (unsigned long)memory,
	};
	int vcpu, vm = ioctl(kvm, KVM_CREATE_VM, 0), size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	unsigned long value = LOADED;
	struct kvm_vcpu_init init;
	struct kvm_run *run;

	need(vm >= 0, "KVM_CREATE_VM");
	need(!ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	need(vcpu >= 0, "KVM_CREATE_VCPU");
	need(!ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init), "KVM_ARM_PREFERRED_TARGET");
	need(!ioctl(vcpu, KVM_ARM_VCPU_INIT, &init), "KVM_ARM_VCPU_INIT");
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	need(run != MAP_FAILED, "the vCPU's kvm_run");

	set_pc(vcpu, access);
	need(!ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
	errno = 0;
	need(run->exit_reason == KVM_EXIT_MMIO && run->mmio.is_write == (access == STORE), "an access of the guest");
	memcpy(run->mmio.data, &value, sizeof(value));
	if (complete) {
		run->immediate_exit = 1;
		need(ioctl(vcpu, KVM_RUN, 0) && errno == EINTR, "KVM_RUN with immediate_exit");
		run->immediate_exit = 0;
	}

	need(!ioctl(vcpu, KVM_ARM_VCPU_INIT, &init), "KVM_ARM_VCPU_INIT once more");
	set_pc(vcpu, AGAIN);
	need(!ioctl(vcpu, KVM_RUN, 0), "KVM_RUN after the reset");
	errno = 0;
	need(run->exit_reason == KVM_EXIT_MMIO && run->mmio.is_write, "a store of the guest after the reset");
	memcpy(&value, run->mmio.data, sizeof(value));
	munmap(run, size);
	close(vcpu);
	close(vm);
	return value;
}

int main(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	unsigned long store, load;
	char *memory;
	int kvm;

	atexit(drain);
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	need(kvm >= 0, "open /dev/kvm");
	memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	need(memory != MAP_FAILED, "mmap");
	memcpy(memory, program, sizeof(program));
	need(run_guest(kvm, memory, page, STORE, 1) == 3 && run_guest(kvm, memory, page, LOAD, 1) == 3,
	     "three instructions after a reset, with the access completed before");

	store = run_guest(kvm, memory, page, STORE, 0);
	printf("x1 after a reset and three instructions that add 1: expected 0x3, found %#lx (after a store)\n", store);
	load = run_guest(kvm, memory, page, LOAD, 0);
	printf("x1 after a reset and three instructions that add 1: expected 0x3, found %#lx (after a load)\n", load);
	if (store == 3 && load == 3) {
		printf("not reproduced: a vCPU that was reset begins as if it had never run\n");
		return NOT_REPRODUCED;
	}
	printf("reproduced: KVM_ARM_VCPU_INIT leaves the access to be completed\n");
	return REPRODUCED;
}
