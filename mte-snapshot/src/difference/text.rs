//! Differences as text.

use std::fmt;

use super::Difference;
use crate::snapshot::{Slot, View};
use kvm_mte::RegisterName;

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity { field, left, right } => write!(f, "identity.{field}: {left} became {right}"),
            Self::Slot { index, left, right } => {
                change(f, format_args!("slots[{index}]"), left.map(slot).as_deref(), right.map(slot).as_deref())
            }
            Self::View { index, left, right } => {
                change(f, format_args!("views[{index}]"), left.map(view).as_deref(), right.map(view).as_deref())
            }
            Self::Memory { ipa, end, count, left, right } => {
                write!(
                    f,
                    "memory: {count} bytes from {ipa:#x} to {:#x}, first {left:#04x} became {right:#04x}",
                    end - 1
                )
            }
            Self::Tags { ipa, end, count, left, right } => {
                write!(f, "tags: {count} granules from {ipa:#x} to {:#x}, first {left:#x} became {right:#x}", end - 1)
            }
            Self::Vcpus { left, right } => write!(f, "vcpus: {left} became {right}"),
            Self::Register { vcpu, id, left, right } => {
                let (left, right) = (left.as_deref().map(number), right.as_deref().map(number));
                change(f, format_args!("vcpus[{vcpu}].{}", RegisterName(*id)), left.as_deref(), right.as_deref())
            }
            Self::RegisterOrder { vcpu } => write!(f, "vcpus[{vcpu}].registers: listed in another order"),
            Self::MpState { vcpu, left, right } => write!(f, "vcpus[{vcpu}].mp_state: {left} became {right}"),
            Self::Events { vcpu, left, right } => {
                let (left, right) = (left.as_deref().map(bytes), right.as_deref().map(bytes));
                change(f, format_args!("vcpus[{vcpu}].events"), left.as_deref(), right.as_deref())
            }
            Self::Application { offset: Some(offset), left: Some(name), .. } => {
                write!(f, "application: the bytes of {name:?} differ from byte {offset} on")
            }
            Self::Application { left, right, .. } => change(f, "application", left.as_deref(), right.as_deref()),
        }
    }
}

fn change(
    f: &mut fmt::Formatter<'_>,
    field: impl fmt::Display,
    left: Option<&str>,
    right: Option<&str>,
) -> fmt::Result {
    match (left, right) {
        (Some(left), Some(right)) => write!(f, "{field}: {left} became {right}"),
        (Some(left), None) => write!(f, "{field}: {left} is gone"),
        (None, Some(right)) => write!(f, "{field}: {right} is new"),
        (None, None) => write!(f, "{field}"),
    }
}

fn slot(slot: Slot) -> String {
    let access = if slot.read_only { "read-only" } else { "writable" };
    format!("{:#x} bytes at {:#x}, {access}", slot.bytes, slot.ipa)
}

fn view(view: View) -> String {
    let tagged = if view.tagged { "tagged" } else { "untagged" };
    format!("{:#x} bytes at {:#x} of {:#x}, {tagged}", view.bytes, view.va, view.ipa)
}

/// Formats a little-endian value as one number.
fn number(value: &[u8]) -> String {
    value.iter().rev().fold(String::from("0x"), |text, byte| text + &format!("{byte:02x}"))
}

fn bytes(value: &[u8]) -> String {
    value.iter().map(|byte| format!("{byte:02x}")).collect()
}
