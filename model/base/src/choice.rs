//! Choices that the architecture leaves to the implementation, and the list of all of them.
//!
//! A rule that permits several outcomes asks [`Choices::choose`]. Option 0 is what common
//! implementations do. Running a program again with [`Choices::next`] until it gives `None` visits every
//! permitted outcome, so that "is this trace permitted?" is set membership.

/// The answers to give to a run's choices, and what was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// Answers for the first choices; the later ones get 0.
    script: Vec<u32>,
    /// For every choice so far: the answer and the number of options.
    taken: Vec<(u32, u32)>,
}

impl Choices {
    /// Chooses one of `options`, at least 1. A choice of one is none.
    pub fn choose(&mut self, options: u32) -> u32 {
        if options <= 1 {
            return 0;
        }
        let answer = self.script.get(self.taken.len()).copied().unwrap_or(0).min(options - 1);
        self.taken.push((answer, options));
        answer
    }

    /// Makes choices of which the first are answered like this; the later ones get 0.
    #[must_use]
    pub fn answering(script: Vec<u32>) -> Self {
        Self { script, taken: Vec::new() }
    }

    /// Lists the choices that were made: the answer, and how many options there were.
    #[must_use]
    pub fn taken(&self) -> &[(u32, u32)] {
        &self.taken
    }

    /// How many choices were made.
    #[must_use]
    pub fn made(&self) -> usize {
        self.taken.len()
    }

    /// Returns the answers of the next run, in which the last choice that has an option left takes it; `None` when
    /// every outcome was visited.
    #[must_use]
    pub fn next(&self) -> Option<Self> {
        let last = self.taken.iter().rposition(|(answer, options)| answer + 1 < *options)?;
        let mut script: Vec<u32> = self.taken[..=last].iter().map(|(answer, _)| *answer).collect();
        script[last] += 1;
        Some(Self { script, taken: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_is_visited_once_also_when_later_choices_depend_on_earlier_ones() {
        let mut seen = Vec::new();
        let mut choices = Some(Choices::default());
        while let Some(mut run) = choices {
            // The second choice has as many options as the first one's answer says.
            let first = run.choose(3);
            let second = run.choose(first + 1);
            seen.push((first, second));
            choices = run.next();
        }
        assert_eq!(seen, [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2)]);
    }
}
