use std::time::Duration;

use super::*;

const CODE: u64 = map::code_va(0);

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn debuggee(code: &str) -> ModelDebuggee {
    let text = format!("granule program 1\nblock el=1\n  x0 = tagged+0x20 tag 4\ncode\n{code}\nend\n");
    ModelDebuggee::start(text.parse().unwrap(), crate::model_of("max").unwrap()).unwrap()
}

fn pc(debuggee: &mut ModelDebuggee) -> u64 {
    debuggee.register(CPU, Register::Pc).unwrap()
}

fn tag(bits: u8) -> Tag {
    Tag::truncate(bits)
}

#[test]
fn a_program_is_stepped_and_looked_at() {
    let mut guest = debuggee("  stg x0, [x0]\n  mov x1, #7\n  str x1, [x0, #8]");
    let x0 = guest.register(CPU, Register::X(0)).unwrap();
    assert_eq!((pc(&mut guest), x0 >> 56), (CODE, 4));
    let mut tags = [tag(9); 2];
    guest.tags(CPU, x0, &mut tags).unwrap();
    assert_eq!(tags, [tag(0), tag(0)]);
    assert_eq!(guest.step(CPU, soon()).unwrap(), Stop::Stepped);
    guest.tags(CPU, x0 + 5, &mut tags).unwrap();
    assert_eq!((pc(&mut guest), tags), (CODE + 4, [tag(4), tag(0)]));
    let mut word = [0; 4];
    guest.read(CPU, CODE, &mut word).unwrap();
    assert_eq!(u32::from_le_bytes(word), 0xd920_0800, "stg x0, [x0]");
    guest.step(CPU, soon()).unwrap();
    assert_eq!(guest.register(CPU, Register::X(1)).unwrap(), 7);
    guest.step(CPU, soon()).unwrap();
    let mut bytes = [0xff; 16];
    guest.read(CPU, x0, &mut bytes).unwrap();
    assert_eq!(bytes, [0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(guest.resume(soon()).unwrap(), Stop::Off);
    assert_eq!(guest.step(CPU, soon()).unwrap(), Stop::Off);
    assert_eq!(guest.finish().unwrap().blocks[0].instructions.len(), 3);
}

#[test]
fn it_stops_at_breakpoints_and_at_exceptions() {
    let mut guest = debuggee("  nop\n  ldr x1, [x0]\n  nop\n  svc #1");
    guest.set_breakpoint(CODE + 8).unwrap();
    assert_eq!(guest.resume(soon()).unwrap(), Stop::Exception { cpu: 0 });
    let esr = guest.register(CPU, Register::System(SystemRegister::EsrEl1)).unwrap();
    assert_eq!((pc(&mut guest), esr), (CODE + 4, 0x9600_0011));
    let refused = guest.set_register(CPU, Register::Pc, CODE);
    assert!(matches!(refused, Err(DebuggeeError::NoRegister(Register::Pc))), "{refused:?}");
    assert_eq!(guest.resume(soon()).unwrap(), BREAKPOINT);
    assert_eq!(guest.resume(soon()).unwrap(), BREAKPOINT, "step first");
    assert_eq!(guest.step(CPU, soon()).unwrap(), Stop::Stepped);
    guest.clear_breakpoint(CODE + 8).unwrap();
    assert_eq!(guest.step(CPU, soon()).unwrap(), Stop::Exception { cpu: 0 });
    // The word that ends the block is shown, and its exception is not.
    assert_eq!(guest.step(CPU, soon()).unwrap(), Stop::Stepped);
    assert_eq!(pc(&mut guest), CODE + 16);
    assert_eq!(guest.step(CPU, soon()).unwrap(), Stop::Off);
}

#[test]
fn what_is_changed_counts() {
    let mut guest = debuggee("  ldr x1, [x0]\n  irg x2, x0\n  nop");
    let x0 = guest.register(CPU, Register::X(0)).unwrap();
    guest.set_tags(CPU, x0, &[tag(4)]).unwrap();
    guest.write(CPU, x0, &[0x55]).unwrap();
    guest.set_register(CPU, Register::System(SystemRegister::GcrEl1), 0xf7ff).unwrap();
    guest.set_breakpoint(CODE + 8).unwrap();
    assert_eq!(guest.resume(soon()).unwrap(), BREAKPOINT, "the tags are the same");
    assert_eq!(guest.register(CPU, Register::X(1)).unwrap(), 0x55);
    assert_eq!(guest.register(CPU, Register::X(2)).unwrap() >> 56, 11, "the only tag that GCR_EL1 leaves");
    guest.set_register(CPU, Register::Pc, CODE + 12).unwrap();
    guest.set_float_register(CPU, FloatRegister::V(3), 1 << 100 | 5).unwrap();
    assert_eq!(guest.float_register(CPU, FloatRegister::V(3)).unwrap(), 1 << 100 | 5);
    assert_eq!(guest.resume(soon()).unwrap(), Stop::Off);
}

#[test]
fn what_is_not_there_is_refused() {
    let mut guest = debuggee("  nop");
    let read = guest.read(CPU, 0x1234_5678_9abc, &mut [0]);
    assert!(matches!(read, Err(DebuggeeError::Unmapped { va: 0x1234_5678_9abc })), "{read:?}");
    let untagged = map::Window::Untagged.va(map::ARENA_BASE);
    let tags = guest.tags(CPU, untagged, &mut [tag(0)]);
    assert!(matches!(tags, Err(DebuggeeError::NotTagged { va }) if va == untagged), "{tags:?}");
    let code = guest.write(CPU, CODE, &[0]);
    assert!(matches!(code, Err(DebuggeeError::Unmapped { va: CODE })), "the model has decoded it: {code:?}");
    let vbar = guest.register(CPU, Register::System(SystemRegister::VbarEl1));
    assert!(matches!(vbar, Err(DebuggeeError::NoRegister(_))), "{vbar:?}");
}

#[test]
fn it_is_interrupted_and_left_alone() {
    let mut guest = debuggee("  mov x1, #0x100\n  sub x1, x1, #1\n  cbnz x1, #-4\n  nop");
    assert_eq!(guest.resume(Instant::now()).unwrap(), Stop::TimedOut);
    assert_eq!(guest.step(CPU, soon()).unwrap(), Stop::Stepped);
    let traced = guest.finish().unwrap();
    assert_eq!((traced.stopped, traced.blocks[0].instructions.len()), (None, 1 + 2 * 0x100 + 1));
    // A program without a block never stands.
    let none = ModelDebuggee::start("granule program 1\n".parse().unwrap(), crate::model_of("max").unwrap());
    assert_eq!(none.map(|mut none| none.resume(soon()).unwrap()).unwrap(), Stop::Off);
}
