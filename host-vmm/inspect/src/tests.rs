use std::collections::BTreeMap;

use fuzz::judge::{Judge, Verdict};
use fuzz::reference::ModelReference;
use machine::Deadline;
use model_base::choice::Choices;
use model_base::defect::Injected;
use modelled::{ModelFactory, Settings};

use super::subject::{Local, Subject};
use super::verbs::VERBS;
use super::{Alone, Answer, Inspector, Status, World};

fn max() -> Settings {
    trace::model_of("max").unwrap()
}

fn local(settings: &Settings) -> Box<dyn Subject> {
    Box::new(Local::open(settings).unwrap())
}

fn model() -> Inspector {
    Inspector::new("model", local(&max()), "").unwrap()
}

fn plain(answer: &Answer) -> String {
    anstream::adapter::strip_str(&answer.text).to_string()
}

/// Carries out lines, each of which can be; returns the answer to the last one.
fn last(inspector: &mut Inspector, lines: &str, world: &mut dyn World) -> (String, Status) {
    let mut answer: Option<Answer> = None;
    for line in lines.lines() {
        if let Some(previous) = answer.replace(inspector.line(line, world)) {
            assert_eq!(previous.status, Status::Done, "before `{line}`: {}", plain(&previous));
        }
    }
    let answer = answer.unwrap();
    (plain(&answer), answer.status)
}

#[track_caller]
fn shows(lines: &str, parts: &[&str]) {
    let (text, status) = last(&mut model(), lines, &mut Alone);
    assert_eq!(status, Status::Done, "{text}");
    parts.iter().for_each(|part| assert!(text.contains(part), "{part}\n{text}"));
}

#[track_caller]
fn fails(lines: &str, message: &str) {
    let (text, status) = last(&mut model(), lines, &mut Alone);
    assert_eq!(status, Status::Failed, "{text}");
    assert!(text.contains(message), "{message}\n{text}");
}

/// Files, and machines by their settings.
#[derive(Default)]
struct Outside {
    files: BTreeMap<String, String>,
    machine: Option<Settings>,
}

impl World for Outside {
    fn read(&mut self, path: &str) -> Result<String, String> {
        self.files.get(path).cloned().ok_or_else(|| format!("{path}: not there"))
    }

    fn write(&mut self, path: &str, text: &str) -> Result<(), String> {
        self.files.insert(path.to_owned(), text.to_owned());
        Ok(())
    }

    fn explain(&mut self, topic: &str) -> Result<String, String> {
        Ok(format!("{topic} is a topic\n"))
    }

    fn open(&mut self, machine: &str) -> Result<(Box<dyn Subject>, String), String> {
        let settings = self.machine.as_ref().ok_or_else(|| format!("no {machine}"))?;
        Ok((local(settings), String::new()))
    }
}

#[test]
fn lines_build_on_each_other() {
    let lines = "irg x1, x0\nstg x1, [x1]\nstr x2, [x1]\nldr x3, [x0]";
    shows(lines, &["does not match: a synchronous fault", "DFSC 0x11", "[0x0: 3]"]);
    shows("x9 = 5; x10 = 6\nadds x11, x9, x10\nadd x12, x11, #1", &["x12 = 0xc (was 0x0)"]);
    shows("cmp x0, x0\ncset x9, eq", &["x9 = 0x1"]);
    shows("v1 = 1 2\nmov v2.16b, v1.16b", &["v2"]);
    shows("mov v1.d[0], x0\nptrue p0.b\nmov x9, v1.d[0]", &["x9 = tagged+0x0 tag 0"]);
}

#[test]
fn settings_say_what_changed_and_nothing_where_nothing_did() {
    shows("x1 = tagged+0x20 tag 5", &["x1 = tagged+0x20 tag 5 (was tagged+0x100 tag 0)"]);
    shows("nzcv = 0b0110; tco=1", &["nzcv = 0110 (was 0000)", "tco = 1"]);
    shows("gcr_el1 = 0x10003", &["exclude 0 1, rrnd 1"]);
    assert_eq!(last(&mut model(), "x9 = 0", &mut Alone), (String::new(), Status::Done));
    fails("x9 = 0\nundo", "nothing to undo");
}

