//! Arm64 Linux kernels from Debian's cloud flavour: the newest of a series or of a suite.
//!
//! No file name is pinned, since versions leave the archive; the package lists are asked. Only the
//! Image is kept, and the module that gives the inner Linux swap: the kernels are run with nothing but granule as their
//! user space.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::arguments::Choice;
use crate::cache::Entry;
use crate::debian::apt::{Apt, Offer};
use crate::debian::revision;
use crate::debian::unpack::Members;
use crate::failure::{Failure, Result};
use crate::setup::{BOOKWORM, Component, Setup, Staged};

/// The series that is used when none is named.
pub const DEFAULT_SERIES: &str = "6.12";
const RECIPE: &str = "linux-image-arm64 2: Image and brd";
const PREFIX: &str = "linux-image-";
/// The end of a package's name, by the end of the name that is asked for: Debian's flavours.
const FLAVOURS: &[(&str, &str)] = &[("-16k", "-arm64-16k"), ("", "-cloud-arm64")];
const MEMBERS: &[&str] = &[
    "./boot/vmlinuz-*",
    "./usr/lib/modules/*/vmlinuz",
    "./lib/modules/*/kernel/drivers/block/brd.ko*",
    "./usr/lib/modules/*/kernel/drivers/block/brd.ko*",
];
/// Where modules lie in a package, below the release.
const MODULES: &str = "kernel/drivers/block";
/// Room that an Image takes while it is moved.
const UNPACKED: u64 = 50_000_000;
// Documentation/arch/arm64/booting.rst, "Call the kernel image": the magic of the header.
const MAGIC_OFFSET: u64 = 56;
const MAGIC: &[u8; 4] = b"ARM\x64";

/// Where to look for a kernel, by the name it is asked for with. The first that matches counts.
const SOURCES: &[(&str, &[&[&str]])] = &[
    ("6.1", &[BOOKWORM]),
    ("6.12", &[BOOKWORM, &["trixie"]]),
    ("bookworm", &[&["bookworm", "bookworm-security"]]),
    ("bookworm-backports", &[&["bookworm-backports"]]),
    ("trixie", &[&["trixie"]]),
    ("trixie-backports", &[&["trixie-backports"]]),
    ("sid", &[&["sid"]]),
    ("experimental", &[&["experimental"]]),
];
/// Where any other series is looked for: suites come and go, the newest are here.
const SOURCES_OF_OTHERS: &[&[&str]] = &[&["sid"], &["experimental"], &["trixie-backports"], &["trixie"]];

/// Returns the Image to boot: a choice of the user's, or the default series.
///
/// # Errors
/// It is not known, or cannot be fetched, or the package has no arm64 Image.
pub fn ensure(setup: &Setup<'_>, choice: Option<&Choice>) -> Result<PathBuf> {
    match choice {
        Some(Choice::Path(path)) => Ok(path.clone()),
        Some(Choice::Name(name)) => fetch(setup, name, "as asked for"),
        None => fetch(setup, DEFAULT_SERIES, "to test its KVM"),
    }
}

/// Splits a name into a series or suite, and the suffix of the packages of its flavour.
fn flavour(name: &str) -> (&str, &'static str) {
    let found = FLAVOURS.iter().find_map(|(end, suffix)| Some((name.strip_suffix(end)?, *suffix)));
    found.unwrap_or((name, FLAVOURS[0].1))
}

fn fetch(setup: &Setup<'_>, name: &str, purpose: &str) -> Result<PathBuf> {
    let (base, _) = flavour(name);
    let sources = match SOURCES.iter().find(|(n, _)| *n == base) {
        Some((_, sources)) => *sources,
        None if is_series(base) => SOURCES_OF_OTHERS,
        None => {
            let known: Vec<&str> = SOURCES.iter().map(|(n, _)| *n).collect();
            return Err(Failure::usage(format!(
                "--kernel {}: no such file, and neither a series such as 6.12, 7.2 or 7.3-rc nor a suite: {}; with -16k behind it for 16 KiB pages",
                name,
                known.join(", ")
            )));
        }
    };
    let image = |entry: &Entry| entry.directory.join("Image");
    let component = Component {
        name: &format!("kernel-{}", name),
        recipe: RECIPE,
        title: &format!("Linux {} for arm64", name),
        purpose,
        size: "60 MB",
        remedy: "name an arm64 Image with --kernel PATH",
    };
    let entry = setup.component(&component, |e| is_image(&image(e)), || make(setup, name, sources))?;
    Ok(image(&entry))
}

