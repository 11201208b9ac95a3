//! A checkout or a cache that cannot be written: work goes on where nothing has to be written, else there is a sentence
//! with the remedy, and status 69.
//!
//! Each test meets both kinds: a file system that is mounted read-only, which stops root too, and another user's
//! directory. Where a test may set up neither, it says so and ends.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::scratch::{Outcome, Scratch, find, run};

/// A way to make a directory unwritable for one command.
#[derive(Debug, Clone, Copy)]
enum Guard {
    /// A read-only bind mount in a mount namespace of its own.
    Mount,
    /// The command runs as another user than the directory's.
    OtherUser,
    /// Its permissions, for users who are not root.
    Permissions,
}

/// The ways that this user may set up, with the words of the system for each.
fn guards() -> Vec<(Guard, &'static str)> {
    let is_root = fs::metadata("/proc/self").expect("/proc").uid() == 0;
    if !is_root {
        return vec![(Guard::Permissions, "permission denied")];
    }
    let mut guards = Vec::new();
    let works = |program: &str, arguments: &[&str]| {
        let mut command = match find(program) {
            Some(path) => Command::new(path),
            None => return false,
        };
        command.args(arguments).stderr(Stdio::null()).status().map_or(false, |status| status.success())
    };
    match works("unshare", &["--mount", "true"]) {
        true => guards.push((Guard::Mount, "the file system is read-only")),
        false => eprintln!("not tried with a read-only mount: there may be no mount namespaces here"),
    }
    match works("setpriv", &["--reuid=65534", "--regid=65534", "--clear-groups", "true"]) {
        true => guards.push((Guard::OtherUser, "permission denied")),
        false => eprintln!("not tried as another user: setpriv does not work here"),
    }
    guards
}

/// Runs a command while `directory` cannot be written.
fn guarded(guard: Guard, directory: &Path, command: Command) -> Outcome {
    let wrapped = |program: &str, arguments: Vec<PathBuf>| {
        let mut wrapper = Command::new(find(program).expect("the program was tried before"));
        wrapper.args(arguments).arg(command.get_program()).args(command.get_args()).env_clear();
        wrapper.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        wrapper.current_dir(command.get_current_dir().expect("a directory"));
        wrapper
    };
    match guard {
        Guard::Mount => {
            let script = "\"$0\" --bind \"$1\" \"$1\" && \"$0\" -o remount,bind,ro \"$1\" && shift && exec \"$@\"";
            let shell = find("sh").expect("a shell");
            let mount = find("mount").expect("mount");
            let words = ["--mount".into(), shell, "-c".into(), script.into(), mount, directory.into()];
            run(wrapped("unshare", words.to_vec()))
        }
        Guard::OtherUser => {
            let words = ["--reuid=65534", "--regid=65534", "--clear-groups"];
            run(wrapped("setpriv", words.iter().map(PathBuf::from).collect()))
        }
        Guard::Permissions => {
            let set = |mode| fs::set_permissions(directory, fs::Permissions::from_mode(mode)).expect("permissions");
            set(0o555);
            let outcome = run(command);
            set(0o755);
            outcome
        }
    }
}

/// Makes a directory of the scratch directory that every user may write.
fn open(scratch: &Scratch, name: &str) -> PathBuf {
    let path = scratch.path.join(name);
    fs::create_dir_all(&path).expect("directory");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("permissions");
    path
}

/// Creates a scratch directory in which all is there, and where other users may write what a build writes.
fn complete(name: &str) -> Scratch {
    let scratch = Scratch::new(name).with_installed("1.63.0").with_cached_rust("1.96.0").with_emulators();
    scratch.write("rustc-of-path", "");
    let file = scratch.path.join("rustc-of-path");
    fs::set_permissions(file, fs::Permissions::from_mode(0o666)).expect("permissions");
    open(&scratch, "home");
    scratch
}

#[test]
fn a_read_only_checkout_is_reported_with_the_variable_that_helps() {
    for (guard, reason) in guards() {
        let scratch = complete("ro-checkout");
        let checkout = scratch.path.join("checkout");
        for command in ["run", "fuzz", "kill-matrix", "matrix", "test", "lint", "build"] {
            let outcome = guarded(guard, &checkout, scratch.xtask(&[command]));
            outcome.assert_unavailable(&[
                &format!("cannot write to the target directory {}", checkout.join("target").display()),
                reason,
                "set CARGO_TARGET_DIR to a directory that you can write to",
            ]);
        }
        assert!(!checkout.join("target").exists(), "{:?}", guard);
    }
}

#[test]
fn a_read_only_checkout_builds_into_another_target_directory() {
    for (guard, _) in guards() {
        for variable in ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"] {
            let scratch = complete("ro-target");
            let target = open(&scratch, "target");
            for arguments in [&["run"][..], &["matrix", "--cells", "6.1"], &["test"], &["lint"]] {
                let mut command = scratch.xtask(arguments);
                command.env(variable, &target);
                let outcome = guarded(guard, &scratch.path.join("checkout"), command);
                assert_eq!(outcome.status, Some(0), "{:?} {:?}: {:?}", guard, arguments, outcome);
            }
            assert!(target.join("release/granule").is_file(), "{:?}", guard);
        }
    }
}

#[test]
fn a_read_only_cache_that_holds_everything_is_used() {
    for (guard, _) in guards() {
        let scratch = complete("ro-cache");
        let target = open(&scratch, "target");
        for arguments in [&["run"][..], &["matrix", "--cells", "6.1"], &["setup"]] {
            let mut command = scratch.xtask(arguments);
            command.env("CARGO_TARGET_DIR", &target);
            let outcome = guarded(guard, &scratch.path.join("cache"), command);
            assert_eq!(outcome.status, Some(0), "{:?} {:?}: {:?}", guard, arguments, outcome);
            assert!(!outcome.stderr.contains("set-up:"), "{:?}", outcome);
        }
    }
}

#[test]
fn a_read_only_cache_that_lacks_something_is_reported_with_the_variable_that_helps() {
    for (guard, reason) in guards() {
        let scratch = complete("ro-lacks");
        let (target, cache) = (open(&scratch, "target"), scratch.path.join("cache"));
        let is_debian =
            fs::read_to_string("/etc/os-release").map_or(false, |text| text.lines().any(|line| line == "ID=debian"));
        for program in ["apt-get", "apt-cache", "apt-config", "dpkg-deb", "tar", "df"] {
            scratch.program(&format!("programs/{}", program), "#!/bin/sh\necho \"$0 $*\" >> \"$FAKE_LOG\"\nexit 1\n");
        }
        for (entry, title) in [("kernel-6.12", "Linux 6.12 for arm64"), ("rust", "Rust for the guest")] {
            fs::remove_dir_all(cache.join(entry)).expect("an entry");
            let mut command = scratch.xtask(&["run"]);
            command.env("CARGO_TARGET_DIR", &target);
            let outcome = guarded(guard, &cache, command);
            match is_debian {
                true => outcome.assert_unavailable(&[
                    title,
                    "cannot write to the cache directory",
                    reason,
                    "set GRANULE_CACHE to a directory",
                ]),
                false => outcome.assert_unavailable(&[title, "this machine is not Debian"]),
            }
        }
        let calls = scratch.calls();
        assert!(!calls.iter().any(|call| call.contains("/apt-")), "nothing may be fetched in vain: {:#?}", calls);
    }
}
