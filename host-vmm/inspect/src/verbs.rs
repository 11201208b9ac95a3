//! What can be asked in a session besides code, as one table.

/// Something that can be asked.
#[derive(Debug)]
pub struct Verb {
    /// The first word of the line.
    pub name: &'static str,
    /// What may follow, one form each; an empty one is the name alone.
    pub forms: &'static [&'static str],
    /// What it does, in half a line.
    pub summary: &'static str,
    /// What else there is to know; may be empty.
    pub details: &'static str,
    /// Which it is.
    pub(crate) action: Action,
}

/// What a verb does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Tags,
    Regs,
    Mem,
    Mode,
    El,
    Tco,
    Exclude,
    Save,
    Restore,
    Undo,
    Against,
    Expect,
    Explain,
    Script,
    Help,
    Quit,
}

const fn verb(
    name: &'static str,
    forms: &'static [&'static str],
    summary: &'static str,
    details: &'static str,
    action: Action,
) -> Verb {
    Verb { name, forms, summary, details, action }
}

/// All verbs, in the order in which `help` lists them.
pub static VERBS: &[Verb] = &[
    verb(
        "tags",
        &["", "ADDRESS [BYTES]", "ADDRESS = TAG…"],
        "show allocation tags, or store some as a host does",
        "A tag is a hexadecimal digit; 4*8 is eight times tag 4. ADDRESS is an offset into the arena (0x20), a place in a window \
         (tagged+0x20) or a register. Alone it shows every row of 16 granules that has a tag other than 0.",
        Action::Tags,
    ),
    verb(
        "mem",
        &["ADDRESS [BYTES]", "ADDRESS = HEX…"],
        "show bytes of memory with the tag of each granule, or write some as a host does",
        "ADDRESS as with `tags`. Bytes are two hexadecimal digits each, in the order of memory.",
        Action::Mem,
    ),
    verb("regs", &[""], "show the registers; general and vector registers that are 0 are left out", "", Action::Regs),
    verb(
        "mode",
        &["", "[el1|el0] none|sync|async|asymm"],
        "show or set what a tag check fault does (SCTLR_EL1.TCF and TCF0)",
        "sync: the access takes an exception. async: it is done, and TFSR_EL1 or TFSRE0_EL1 collects the fault. asymm: loads as \
         sync, stores as async. none: nothing. Without el1 or el0 it sets both.",
        Action::Mode,
    ),
    verb(
        "el",
        &["", "0|1"],
        "show or choose the exception level of the next lines",
        "At EL0 the windows tagged-el0 and untagged-el0 are accessible, at EL1 all four.",
        Action::El,
    ),
    verb("tco", &["", "0|1"], "show or set PSTATE.TCO: 1 switches tag checks off", "", Action::Tco),
    verb(
        "exclude",
        &["", "MASK"],
        "show or set GCR_EL1.Exclude: tags that IRG, ADDG and SUBG do not choose, a bit each",
        "exclude 0xfffe leaves tag 0 alone.",
        Action::Exclude,
    ),
    verb("save", &[""], "save the VM: memory, tags and registers", "", Action::Save),
    verb(
        "restore",
        &[""],
        "destroy the VM, and restore what was saved into a new one",
        "What is not as it was saved is shown, and counts as a failure.",
        Action::Restore,
    ),
    verb("undo", &[""], "go back to before the last line that changed something", "", Action::Undo),
    verb(
        "against",
        &["", "model|tcg|kvm|nested", "none"],
        "run every further line on this machine, too, and show what differs",
        "Where the architecture leaves a choice, that is said. The other machine then goes on from what the first one shows.",
        Action::Against,
    ),
    verb(
        "expect",
        &["…"],
        "say what should be seen of the last line, as in a program: docs/programs.md",
        "expect x1 tag 5 · expect tags 0x20 3*4 · expect fault tag-check write · expect no fault",
        Action::Expect,
    ),
    verb(
        "explain",
        &["TOPIC"],
        "say what an instruction, a rule, a case or an erratum is, with its source and a trace",
        "explain stg · explain tcma · explain arch.irg.gcr-exclusion. `granule explain --topics` lists what there is.",
        Action::Explain,
    ),
    verb(
        "script",
        &["FILE", "save FILE"],
        "carry out the lines of a file; save the session as a program with what it showed",
        "The program that is saved is for `granule run` and `granule trace`.",
        Action::Script,
    ),
    verb("help", &["", "VERB"], "list what can be asked, or explain one", "", Action::Help),
    verb("quit", &[""], "end the session, as the end of the input does", "", Action::Quit),
];

impl Verb {
    /// Finds a verb by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        VERBS.iter().find(|verb| verb.name == name)
    }

    /// Writes its forms, one a line.
    #[must_use]
    pub fn usage(&self) -> String {
        let form = |form: &&str| format!("{} {form}", self.name).trim_end().to_owned();
        self.forms.iter().map(form).collect::<Vec<_>>().join(" · ")
    }
}
