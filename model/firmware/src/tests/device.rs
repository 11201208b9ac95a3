//! Device and Non-cacheable memory: which unaligned accesses and which stores of tags it refuses, and before what.

use abi::mailbox::{PageKind, SysReg};
use abi::map::Window;

use super::{Bench, pointer, tagged};
use model::cpu::reset;

const ALIGNMENT_READ: u64 = 0x9600_0021;
const ALIGNMENT_WRITE: u64 = 0x9600_0061;

/// A bench with one page of another kind, at 0.
fn bench(kind: PageKind) -> Bench {
    let mut bench = Bench::new();
    bench.pages(Window::Tagged, 0, kind);
    bench
}

fn esr(new: impl Fn() -> Bench, text: &str, address: u64) -> Vec<Option<u64>> {
    Bench::permitted(new, text, &[address], |_, done| done.traps.first().map(|trap| trap.esr))
}

#[test]
fn device_memory_refuses_what_is_unaligned_before_a_missing_permission_is_noticed() {
    let el0 = || {
        let mut bench = bench(PageKind::Device);
        bench.el = 0;
        bench
    };
    assert_eq!(esr(el0, "ldr x1, [x0]", tagged(4, 0)), [Some(0x9200_0021)]);
    assert_eq!(esr(el0, "str x1, [x0]", tagged(4, 0)), [Some(0x9200_0061)]);
    assert_eq!(esr(el0, "ldr x1, [x0]", tagged(8, 0)), [Some(0x9200_000f)]);
    let el1 = || bench(PageKind::Device);
    assert_eq!(esr(el1, "ldtr x1, [x0]", tagged(4, 0)), [Some(ALIGNMENT_READ)]);
    // A page that is not mapped has no type.
    assert_eq!(esr(|| bench(PageKind::Unmapped), "ldtr x1, [x0]", tagged(4, 0)), [Some(0x9600_0007)]);
    // DC ZVA may fault by the type, and else needs its permission.
    assert_eq!(esr(el0, "dc zva, x0", tagged(0, 0)), [Some(0x9200_0061), Some(0x9200_004f)]);
}

#[test]
fn an_access_from_normal_memory_into_a_device_page_may_fault_there_or_here_or_not_at_all() {
    let new = || {
        let mut bench = Bench::new();
        bench.pages(Window::Tagged, 4096, PageKind::Device);
        bench
    };
    let seen = |text: &str, address| {
        Bench::permitted(new, text, &[address, !0], |_, done| done.traps.first().map(|trap| (trap.esr, trap.far)))
    };
    let (here, there) = (tagged(0xffc, 0), tagged(0x1000, 0));
    assert_eq!(seen("ldr x1, [x0]", here), [Some((ALIGNMENT_READ, here)), Some((ALIGNMENT_READ, there)), None]);
    // The second element begins in the Device page, and is not aligned either.
    let next = tagged(0x1004, 0);
    assert_eq!(
        seen("stp x1, x1, [x0]", here),
        [here, there]
            .map(|far| Some((ALIGNMENT_WRITE, far)))
            .into_iter()
            .chain([None, Some((ALIGNMENT_WRITE, next))])
            .collect::<Vec<_>>()
    );
    assert_eq!(seen("stp w1, w1, [x0]", here), [None]);
    // The other way round its first byte is refused.
    let new = || {
        let mut bench = bench(PageKind::Device);
        bench.fill(0, 8, 0);
        bench
    };
    assert_eq!(esr(new, "ldr x1, [x0]", here), [Some(ALIGNMENT_READ)]);
}

#[test]
fn device_memory_may_refuse_stores_of_tags() {
    for (text, without_access) in [
        ("stg x0, [x0]", false),
        ("st2g x0, [x0]", false),
        ("stzg x0, [x0]", true),
        ("stz2g x0, [x0]", true),
        ("stgp x1, x1, [x0]", true),
        ("stgm x1, [x0]", false),
        ("stzgm x1, [x0]", true),
        ("setgp [x0]!, x2!, x1", true),
    ] {
        for access in [true, false] {
            let new = || {
                let mut bench = bench(PageKind::Device);
                if !access {
                    bench.sys(SysReg::Sctlr, reset::SCTLR & !(1 << 43));
                }
                bench
            };
            let found = Bench::permitted(new, text, &[tagged(0, 0), 0, 16], |_, done| {
                done.traps.first().map(|trap| (trap.esr, trap.far))
            });
            // Without access to tags what stores no data stores nothing.
            let refused = Some((ALIGNMENT_WRITE, tagged(0, 0)));
            let expected = if access || without_access { vec![None, refused] } else { vec![None] };
            assert_eq!(found, expected, "{text}, access {access}");
        }
    }
    assert_eq!(esr(|| bench(PageKind::Device), "ldg x1, [x0]", tagged(0, 0)), [None]);
    assert_eq!(esr(|| bench(PageKind::NonCacheable), "stg x1, [x0]", tagged(0, 0)), [None]);
}

#[test]
fn memory_that_is_not_cacheable_may_refuse_ordered_accesses_that_are_not_aligned() {
    let new = || bench(PageKind::NonCacheable);
    assert_eq!(esr(new, "ldar x1, [x0]", tagged(4, 0)), [None, Some(ALIGNMENT_READ)]);
    assert_eq!(esr(new, "stlr w1, [x0]", tagged(2, 0)), [None, Some(ALIGNMENT_WRITE)]);
    assert_eq!(esr(new, "ldxr x1, [x0]", tagged(4, 0)), [None, Some(0x9600_0035), Some(ALIGNMENT_READ)]);
    assert_eq!(esr(new, "ldar x1, [x0]", tagged(8, 0)), [None]);
    assert_eq!(esr(new, "ldr x1, [x0]", tagged(4, 0)), [None]);
    // Atomics have no such rule.
    assert_eq!(esr(new, "ldadd x1, x2, [x0]", tagged(4, 0)), [None, Some(0x9600_0035)]);
    assert_eq!(esr(Bench::new, "ldar x1, [x0]", pointer(Window::Untagged, 4, 0)), [None]);
}
