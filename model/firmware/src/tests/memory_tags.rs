//! Stores and loads of allocation tags, one granule or a block.

use abi::mailbox::{PageKind, SysReg};
use abi::map::Window;

use super::{Bench, LOAD_FAULT, STORE_FAULT, pointer, tagged};
use model::cpu::reset;
use model_base::Features;

#[test]
fn each_store_tags_its_own_granules_and_zeroes_what_it_should() {
    for (text, tags, zeroed) in [
        ("stg x1, [x0]", [0, 5, 0, 0], 0),
        ("st2g x1, [x0]", [0, 5, 5, 0], 0),
        ("stzg x1, [x0]", [0, 5, 0, 0], 16),
        ("stz2g x1, [x0]", [0, 5, 5, 0], 32),
        ("stgp x1, x1, [x0]", [0, 9, 0, 0], 0),
    ] {
        let mut bench = Bench::new();
        bench.fill(0, 64, 0xaa);
        bench.calm(text, &[tagged(16, 9), tagged(0x4444, 5)]);
        assert_eq!(bench.read_tags(0, 4), tags, "{text}");
        let full = 0xaaaa_aaaa_aaaa_aaaa;
        let stgp = text.starts_with("stgp");
        for offset in (0..64).step_by(8) {
            let expected = match offset {
                16..32 if stgp => tagged(0x4444, 5),
                16.. if offset < 16 + zeroed => 0,
                _ => full,
            };
            assert_eq!(bench.word(offset), expected, "{text} at {offset}");
        }
    }
}

#[test]
fn addressing_modes_store_at_the_address_used_and_write_back_the_one_made() {
    for (text, at, base) in [
        ("stg x1, [x0, #32]", 2, 64),
        ("stg x1, [x0, #-64]!", -4, 0),
        ("stg x1, [x0], #16", 0, 80),
        ("stgp x1, x2, [x0, #16]!", 1, 80),
        ("stgp x1, x2, [x0], #-16", 0, 48),
    ] {
        let mut bench = Bench::new();
        let done = bench.calm(text, &[tagged(64, 7), tagged(0, 7)]);
        assert_eq!(done.reply.x[0], tagged(base, 7), "{text}");
        assert_eq!(bench.read_tags(4_u64.wrapping_add_signed(at), 1), [7], "{text}");
    }
}

#[test]
fn a_misaligned_tag_store_is_an_alignment_fault_and_ldg_does_not_care() {
    let mut bench = Bench::new();
    bench.tags(0, &[3, 4]);
    for text in ["stg x1, [x0], #16", "st2g x1, [x0]", "stzg x1, [x0]", "stz2g x1, [x0]", "stgp x1, x2, [x0]"] {
        let trap = bench.trap(text, &[tagged(8, 1)]);
        assert_eq!((trap.esr, trap.far), (0x9600_0061, tagged(8, 1)), "{text}");
        assert_eq!(bench.cpu.x[0], tagged(8, 1));
    }
    assert_eq!(bench.read_tags(0, 2), [3, 4]);
    let done = bench.calm("ldg x1, [x0]", &[tagged(31, 9), 0xf2ff_0000_0000_1111]);
    assert_eq!(done.reply.x[1], 0xf4ff_0000_0000_1111);
}

#[test]
fn a_pair_across_pages_is_stored_in_both() {
    let mut bench = Bench::new();
    bench.fill(4080, 32, 1);
    bench.calm("stz2g x0, [x0]", &[tagged(4080, 6)]);
    assert_eq!(bench.read_tags(255, 2), [6, 6]);
    assert_eq!((bench.word(4088), bench.word(4104)), (0, 0));
}

