//! Finds the differences of two snapshots.

use super::Difference;
use super::contents;
use crate::register::Values;
use crate::snapshot::{Application, Identity, Snapshot, Vcpu};

impl Snapshot {
    /// Returns how this snapshot, the left one, differs from another, the right one.
    ///
    /// Memory is compared as the guest sees it: how it is cut into extents, and whether zero pages are there, is no
    /// difference.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let mut found = identity(&self.identity, &other.identity);
        found.extend(positions(&self.slots, &other.slots, |index, left, right| Difference::Slot {
            index,
            left,
            right,
        }));
        found.extend(positions(&self.views, &other.views, |index, left, right| Difference::View {
            index,
            left,
            right,
        }));
        if self.vcpus.len() != other.vcpus.len() {
            found.push(Difference::Vcpus { left: self.vcpus.len(), right: other.vcpus.len() });
        }
        for (index, (left, right)) in self.vcpus.iter().zip(&other.vcpus).enumerate() {
            vcpu(index, left, right, &mut found);
        }
        contents::memory(self, other, &mut found);
        found.extend(application(self.application.as_ref(), other.application.as_ref()));
        found
    }
}

fn identity(left: &Identity, right: &Identity) -> Vec<Difference> {
    let fields = |identity: &Identity| {
        [
            ("page_size", identity.page_size.to_string()),
            ("mte", identity.mte.to_string()),
            ("gmid", format!("{:#x}", identity.gmid)),
            ("midr", format!("{:#x}", identity.midr)),
            ("kernel", format!("{:?}", identity.kernel)),
            ("emulator", format!("{:?}", identity.emulator)),
            ("cpu", format!("{:?}", identity.cpu)),
            ("guest", crate::error::Digest(identity.guest).to_string()),
        ]
    };
    let pairs = fields(left).into_iter().zip(fields(right));
    let differ = pairs.filter(|((_, left), (_, right))| left != right);
    differ.map(|((field, left), (_, right))| Difference::Identity { field, left, right }).collect()
}

/// Compares two lists by position.
fn positions<T: Copy + PartialEq>(
    left: &[T],
    right: &[T],
    difference: impl Fn(usize, Option<T>, Option<T>) -> Difference,
) -> Vec<Difference> {
    let pairs = (0..left.len().max(right.len())).map(|at| (at, left.get(at).copied(), right.get(at).copied()));
    pairs.filter(|(_, left, right)| left != right).map(|(at, left, right)| difference(at, left, right)).collect()
}

fn vcpu(index: usize, left: &Vcpu, right: &Vcpu, found: &mut Vec<Difference>) {
    let (lefts, rights) = (Values::of(left), Values::of(right));
    let ids = |vcpu: &Vcpu| vcpu.registers.iter().map(|(id, _)| *id).collect::<Vec<_>>();
    let only_right = ids(right).into_iter().filter(|id| lefts.get(*id).is_none());
    for id in ids(left).into_iter().chain(only_right) {
        let (left, right) = (lefts.get(id).map(<[u8]>::to_vec), rights.get(id).map(<[u8]>::to_vec));
        if left != right {
            found.push(Difference::Register { vcpu: index, id, left, right });
        }
    }
    let common = |vcpu: &Vcpu, others: &Values<'_>| {
        ids(vcpu).into_iter().filter(|id| others.get(*id).is_some()).collect::<Vec<_>>()
    };
    if common(left, &rights) != common(right, &lefts) {
        found.push(Difference::RegisterOrder { vcpu: index });
    }
    if left.mp_state != right.mp_state {
        found.push(Difference::MpState { vcpu: index, left: left.mp_state, right: right.mp_state });
    }
    if left.events != right.events {
        found.push(Difference::Events { vcpu: index, left: left.events.clone(), right: right.events.clone() });
    }
}

fn application(left: Option<&Application>, right: Option<&Application>) -> Option<Difference> {
    if left == right {
        return None;
    }
    let name = |application: Option<&Application>| application.map(|application| application.name.clone());
    let offset = left.zip(right).filter(|(left, right)| left.name == right.name).map(|(left, right)| {
        let differ = left.bytes.iter().zip(&right.bytes).position(|(left, right)| left != right);
        differ.unwrap_or_else(|| left.bytes.len().min(right.bytes.len())) as u64
    });
    Some(Difference::Application { left: name(left), right: name(right), offset })
}
