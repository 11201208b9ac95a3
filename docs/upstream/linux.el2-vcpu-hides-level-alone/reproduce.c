// SPDX-License-Identifier: GPL-2.0
/*
 * In a VM with KVM_CAP_ARM_MTE a vCPU with KVM_ARM_VCPU_HAS_EL2 reads 0 in ID_AA64PFR1_EL1.MTE, as if there were no
 * tags, but has MTE's four registers and GMID_EL1, and KVM_GET_REG_LIST lists the four.
 *
 *	aarch64-linux-gnu-gcc -O2 -static -o reproduce reproduce.c
 *
 * It works as an ordinary program that can open /dev/kvm, and as /init of an initramfs that has /dev/console and
 * /dev/kvm. It needs FEAT_NV2 and `kvm-arm.mode=nested` on the kernel's command line.
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

#ifndef KVM_CAP_ARM_EL2
#define KVM_CAP_ARM_EL2 240
#endif
#ifndef KVM_ARM_VCPU_HAS_EL2
#define KVM_ARM_VCPU_HAS_EL2 7
#endif

#define IPA 0x80000000UL
/* Where the guest stores what it has read, and its syndrome if it takes an exception. */
#define VALUE 0x40000000UL
#define SYNDROME (VALUE + 8)
#define DISTRIBUTOR 0x08000000UL
#define REDISTRIBUTOR 0x080a0000UL

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

#define ID_AA64PFR1_EL1 ARM64_SYS_REG(3, 0, 0, 4, 1)
#define VBAR_EL2 ARM64_SYS_REG(3, 4, 12, 0, 0)
#define CORE(what) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(what))

/* What belongs to tags, and last the register that tells of them; the VMM has no GMID_EL1. */
static const struct {
	const char *name;
	unsigned long id;
} registers[] = {
	{ "RGSR_EL1", ARM64_SYS_REG(3, 0, 1, 0, 5) },
	{ "GCR_EL1", ARM64_SYS_REG(3, 0, 1, 0, 6) },
	{ "TFSR_EL1", ARM64_SYS_REG(3, 0, 5, 6, 0) },
	{ "TFSRE0_EL1", ARM64_SYS_REG(3, 0, 5, 6, 1) },
	{ "GMID_EL1", ARM64_SYS_REG(3, 1, 0, 0, 4) },
	{ "ID_AA64PFR1_EL1", ID_AA64PFR1_EL1 },
};

#define REGISTERS (sizeof(registers) / sizeof(*registers))
#define OF_TAGS (REGISTERS - 1)

static size_t page;

static void set_register(int vcpu, unsigned long id, unsigned long value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (unsigned long)&value };

	need(!ioctl(vcpu, KVM_SET_ONE_REG, &reg), "KVM_SET_ONE_REG");
}

/* Adds a GICv3, which a vCPU with EL2 cannot do without. */
static void add_gic(int vm)
{
	unsigned long distributor = DISTRIBUTOR, redistributor = REDISTRIBUTOR;
	struct kvm_create_device gic = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };
	struct kvm_device_attr attrs[] = {
		{ .group = KVM_DEV_ARM_VGIC_GRP_ADDR, .attr = KVM_VGIC_V3_ADDR_TYPE_DIST,
		  .addr = (unsigned long)&distributor },
		{ .group = KVM_DEV_ARM_VGIC_GRP_ADDR, .attr = KVM_VGIC_V3_ADDR_TYPE_REDIST,
		  .addr = (unsigned long)&redistributor },
		{ .group = KVM_DEV_ARM_VGIC_GRP_CTRL, .attr = KVM_DEV_ARM_VGIC_CTRL_INIT },
	};

	need(!ioctl(vm, KVM_CREATE_DEVICE, &gic), "KVM_CREATE_DEVICE of a GICv3");
	for (size_t n = 0; n < sizeof(attrs) / sizeof(*attrs); n++)
		need(!ioctl(gic.fd, KVM_SET_DEVICE_ATTR, &attrs[n]), "KVM_SET_DEVICE_ATTR of a GICv3");
}

/*
 * Writes a program for each register, which reads it and stores what it has read, and the vectors at 0x800: an
 * exception of the same level stores the syndrome.
 */
static void write_programs(char *memory)
{
	unsigned int *words = (unsigned int *)memory;

	for (size_t n = 0; n < REGISTERS; n++) {
		words[4 * n] = 0xd5200001 | (registers[n].id & 0xffff) << 5;	/* mrs x1, the register */
		words[4 * n + 1] = 0xf9000001;					/* str x1, [x0] */
	}
	words[0xa00 / 4] = 0xd53c5202;						/* mrs x2, esr_el2 */
	words[0xa00 / 4 + 1] = 0xf9000402;					/* str x2, [x0, #8] */
}

/* Returns whether a register is in KVM_GET_REG_LIST. */
static int is_listed(int vcpu, unsigned long id)
{
	static struct {
		struct kvm_reg_list list;
		__u64 ids[4096];
	} all;

	all.list.n = 4096;
	need(!ioctl(vcpu, KVM_GET_REG_LIST, &all), "KVM_GET_REG_LIST");
	for (size_t n = 0; n < all.list.n; n++)
		if (all.list.reg[n] == id)
			return 1;
	return 0;
}

