//! Properties that hold for any range, any tags, any page size, and a kernel that stops anywhere.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use kvm_mte::{Call, Copied, CopyTagsIoctl, Errno, GRANULE, Tags};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

/// Host pages in the VM.
const PAGES: u64 = 8;

/// A kernel that covers what it can of each call, and sometimes less.
#[derive(Debug)]
struct Kernel {
    page: u64,
    base: u64,
    tags: RefCell<Vec<u8>>,
    /// Pages that cannot be copied, by their number, and what the kernel answers there.
    holes: BTreeMap<u64, Errno>,
    /// At most so many pages are covered by each call in turn, without a lasting cause.
    patience: RefCell<Vec<u64>>,
    longest: Cell<u64>,
}

impl Kernel {
    fn granules(&self) -> usize {
        (PAGES * self.page / GRANULE) as usize
    }

    /// Returns the first hole in a range, by its address, which lies in the range.
    fn stop(&self, range: std::ops::Range<u64>) -> Copied {
        let touched = |page: u64| {
            let start = self.base + page * self.page;
            start < range.end && start + self.page > range.start
        };
        match self.holes.iter().find(|(page, _)| touched(**page)) {
            Some((page, cause)) if !range.is_empty() => {
                Copied::Stopped { at: range.start.max(self.base + page * self.page), cause: *cause }
            }
            _ => Copied::Complete,
        }
    }
}

impl CopyTagsIoctl for Kernel {
    fn copy_tags(&self, mut call: Call<'_>) -> Result<u64, Errno> {
        let (ipa, length) = (call.ipa, call.length());
        assert!(ipa % self.page == 0 && length % self.page == 0 && length > 0, "{call:x?}");
        self.longest.set(self.longest.get().max(length));
        let patience = self.patience.borrow_mut().pop().unwrap_or(u64::MAX);
        let page = (self.page / GRANULE) as usize;
        let mut covered = 0;
        for number in 0..(length / self.page).min(patience) {
            let place = (ipa - self.base) / self.page + number;
            if let Some(cause) = self.holes.get(&place) {
                return if covered == 0 { Err(*cause) } else { Ok(covered) };
            }
            let (ours, theirs) = (place as usize * page, number as usize * page);
            match &mut call.tags {
                Tags::FromGuest(tags) => {
                    tags[theirs..theirs + page].copy_from_slice(&self.tags.borrow()[ours..ours + page]);
                }
                Tags::ToGuest(tags) => {
                    self.tags.borrow_mut()[ours..ours + page].copy_from_slice(&tags[theirs..theirs + page]);
                }
            }
            covered += self.page;
        }
        Ok(covered)
    }

    fn page_size(&self) -> u64 {
        self.page
    }
}

prop_compose! {
    fn kernels()(
        page in prop_oneof![4 => Just(0x1000u64), 1 => Just(0x4000), 1 => Just(0x1_0000)],
        base in 0u64..4,
        seed in any::<u64>(),
        holes in btree_map(0..PAGES, prop_oneof![Just(Errno::EFAULT), Just(Errno::EBUSY), Just(Errno::ENOMEM)], 0..3),
        patience in vec(1u64..4, 0..6),
    ) -> Kernel {
        let granules = PAGES * page / GRANULE;
        let tag = |granule: u64| (granule.wrapping_mul(seed | 1) >> 7) as u8 & 0xf;
        Kernel {
            page,
            base: base * page,
            tags: RefCell::new((0..granules).map(tag).collect()),
            holes,
            patience: RefCell::new(patience),
            longest: Cell::new(0),
        }
    }
}

