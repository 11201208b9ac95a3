//! A session: the specification, the machines beside it, what they hold now, and how to get back.
//!
//! Every line runs on the specification first, which explains it and rejects what it does not cover; then on the machine that is
//! inspected, and on those beside it. Where the architecture leaves a choice, the specification follows the inspected machine.
//! A machine that shows something else gets the state of the inspected one back, so that the next line begins alike everywhere.

use std::collections::BTreeSet;

use abi::mailbox::BootReport;
use model_base::choice::Choices;
use program::compare::differences;
use program::{Event, Observation, Program, Step};

use super::error::InspectError;
use super::follow::{block_trace, follow, one_block, with_unknown};
use super::model::{Model, Observed, WATCHED};
use super::ran::{Agreement, Ran, Restored};
use super::state::State;
use super::subject::{Member, Subject};

/// The name of the specification among machines.
pub const MODEL: &str = "model";
/// What reads a VM's registers after it was restored, and changes nothing: NOP.
const NOP: u32 = 0xd503_201f;

/// A state to which `undo` goes back.
struct Mark {
    line: String,
    state: State,
    /// How many steps there were.
    steps: usize,
    /// All of them, where the line put others in their place.
    replaced: Option<Vec<Step>>,
}

/// What `save` kept of the session; the machines keep the rest.
struct Saved {
    state: State,
    steps: Vec<Step>,
}

/// A session.
pub struct Session {
    model: Model,
    inspected: Option<Member>,
    beside: Vec<Member>,
    boot: BootReport,
    longest_vector: Option<u16>,
    state: State,
    marks: Vec<Mark>,
    saved: Option<Saved>,
    /// What was done so far, as the steps of a program.
    pub(crate) steps: Vec<Step>,
}

impl Session {
    /// Begins a session on a machine that has booted, or on the specification of its CPU alone.
    ///
    /// # Errors
    ///
    /// When the specification cannot model it.
    pub fn new(name: &str, subject: Box<dyn Subject>, around: &str) -> Result<Self, InspectError> {
        let target = subject.target();
        let (boot, longest_vector) = (target.boot, target.vector_lengths().last());
        let model = Model::of(target)?;
        let inspected = (name != MODEL).then(|| Member::new(name, subject, around));
        let state = State::first(&boot);
        Ok(Self {
            model,
            inspected,
            beside: Vec::new(),
            boot,
            longest_vector,
            state,
            marks: Vec::new(),
            saved: None,
            steps: Vec::new(),
        })
    }

    /// What the next line will find.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What the inspected machine reported at boot.
    #[must_use]
    pub fn boot(&self) -> &BootReport {
        &self.boot
    }

    /// The name of the inspected machine.
    #[must_use]
    pub fn name(&self) -> &str {
        self.inspected.as_ref().map_or(MODEL, |member| &member.name)
    }

    /// Describes the machines beside the inspected one.
    #[must_use]
    pub fn beside(&self) -> Vec<String> {
        self.beside.iter().map(Member::description).collect()
    }

    /// Begins to run every further line on this machine, too.
    ///
    /// # Errors
    ///
    /// When there is one of this name, or it cannot take the state of the session.
    pub fn add(&mut self, name: &str, subject: Box<dyn Subject>, around: &str) -> Result<String, InspectError> {
        let mut member = Member::new(name, subject, around);
        member.go_to(&self.state.memory)?;
        let description = member.description();
        self.beside.push(member);
        Ok(description)
    }

