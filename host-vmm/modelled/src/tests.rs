//! Tests of the model machine on its own; the suite on it is tested with the suite.

use abi::doorbell::Doorbell;
use abi::mailbox::{PageKind, SysReg};
use abi::map::{self, Window};
use machine::capability::{Capabilities, Capability, MachineKind};
use machine::{Block, Config, El, Factory, Machine, MachineError, Outcome};

use super::*;

#[test]
fn a_block_that_does_not_end_and_one_that_rings_falsely_are_errors() {
    let settings = Settings { budget: 1000, ..Settings::default() };
    let mut machine = ModelFactory::new(settings).boot(Config::default()).unwrap();
    let endless = Block::assemble("b .").unwrap();
    assert!(
        matches!(machine.start(0, &endless), Err(MachineError::Silent { cpu: 0, pc, .. }) if pc == map::code_va(0))
    );
    assert!(!machine.recycle().unwrap());
    let mut machine = ModelFactory::new(Settings::default()).boot(Config::default()).unwrap();
    let byte = Doorbell::Reply.byte(0).into();
    let rings = Block::assemble("strb w0, [x1]").unwrap().x(0, byte).x(1, map::UART_DR);
    assert!(matches!(machine.start(0, &rings), Err(MachineError::Misbehaved { cpu: 0, .. })));
    assert!(matches!(machine.start(1, &endless), Err(MachineError::Request(_))));
}

/// What the real firmware keeps in guest memory goes back with a snapshot: kinds of pages, and the heap.
#[test]
fn a_restore_rolls_the_firmware_back() {
    let mut machine = ModelFactory::new(Settings::default()).boot(Config::default()).unwrap();
    let first = machine.heap_alloc(64, 16).unwrap();
    let snapshot = machine.save().unwrap();
    machine.set_pages(Window::Tagged, map::ARENA_BASE, map::GUEST_PAGE, PageKind::Unmapped).unwrap();
    assert!(machine.heap_free(first, 64, 16).unwrap());
    let load = Block::assemble("ldr x1, [x0]").unwrap().x(0, Window::Tagged.va(map::ARENA_BASE));
    let faults = |machine: &mut dyn Machine| match machine.start(0, &load).unwrap() {
        Outcome::Done(trace) => trace.faults.len(),
        Outcome::Checkpoint => panic!("no checkpoint was rung"),
    };
    assert_eq!(faults(&mut *machine), 1);
    machine.replace_by(&snapshot).unwrap();
    assert_eq!(faults(&mut *machine), 0);
    assert!(machine.heap_free(first, 64, 16).unwrap());
    // Twice from the same snapshot is the same again.
    machine.replace_by(&snapshot).unwrap();
    assert!(machine.heap_free(first, 64, 16).unwrap());
    assert!(!machine.heap_free(first, 64, 16).unwrap());
}

#[test]
fn vectors_survive_a_restore_amid_a_block() {
    let mut machine = ModelFactory::new(Settings::default()).boot(Config::default()).unwrap();
    let vectors = std::array::from_fn(|n| [n as u64, !(n as u64)]);
    let block = Block::assemble("strb w0, [x1]; nop").unwrap().at(El::El0).vectors(vectors);
    let block = block.x(0, Doorbell::Checkpoint.byte(0).into()).x(1, map::UART_DR);
    assert!(matches!(machine.start(0, &block).unwrap(), Outcome::Checkpoint));
    let snapshot = machine.save().unwrap();
    machine.replace_by(&snapshot).unwrap();
    match machine.resume(0).unwrap() {
        Outcome::Done(trace) => assert_eq!(trace.v.as_deref(), Some(&vectors)),
        Outcome::Checkpoint => panic!("the store to the doorbell happened twice"),
    }
}