/* Returns whether the guest can read a register at EL2, and what it reads. */
static int is_readable(int vcpu, struct kvm_run *run, size_t n, unsigned long *value)
{
	int readable;

	set_register(vcpu, CORE(regs.regs[0]), VALUE);
	set_register(vcpu, CORE(regs.pc), IPA + 16 * n);
	while (ioctl(vcpu, KVM_RUN, 0))
		need(errno == EINTR, "KVM_RUN");
	errno = 0;
	need(run->exit_reason == KVM_EXIT_MMIO && run->mmio.is_write, "a store of the guest");
	need(run->mmio.phys_addr == VALUE || run->mmio.phys_addr == SYNDROME, "a store of the guest to its device");
	readable = run->mmio.phys_addr == VALUE;
	memcpy(value, run->mmio.data, sizeof(*value));
	/* Complete the store. */
	run->immediate_exit = 1;
	need(ioctl(vcpu, KVM_RUN, 0) && errno == EINTR, "KVM_RUN with immediate_exit");
	run->immediate_exit = 0;
	return readable;
}

/*
 * Makes a VM, with MTE or not, and a vCPU with EL2. Counts the registers of tags that the VMM finds in the list, and
 * those that the guest can read. Returns ID_AA64PFR1_EL1.MTE as the guest reads it.
 */
static unsigned long look(int kvm, char *memory, int with_mte, int *listed, int *readable)
{
	struct kvm_enable_cap mte = { .cap = KVM_CAP_ARM_MTE };
	struct kvm_userspace_memory_region region = {
		.guest_phys_addr = IPA, .memory_size = page, .userspace_addr = (unsigned long)memory,
	};
	int vcpu, vm = ioctl(kvm, KVM_CREATE_VM, 0), size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	unsigned long value;
	struct kvm_vcpu_init init;
	struct kvm_run *run;

	need(vm >= 0, "KVM_CREATE_VM");
	if (ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_EL2) <= 0) {
		/* So it is without kvm-arm.mode=nested, and in kernels that do not know KVM_CAP_ARM_EL2. */
		printf("not reproduced: KVM has no vCPUs with EL2 here\n");
		exit(NOT_REPRODUCED);
	}
	if (with_mte)
		need(!ioctl(vm, KVM_ENABLE_CAP, &mte), "KVM_CAP_ARM_MTE");
	need(!ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	need(vcpu >= 0, "KVM_CREATE_VCPU");
	need(!ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init), "KVM_ARM_PREFERRED_TARGET");
	init.features[0] |= 1 << KVM_ARM_VCPU_HAS_EL2;
	if (ioctl(vcpu, KVM_ARM_VCPU_INIT, &init)) {
		need(with_mte && errno == EINVAL, "KVM_ARM_VCPU_INIT with KVM_ARM_VCPU_HAS_EL2");
		printf("not reproduced: KVM refuses a vCPU with EL2 in a VM with MTE\n");
		exit(NOT_REPRODUCED);
	}
	add_gic(vm);
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	need(run != MAP_FAILED, "the vCPU's kvm_run");
	set_register(vcpu, VBAR_EL2, IPA + 0x800);

	printf("a vCPU with EL2 in a VM with%s MTE:\n", with_mte ? "" : "out");
	*listed = *readable = 0;
	for (size_t n = 0; n < OF_TAGS; n++) {
		int in_list = is_listed(vcpu, registers[n].id), read = is_readable(vcpu, run, n, &value);

		printf("  %s: %slisted by KVM_GET_REG_LIST, %s at EL2\n", registers[n].name, in_list ? "" : "not ",
		       read ? "can be read" : "UNDEFINED");
		*listed += in_list;
		*readable += read;
	}
	errno = 0;
	need(is_readable(vcpu, run, OF_TAGS, &value), "ID_AA64PFR1_EL1 at EL2");
	printf("  ID_AA64PFR1_EL1.MTE: %lu\n", value >> 8 & 0xf);
	return value >> 8 & 0xf;
}

int main(void)
{
	int kvm, listed, readable;
	unsigned long level;
	char *memory;

	atexit(drain);
	page = sysconf(_SC_PAGESIZE);
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	need(kvm >= 0, "open /dev/kvm");
	memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	need(memory != MAP_FAILED, "mmap");
	write_programs(memory);
	level = look(kvm, memory, 0, &listed, &readable);
	errno = 0;
	need(!level && !listed && !readable, "a vCPU with EL2 that has nothing of tags in a VM without MTE");

	level = look(kvm, memory, 1, &listed, &readable);
	if (level >= 2 || (!listed && !readable)) {
		printf("not reproduced: the ID register and the registers agree\n");
		return NOT_REPRODUCED;
	}
	printf("reproduced: a vCPU with EL2 is told that there are no tags, and has the registers\n");
	return REPRODUCED;
}