fn make(setup: &Setup<'_>, name: &str, sources: &[&[&str]]) -> Result<Staged> {
    let mut asked = Vec::new();
    let (base, suffix) = flavour(name);
    for suites in sources {
        let apt = setup.fetcher.apt("arm64", suites)?;
        let names: Vec<String> = apt.names(PREFIX)?.into_iter().filter(|n| is_release(n, suffix)).collect();
        if let Some(offer) = newest(apt.offers(&names)?, Some(base).filter(|n| is_series(n))) {
            return unpack(setup, &apt, &offer);
        }
        asked.push(apt.suites());
    }
    Err(Failure::unavailable(format!(
        "expected a package {}…{} of Linux {} in {}, found none; name an arm64 Image with --kernel PATH",
        PREFIX,
        suffix,
        base,
        asked.join(", ")
    )))
}

fn unpack(setup: &Setup<'_>, apt: &Apt, offer: &Offer) -> Result<Staged> {
    // From 7.x on the image lies in a package of its own, on which linux-image depends.
    let holder = offer.depends.iter().find(|d| d.starts_with("linux-binary-")).unwrap_or(&offer.name);
    let modules = offer.depends.iter().find(|d| d.starts_with("linux-modules-"));
    let wanted: Vec<&String> = std::iter::once(holder).chain(modules).collect();
    let exact: Vec<String> = wanted.iter().map(|name| format!("{}={}", name, offer.version)).collect();
    let mut packages = apt.closure(&exact, &["linux-base", "kmod", "initramfs-tools"])?;
    packages.retain(|p| wanted.contains(&&p.name));
    let root = setup.cache.stage("kernel-root")?;
    setup.fetcher.fetch(apt, &packages, &root, Members::Only(MEMBERS), UNPACKED)?;
    let (found, release) = find_image(&root).ok_or_else(|| {
        Failure::unavailable(format!(
            "expected an arm64 Image in the package {}, found none; name one with --kernel PATH",
            holder
        ))
    })?;
    let staged = setup.cache.stage("kernel")?;
    fs::rename(&found, staged.join("Image")).map_err(|e| Failure::io("move the Image from", &found, &e))?;
    keep_modules(&root, &release, &staged)?;
    let version = staged.join("version");
    fs::write(&version, format!("{}\n", release)).map_err(|e| Failure::io("write", &version, &e))?;
    setup.report.step(&format!("Linux {} ({})", release, offer.version));
    Ok((staged, vec![("release".to_string(), release), ("package".to_string(), offer.version.clone())]))
}

/// Moves the modules of an unpacked package to where granule looks for them: beside the Image. A kernel that has them
/// built in, or not at all, is as good.
fn keep_modules(root: &Path, release: &str, staged: &Path) -> Result<()> {
    let kept = staged.join("modules");
    fs::create_dir_all(&kept).map_err(|e| Failure::io("make", &kept, &e))?;
    for lib in ["lib", "usr/lib"] {
        let folder = root.join(lib).join("modules").join(release).join(MODULES);
        for module in fs::read_dir(folder).into_iter().flatten().flatten() {
            let from = module.path();
            fs::rename(&from, kept.join(module.file_name()))
                .map_err(|e| Failure::io("move the module from", &from, &e))?;
        }
    }
    Ok(())
}

/// Finds the image in an unpacked package, and the release in its path.
fn find_image(root: &Path) -> Option<(PathBuf, String)> {
    let entries = |directory: PathBuf| fs::read_dir(directory).into_iter().flatten().flatten();
    let in_boot = entries(root.join("boot"))
        .filter_map(|e| Some((e.path(), e.file_name().to_str()?.strip_prefix("vmlinuz-")?.to_string())));
    let in_modules = entries(root.join("usr/lib/modules"))
        .filter_map(|e| Some((e.path().join("vmlinuz"), e.file_name().to_str()?.to_string())));
    in_boot.chain(in_modules).find(|(path, _)| is_image(path))
}

/// Returns whether a file has the header of an arm64 Image.
fn is_image(path: &Path) -> bool {
    let mut magic = [0u8; 4];
    fs::File::open(path).and_then(|f| f.read_exact_at(&mut magic, MAGIC_OFFSET)).is_ok() && &magic == MAGIC
}

/// Returns whether a name is a series: `6.12`, `7.3-rc`.
fn is_series(name: &str) -> bool {
    let numbers = name.strip_suffix("-rc").unwrap_or(name);
    let mut parts = numbers.split('.');
    let is_number = |part: Option<&str>| part.map_or(false, |p| !p.is_empty() && p.chars().all(|c| c.is_ascii_digit()));
    is_number(parts.next()) && is_number(parts.next()) && parts.next().is_none()
}

/// Returns whether a package is one release's image: not a debug, unsigned or meta package.
fn is_release(package: &str, suffix: &str) -> bool {
    let middle = package.strip_prefix(PREFIX).and_then(|p| p.strip_suffix(suffix));
    middle.map_or(false, |m| m.starts_with(|c: char| c.is_ascii_digit()))
}

