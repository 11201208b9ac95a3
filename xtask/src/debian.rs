//! Debian's packages, used without installing them: apt with a private state, dpkg-deb to unpack.
//!
//! Nothing below touches the system's own apt or dpkg state, needs root, or names a host: mirrors
//! come from the machine's own configuration, and apt checks the signatures and the checksums.

pub mod apt;
pub mod fetch;
pub mod mirrors;
pub mod revision;
pub mod unpack;