#[test]
fn modes_levels_and_overrides_are_those_of_the_next_lines() {
    shows("tags 0x0 = 5\nmode async\nstr x1, [x0]", &["tfsr_el1 = 0x1: tf0 1", "DSB and ISB"]);
    shows("tags 0x0 = 5\ntco 1\nstr x1, [x0]", &["PSTATE.TCO is 1"]);
    shows("msr tco, #1\ntco", &["tco 1"]);
    shows("tags 0x0 = 5\nx0 = tagged-el0+0x0 tag 1\nel 0\nmode el0 async\nldr x1, [x0]", &["tfsre0_el1 = 0x1"]);
    shows("mode asymm\nmode el1 none\nmode", &["EL1 none · EL0 asymm"]);
    shows("exclude 0xfffe\nirg x1, x0", &["x1 = tagged+0x0 tag 0"]);
    // A line may change SCTLR_EL1 itself.
    shows("mrs x9, sctlr_el1\nand x9, x9, #0xfffffcffffffffff\nmsr sctlr_el1, x9; isb\nmode", &["EL1 none"]);
}

#[test]
fn memory_is_shown_and_changed_as_a_host_does() {
    shows("tags", &["every tag is 0"]);
    shows("tags 0x40 = 3 4*8\ntags x0 0x100", &["  0  0  0  0  3  4  4  4  4  4  4  4  4  0"]);
    shows("tags tagged+0x128 = 7\ntags", &["0x000100  0  0  7"]);
    shows("mem x1 = 00ff\nldrh w9, [x1]", &["x9 = 0xff00"]);
    shows("tags x0 = 2\nmem 0x4 = 41\nmem 0x0 16", &["tag 2  00 00 00 00 41", "....A..."]);
    fails("tags 0x20 0x20 = 3", "expected 2 tags");
    fails("tags 0x200000", "leads out of the arena");
    fails("tags 0x1ffff0 0x20", "expected 1 to 0x10 bytes");
    fails("x9 = 0x4000000000\ntags x9", "leads out of the arena");
    fails("tags 0x20 = g", "expected tags such as");
}

#[test]
fn undo_comes_back_line_by_line() {
    let lines = "x1 = 1\nirg x2, x0\nstg x2, [x2]\ntags 0x100 = 9\nundo\ntags";
    shows(lines, &["0x000000  3  0"]);
    let mut inspector = model();
    let before = inspector.session().state().clone();
    last(
        &mut inspector,
        "x1 = 1\nirg x2, x0\nmode async\nstg x2, [x2]\nstr x2, [x0]\nundo\nundo\nundo\nundo\nundo",
        &mut Alone,
    );
    let state = inspector.session().state();
    assert_eq!((state.run.x, state.memory.clone()), (before.run.x, before.memory));
    assert_eq!((state.sys, state.run.controls), (before.sys, before.run.controls));
    // And the machine is there, too: IRG begins from the same seed.
    assert!(last(&mut inspector, "irg x2, x0", &mut Alone).0.contains("tag 3"));
    fails("undo", "nothing to undo");
}

#[test]
fn what_was_saved_is_restored() {
    let lines =
        "irg x1, x0\nstg x1, [x1]\nexclude 0xff\nsave\ntags 0x0 = f*8\nexclude 0\nx1 = 0\nmode none\nrestore\nregs";
    shows(lines, &["x1 = tagged+0x0 tag 3", "gcr_el1 = 0xff", "rgsr_el1 = 0x32a503", "tcf = sync"]);
    shows(&format!("{lines}\ntags"), &["0x000000  3  0"]);
    shows(&format!("{lines}\nundo\ntags"), &["0x000000  f  f"]);
    fails("restore", "nothing was saved; `save` saves the VM");
}

#[test]
fn expectations_are_about_the_last_line() {
    let line = "tags 0x0 = 3\nstr x1, [x0]";
    for met in
        ["fault tag-check write at 0 far tagged+0x0 tag 0", "tags 0x0 3 0", "data 0x0 0000", "x9 = 0", "x1 tag 0"]
    {
        shows(&format!("{line}\nexpect {met}"), &["met"]);
    }
    let (text, status) = last(&mut model(), &format!("{line}\nexpect no fault"), &mut Alone);
    assert!(status == Status::Unmet && text.contains("not met: expected no fault, found at 0: data abort"), "{text}");
    fails("expect x1 tag 5", "nothing has");
    fails("nop\nexpect x1 tagg 5", "expected `=` or `tag`");
}

