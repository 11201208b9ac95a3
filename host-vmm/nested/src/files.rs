//! The names of files in the inner Linux, as the outside puts them there and the inside finds them.

/// Where the inner granule finds its options.
pub const OPTIONS: &str = "granule.json";
/// Where it finds a firmware image, if one was given.
pub const FIRMWARE: &str = "firmware.elf";
/// Where it finds a file for its work, if there is one.
pub const WORK_FILE: &str = "work-file";
/// Where it finds the kernel and the initramfs that are to take over, if some are.
pub const NEXT_KERNEL: &str = "next-kernel";
/// As [`NEXT_KERNEL`].
pub const NEXT_INITRAMFS: &str = "next-initramfs";
/// Where it finds kernel modules, if there are any.
pub const MODULES: &str = "modules";
