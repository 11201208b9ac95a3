//! What happens to the host as a whole.

use kvm_model::kernel::HostEvent;

use crate::error::MachineError;

/// Makes things happen to the host.
pub trait HostEvents {
    /// Lets something happen to the host. Returns when it is over.
    ///
    /// # Errors
    ///
    /// `Lacking` when this host cannot, or is somebody's own: only that of a nested run is suspended and loses its CPUs. What the
    /// kernel says otherwise.
    fn host_event(&mut self, event: HostEvent) -> Result<(), MachineError>;
}
