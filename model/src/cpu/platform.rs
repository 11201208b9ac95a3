//! What is around a CPU: which of the machine's CPUs it is.

/// What a CPU's own features do not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Platform {
    /// The CPU's number, from 0 on: MPIDR_EL1.Aff0.
    pub cpu: usize,
}
