//! Looks for the permitted outcome that a machine showed, without trying all of them.
//!
//! A program shows things in order. If an outcome first differs from the machine's at one of them, every outcome with
//! the same choices up to there differs there too, whatever is chosen behind; so only an earlier choice can help
//! ([`Outcome::decided_by`]). First one choice after the other is changed to what comes nearer; from where that ends, the
//! tree of choices is searched depth first, and what lies behind the first difference of a run is left out.

use model_base::choice::Choices;

use crate::reference::Outcome;
use machine::MachineError;
use program::Observation;
use program::compare::{Difference, Location, differences};

/// What a search came to.
#[derive(Debug)]
pub enum SearchResult {
    /// The outcome that is like the machine's.
    Permitted(Box<Outcome>),
    /// There is none. This one is nearest.
    Nothing(Box<Candidate>),
    /// None among those that were tried, and there are more.
    Undecided,
}

/// An outcome, and where what was found differs from it.
#[derive(Debug)]
pub struct Candidate {
    /// What it showed, and its choices.
    pub outcome: Outcome,
    /// Where what was found differs.
    pub differences: Vec<Difference>,
}

impl Candidate {
    /// Reports how many choices the first difference follows from.
    fn decided_by(&self) -> usize {
        self.differences.first().map_or(0, |first| self.outcome.decided_by(first))
    }

    /// Orders outcomes by how near they are: what differs later is nearer, then what differs in less.
    fn nearness(&self) -> impl Ord + use<> {
        let place = self.differences.first().map(|first| {
            let fault = if let Location::Fault(n) = first.place { n } else { usize::MAX };
            (first.step.unwrap_or(usize::MAX), fault)
        });
        (place.unwrap_or((usize::MAX, usize::MAX)), std::cmp::Reverse(self.differences.len()))
    }

    fn answers(&self) -> impl Iterator<Item = u32> {
        self.outcome.choices.taken().iter().map(|(answer, _)| *answer)
    }
}

/// A search among the outcomes of one program.
pub struct Search<'s> {
    /// Runs the program on the reference.
    pub observe: &'s mut dyn FnMut(Choices) -> Result<Outcome, MachineError>,
    /// What the machine showed.
    pub found: &'s Observation,
    /// How many outcomes may be tried yet.
    pub left: usize,
}

impl Search<'_> {
    /// Searches, beginning with the outcome of no answers at all. The last program that ran is the permitted one, if there is one.
    ///
    /// # Errors
    ///
    /// When the reference cannot show an outcome.
    pub fn run(&mut self, first: Outcome) -> Result<SearchResult, MachineError> {
        let mut best = self.candidate(first);
        // Climbing is no more than a good beginning, so most of what may be tried is left for what follows.
        let reserve = self.left / 2;
        while !best.differences.is_empty() && self.climb(&mut best, reserve)? {}
        if best.differences.is_empty() {
            return Ok(SearchResult::Permitted(Box::new(best.outcome)));
        }
        self.descend(best)
    }

    /// Tries the outcome with these answers; `None` if no more may be tried.
    fn attempt(&mut self, choices: Choices) -> Result<Option<Candidate>, MachineError> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        let outcome = (self.observe)(choices)?;
        Ok(Some(self.candidate(outcome)))
    }

    fn candidate(&self, outcome: Outcome) -> Candidate {
        let differences = differences(&outcome.observation, self.found);
        Candidate { outcome, differences }
    }

    /// Changes one choice after the other to what comes nearest, as long as more than `reserve` outcomes may be tried;
    /// tells whether something came nearer.
    fn climb(&mut self, best: &mut Candidate, reserve: usize) -> Result<bool, MachineError> {
        let (mut place, mut nearer) = (0, false);
        while place < best.decided_by() {
            let (answer, options) = best.outcome.choices.taken()[place];
            for other in (0..options).filter(|other| *other != answer) {
                if self.left <= reserve {
                    return Ok(false);
                }
                let mut script: Vec<u32> = best.answers().collect();
                script[place] = other;
                let Some(candidate) = self.attempt(Choices::answering(script))? else { return Ok(false) };
                if candidate.nearness() > best.nearness() {
                    *best = candidate;
                    nearer = true;
                    if best.differences.is_empty() {
                        return Ok(true);
                    }
                }
                if place >= best.decided_by() {
                    break;
                }
            }
            place += 1;
        }
        Ok(nearer)
    }

    /// Visits all outcomes that can help, beginning with `best`. At each choice the answer of `best` comes first, and then
    /// the others in a circle.
    fn descend(&mut self, mut best: Candidate) -> Result<SearchResult, MachineError> {
        let preferred: Vec<u32> = best.answers().collect();
        let begin = |place: usize, options: u32| preferred.get(place).map_or(0, |answer| (*answer).min(options - 1));
        let mut open: Vec<(u32, u32)> = best.outcome.choices.taken()[..best.decided_by()].to_vec();
        loop {
            let more =
                |(place, (answer, options)): (usize, &(u32, u32))| (answer + 1) % options != begin(place, *options);
            let Some(place) = open.iter().enumerate().rposition(more) else {
                return Ok(SearchResult::Nothing(Box::new(best)));
            };
            let mut script: Vec<u32> = open[..=place].iter().map(|(answer, _)| *answer).collect();
            script[place] = (script[place] + 1) % open[place].1;
            script.extend(preferred.iter().skip(place + 1));
            let Some(candidate) = self.attempt(Choices::answering(script))? else { return Ok(SearchResult::Undecided) };
            if candidate.differences.is_empty() {
                return Ok(SearchResult::Permitted(Box::new(candidate.outcome)));
            }
            open = candidate.outcome.choices.taken()[..candidate.decided_by()].to_vec();
            if candidate.nearness() > best.nearness() {
                best = candidate;
            }
        }
    }
}

#[cfg(test)]
mod tests;
