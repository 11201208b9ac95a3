//! Passes the linker script to the linker, and makes cargo relink when only the script changed.

fn main() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../linker/guest-fw.ld");
    println!("cargo::rerun-if-changed={script}");
    println!("cargo::rerun-if-changed=build.rs");
    // The firmware exists for the bare-metal target only; a host build compiles the library's tests.
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "none") {
        println!("cargo::rustc-link-arg-bins=-T{script}");
        println!("cargo::rustc-link-arg-bins=--fatal-warnings");
    }
}