/// Chooses the newest offer, of a series when one is given.
fn newest(offers: Vec<Offer>, series: Option<&str>) -> Option<Offer> {
    let of_series = |offer: &Offer| series.map_or(true, |s| is_of_series(&offer.version, s));
    // Meta packages such as linux-image-6.12-cloud-arm64 have the version of what they point to.
    let points_elsewhere = |offer: &Offer| offer.depends.iter().any(|d| d.starts_with(PREFIX) && d != &offer.name);
    offers
        .into_iter()
        .filter(|o| of_series(o) && !points_elsewhere(o))
        .max_by(|a, b| revision::compare(&a.version, &b.version))
}

/// Returns whether a package version is of a series: `6.12.117-1` of 6.12, `7.3~rc7-1~exp1` of 7.3-rc and of 7.3.
fn is_of_series(version: &str, series: &str) -> bool {
    let (numbers, candidate) = match series.strip_suffix("-rc") {
        Some(numbers) => (numbers, true),
        None => (series, false),
    };
    match version.strip_prefix(numbers) {
        Some(rest) if candidate => rest.starts_with("~rc"),
        Some(rest) => rest.starts_with(['.', '-', '~']),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(name: &str, version: &str, depends: &[&str]) -> Offer {
        let depends = depends.iter().map(|d| d.to_string()).collect();
        Offer { name: name.to_string(), version: version.to_string(), depends }
    }

    #[test]
    fn series_are_told_from_suites() {
        assert!(is_series("6.12") && is_series("7.3-rc") && is_series("10.0"));
        assert!(!is_series("trixie") && !is_series("6") && !is_series("6.12.1") && !is_series("-rc"));
    }

    #[test]
    fn only_image_packages_of_one_release_count() {
        let is_cloud = |package| is_release(package, "-cloud-arm64");
        assert!(is_cloud("linux-image-6.12.117+deb12-cloud-arm64"));
        assert!(is_cloud("linux-image-7.3-cloud-arm64"));
        assert!(!is_cloud("linux-image-cloud-arm64"));
        assert!(!is_cloud("linux-image-rt-cloud-arm64"));
        assert!(!is_cloud("linux-image-6.1.0-56-cloud-arm64-dbg"));
        assert!(!is_cloud("linux-image-6.1.0-56-cloud-arm64-unsigned"));
        assert!(is_release("linux-image-6.12.117+deb12-arm64-16k", "-arm64-16k"));
        assert!(!is_cloud("linux-image-6.12.117+deb12-arm64-16k"));
    }

    #[test]
    fn a_flavour_is_asked_for_behind_the_series() {
        assert_eq!(flavour("6.12"), ("6.12", "-cloud-arm64"));
        assert_eq!(flavour("6.12-16k"), ("6.12", "-arm64-16k"));
        assert_eq!(flavour("7.3-rc"), ("7.3-rc", "-cloud-arm64"));
    }

    #[test]
    fn a_version_belongs_to_its_series_alone() {
        assert!(is_of_series("6.1.192-2", "6.1") && !is_of_series("6.12.117-1", "6.1"));
        assert!(is_of_series("7.3~rc7-1~exp1", "7.3-rc") && is_of_series("7.3~rc7-1~exp1", "7.3"));
        assert!(!is_of_series("7.3.1-1", "7.3-rc"));
    }

    #[test]
    fn the_newest_of_the_series_is_chosen_and_meta_packages_are_not() {
        let offers = vec![
            offer("linux-image-6.1.0-56-cloud-arm64", "6.1.192-2", &["kmod"]),
            offer("linux-image-6.12.95+deb12-cloud-arm64", "6.12.95-1~bpo12+1", &["kmod"]),
            offer("linux-image-6.12.117+deb12-cloud-arm64", "6.12.117-1~deb12u1", &["kmod"]),
            offer("linux-image-6.12-cloud-arm64", "6.12.118-1", &["linux-image-6.12.117+deb12-cloud-arm64"]),
        ];
        let name = |series| newest(offers.clone(), series).map(|o| o.name);
        assert_eq!(name(Some("6.12")).as_deref(), Some("linux-image-6.12.117+deb12-cloud-arm64"));
        assert_eq!(name(Some("6.1")).as_deref(), Some("linux-image-6.1.0-56-cloud-arm64"));
        assert_eq!(name(None).as_deref(), Some("linux-image-6.12.117+deb12-cloud-arm64"));
        assert_eq!(name(Some("7.2")), None);
    }

    #[test]
    fn an_image_is_known_by_its_magic() {
        let path = std::env::temp_dir().join(format!("xtask-image-{}", std::process::id()));
        let mut contents = vec![0u8; 64];
        contents[56..60].copy_from_slice(MAGIC);
        fs::write(&path, &contents).expect("scratch file");
        assert!(is_image(&path));
        contents[56] = b'X';
        fs::write(&path, &contents).expect("scratch file");
        assert!(!is_image(&path));
        fs::remove_file(&path).expect("clean up");
    }
}