/// A kernel, and a range of granules: the first, and how many.
fn kernels_and_granules() -> impl Strategy<Value = (Kernel, usize, usize)> {
    (kernels(), any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_map(|(kernel, first, count)| {
        let first = first.index(kernel.granules());
        let count = count.index(kernel.granules() - first + 1);
        (kernel, first, count)
    })
}

/// A kernel, and a range of whole pages, in granules.
fn kernels_and_pages() -> impl Strategy<Value = (Kernel, usize, usize)> {
    (kernels(), 0..PAGES, 0..=PAGES).prop_map(|(kernel, first, count)| {
        let page = (kernel.page / GRANULE) as usize;
        let count = count.min(PAGES - first);
        (kernel, first as usize * page, count as usize * page)
    })
}

fn address(kernel: &Kernel, granule: usize) -> u64 {
    kernel.base + granule as u64 * GRANULE
}

/// Returns how many granules of a range were copied.
fn copied_granules(copied: Copied, ipa: u64, count: usize) -> usize {
    match copied {
        Copied::Complete => count,
        Copied::Stopped { at, .. } => ((at - ipa) / GRANULE) as usize,
    }
}

fn new_tags(count: usize) -> Vec<u8> {
    (0..count).map(|n| (n * 7 % 16) as u8).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_fetch_gets_everything_below_the_first_hole((kernel, first, count) in kernels_and_pages()) {
        let ipa = address(&kernel, first);
        let mut tags = vec![0xee; count];
        let copied = kvm_mte::fetch(&kernel, ipa, &mut tags)?;
        prop_assert_eq!(copied, kernel.stop(ipa..address(&kernel, first + count)));
        let good = copied_granules(copied, ipa, count);
        prop_assert_eq!(&tags[..good], &kernel.tags.borrow()[first..first + good]);
        prop_assert!(tags[good..].iter().all(|tag| *tag == 0xee));
    }

    #[test]
    fn a_store_changes_everything_below_the_first_hole_and_nothing_else((kernel, first, count) in kernels_and_pages()) {
        let ipa = address(&kernel, first);
        let mut expected = kernel.tags.borrow().clone();
        let tags = new_tags(count);
        let copied = kvm_mte::store(&kernel, ipa, &tags)?;
        prop_assert_eq!(copied, kernel.stop(ipa..address(&kernel, first + count)));
        let good = copied_granules(copied, ipa, count);
        expected[first..first + good].copy_from_slice(&tags[..good]);
        prop_assert_eq!(&*kernel.tags.borrow(), &expected);
    }

    #[test]
    fn any_granules_are_fetched_up_to_the_first_hole((kernel, first, count) in kernels_and_granules()) {
        let ipa = address(&kernel, first);
        let mut tags = vec![0xee; count];
        let copied = kvm_mte::fetch_granules(&kernel, ipa, &mut tags)?;
        prop_assert_eq!(copied, kernel.stop(ipa..address(&kernel, first + count)));
        let good = copied_granules(copied, ipa, count);
        prop_assert_eq!(&tags[..good], &kernel.tags.borrow()[first..first + good]);
        prop_assert!(tags[good..].iter().all(|tag| *tag == 0xee));
    }

    #[test]
    fn any_granules_are_stored_and_their_neighbours_kept((kernel, first, count) in kernels_and_granules()) {
        let ipa = address(&kernel, first);
        let mut expected = kernel.tags.borrow().clone();
        let tags = new_tags(count);
        let copied = kvm_mte::store_granules(&kernel, ipa, &tags)?;
        prop_assert_eq!(copied, kernel.stop(ipa..address(&kernel, first + count)));
        let good = copied_granules(copied, ipa, count);
        expected[first..first + good].copy_from_slice(&tags[..good]);
        prop_assert_eq!(&*kernel.tags.borrow(), &expected);
    }

    #[test]
    fn packed_tags_are_the_tags_packed((kernel, first, count) in kernels_and_pages()) {
        let ipa = address(&kernel, first);
        let mut packed = vec![0xee; count / 2];
        let copied = kvm_mte::fetch_packed(&kernel, ipa, &mut packed)?;
        prop_assert_eq!(copied, kernel.stop(ipa..address(&kernel, first + count)));
        let good = copied_granules(copied, ipa, count);
        let mut expected = vec![0; good / 2];
        kvm_mte::pack(&kernel.tags.borrow()[first..first + good], &mut expected)?;
        prop_assert_eq!(&packed[..good / 2], &expected);
        prop_assert!(packed[good / 2..].iter().all(|byte| *byte == 0xee));
        prop_assert!(kernel.longest.get() <= 0x1_0000);
    }

    #[test]
    fn storing_packed_tags_stores_the_tags((kernel, first, count) in kernels_and_pages()) {
        let ipa = address(&kernel, first);
        let mut expected = kernel.tags.borrow().clone();
        let tags = new_tags(count);
        let mut packed = vec![0; count / 2];
        kvm_mte::pack(&tags, &mut packed)?;
        let copied = kvm_mte::store_packed(&kernel, ipa, &packed)?;
        prop_assert_eq!(copied, kernel.stop(ipa..address(&kernel, first + count)));
        let good = copied_granules(copied, ipa, count);
        expected[first..first + good].copy_from_slice(&tags[..good]);
        prop_assert_eq!(&*kernel.tags.borrow(), &expected);
    }

    #[test]
    fn the_lower_address_is_in_the_lower_half(tags in vec(0u8..16, 0..100)) {
        let mut packed = vec![0; tags.len().div_ceil(2)];
        kvm_mte::pack(&tags, &mut packed)?;
        for (index, tag) in tags.iter().enumerate() {
            prop_assert_eq!(packed[index / 2] >> (4 * (index % 2)) & 0xf, *tag);
        }
        let mut back = vec![0xff; tags.len()];
        kvm_mte::unpack(&packed, &mut back)?;
        prop_assert_eq!(back, tags);
    }

    #[test]
    fn no_tag_above_15_reaches_the_kernel((kernel, first, count) in kernels_and_pages(), bad in 16u8.., place: prop::sample::Index) {
        prop_assume!(count > 0);
        let before = kernel.tags.borrow().clone();
        let mut tags = new_tags(count);
        let place = place.index(count);
        tags[place] = bad;
        let ipa = address(&kernel, first);
        let refused = Err(kvm_mte::TagError::BadTag { ipa: ipa + place as u64 * GRANULE, value: bad });
        prop_assert_eq!(kvm_mte::store(&kernel, ipa, &tags), refused);
        prop_assert_eq!(kvm_mte::store_granules(&kernel, ipa, &tags), refused);
        prop_assert_eq!(&*kernel.tags.borrow(), &before);
    }
}