#[test]
fn what_does_not_end_or_is_not_covered_leaves_the_session_as_it_was() {
    for line in ["b .", "l: b l", "x9 = 1; nop"] {
        let mut inspector = model();
        last(&mut inspector, "irg x1, x0\nstg x1, [x1]", &mut Alone);
        let before = inspector.session().state().clone();
        let (text, status) = last(&mut inspector, line, &mut Alone);
        assert_eq!(status, Status::Failed, "{line}: {text}");
        assert_eq!(*inspector.session().state(), before, "{line}");
        let (text, _) = last(&mut inspector, "ldg x2, [x0]\nldr x3, [x1]", &mut Alone);
        assert!(text.contains("allocation tag 3, matches"), "{text}");
    }
    shows("x9 = tagged+0x0 tag 0\nbr x9", &["branched away"]);
    shows("mov x9, #200; l: subs x9, x9, #1; b.ne l", &["and on", "nzcv = 0110", "x9"]);
}

#[test]
fn mistakes_say_what_is_expected() {
    for (line, message) in [
        ("tag", "`tag` is neither an instruction nor a verb; did you mean `tags`?"),
        ("ldr x0, [x33]", "column 10: there is no register `x33`"),
        ("x1 = foo", "column 6: expected a value"),
        ("x31 = 5", "found `x31`"),
        ("mode fast", "expected mode · mode [el1|el0] none|sync|async|asymm, found `mode fast`"),
        ("el 2", "expected el · el 0|1"),
        ("exclude 0x10000", "expected a mask of 16 bits"),
        ("regs x0", "expected the end of the line behind `regs`"),
        ("mem", "expected an address"),
        ("help regz", "did you mean `regs`?"),
        ("wfi", "not supported in blocks"),
        ("script", "expected a file"),
        ("against model", "compared with the model already"),
        ("explain", "expected explain TOPIC"),
        ("explain stg", "nothing is known of `stg` here"),
        ("against tcg", "there is no machine `tcg` here"),
    ] {
        fails(line, message);
    }
}

#[test]
fn a_machine_beside_agrees_or_differs_as_the_architecture_permits_or_does_not() {
    let mut world = Outside { machine: Some(max()), ..Outside::default() };
    let lines = "tags 0x0 = 4\nirg x1, x0\nagainst tcg\nstg x1, [x1]\nldr x2, [x0]";
    let (text, status) = last(&mut model(), lines, &mut world);
    assert!(status == Status::Done && text.contains("= tcg shows the same"), "{text}");

    // One that chooses the sixth tag where any will do, and then goes on from the first one's.
    world.machine = Some(Settings { choices: Choices::answering(vec![5]), ..max() });
    let lines = "against tcg\ngcr_el1 = 0x10000\nirg x1, x0\nstg x1, [x1]";
    let mut inspector = model();
    let (text, status) = last(&mut inspector, lines.rsplit_once('\n').unwrap().0, &mut world);
    assert!(
        status == Status::Done && text.contains("~ tcg") && text.contains("    x1: model tagged+0x0 tag"),
        "{text}"
    );
    let (text, _) = last(&mut inspector, "stg x1, [x1]", &mut world);
    assert!(text.contains("= tcg shows the same"), "{text}");

    // One whose ST2G tags only one granule.
    let defect = model::catalogue::named("st2g.first-granule-only").unwrap();
    world.machine = Some(max().injecting(Injected::only(defect)));
    let _active = model_base::defect::activate(Some(defect));
    let mut inspector = model();
    let (text, status) = last(&mut inspector, "against tcg\nst2g x0, [x0]\nirg x1, x0; st2g x1, [x1]", &mut world);
    assert!(
        status == Status::Unmet && text.contains("≠ tcg") && text.contains("tag at 0x10: model 3 · tcg 0"),
        "{text}"
    );
    let (text, status) = last(&mut inspector, "ldg x2, [x0, #16]", &mut world);
    assert!(status == Status::Done && text.contains("= tcg"), "it goes on alike: {text}");

    // The same as the machine that is inspected: what it shows is what the session goes on with.
    let mut inspector = Inspector::new("tcg", local(world.machine.as_ref().unwrap()), "").unwrap();
    let (text, status) = last(&mut inspector, "irg x1, x0; st2g x1, [x1]", &mut world);
    assert!(status == Status::Unmet && text.contains("tag at 0x10: the architecture 3 · tcg 0"), "{text}");
    let (text, status) = last(&mut inspector, "ldg x2, [x0, #16]", &mut world);
    assert!(status == Status::Done && text.contains("loads the tag of granule 0x10: 0"), "{text}");
}

