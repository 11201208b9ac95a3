//! PAGES: the data and tags of consecutive pages.

use std::ops::Range;

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::MAX_PAGE;
use super::layout::{Type, WireError, allow, head};
use crate::bits::is_zero;
use crate::defect::{Defect, Injected};
use crate::tags::{self, TagsError};
use crate::{PAGE, PAGES_PER_FRAME, TAGS};

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct PagesHead {
    first: U64,
    count: U32,
    tag_bytes: U32,
}

const _: () = assert!(size_of::<PagesHead>() == 16);

/// The data and tags of consecutive pages, at most [`PAGES_PER_FRAME`]. Pages of zeros have no data here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pages {
    first: u64,
    /// A bit for each page, the first in bit 0 of the first byte: whether its data is here.
    has_data: Vec<u8>,
    /// The encoded tags.
    tag_bits: Vec<u8>,
    /// One a byte.
    tags: Vec<u8>,
    data: Vec<u8>,
}

impl Pages {
    /// Makes a frame's content of consecutive pages: `data` has all their bytes, `tags` all their tags, one a byte.
    ///
    /// # Errors
    /// A tag is above 15, or data and tags are not those of 1 to [`PAGES_PER_FRAME`] pages.
    pub fn new(first: u64, data: &[u8], tags: &[u8]) -> Result<Self, TagsError> {
        Self::with(first, data, tags, Injected::default())
    }

    pub(crate) fn with(first: u64, data: &[u8], tags: &[u8], injected: Injected) -> Result<Self, TagsError> {
        let count = tags.len() / TAGS;
        if !(1..=PAGES_PER_FRAME).contains(&count) || data.len() != count * PAGE {
            return Err(TagsError::BadCount { count: tags.len() });
        }
        let tag_bits = tags::encode_with(tags, injected)?;
        let mut pages =
            Self { first, has_data: vec![0; count.div_ceil(8)], tag_bits, tags: tags.to_vec(), data: Vec::new() };
        for (index, page) in data.as_chunks::<PAGE>().0.iter().enumerate() {
            if !is_zero(page) {
                let index = index + usize::from(injected.is(Defect::DataBitmapOffByOne) && index + 1 < count);
                pages.has_data[index / 8] |= 1 << (index % 8);
                pages.data.extend_from_slice(page);
            }
        }
        Ok(pages)
    }

    /// Returns the numbers of the pages.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.first..self.first + self.count() as u64
    }

    fn count(&self) -> usize {
        self.tags.len() / TAGS
    }

    /// Returns the tags of all pages, one a byte.
    #[must_use]
    pub fn tags(&self) -> &[u8] {
        &self.tags
    }

    /// Bytes of data, and of encoded tags.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize) {
        (self.data.len(), self.tag_bits.len())
    }

    /// Returns the runs of pages that have data, with it, or have none.
    #[must_use]
    pub fn runs(&self) -> Vec<(Range<u64>, Option<&[u8]>)> {
        let has = |index: &usize| self.has_data[index / 8] >> (index % 8) & 1 == 1;
        let all: Vec<usize> = (0..self.count()).collect();
        let mut data = &self.data[..];
        all.chunk_by(|a, b| has(a) == has(b))
            .map(|run| {
                let start = self.first + run[0] as u64;
                let of_run = has(&run[0]).then(|| {
                    let (of_run, rest) = data.split_at(run.len() * PAGE);
                    data = rest;
                    of_run
                });
                (start..start + run.len() as u64, of_run)
            })
            .collect()
    }

    pub(super) fn encode(&self, payload: &mut Vec<u8>) {
        let tag_bytes = (self.tag_bits.len() as u32).into();
        let head = PagesHead { first: self.first.into(), count: (self.count() as u32).into(), tag_bytes };
        for part in [head.as_bytes(), &self.has_data, &self.tag_bits, &self.data] {
            payload.extend_from_slice(part);
        }
    }

    pub(super) fn decode(payload: &[u8], injected: Injected) -> Result<Self, WireError> {
        const KIND: Type = Type::Pages;
        let (pages, rest): (&PagesHead, _) = head(KIND, payload)?;
        let (first, count) = (pages.first.get(), pages.count.get() as usize);
        allow(KIND, "count", count as u64, (1..=PAGES_PER_FRAME).contains(&count))?;
        allow(KIND, "first", first, first <= MAX_PAGE - count as u64)?;
        let tag_bytes = pages.tag_bytes.get() as usize;
        allow(KIND, "tag_bytes", tag_bytes as u64, tag_bytes <= tags::MAX_BYTES)?;
        let short = WireError::BadLength { kind: KIND.name() };
        let (has_data, rest) = rest.split_at_checked(count.div_ceil(8)).ok_or(short.clone())?;
        let (tag_bits, data) = rest.split_at_checked(tag_bytes).ok_or(short.clone())?;
        let last = has_data[has_data.len() - 1];
        allow(KIND, "bits after the last page", last.into(), count % 8 == 0 || last >> (count % 8) == 0)?;
        let with_data: u32 = has_data.iter().map(|byte| byte.count_ones()).sum();
        if data.len() != with_data as usize * PAGE {
            return Err(short);
        }
        let tags = tags::decode_with(tag_bits, count, injected)?;
        Ok(Self { first, has_data: has_data.to_vec(), tag_bits: tag_bits.to_vec(), tags, data: data.to_vec() })
    }
}
