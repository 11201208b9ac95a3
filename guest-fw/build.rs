//! Passes the linker script to the linker, and relinks when the script changes.

fn main() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../linker/guest-fw.ld");
    println!("cargo::rerun-if-changed={script}");
    println!("cargo::rerun-if-changed=build.rs");
    // Only the bare-metal target links the firmware. A host build is for the tests of the library.
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "none") {
        println!("cargo::rustc-link-arg-bins=-T{script}");
        println!("cargo::rustc-link-arg-bins=--fatal-warnings");
    }
}