#[test]
fn the_inspected_machine_is_followed_where_there_is_a_choice() {
    let other = Settings { choices: Choices::answering(vec![5]), ..max() };
    let mut inspector = Inspector::new("tcg", local(&other), "").unwrap();
    let (text, status) = last(&mut inspector, "gcr_el1 = 0x10000\nirg x1, x0", &mut Alone);
    assert!(status == Status::Done && text.contains("outcome 6 of 16"), "{text}");
    let (text, status) = last(&mut inspector, "stg x1, [x1]\nstr x2, [x1]", &mut Alone);
    assert!(status == Status::Done && text.contains("matches"), "{text}");
}

#[test]
fn scripts_are_carried_out_and_sessions_saved_as_programs_that_pass() {
    let mut world = Outside::default();
    let lines = "// A comment.\nirg x1, x0; stg x1, [x1]\nmode async\nstr x2, [x0]\n\nstr x2, [x1, #8]\nsave\nrestore\ntags 0x40 = 5*2\nldr x3, [x4]";
    world.files.insert("lines".to_owned(), lines.to_owned());
    let mut inspector = model();
    let (text, status) = last(&mut inspector, "script lines\nexpect no fault\nscript save out", &mut world);
    assert_eq!(status, Status::Done, "{text}");
    let text = world.files["out"].clone();
    let program: program::Program = text.parse().unwrap_or_else(|error| panic!("{text}{error}"));
    for part in ["save-restore", "expect tags 0x0 3", "expect tfsr_el1 = 0x1", "tags 0x40 5*2", "expect no fault"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let (subject, reference) = (ModelFactory::new(max()), ModelFactory::new(max()));
    let mut judge = Judge::new(&subject, Box::new(ModelReference::new(&reference)));
    let verdict = judge.judge(&program, Deadline::NEVER);
    assert!(matches!(verdict, Verdict::Permitted(_)), "{text}{verdict:?}");

    // What undoing a restore brings back is in the program, too.
    let lines = "save\ntags 0x0 = f*4\nrestore\nundo\nldg x1, [x0]\nscript save undone";
    last(&mut model(), lines, &mut world);
    assert!(world.files["undone"].starts_with("granule program 1\ntags 0x0 f*4\nblock"), "{}", world.files["undone"]);

    world.files.insert("bad".to_owned(), "nop\nfoo x1\nnop".to_owned());
    let (text, status) = last(&mut model(), "script bad", &mut world);
    assert!(status == Status::Failed && text.contains("stopped in line 2 of bad"), "{text}");
    world.files.insert("loop".to_owned(), "script loop".to_owned());
    let (text, status) = last(&mut model(), "script loop", &mut world);
    assert!(status == Status::Failed && text.contains("does one carry out itself?"), "{text}");
}

#[test]
fn every_verb_is_explained_and_none_is_an_instruction() {
    for verb in VERBS {
        assert!(!program::parse::is_code(verb.name), "{}", verb.name);
        shows(&format!("help {}", verb.name), &[verb.summary, verb.name]);
        shows("help", &[verb.summary]);
    }
    let (text, status) = last(&mut model(), "explain tcma", &mut Outside::default());
    assert_eq!((text.as_str(), status), ("tcma is a topic\n", Status::Done));
    let quit = model().line("quit", &mut Alone);
    assert!(quit.status == Status::Quit && quit.text.is_empty());
    assert!(model().line("  // nothing", &mut Alone).text.is_empty());
}
