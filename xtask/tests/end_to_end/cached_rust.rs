//! The Rust in the cache is used wherever the installed one lacks something, also on machines without apt-get.

use std::fs;

use crate::scratch::{Scratch, run};

/// The cargo that built something, of the toolchains in a scratch directory.
fn builders(scratch: &Scratch) -> Vec<String> {
    let root = format!("{}/", scratch.path.display());
    let calls = scratch.calls();
    let mut builders: Vec<String> =
        calls.iter().filter_map(|call| Some(call.split_once("/bin/cargo build")?.0.replace(&root, ""))).collect();
    builders.sort();
    builders.dedup();
    builders
}

#[test]
fn it_is_used_when_the_installed_one_is_too_old() {
    let scratch = Scratch::new("cached").with_installed("1.63.0").with_cached_rust("1.96.0");
    let outcome = run(scratch.xtask(&["run", "--via", "model"]));
    assert_eq!(outcome.status, Some(0), "{:?}", outcome);
    assert_eq!(builders(&scratch), ["cache/rust"]);
    let of_path = fs::read_to_string(scratch.path.join("rustc-of-path")).expect("what build scripts find");
    assert_eq!(of_path, "rustc 1.96.0 (a fake)\n");
}

#[test]
fn it_builds_only_for_aarch64_when_the_installed_one_is_recent_and_has_no_targets() {
    let scratch = Scratch::new("targets").with_installed("1.95.0").with_cached_rust("1.96.0");
    fs::remove_dir_all(scratch.path.join("installed/lib/rustlib/aarch64-unknown-linux-musl")).expect("a target");
    let outcome = run(scratch.xtask(&["run", "--via", "model"]));
    assert_eq!(outcome.status, Some(0), "{:?}", outcome);
    assert_eq!(builders(&scratch), ["cache/rust", "installed"]);
}

#[test]
fn the_installed_one_is_used_when_it_has_all() {
    let scratch = Scratch::new("installed").with_installed("1.95.0").with_cached_rust("1.96.0");
    assert_eq!(run(scratch.xtask(&["run", "--via", "model"])).status, Some(0));
    assert_eq!(builders(&scratch), ["installed"]);
}

#[test]
fn without_either_the_message_has_the_remedy() {
    let scratch = Scratch::new("neither").with_installed("1.63.0");
    let cache = scratch.path.join("cache").display().to_string();
    let outcome = run(scratch.xtask(&["run", "--via", "model"]));
    outcome.assert_unavailable(&[
        "cannot fetch Rust for the guest and for arm64 Linux",
        "since the installed rustc 1.63.0 is older than 1.95",
        &cache,
        "run `rustup update stable` and `rustup target add",
    ]);
    assert!(builders(&scratch).is_empty());
}

#[test]
fn one_that_is_too_old_itself_is_not_used() {
    let scratch = Scratch::new("both-old").with_installed("1.63.0").with_cached_rust("1.90.0");
    run(scratch.xtask(&["build"])).assert_unavailable(&["cannot fetch Rust", "rustup target add"]);
}

#[test]
fn one_that_is_damaged_is_not_used_and_the_message_says_so() {
    let scratch = Scratch::new("damaged").with_installed("1.63.0").with_cached_rust("1.96.0");
    scratch.write("cache/rust/stamp", "granule-cache 1\nrecipe rust-web 2\n");
    run(scratch.xtask(&["build"])).assert_unavailable(&["damaged", "its stamp is not complete"]);
}

#[test]
fn its_linker_must_be_in_the_cache_too() {
    let scratch = Scratch::new("linker").with_installed("1.63.0").with_cached_rust("1.96.0");
    fs::remove_dir_all(scratch.path.join("cache/binutils")).expect("binutils");
    run(scratch.xtask(&["build"])).assert_unavailable(&["cannot fetch binutils for aarch64"]);
}
