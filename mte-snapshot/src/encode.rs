//! A snapshot as bytes.

use crate::error::EncodeError;
use crate::headers::Layout;
use crate::note::Note;
use crate::pages::{Run, runs};
use crate::snapshot::Snapshot;
use crate::{check, core_note, record, seal};

/// What of a file is before the page data, and where the rest of it is.
pub(crate) struct Front<'a> {
    /// ELF header, program headers and notes, up to the page data.
    pub(crate) bytes: Vec<u8>,
    /// Which pages follow.
    pub(crate) runs: Vec<Run<'a>>,
    /// Where they are.
    pub(crate) layout: Layout,
}

impl<'a> Front<'a> {
    /// Returns the front of a valid snapshot's file; `None` if there are more than `segments` segments.
    pub(crate) fn of(snapshot: &'a Snapshot, segments: u32) -> Option<Self> {
        let runs = runs(snapshot);
        let mut notes = core_note::encode(snapshot);
        notes.extend(record::encode(snapshot));
        let size: usize = notes.iter().map(Note::size).sum();
        let layout = Layout::new(snapshot, &runs, size as u64, segments)?;
        let mut bytes = Vec::with_capacity(layout.data as usize);
        layout.write(&mut bytes).ok()?;
        notes.iter().for_each(|note| note.write(&mut bytes));
        bytes.resize(layout.data as usize, 0);
        Some(Self { bytes, runs, layout })
    }
}

impl Snapshot {
    /// Encodes the snapshot as a file: an ELF core file whose format docs/snapshot.md specifies.
    ///
    /// Pages that are zero and have zero tags are left out, and it does not matter how the memory is cut into extents.
    ///
    /// # Errors
    ///
    /// When a field is invalid.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        check::metadata(self)?;
        check::memory(self)?;
        let Some(Front { bytes: mut file, runs, layout }) = Front::of(self, u32::MAX) else {
            return Err(EncodeError {
                field: "views".to_owned(),
                expected: format!("fewer than {} segments of memory seen through them", u32::MAX),
                found: format!("{} views", self.views.len()),
            });
        };
        file.reserve_exact((layout.length() - layout.data) as usize);
        runs.iter().flat_map(Run::data).for_each(|piece| file.extend_from_slice(piece));
        for piece in runs.iter().flat_map(Run::tags) {
            let at = file.len();
            file.resize(at + piece.len() / 2, 0);
            kvm_mte::pack(piece, &mut file[at..]).map_err(|error| EncodeError {
                field: "memory".to_owned(),
                expected: "tags of whole pages".to_owned(),
                found: error.to_string(),
            })?;
        }
        seal::seal(&mut file);
        Ok(file)
    }
}
