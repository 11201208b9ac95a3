//! The VMM: makes VMs, runs them, saves one and restores it into another.
#![expect(unsafe_code, reason = "guest memory is mapped, and its address given to the kernel")]

use std::error::Error;
use std::ptr;

use kvm_bindings::{KVM_ARM_VCPU_PSCI_0_2, RegList, kvm_userspace_memory_region, kvm_vcpu_init};
use kvm_ioctls::{Kvm, VcpuExit, VcpuFd, VmFd};
use kvm_mte::vm_fd;

use crate::guest::{self, MEMORY};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

struct Vm {
    vcpu: VcpuFd,
    fd: VmFd,
    memory: *mut u8,
}

struct Saved {
    memory: Vec<u8>,
    tags: Vec<u8>,
    registers: Vec<(u64, Vec<u8>)>,
}

impl Vm {
    fn new(kvm: &Kvm) -> Result<Self> {
        let fd = kvm.create_vm()?;
        // Before the memory slot and the vCPU.
        vm_fd::enable_mte(&fd).map_err(|errno| format!("KVM has no MTE here: {errno}"))?;
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping at an address of the kernel's choice replaces none.
        let memory = unsafe { libc::mmap(ptr::null_mut(), MEMORY, access, kind, -1, 0) };
        if memory == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error().into());
        }
        let (memory_size, userspace_addr) = (MEMORY as u64, memory as u64);
        let slot = kvm_userspace_memory_region { memory_size, userspace_addr, ..Default::default() };
        // SAFETY: the mapping has MEMORY bytes and stays until the process ends.
        unsafe { fd.set_user_memory_region(slot) }?;
        let vcpu = fd.create_vcpu(0)?;
        let mut init = kvm_vcpu_init::default();
        fd.get_preferred_target(&mut init)?;
        init.features[0] |= 1 << KVM_ARM_VCPU_PSCI_0_2;
        vcpu.vcpu_init(&init)?;
        Ok(Self { vcpu, fd, memory: memory.cast() })
    }

    /// Puts the guest before its first instruction.
    fn load(&self) -> Result<()> {
        self.write_memory(guest::PAGE_TABLE, &guest::DESCRIPTORS.map(u64::to_le_bytes).concat());
        self.write_memory(guest::CODE, &guest::PROGRAM.map(u32::to_le_bytes).concat());
        for (id, value) in guest::REGISTERS {
            self.vcpu.set_one_reg(id, &value.to_le_bytes())?;
        }
        let (sctlr, bits) = guest::SCTLR;
        let mut reset = [0; 8];
        self.vcpu.get_one_reg(sctlr, &mut reset)?;
        self.vcpu.set_one_reg(sctlr, &(u64::from_le_bytes(reset) | bits).to_le_bytes())?;
        Ok(())
    }

    fn write_memory(&self, ipa: u64, bytes: &[u8]) {
        assert!(ipa as usize + bytes.len() <= MEMORY);
        let start = self.memory.wrapping_add(ipa as usize);
        // SAFETY: the range is in the mapping. Rust has no reference to that, and the vCPU does not run.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), start, bytes.len()) };
    }

    /// Runs until the guest stores to its doorbell. Returns what it stored.
    fn run(&mut self) -> Result<u64> {
        match self.vcpu.run()? {
            VcpuExit::MmioWrite(guest::DOORBELL, data) => Ok(u64::from_le_bytes(data.try_into()?)),
            other => Err(format!("expected a store to the doorbell, found {other:?}").into()),
        }
    }

    /// Runs until the guest stores 0. Returns all that it stored before.
    fn finish(&mut self) -> Result<Vec<u64>> {
        let mut stored = Vec::new();
        loop {
            match self.run()? {
                0 => return Ok(stored),
                value => stored.push(value),
            }
        }
    }

    fn save(&mut self) -> Result<Saved> {
        // The store to the doorbell is pending: the PC is still at its instruction.
        self.vcpu.set_kvm_immediate_exit(1);
        let completed = self.vcpu.run().map(|exit| format!("{exit:?}"));
        self.vcpu.set_kvm_immediate_exit(0);
        if !matches!(&completed, Err(error) if error.errno() == libc::EINTR) {
            return Err(format!("KVM_RUN with immediate_exit: expected EINTR, found {completed:?}").into());
        }
        let mut saved = Saved { memory: vec![0; MEMORY], tags: vec![0; MEMORY / 32], registers: Vec::new() };
        // SAFETY: as in `write_memory`; both are MEMORY bytes.
        unsafe { ptr::copy_nonoverlapping(self.memory, saved.memory.as_mut_ptr(), MEMORY) };
        kvm_mte::fetch_packed(&self.fd, 0, &mut saved.tags)?.complete()?;
        let mut list = RegList::new(500).map_err(|error| format!("register list: {error:?}"))?;
        self.vcpu.get_reg_list(&mut list)?;
        for id in list.as_slice() {
            let mut value = vec![0; 1 << (id >> 52 & 0xf)];
            self.vcpu.get_one_reg(*id, &mut value)?;
            saved.registers.push((*id, value));
        }
        Ok(saved)
    }

    fn restore(&self, saved: &Saved) -> Result<()> {
        self.write_memory(0, &saved.memory);
        kvm_mte::store_packed(&self.fd, 0, &saved.tags)?.complete()?;
        for (id, value) in &saved.registers {
            self.vcpu.set_one_reg(*id, value)?;
        }
        Ok(())
    }
}

pub fn run() -> Result<()> {
    let kvm = Kvm::new()?;
    let mut old = Vm::new(&kvm)?;
    old.load()?;
    old.run()?;
    let saved = old.save()?;
    println!("saved {MEMORY} bytes of memory, {} of tags, {} registers", saved.tags.len(), saved.registers.len());
    let mut all = vec![0; MEMORY / kvm_mte::GRANULE as usize];
    kvm_mte::unpack(&saved.tags, &mut all)?;
    let fetched = &all[(guest::DATA / kvm_mte::GRANULE) as usize..][..guest::GRANULES as usize];
    println!("the VMM fetched the tags {fetched:x?}");

    let mut new = Vm::new(&kvm)?;
    new.restore(&saved)?;
    let (expected, found) = (old.finish()?, new.finish()?);
    // The guest reads its last granule first, and then draws one more tag.
    let tags: Vec<u8> = found.iter().rev().map(|pointer| (pointer >> 56 & 0xf) as u8).collect();
    let (next, tags) = tags.split_first().ok_or("the restored guest stored nothing")?;
    println!("the guest reads its tags {tags:x?}, and draws {next:x} next");
    if found != expected || tags != fetched {
        return Err(format!("the restored guest differs: expected {expected:x?}, found {found:x?}").into());
    }
    println!("passed: the restored guest goes on as the saved one does");
    Ok(())
}
