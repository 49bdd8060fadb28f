//! Where files are found on the workstation.

use std::path::{Path, PathBuf};

use crate::{Context, Error, Fault, Result};

/// Test Kitchen's order (configurable.rb, `calculate_path`): the suite's tests, all tests, the
/// directory of the configuration. Plugins of a `tool` look into a directory of that name below the
/// suite's tests first.
pub fn lookup(
    cx: &Context,
    tool: Option<&str>,
    name: &str,
    found: fn(&Path) -> bool,
) -> Option<PathBuf> {
    let suite = cx.test_dir.join(&cx.identity.suite);
    tool.map(|tool| suite.join(tool))
        .into_iter()
        .chain([suite.clone(), cx.test_dir.clone(), cx.root.clone()])
        .map(|directory| directory.join(name))
        .find(|path| found(path))
}

/// A file or directory that `key` names and that must be there.
pub fn required(cx: &Context, key: &str, configured: &str) -> Result<PathBuf> {
    let path = cx.root.join(configured);
    if path.exists() {
        return Ok(path);
    }
    let message = format!("{}: no such file or directory", path.display());
    Err(Error::missing(format!("/{key}"), message)
        .hint("Relative paths count from the directory of the configuration."))
}

/// A directory that `key` may name, else the one that is looked up as `name`. One that is named and
/// not there is only told: real files name directories that are not there.
pub async fn optional_directory(
    cx: &Context,
    tool: &str,
    key: &str,
    configured: Option<&str>,
    name: &str,
) -> Option<PathBuf> {
    let Some(configured) = configured else {
        return lookup(cx, Some(tool), name, Path::is_dir);
    };
    let path = cx.root.join(configured);
    if path.is_dir() {
        return Some(path);
    }
    cx.note(format!("{key}: {} is no directory", path.display()))
        .await;
    None
}

/// The program of this name on the workstation, or at this path; none where there is none that may
/// be executed.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let runs = |path: &PathBuf| {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::metadata(path)
                .is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
        }
        #[cfg(not(unix))]
        path.is_file()
    };
    if program.contains(std::path::MAIN_SEPARATOR) {
        return Some(PathBuf::from(program)).filter(runs);
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(runs)
}

/// Fails unless `program` is on the workstation, saying where it was sought; `install` says how it
/// is installed.
pub fn needs(program: &str, install: &str) -> Result<PathBuf> {
    on_path(program).ok_or_else(|| {
        let place = match program.contains('/') {
            true => String::new(),
            false => {
                let path = std::env::var("PATH").unwrap_or_default();
                format!(": it is not in the PATH {path}")
            }
        };
        Error::machine(format!("find {program} on the workstation{place}")).hint(install)
    })
}

/// [`needs`] as `kitchen doctor` tells it.
pub fn doctor(program: &str, install: &str) -> Vec<Fault> {
    let missing = needs(program, install).err().map(|error| Fault {
        message: error.message,
        advice: error.hints.join("\n"),
    });
    missing.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Identity, Section};

    fn cx(root: &Path) -> Context {
        let identity = Identity {
            project: "p".into(),
            cluster: None,
            instance: "web-here".into(),
            suite: "web".into(),
            platform: "here".into(),
            run: "r".into(),
        };
        Context::for_tests(identity, root.into(), Section::default())
    }

    #[test]
    fn the_nearest_to_the_suite_is_found() {
        let root = tempfile::tempdir().unwrap();
        let cx = cx(root.path());
        let find = |tool| lookup(&cx, tool, "roles", Path::is_dir);
        assert_eq!(find(Some("ansible")), None);
        for place in [
            "roles",
            "test/integration/roles",
            "test/integration/web/roles",
        ] {
            let path = root.path().join(place);
            std::fs::create_dir_all(&path).unwrap();
            assert_eq!(find(Some("ansible")), Some(path));
        }
        let path = root.path().join("test/integration/web/ansible/roles");
        std::fs::create_dir_all(&path).unwrap();
        assert_eq!(find(Some("ansible")), Some(path));
        assert!(find(None).unwrap().ends_with("integration/web/roles"));
    }

    #[test]
    fn what_must_be_there_is_named_with_its_key() {
        let root = tempfile::tempdir().unwrap();
        let error = required(&cx(root.path()), "playbook", "site.yml").unwrap_err();
        assert_eq!(error.key.as_deref(), Some("/playbook"));
        assert!(
            error
                .message
                .ends_with("site.yml: no such file or directory")
        );
    }

    #[cfg(unix)]
    #[test]
    fn only_programs_are_found() {
        assert!(on_path("sh").is_some());
        assert!(on_path("/bin/sh").is_some());
        assert_eq!(on_path("/etc/passwd"), None);
        assert_eq!(on_path("no-such-program"), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_missing_program_is_named_with_where_it_was_sought() {
        assert_eq!(doctor("sh", ""), []);
        let error = needs("no-such-program", "Install it.").unwrap_err();
        assert!(
            error
                .message
                .starts_with("find no-such-program on the workstation: it is not in the PATH /"),
            "{error}"
        );
        assert_eq!(error.hints, ["Install it."]);
        let error = needs("./no/such", "").unwrap_err();
        assert_eq!(error.message, "find ./no/such on the workstation");
    }
}
