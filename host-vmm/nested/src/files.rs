//! The names of files in the inner Linux, as the outside puts them there and the inside finds them.

/// Where the inner granule finds its options.
pub const OPTIONS: &str = "granule.json";
/// Where it finds a firmware image, if one was given.
pub const FIRMWARE: &str = "firmware.elf";
/// Where it finds kernel modules, if there are any.
pub const MODULES: &str = "modules";
