// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_GET_ONE_REG of CTR_EL0 leaves out TminLine (bits 37:32), the least line of a cache that holds tags, which the guest
 * reads.
 *
 *	aarch64-linux-gnu-gcc -O2 -static -o reproduce reproduce.c
 *
 * It works as an ordinary program that can open /dev/kvm, and as /init of an initramfs that has /dev/console and
 * /dev/kvm. It needs a CPU whose TminLine is not 0 (in QEMU, neoverse-n2).
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

static size_t page;

/* Makes a VM with MTE of this memory. */
static int make_vm(int kvm, char *memory, int flags)
{
	struct kvm_enable_cap mte = { .cap = KVM_CAP_ARM_MTE };
	struct kvm_userspace_memory_region region = {
		.flags = flags, .guest_phys_addr = IPA, .memory_size = page, .userspace_addr = (unsigned long)memory,
	};
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);

	need(vm >= 0, "KVM_CREATE_VM");
	need(!ioctl(vm, KVM_ENABLE_CAP, &mte), "KVM_CAP_ARM_MTE");
	need(!ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
	return vm;
}

/* Returns what a VMM sees of CTR_EL0. */
static unsigned long get_ctr(int vcpu)
{
	unsigned long value;
	struct kvm_one_reg reg = { .id = ARM64_SYS_REG(3, 3, 0, 0, 1), .addr = (unsigned long)&value };

	need(!ioctl(vcpu, KVM_GET_ONE_REG, &reg), "KVM_GET_ONE_REG of CTR_EL0");
	return value;
}

/*
 * Runs the program at the start of the guest's memory until it stores to an address without memory. Returns what it
 * stores.
 */
static unsigned long run_guest(int kvm, int vm, unsigned long *ctr)
{
	struct kvm_vcpu_init init;
	struct kvm_run *run;
	int vcpu, size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	unsigned long pc = IPA, value = 0;
	struct kvm_one_reg reg = {
		.id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(regs.pc),
		.addr = (unsigned long)&pc,
	};

	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	need(vcpu >= 0, "KVM_CREATE_VCPU");
	need(!ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init), "KVM_ARM_PREFERRED_TARGET");
	need(!ioctl(vcpu, KVM_ARM_VCPU_INIT, &init), "KVM_ARM_VCPU_INIT");
	need(!ioctl(vcpu, KVM_SET_ONE_REG, &reg), "KVM_SET_ONE_REG of the PC");
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	need(run != MAP_FAILED, "the vCPU's kvm_run");
	need(!ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
	errno = 0;
	need(run->exit_reason == KVM_EXIT_MMIO && run->mmio.is_write, "a store of the guest");
	memcpy(&value, run->mmio.data, run->mmio.len);
	*ctr = get_ctr(vcpu);
	return value;
}

int main(void)
{
	/* mrs x1, ctr_el0; mov x0, #0x40000000; str x1, [x0] */
	static const unsigned int program[] = { 0xd53b0021, 0xd2a80000, 0xf9000001 };
	unsigned long guest, vmm;
	char *memory;
	int kvm, vm;

	atexit(drain);
	page = sysconf(_SC_PAGESIZE);
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	need(kvm >= 0, "open /dev/kvm");
	memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	need(memory != MAP_FAILED, "mmap");
	memcpy(memory, program, sizeof(program));
	vm = make_vm(kvm, memory, 0);
	guest = run_guest(kvm, vm, &vmm);
	errno = 0;
	printf("CTR_EL0: the guest reads %#lx, KVM_GET_ONE_REG returns %#lx\n", guest, vmm);
	need(guest >> 32 & 0x3f, "a CPU with CTR_EL0.TminLine");
	if ((guest >> 32 & 0x3f) == (vmm >> 32 & 0x3f)) {
		printf("not reproduced: TminLine is the same\n");
		return NOT_REPRODUCED;
	}
	printf("reproduced: TminLine is %lu for the guest, and %lu for the VMM\n", guest >> 32 & 0x3f,
	       vmm >> 32 & 0x3f);
	return REPRODUCED;
}
