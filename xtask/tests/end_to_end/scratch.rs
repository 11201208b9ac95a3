//! A scratch directory with all that xtask meets: a checkout, a rustup, a toolchain, a cache, and few programs in PATH.
//!
//! The environment is built from nothing, so that what the machine has or lacks does not matter.

use std::env;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The checkout that these tests are part of.
pub const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// What rustup was asked for before: it installs this into the user's own toolchain.
pub const TOOLCHAIN_FILE: &str = "[toolchain]\nchannel = \"stable\"\ntargets = [\"aarch64-unknown-none-softfloat\"]\n";
/// What the fakes themselves and xtask start. No apt-get.
const SYSTEM_PROGRAMS: &[&str] = &["sh", "env", "cat", "cp", "grep", "mkdir", "sed"];
const TOOLS: &[&str] = &["cargo", "rustc", "rustdoc", "rustfmt", "cargo-fmt", "cargo-clippy", "clippy-driver"];
const TARGETS: &[&str] = &["aarch64-unknown-none-softfloat", "aarch64-unknown-linux-musl"];

/// The scratch directory; it is removed at the end.
pub struct Scratch {
    /// Its path.
    pub path: PathBuf,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

impl Scratch {
    /// Creates one in which nothing of Rust is usable but a rustup.
    pub fn new(name: &str) -> Scratch {
        let path = env::temp_dir().join(format!("xtask-{}-{}", name, std::process::id()));
        let _ = fs::remove_dir_all(&path);
        let scratch = Scratch { path };
        for directory in ["checkout/xtask", "home", "cache", "programs", "rustup"] {
            fs::create_dir_all(scratch.path.join(directory)).expect("scratch directory");
        }
        scratch.write("checkout/Cargo.toml", "[workspace.package]\nrust-version = \"1.95\"\n");
        scratch.write("checkout/rust-toolchain.toml", TOOLCHAIN_FILE);
        scratch.write("log", "");
        fs::set_permissions(scratch.path.join("log"), fs::Permissions::from_mode(0o666)).expect("permissions");
        scratch.program("granule", include_str!("fakes/granule"));
        scratch.program("rustup/rustup", include_str!("fakes/rustup"));
        for tool in TOOLS {
            symlink("rustup", scratch.path.join("rustup").join(tool)).expect("proxy");
        }
        for program in SYSTEM_PROGRAMS {
            symlink(system(program), scratch.path.join("programs").join(program)).expect("link");
        }
        // The program under test lies here, so that other users can start it.
        fs::copy(env!("CARGO_BIN_EXE_xtask"), scratch.path.join("xtask")).expect("xtask");
        scratch
    }

    /// Adds an installed toolchain, whose cargo starts xtask. It has all targets.
    pub fn with_installed(self, version: &str) -> Scratch {
        self.toolchain("installed", version);
        for target in TARGETS {
            self.write(&format!("installed/lib/rustlib/{}/lib/libcore-0.rlib", target), "");
        }
        self
    }

    /// Adds Debian's toolchain and binutils to the cache.
    pub fn with_cached_rust(self, version: &str) -> Scratch {
        self.toolchain("cache/rust", version);
        self.stamp("rust", "rust-web 2", &format!("fact rustc {}\n", version));
        self.program("cache/binutils/bin/aarch64-linux-gnu-ld", "");
        self.stamp("binutils", "binutils-aarch64-linux-gnu 1", "");
        self
    }

    /// Adds kernels and emulators to the cache, and QEMU 10 to PATH.
    pub fn with_emulators(self) -> Scratch {
        let mut image = [0u8; 64];
        image[56..60].copy_from_slice(b"ARM\x64");
        for series in ["6.1", "6.12"] {
            let entry = format!("kernel-{}", series);
            self.stamp(&entry, "linux-image-arm64 2: Image and brd", "");
            fs::write(self.path.join("cache").join(entry).join("Image"), image).expect("image");
        }
        for (suite, version) in [("bookworm", "7.2.22"), ("trixie", "10.0.13")] {
            self.program(&format!("cache/qemu-{}/bin/qemu-system-aarch64", suite), include_str!("fakes/qemu"));
            self.stamp(&format!("qemu-{}", suite), "qemu-system-arm 1", &format!("fact version {}\n", version));
        }
        self.program("programs/qemu-system-aarch64", include_str!("fakes/qemu"));
        self
    }

    fn toolchain(&self, directory: &str, version: &str) {
        for tool in TOOLS {
            self.program(&format!("{}/bin/{}", directory, tool), include_str!("fakes/tool"));
        }
        self.write(&format!("{}/version", directory), version);
    }

    /// Writes an entry's stamp, in which no file is listed.
    fn stamp(&self, entry: &str, recipe: &str, facts: &str) {
        let text = format!("granule-cache 1\nrecipe {}\n{}end\n", recipe, facts);
        self.write(&format!("cache/{}/stamp", entry), &text);
    }

    /// Writes a file below the scratch directory.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("scratch directory");
        fs::write(path, text).expect("scratch file");
    }

    /// Writes a program below the scratch directory.
    pub fn program(&self, path: &str, text: &str) {
        self.write(path, text);
        fs::set_permissions(self.path.join(path), fs::Permissions::from_mode(0o755)).expect("permissions");
    }

    /// Returns a command in the scratch environment, in which rustup's proxies come first in PATH.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        let at = |name: &str| self.path.join(name);
        command.env_clear().current_dir(at("checkout"));
        command.env("PATH", env::join_paths([at("rustup"), at("programs")]).expect("PATH"));
        command.env("HOME", at("home")).env("GRANULE_CACHE", at("cache"));
        command.env("CARGO_MANIFEST_DIR", at("checkout/xtask"));
        command.env("FAKE_LOG", at("log")).env("FAKE_SCRATCH", &self.path).env("FAKE_REAL", at("installed/bin"));
        if at("installed").is_dir() {
            // As cargo sets it for what it runs; the proxy before it has set the other.
            command.env("CARGO", at("installed/bin/cargo")).env("RUSTUP_TOOLCHAIN", "stable-fake");
        }
        command
    }

    /// Returns a command of xtask.
    pub fn xtask(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(self.path.join("xtask"));
        command.args(arguments);
        command
    }

    /// Returns the calls that the fakes recorded so far, each a line.
    pub fn calls(&self) -> Vec<String> {
        let log = fs::read_to_string(self.path.join("log")).expect("log");
        log.lines().map(str::to_string).collect()
    }
}

/// Finds a program of this machine by the PATH of the tests.
pub fn system(program: &str) -> PathBuf {
    let found = find(program);
    found.unwrap_or_else(|| panic!("expected {} in PATH, found none", program))
}

/// Finds a program of this machine, if it has it.
pub fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|d| d.join(program)).find(|p| p.is_file())
}

/// Runs a command to its end.
pub fn run(mut command: Command) -> Outcome {
    let Output { status, stdout, stderr } = command.output().expect("the command starts");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Outcome { status: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// How a command ended.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit status.
    pub status: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Outcome {
    /// Asserts that it could not run here, and that its message has all these parts and no raw error of the system.
    pub fn assert_unavailable(&self, parts: &[&str]) {
        assert_eq!(self.status, Some(69), "{:?}", self);
        let errors: Vec<&str> = self.stderr.lines().filter(|l| l.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "{}", self.stderr);
        for part in parts {
            assert!(errors[0].contains(part), "expected {:?} in {}", part, self.stderr);
        }
        for raw in ["os error", "panicked"] {
            assert!(!self.stderr.contains(raw), "{}", self.stderr);
        }
    }
}
