//! `granule run FILE…`: programs from files, each run on the machine and on the model and compared.

use std::path::Path;

use super::error::CliError;
use super::source::Source;
use fuzz::replay::NamedProgram;

/// How the files of programs are called, and those of assembly, which are read to say what they lack.
const EXTENSIONS: [&str; 4] = ["granule", "s", "S", "asm"];

/// Returns whether an argument of `granule run` is meant as a file and not as a case. No case has a name with a slash or with
/// such an ending, and a file that exists is one.
pub fn is_file(argument: &str) -> bool {
    let path = Path::new(argument);
    let known = || path.extension().is_some_and(|extension| EXTENSIONS.iter().any(|known| extension == *known));
    argument.contains('/') || known() || path.is_file()
}

/// Reads the programs that the arguments name; `None` when they name cases.
///
/// # Errors
///
/// When cases are among them, or a file cannot be read or is no program: with its path, line and column.
pub fn read(arguments: &[String]) -> Result<Option<Vec<NamedProgram>>, CliError> {
    let count = arguments.iter().filter(|argument| is_file(argument)).count();
    if count == 0 {
        return Ok(None);
    }
    if let Some(case) = arguments.iter().find(|argument| !is_file(argument)) {
        return Err(CliError::Usage(format!(
            "`{case}` is a case and the others are files; run cases and programs one after the other"
        )));
    }
    arguments.iter().map(|path| read_one(path)).collect::<Result<_, _>>().map(Some)
}

fn read_one(path: &str) -> Result<NamedProgram, CliError> {
    let source = Source::read(Path::new(path))?;
    source.parse()?;
    let name = Path::new(path).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(NamedProgram { name, path: path.to_owned(), text: source.text })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_are_distinguished_from_case_names() {
        for (argument, file) in
            [("kvm.copy-tags", false), ("*irg*", false), ("a.granule", true), ("prog.s", true), ("./a", true)]
        {
            assert_eq!(is_file(argument), file, "{argument}");
        }
    }

    #[test]
    fn parse_errors_name_path_line_and_column() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("bad.granule");
        fs::write(&path, "granule program 1\nblock el=1\ncode\nstgg x0, [x1]\nend\n").unwrap();
        let path = path.to_str().unwrap().to_owned();
        let Err(CliError::Source(mistake)) = read(std::slice::from_ref(&path)) else { panic!("it is read") };
        let message = anstream::adapter::strip_str(&mistake.to_string()).to_string();
        assert!(message.contains("unknown instruction `stgg`"), "{message}");
        assert!(message.contains(&format!("{path}:4:1")), "{message}");
        assert!(read(&[path, "kvm.copy-tags".to_owned()]).is_err());
        assert_eq!(read(&["kvm.copy-tags".to_owned()]).ok(), Some(None));
        assert!(read(&["./missing.granule".to_owned()]).is_err());
    }

    #[test]
    fn assembly_is_told_how_to_become_a_program() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("prog.s");
        fs::write(&path, "// Tags.\nirg x0, x0\n").unwrap();
        let Err(CliError::Source(mistake)) = read(&[path.to_str().unwrap().to_owned()]) else { panic!("it is read") };
        let message = anstream::adapter::strip_str(&mistake.to_string()).to_string();
        assert!(message.contains("expected `granule program 1`"), "{message}");
        assert!(message.ends_with("`block el=1` and `code` before it, and `end` behind it"), "{message}");
    }
}