#[test]
fn a_machine_that_is_handed_on_is_as_booted() {
    let mut machine = ModelFactory::new(Settings::default()).boot(Config::default()).unwrap();
    let pointer = Window::Tagged.va(map::ARENA_BASE) | 5 << 56;
    let block = Block::assemble("stg x0, [x0]; str x0, [x0]").unwrap().x(0, pointer).sys(SysReg::Gcr, 0xff);
    machine.start(0, &block).unwrap();
    machine.heap_alloc(64, 16).unwrap();
    assert!(machine.recycle().unwrap());
    let look = Block::assemble("ldg x1, [x0]; ldr x2, [x3]; mrs x4, gcr_el1").unwrap();
    let look = look.x(0, Window::Tagged.va(map::ARENA_BASE)).x(3, Window::Untagged.va(map::ARENA_BASE));
    match machine.start(0, &look).unwrap() {
        Outcome::Done(trace) => {
            assert_eq!((trace.x[1] >> 56, trace.x[2]), (0, 0));
            assert_eq!(trace.x[4], machine.boot_report(0).sys[SysReg::Gcr as usize]);
        }
        Outcome::Checkpoint => panic!("no checkpoint was rung"),
    }
    machine.write(map::FIRMWARE_BASE, &[1]).unwrap();
    assert!(!machine.recycle().unwrap());
}

/// A machine that is done with may be handed on; what somebody else did to its VM hinders that.
#[test]
fn the_vm_records_what_is_done_to_it_outside_the_arena() {
    type Change = fn(&mut dyn machine::Vm);
    let changes: [(&str, bool, Change); 6] = [
        ("a look", false, |vm| drop(vm.registers(0))),
        ("a write to the arena", false, |vm| vm.write(map::ARENA_BASE, &[1]).unwrap()),
        ("a write to the firmware", true, |vm| vm.write(map::FIRMWARE_BASE, &[1]).unwrap()),
        ("a vCPU", true, |vm| assert_eq!(vm.add_vcpu(), Ok(1))),
        ("the dirty log", true, |vm| vm.dirty_log().unwrap().log_dirty(map::RAM_BASE, true).unwrap()),
        ("an injected abort", true, |vm| vm.abort_injection().unwrap().inject_data_abort(0).unwrap()),
    ];
    for (what, hinders, change) in changes {
        let mut machine = ModelFactory::new(Settings::default()).boot(Config::default()).unwrap();
        change(machine.vm().unwrap());
        assert_eq!(machine.recycle().unwrap(), !hinders, "{what}");
    }
}

#[test]
fn the_table_of_capabilities_holds() {
    let mut machine = ModelFactory::new(Settings::default()).boot(Config::default()).unwrap();
    assert_eq!(Capabilities::of(&mut *machine), MachineKind::Model.capabilities());
    // The VM itself is always handed out.
    for capability in MachineKind::Model.capabilities().without(Capability::Vm).iter() {
        let capabilities = MachineKind::Model.capabilities().without(capability);
        let settings = Settings { capabilities, ..Settings::default() };
        let mut machine = ModelFactory::new(settings).boot(Config::default()).unwrap();
        assert_eq!(Capabilities::of(&mut *machine), capabilities, "without {capability}");
    }
}

#[test]
fn choices_are_given_to_a_run_and_what_it_visited_comes_back() {
    use model_base::choice::Choices;
    let mut machine = ModelFactory::new(Settings::default()).boot_model(Config::default()).unwrap();
    // RRND = 1: IRG chooses any tag.
    let block = Block::assemble("irg x1, x0").unwrap().sys(SysReg::Gcr, 1 << 16);
    let mut run = |choices| {
        assert!(machine.recycle().unwrap());
        run_with(&mut machine, choices, machine::Deadline::NEVER, |machine| match machine.start(0, &block).unwrap() {
            Outcome::Done(trace) => trace.x[1],
            Outcome::Checkpoint => panic!("no checkpoint was rung"),
        })
    };
    let (first, visited) = run(Choices::default());
    assert_eq!((visited.choices.made(), visited.blocks.len(), visited.blocks[0].at_end), (1, 1, 1));
    assert!(visited.blocks[0].unknown.rgsr);
    let (second, again) = run(visited.choices.next().unwrap());
    assert_ne!(first, second);
    assert_eq!(again.choices.made(), 1, "another run's choices are not counted");
    assert_eq!(run(Choices::default()).0, first);
}
