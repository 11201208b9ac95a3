//! Nothing that xtask does makes rustup install anything, whatever rustup's settings are.
//!
//! The fake rustup has its auto-install on, and the scratch checkout has a `rust-toolchain.toml` that asks for targets
//! which are missing: any call of a proxy without precautions is an installation.

use std::env;
use std::path::{Path, PathBuf};

use crate::scratch::{CHECKOUT, Scratch, run};

/// Every command that builds or looks for a toolchain.
const COMMANDS: &[&[&str]] = &[
    &["run"],
    &["run", "--via", "model"],
    &["fuzz", "--via", "tcg"],
    &["kill-matrix"],
    &["matrix", "--cells", "6.1"],
    &["build"],
    &["setup"],
    &["test"],
    &["lint"],
];

fn assert_no_proxy(scratch: &Scratch) {
    let calls = scratch.calls();
    let proxies: Vec<_> = calls.iter().filter(|c| c.starts_with("proxy ") || c.starts_with("INSTALL ")).collect();
    assert!(proxies.is_empty(), "{:#?}", proxies);
}

#[test]
fn the_fake_installs_what_a_toolchain_file_asks_for() {
    let scratch = Scratch::new("control").with_installed("1.96.0");
    let proxy = scratch.path.join("rustup/cargo");
    let mut command = scratch.command(&proxy);
    command.env_remove("RUSTUP_TOOLCHAIN").arg("--version");
    assert_eq!(run(command).status, Some(0));
    let calls = scratch.calls();
    assert!(calls.iter().any(|c| c.starts_with("INSTALL ")), "{:#?}", calls);
}

#[test]
fn this_checkout_asks_rustup_for_nothing() {
    let scratch = Scratch::new("checkout").with_installed("1.96.0");
    for directory in ["", "xtask", "guest-fw", "host-vmm", "tests"] {
        let mut command = scratch.command(scratch.path.join("rustup/cargo"));
        command.env_remove("RUSTUP_TOOLCHAIN").arg("--version").current_dir(Path::new(CHECKOUT).join(directory));
        assert_eq!(run(command).status, Some(0), "{}", directory);
    }
    let calls = scratch.calls();
    assert_eq!(calls.iter().filter(|c| *c == "proxy cargo --version").count(), 5, "{:#?}", calls);
    assert!(!calls.iter().any(|c| c.starts_with("INSTALL ")), "{:#?}", calls);
}

#[test]
fn the_users_own_call_goes_through_the_proxy_without_an_installation() {
    let scratch = Scratch::new("outer");
    let cargo = PathBuf::from(env::var_os("CARGO").expect("CARGO, as cargo sets it"));
    let mut command = scratch.command(scratch.path.join("rustup/cargo"));
    command.env("FAKE_REAL", cargo.parent().expect("a directory")).env_remove("CARGO_MANIFEST_DIR");
    // A real cargo and the real xtask, which cargo has just built for these tests, in the same place.
    let system = env::var_os("PATH").expect("PATH");
    let paths = std::iter::once(scratch.path.join("rustup")).chain(env::split_paths(&system));
    command.env("PATH", env::join_paths(paths).expect("PATH")).env("RUSTC", cargo.with_file_name("rustc"));
    command.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name(""));
    command.args(["xtask", "help"]).current_dir(CHECKOUT);
    let outcome = run(command);
    assert!(outcome.status == Some(0) && outcome.stdout.contains("cargo xtask COMMAND"), "{:?}", outcome);
    assert_eq!(scratch.calls(), ["proxy cargo xtask help"]);
}

#[test]
fn no_command_calls_rustup_when_the_installed_toolchain_has_all() {
    let scratch = Scratch::new("complete").with_installed("1.96.0").with_emulators();
    for command in COMMANDS {
        let outcome = run(scratch.xtask(command));
        assert_eq!(outcome.status, Some(0), "{:?}: {:?}", command, outcome);
    }
    assert_no_proxy(&scratch);
    let cargo = format!("{}/installed/bin/cargo build", scratch.path.display());
    assert!(scratch.calls().iter().any(|c| c.starts_with(&cargo)));
}

#[test]
fn no_command_calls_rustup_when_the_installed_toolchain_is_too_old() {
    let scratch = Scratch::new("old").with_installed("1.63.0").with_cached_rust("1.96.0").with_emulators();
    for command in COMMANDS {
        let outcome = run(scratch.xtask(command));
        assert_eq!(outcome.status, Some(0), "{:?}: {:?}", command, outcome);
    }
    assert_no_proxy(&scratch);
}

#[test]
fn proxies_are_no_toolchain_when_only_they_are_in_path() {
    let scratch = Scratch::new("proxies").with_cached_rust("1.96.0").with_emulators();
    let outcome = run(scratch.xtask(&["run"]));
    assert_eq!(outcome.status, Some(0), "{:?}", outcome);
    assert_no_proxy(&scratch);
}

#[test]
fn nothing_is_fetched_through_rustup_where_there_is_nothing_else() {
    let scratch = Scratch::new("nothing").with_installed("1.63.0");
    let outcome = run(scratch.xtask(&["run"]));
    outcome.assert_unavailable(&["rustup target add aarch64-unknown-none-softfloat aarch64-unknown-linux-musl"]);
    assert_no_proxy(&scratch);
}
