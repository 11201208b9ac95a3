//! Pages into memory: the data of a page, then its tags.
//!
//! Tags belong to the page of physical memory, so whatever may replace that page (a discard, a mapping, a copy by userfaultfd)
//! comes before them. Pages that never had data or tags are not touched: they need no memory.

use std::ops::Range;

use super::{Receiver, Target, of_target};
use crate::TAGS;
use crate::bits::is_zero;
use crate::defect::Defect;
use crate::message::{Pages, Reason};

impl Receiver {
    pub(super) fn store<T: Target + ?Sized>(&mut self, target: &mut T, pages: &Pages) -> Result<(), Reason> {
        if self.injected.is(Defect::OlderCopyWins) && self.written.contains_all(&pages.range()) {
            return Ok(());
        }
        let clears = pages.runs().iter().any(|(_, data)| data.is_none());
        let is_first =
            self.injected.is(Defect::TagsBeforeData) || (self.injected.is(Defect::TagsBeforeClear) && clears);
        if is_first {
            self.store_tags(target, pages)?;
        }
        for (range, data) in pages.runs() {
            self.store_data(target, range, data)?;
        }
        if is_first { Ok(()) } else { self.store_tags(target, pages) }
    }

    fn store_data<T: Target + ?Sized>(
        &mut self,
        target: &mut T,
        range: Range<u64>,
        data: Option<&[u8]>,
    ) -> Result<(), Reason> {
        match data {
            Some(data) => {
                target.write(range.start, data).map_err(|error| of_target("writing memory", error))?;
                self.written.insert(range);
            }
            None if self.injected.is(Defect::ZeroPageNotCleared) => {}
            // Tags alone also make a page one that is in use: clear it, so that its data is known.
            None if range.clone().any(|page| self.written.contains(page) || self.tagged.contains(page)) => {
                target.clear(range).map_err(|error| of_target("clearing memory", error))?;
            }
            None => {}
        }
        Ok(())
    }

    /// Stores the tags of those host pages that have some, or had some before.
    fn store_tags<T: Target + ?Sized>(&mut self, target: &mut T, pages: &Pages) -> Result<(), Reason> {
        let unit = self.hello.as_ref().map_or(1, |hello| hello.pages_per_host_page()) as usize;
        let first = pages.range().start;
        let host_pages: Vec<&[u8]> = pages.tags().chunks(unit * TAGS).collect();
        let needs = |index: usize| {
            let has_tags = !is_zero(host_pages[index]);
            let had_tags = self.tagged.contains(first + (index * unit) as u64);
            has_tags || (had_tags && !self.injected.is(Defect::UntaggedPageNotStored))
        };
        let all: Vec<(usize, bool)> = (0..host_pages.len()).map(|index| (index, needs(index))).collect();
        for run in all.chunk_by(|a, b| a.1 == b.1).filter(|run| run[0].1) {
            let (start, mut end) = (run[0].0 * unit, (run[0].0 + run.len()) * unit);
            if self.injected.is(Defect::FirstPageTagsOnly) {
                end = start + unit;
            }
            let at = first + start as u64;
            let stored = target.store_tags(at, &pages.tags()[start * TAGS..end * TAGS]);
            stored.map_err(|error| of_target("storing tags", error))?;
            self.tagged.insert(at..first + end as u64);
        }
        Ok(())
    }
}
