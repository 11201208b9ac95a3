//! Registers that an instruction changed.

use abi::mailbox::SysReg;
use model::cpu::Cpu;
use model::cpu::watch::Watched;

use super::Change;
use program::scalable;
use program::value::{Hex, Value};

/// Lists what an instruction changed, in the order of the registers.
pub fn changes(step: &Watched) -> Vec<Change> {
    let (before, after) = (&*step.before, &*step.after);
    let mut list = Vec::new();
    let mut compare = |register: String, old: String, new: String| {
        if old != new {
            list.push(Change { register, before: old, after: new });
        }
    };
    for (n, (old, new)) in before.x.iter().zip(&after.x).enumerate().filter(|(_, (old, new))| old != new) {
        compare(format!("x{n}"), Value(*old).to_string(), Value(*new).to_string());
    }
    compare("sp".to_owned(), Value(before.sp).to_string(), Value(after.sp).to_string());
    for n in 0..before.v.len() {
        let (old, new) = (vector(before, n), vector(after, n));
        if old != new {
            let name = if old.len().max(new.len()) > 16 { "z" } else { "v" };
            compare(format!("{name}{n}"), scalable::text(&old), scalable::text(&new));
        }
    }
    let predicates = |cpu: &Cpu, n: usize| cpu.scalable.as_ref().map(|held| scalable::text(&held.p[n]));
    for n in 0..16 {
        let (old, new) = (predicates(before, n), predicates(after, n));
        let zeros = || "0x0".to_owned();
        compare(format!("p{n}"), old.unwrap_or_else(zeros), new.unwrap_or_else(zeros));
    }
    // PSTATE behind an exception is the handler's.
    if !step.excepted {
        compare("nzcv".to_owned(), format!("{:04b}", before.nzcv), format!("{:04b}", after.nzcv));
        compare("tco".to_owned(), u8::from(before.tco).to_string(), u8::from(after.tco).to_string());
    }
    for (register, (old, new)) in SysReg::ALL.into_iter().zip(before.sys.program().into_iter().zip(after.sys.program()))
    {
        compare(register.name().to_owned(), Hex(old).to_string(), Hex(new).to_string());
    }
    list
}

/// Returns the bytes of a vector register: 16 unless there are others behind them that are not 0.
fn vector(cpu: &Cpu, n: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = cpu.v[n].iter().flat_map(|half| half.to_le_bytes()).collect();
    let behind = cpu.scalable.as_ref().map(|held| &held.z[n][16..]);
    let behind = behind.filter(|bytes| bytes.iter().any(|byte| *byte != 0));
    bytes.extend(behind.into_iter().flatten());
    bytes
}