#[test]
fn blocks_follow_the_sizes_of_the_cpu() {
    for bs in 2..=6 {
        let features = Features { tag_block_bs: bs, ..Features::MAX };
        let granules = (4u64 << bs) / 16;
        let mut bench = Bench::of(features);
        let all: Vec<u8> = (0..32).map(|n| (n * 7 + 3) & 0xf).collect();
        bench.tags(0, &all);
        // An address in the last granule of the second block of its size.
        let at = 2 * granules - 1;
        let done = bench.calm("ldgm x1, [x0]", &[tagged(16 * at + 5, 9), !0]);
        let expected =
            (granules..2 * granules).fold(0, |value, n| value | u64::from(all[n as usize]) << (4 * (n % 16)));
        assert_eq!(done.reply.x[1], expected, "BS {bs}");
        bench.calm("stgm x1, [x0]", &[tagged(16 * at, 9), 0xfedc_ba98_7654_3210]);
        let mut wanted = all.clone();
        (granules..2 * granules).for_each(|n| wanted[n as usize] = (n % 16) as u8);
        assert_eq!(bench.read_tags(0, 32), wanted, "BS {bs}");
    }
}

#[test]
fn stzgm_and_dc_cover_the_block_of_dczid() {
    for dczid in 2..=6 {
        let features = Features { dczid, tag_block_bs: 3, ..Features::MAX };
        let block = 4u64 << dczid;
        for (text, tag, zero) in
            [("stzgm x1, [x0]", 0xe, true), ("dc gva, x0", 9, false), ("dc gzva, x0", 9, true), ("dc zva, x0", 9, true)]
        {
            let mut bench = Bench::of(features.clone());
            bench.fill(0, 3 * block, 0x11);
            if text == "dc zva, x0" {
                bench.tags(0, &vec![9; 3 * block as usize / 16]);
            }
            bench.calm(text, &[tagged(2 * block - 1, 9), 0x0500_0000_0000_00fe]);
            for granule in 0..3 * block / 16 {
                let inside = (block / 16..2 * block / 16).contains(&granule);
                let other = if text == "dc zva, x0" { 9 } else { 0 };
                assert_eq!(bench.read_tags(granule, 1), [if inside { tag } else { other }], "{text} {dczid} {granule}");
                let expected = if inside && zero { 0 } else { 0x1111_1111_1111_1111 };
                assert_eq!(bench.word(16 * granule), expected, "{text} {dczid}");
            }
        }
    }
}

#[test]
fn dc_zva_is_checked_as_a_store_of_its_whole_block() {
    let new = || {
        let mut bench = Bench::new();
        bench.tags(4, &[7, 7, 6, 7]);
        bench
    };
    let traps = Bench::permitted(new, "dc zva, x0", &[tagged(0x7c, 7)], |_, done| done.traps[0].far);
    // The lowest address that faults, the operand, or the block's start.
    assert_eq!(traps, [tagged(0x60, 7), tagged(0x7c, 7), tagged(0x40, 7)]);
    assert_eq!(new().trap("dc zva, x0", &[tagged(0x40, 7)]).esr, STORE_FAULT);
    let mut bench = new();
    bench.calm("dc gva, x0; dc gzva, x0", &[tagged(0x40, 1)]);
    assert_eq!(bench.read_tags(4, 4), [1; 4]);
}

#[test]
fn block_forms_are_undefined_at_el0_and_without_tags() {
    for text in ["ldgm x1, [x0]", "stgm x1, [x0]", "stzgm x1, [x0]"] {
        let mut bench = Bench::new();
        bench.el = 0;
        assert_eq!(bench.trap(text, &[pointer(Window::TaggedEl0, 0, 0)]).esr, 0x0200_0000, "{text}");
        let mut bench = Bench::of(Features::MAX.with_mte(1));
        assert_eq!(bench.trap(text, &[tagged(0, 0)]).esr, 0x0200_0000, "{text}");
    }
    let mut bench = Bench::of(Features::MAX.with_mte(0));
    for text in ["irg x1, x0", "stg x0, [x0]", "ldg x1, [x0]", "dc gva, x0", "msr tco, #1", "mrs x1, gcr_el1"] {
        assert_eq!(bench.trap(text, &[tagged(0, 0)]).esr, 0x0200_0000, "{text}");
    }
}

