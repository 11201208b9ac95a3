//! The options of a run on the model: which kernel's contract, and which CPU.

use model_base::Features;

use super::emulation::Emulation;
use crate::cli::error::CliError;
use machine::Explain;
use modelled::Settings;

/// Options that mean something on the model.
const USEFUL: [&str; 2] = ["--kernel", "--cpu"];

/// Returns what to model. A kernel that only the environment names is a file for nested runs, and nothing here.
///
/// # Errors
///
/// When an option means nothing here, or names no release or CPU that the model has.
pub fn settings(emulation: &Emulation) -> Result<Settings, CliError> {
    emulation.refuse_all_but(&USEFUL)?;
    let mut settings = Settings::default();
    if let Some(kernel) = emulation.named_kernel() {
        settings = settings.kernel(&kernel.to_string_lossy()).map_err(|error| CliError::Usage(error.sentence()))?;
    }
    if let Some(name) = &emulation.cpu {
        settings = settings.cpu(name).ok_or_else(|| {
            let names: Vec<_> = Features::ALL.iter().map(|features| features.name).collect();
            CliError::Usage(format!("the model has no CPU {name:?}; it has {}", names.join(" and ")))
        })?;
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn emulation(kernel: Option<&str>, cpu: Option<&str>) -> Emulation {
        let (kernel, cpu) = (kernel.map(PathBuf::from), cpu.map(str::to_owned));
        Emulation { kernel, qemu: None, agent: None, cpu, append: None, smp: None, mem: None }
    }

    #[test]
    fn kernels_are_releases_with_a_flavour_for_larger_pages() {
        let host = |kernel| settings(&emulation(Some(kernel), None));
        assert_eq!(host("6.1.192").unwrap().release.to_string(), "6.1.192");
        assert_eq!(host("6.12").unwrap().page_size, 4096);
        assert_eq!(host("6.12.95+deb13-arm64-16k").unwrap().page_size, 16384);
        for wrong in ["trixie", "5.13", "./Image"] {
            assert!(matches!(host(wrong), Err(CliError::Usage(_))), "{wrong}");
        }
    }

    #[test]
    fn cpus_are_those_that_the_model_has_and_other_options_are_refused() {
        assert_eq!(settings(&emulation(None, Some("neoverse-n2"))).unwrap().features.mte, 2);
        assert!(matches!(settings(&emulation(None, Some("cortex-a53"))), Err(CliError::Usage(_))));
        let smp = Emulation { smp: Some(2), ..emulation(None, None) };
        assert!(matches!(settings(&smp), Err(CliError::Usage(_))));
    }
}