    /// Whether a machine of this name is in the session.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.name() == name || self.beside.iter().any(|member| member.name == name)
    }

    /// Ends all machines beside the inspected one.
    pub fn leave_all(&mut self) {
        self.beside.clear();
    }

    /// Notes the state, so that `undo` comes back to it.
    fn mark(&mut self, line: &str) {
        let (state, steps) = (self.state.clone(), self.steps.len());
        self.marks.push(Mark { line: line.to_owned(), state, steps, replaced: None });
    }

    /// Changes what the next block begins with.
    pub fn change(&mut self, line: &str, change: impl FnOnce(&mut State)) {
        self.mark(line);
        change(&mut self.state);
        if self.state == self.marks.last().map_or_else(|| self.state.clone(), |mark| mark.state.clone()) {
            self.marks.pop();
        }
    }

    /// Lets the blocks from now on bring the scalable registers.
    ///
    /// # Errors
    ///
    /// When the CPU has none.
    pub fn widen(&mut self) -> Result<(), InspectError> {
        let Some(bytes) = self.longest_vector else {
            return Err(InspectError::Usage("this CPU has no scalable vectors (FEAT_SVE)".to_owned()));
        };
        self.state.widen(bytes);
        Ok(())
    }

    /// Does something to memory that a host can do.
    ///
    /// # Errors
    ///
    /// When a machine cannot; then none has done it.
    pub fn host(&mut self, line: &str, event: Event) -> Result<(), InspectError> {
        let before = self.state.clone();
        let program = Program { steps: vec![Step::Event(event.clone())] };
        let done = self.on_all(|member| member.run(&program, &BTreeSet::new()).map(|_| ()));
        let done = done.and_then(|()| Ok(self.model.observe(&program, Choices::default()).map(|_| ())?));
        if let Err(error) = done {
            self.all_to(&before)?;
            return Err(error);
        }
        self.mark(line);
        self.state.memory = self.model.memory().clone();
        self.steps.push(Step::Event(event));
        Ok(())
    }

    fn on_all(&mut self, mut action: impl FnMut(&mut Member) -> Result<(), InspectError>) -> Result<(), InspectError> {
        self.inspected.iter_mut().chain(&mut self.beside).try_for_each(&mut action)
    }

    /// Starts every machine anew, with this state.
    fn all_to(&mut self, state: &State) -> Result<(), InspectError> {
        self.model.restart(&state.memory)?;
        self.on_all(|member| member.restart(&state.memory))
    }

    /// Runs a line of code.
    ///
    /// # Errors
    ///
    /// When the specification does not cover it, the inspected machine fails, or it does not end: nothing is kept of it.
    pub fn run(&mut self, line: &str, words: &[u32]) -> Result<Ran, InspectError> {
        let ran = self.run_unmarked(words)?;
        let (state, steps) = (ran.before.clone(), self.steps.len());
        self.marks.push(Mark { line: line.to_owned(), state, steps, replaced: None });
        self.steps.push(Step::Run(Box::new(ran.run.clone())));
        Ok(ran)
    }

    fn run_unmarked(&mut self, words: &[u32]) -> Result<Ran, InspectError> {
        let before = self.state.clone();
        let first = match self.specified(&before, words) {
            Ok(first) => first,
            Err(error) => {
                self.model.restart(&before.memory)?;
                return Err(error);
            }
        };
        let ran = self.attempt(&before, words, first);
        if ran.is_err() {
            self.state.clone_from(&before);
            self.model.restart(&before.memory)?;
            self.inspected.iter_mut().try_for_each(|member| member.restart(&before.memory))?;
        }
        ran
    }

    /// Runs a block on the specification.
    fn specified(&mut self, before: &State, words: &[u32]) -> Result<Observed, InspectError> {
        let first = self.model.observe(&one_block(before, words, self.model.needs_all()), Choices::default())?;
        match first.outcome.observation.endless {
            Some(_) => Err(InspectError::Endless { machine: "the model".to_owned() }),
            None => Ok(first),
        }
    }

    /// Runs a block that the specification has run on all machines.
    fn attempt(&mut self, before: &State, words: &[u32], first: Observed) -> Result<Ran, InspectError> {
        let pages = first.outcome.observation.pages();
        let (mut observed, mut shown, mut agreement) = (first, None, None);
        if let Some(member) = &mut self.inspected {
            let found = member.run(&one_block(before, words, member.needs_all()), &pages)?;
            let compared = follow(&mut self.model, before, words, observed, &found, &member.known)?;
            (observed, agreement) = (compared.0, Some(compared.1));
            shown = Some(found);
        }
        let shown = shown.unwrap_or_else(|| observed.outcome.observation.clone());
        let Some(trace) = block_trace(&shown) else {
            return Err(InspectError::Endless { machine: self.name().to_owned() });
        };
        self.state.take(&trace, &self.boot);
        self.state.memory = super::memory::Memory::of(&shown);
        if matches!(agreement, Some(Agreement::Differs(_) | Agreement::Undecided(_))) {
            self.model.go_to(&self.state.memory)?;
        }
        let beside = self.run_beside(before, words, &observed, &shown)?;
        let run = before.block(words, false);
        let Observed { outcome, watched } = observed;
        let more = watched.len() == WATCHED;
        let block = trace::block(&run, &watched, outcome.choices.taken());
        Ok(Ran { block, more, before: before.clone(), trace, outcome, shown, inspected: agreement, beside, run })
    }

    /// Runs a block on the machines beside the inspected one, and lets those that show something else follow it.
    fn run_beside(
        &mut self,
        before: &State,
        words: &[u32],
        observed: &Observed,
        shown: &Observation,
    ) -> Result<Vec<(String, Agreement)>, InspectError> {
        let mut list = Vec::new();
        for place in 0..self.beside.len() {
            let agreement = self.run_on_one(place, before, words, observed, shown)?;
            list.push((self.beside[place].name.clone(), agreement));
        }
        Ok(list)
    }

    fn run_on_one(
        &mut self,
        place: usize,
        before: &State,
        words: &[u32],
        observed: &Observed,
        shown: &Observation,
    ) -> Result<Agreement, InspectError> {
        let member = &mut self.beside[place];
        let found = match member.run(&one_block(before, words, member.needs_all()), &shown.pages()) {
            Ok(found) => found,
            Err(error) => {
                member.restart(&self.state.memory)?;
                return Ok(Agreement::Failed(error.to_string()));
            }
        };
        // What the specification knows to be UNKNOWN is not compared.
        let against = Observation { seen: with_unknown(shown, &observed.outcome.observation), ..shown.clone() };
        let between = differences(&against, &found);
        if between.is_empty() {
            return Ok(Agreement::Same);
        }
        let known = member.known.clone();
        member.go_to(&self.state.memory)?;
        self.model.go_to(&before.memory)?;
        let first = self.model.observe(&one_block(before, words, true), Choices::default())?;
        let (_, agreement) = follow(&mut self.model, before, words, first, &found, &known)?;
        self.model.go_to(&self.state.memory)?;
        Ok(match agreement {
            Agreement::Same | Agreement::Permitted(_) => Agreement::Permitted(between),
            Agreement::Undecided(_) => Agreement::Undecided(between),
            Agreement::Differs(_) | Agreement::Failed(_) => Agreement::Differs(between),
        })
    }

    /// Goes back to before the last line that changed something; returns that line, and the state that is left.
    ///
    /// # Errors
    ///
    /// When there is none, or a machine cannot.
    pub fn undo(&mut self) -> Result<(String, State), InspectError> {
        let Mark { line, state, steps, replaced } = self.marks.pop().ok_or(InspectError::NothingToUndo)?;
        self.model.go_to(&state.memory)?;
        self.on_all(|member| member.go_to(&state.memory))?;
        match replaced {
            Some(all) => self.steps = all,
            None => self.steps.truncate(steps),
        }
        Ok((line, std::mem::replace(&mut self.state, state)))
    }

    /// Saves every VM.
    ///
    /// # Errors
    ///
    /// When one cannot be saved.
    pub fn save(&mut self) -> Result<(), InspectError> {
        self.model.save()?;
        self.on_all(Member::save)?;
        self.saved = Some(Saved { state: self.state.clone(), steps: self.steps.clone() });
        Ok(())
    }

    /// Destroys every VM and restores the saved ones; returns the state before, and how the inspected machine and those beside it
    /// agree with what was saved.
    ///
    /// # Errors
    ///
    /// When nothing was saved, or a VM cannot be restored.
    pub fn restore(&mut self, line: &str) -> Result<Restored, InspectError> {
        let Some(Saved { state, steps }) = &self.saved else { return Err(InspectError::NothingSaved) };
        let (saved, mut steps) = (state.clone(), steps.clone());
        let before = self.state.clone();
        let restored = self.model.restore().and_then(|()| self.on_all(Member::restore));
        self.mark(line);
        self.state.clone_from(&saved);
        // The VM's registers are seen by the next block.
        let ran = match restored.and_then(|()| self.run_unmarked(&[NOP])) {
            Ok(ran) => ran,
            Err(error) => {
                self.marks.pop();
                self.state.clone_from(&before);
                self.all_to(&before)?;
                return Err(error);
            }
        };
        // What was set and not yet used when it was saved is still to be used.
        self.state.run.sys = saved.run.sys;
        steps.push(Step::Event(Event::SaveRestore));
        let replaced = std::mem::replace(&mut self.steps, steps);
        if let Some(mark) = self.marks.last_mut() {
            mark.replaced = Some(replaced);
        }
        Ok(Restored { before, saved, ran })
    }
}