#[test]
fn with_the_instructions_alone_memory_has_no_tags() {
    let mut bench = Bench::of(Features::MAX.with_mte(1));
    bench.fill(0, 16, 1);
    let done = bench.calm("stzg x1, [x0]; ldg x1, [x0]; irg x2, x0; ldr x4, [x0]", &[tagged(0, 5), tagged(0, 9)]);
    assert_eq!(done.reply.x[1..5], [tagged(0, 0), tagged(0, 0), 0, 0]);
    assert_eq!((bench.read_tags(0, 1), bench.word(0)), (vec![0], 0));
}

#[test]
fn tco_is_there_while_tags_are_hidden_and_may_be_with_the_instructions_alone() {
    for (features, seen) in [
        (Features { tags_hidden: true, ..Features::MAX }, &[1 << 25][..]),
        (Features::MAX.with_mte(1), &[0, 1 << 25]),
        (Features::MAX.with_mte(2), &[1 << 25]),
    ] {
        for text in ["msr tco, #1; mrs x1, tco", "msr tco, x2; mrs x1, tco"] {
            let new = || Bench::of(features.clone());
            let found = Bench::permitted(new, text, &[0, 0, !0], |_, done| {
                assert_eq!(done.reply.pstate & 1 << 25, done.reply.x[1]);
                done.reply.x[1]
            });
            assert_eq!(found, seen, "{} {} {text}", features.mte, features.tags_hidden);
        }
    }
    // What a block begins with is there as well, since it comes by an exception return.
    let mut bench = Bench::of(Features { tags_hidden: true, ..Features::MAX });
    bench.tco = true;
    assert_eq!(bench.calm("mrs x1, tco", &[]).reply.x[1], 1 << 25);
}

#[test]
fn a_fault_of_stzgm_shows_its_operand_or_its_block() {
    let new = || {
        let mut bench = Bench::new();
        bench.pages(Window::Tagged, 0, PageKind::ReadOnly);
        bench
    };
    let seen = Bench::permitted(new, "stzgm x1, [x0]", &[tagged(0x58, 3)], |_, done| done.traps[0].far);
    assert_eq!(seen, [tagged(0x40, 3), tagged(0x58, 3)]);
}

#[test]
fn without_access_or_tagged_memory_ldg_reads_0_and_stores_change_data_only() {
    let no_ata = reset::SCTLR & !(1 << 43);
    for (window, sctlr) in [(Window::Tagged, no_ata), (Window::Untagged, reset::SCTLR)] {
        let mut bench = Bench::new();
        bench.tags(0, &[6, 6]);
        bench.fill(0, 32, 1);
        bench.sys(SysReg::Sctlr, sctlr);
        let done = bench
            .calm("ldg x1, [x0]; stz2g x0, [x0]; ldgm x2, [x0]; stgm x3, [x0]", &[pointer(window, 0, 3), !0, !0, !0]);
        assert_eq!(done.reply.x[1..3], [!(0xf << 56), 0]);
        assert_eq!(bench.read_tags(0, 2), [6, 6]);
        assert_eq!((bench.word(0), bench.word(24)), (0, 0));
    }
}

#[test]
fn tag_stores_need_permission_to_write_and_loads_to_read() {
    let mut bench = Bench::new();
    bench.pages(Window::Tagged, 0, PageKind::ReadOnly);
    for text in [
        "stg x0, [x0]",
        "stzg x0, [x0]",
        "stgp x1, x1, [x0]",
        "stgm x1, [x0]",
        "stzgm x1, [x0]",
        "dc gva, x0",
        "dc zva, x0",
    ] {
        assert_eq!(bench.trap(text, &[tagged(0, 0)]).esr, 0x9600_004f, "{text}");
    }
    bench.calm("ldg x1, [x0]; ldgm x1, [x0]", &[tagged(0, 0)]);
    bench.pages(Window::Tagged, 0, PageKind::Unmapped);
    assert_eq!(bench.trap("ldg x1, [x0]", &[tagged(0, 0)]).esr, LOAD_FAULT & !0x3f | 0x07);
}
