//! Where cookbooks come from, and what resolves them.

use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use banquet_sdk::tool::{Stage, required};
use banquet_sdk::{Context, Error, Result, Stdin, private, process};
use tokio::process::Command;

use crate::flavour::{Flavour, Kind};
use crate::patterns::Patterns;
use crate::settings::Settings;
use crate::tools::{BERKS, CHEF_CLI, CINC_CLI, Tool};

/// How often a lock is asked for again.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// Longest wait for another resolution of the same project's cookbooks.
const OTHERS: Duration = Duration::from_secs(3600);

/// Where the cookbooks come from: the first that is there (provisioner/chef/common_sandbox.rb).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A Policyfile, which `chef-cli` exports.
    Policyfile(PathBuf),
    /// A Berksfile, which `berks` vendors.
    Berksfile(PathBuf),
    /// `cookbooks` and `site-cookbooks` beside the configuration, and the project itself where it
    /// is a cookbook.
    Directory,
    /// The project is a cookbook.
    Project,
    /// There are none.
    Nothing,
}

impl Source {
    /// What there is.
    pub fn of(cx: &Context, settings: &Settings, flavour: &Flavour) -> Result<Self> {
        if flavour.kind == Kind::Apply {
            return Ok(Self::Nothing);
        }
        let policyfile = settings.policyfile_path.as_ref();
        let policyfile = match (policyfile, &settings.policyfile) {
            (Some(path), _) => required(cx, "policyfile_path", path)?,
            (None, Some(path)) => required(cx, "policyfile", path)?,
            (None, None) => cx.root.join("Policyfile.rb"),
        };
        let berksfile = match &settings.berksfile_path {
            Some(path) => required(cx, "berksfile_path", path)?,
            None => cx.root.join("Berksfile"),
        };
        if policyfile.is_file() {
            if flavour.kind == Kind::Solo {
                let message = format!(
                    "{} knows no Policyfiles, and there is {}",
                    flavour.name,
                    policyfile.display()
                );
                return Err(Error::config("/name", message)
                    .hint("Use the provisioner chef_infra, or take the Policyfile away."));
            }
            return Ok(Self::Policyfile(policyfile));
        }
        Ok(if berksfile.is_file() {
            Self::Berksfile(berksfile)
        } else if cx.root.join("cookbooks").is_dir() {
            Self::Directory
        } else if cx.root.join("metadata.rb").is_file() {
            Self::Project
        } else {
            Self::Nothing
        })
    }

    /// The program that resolves it, where one must.
    pub fn tool(&self, is_cinc: bool) -> Option<(&'static Tool, String)> {
        let what = |path: &Path| format!("resolve the cookbooks of {}", path.display());
        match self {
            Self::Policyfile(path) if is_cinc => Some((&CINC_CLI, what(path))),
            Self::Policyfile(path) => Some((&CHEF_CLI, what(path))),
            Self::Berksfile(path) => Some((&BERKS, what(path))),
            _ => None,
        }
    }

    /// The Policyfile's lock, which says its name.
    pub fn lock(&self) -> Option<PathBuf> {
        match self {
            Self::Policyfile(path) => Some(path.with_extension("lock.json")),
            _ => None,
        }
    }
}

/// Resolves cookbooks into directories of the sandbox.
pub struct Resolver<'a> {
    /// The call.
    pub cx: &'a Context,
    /// Its settings.
    pub settings: &'a Settings,
    /// Whether Cinc's tools come first.
    pub is_cinc: bool,
}

impl Resolver<'_> {
    /// Runs the tools that the source needs: a Policyfile is exported into `sandbox`, a Berksfile
    /// vendored into `vendored`, which must not exist. One at a time in a project: the tools write
    /// locks beside their files.
    pub async fn run(&self, source: &Source, sandbox: &Path, vendored: &Path) -> Result<()> {
        let Some((tool, what)) = source.tool(self.is_cinc) else {
            return Ok(());
        };
        let program = tool.find(&what)?;
        let _turn = self.turn().await?;
        let update = self.settings.always_update_cookbooks != Some(false);
        match source {
            Source::Policyfile(file) => {
                self.cli(&program, &["install"], file, &[]).await?;
                if update {
                    self.cli(&program, &["update"], file, &[]).await?;
                }
                let sandbox = sandbox.as_os_str();
                let mut more = vec![sandbox];
                if let Some(group) = &self.settings.policy_group {
                    more.extend([OsStr::new("--policy_group"), OsStr::new(&group.0)]);
                }
                more.push(OsStr::new("--force"));
                self.cli(&program, &["export"], file, &more).await
            }
            Source::Berksfile(file) => {
                let berksfile = [OsStr::new("--berksfile"), file.as_os_str()];
                if update && file.with_file_name("Berksfile.lock").is_file() {
                    let words = [&[OsStr::new("update")], &berksfile[..]].concat();
                    self.call(&program, &words).await?;
                }
                let vendor = [OsStr::new("vendor"), vendored.as_os_str()];
                self.call(&program, &[&vendor[..], &berksfile].concat())
                    .await
            }
            _ => Ok(()),
        }
    }

    /// Held while the project's cookbooks are resolved, by this process or another.
    async fn turn(&self) -> Result<File> {
        private::directory(&self.cx.kitchen_dir)?;
        let path = self.cx.kitchen_dir.join("cookbooks.lock");
        let file = private::create(&path)?;
        let what = "waiting for others to resolve the project's cookbooks";
        self.cx
            .poll(what, ASK_AGAIN, OTHERS, || async {
                match file.try_lock() {
                    Ok(()) => Ok(Some(())),
                    Err(TryLockError::WouldBlock) => Ok(None),
                    Err(TryLockError::Error(error)) => {
                        Err(Error::from(error).while_doing(format!("lock {}", path.display())))
                    }
                }
            })
            .await?;
        Ok(file)
    }

    async fn cli(
        &self,
        program: &Path,
        action: &[&str],
        file: &Path,
        more: &[&OsStr],
    ) -> Result<()> {
        let mut words: Vec<&OsStr> = action.iter().map(OsStr::new).collect();
        words.push(file.as_os_str());
        words.extend(more);
        if let Some(license) = &self.settings.chef_license {
            words.extend([OsStr::new("--chef-license"), OsStr::new(&license.0)]);
        }
        self.call(program, &words).await
    }

    async fn call(&self, program: &Path, words: &[&OsStr]) -> Result<()> {
        let shown = words.first().unwrap_or(&OsStr::new("")).to_string_lossy();
        let shown = format!("{} {shown}", program.display());
        self.cx.note(format!("resolving cookbooks: {shown}")).await;
        let mut command = Command::new(program);
        command.args(words).current_dir(&self.cx.root);
        let status = process::run(command, &Stdin::Empty, &*self.cx.output).await?;
        status.into_result(&shown)
    }
}

/// Copies what is no tool's work: cookbooks of the project or of a Berksfile's vendor directory,
/// their own files alone.
pub fn collect(
    root: &Path,
    settings: &Settings,
    source: &Source,
    vendored: &Path,
    stage: &Stage,
) -> Result<()> {
    let patterns = Patterns::new(settings.cookbook_files())?;
    match source {
        Source::Policyfile(_) => Ok(()),
        Source::Berksfile(_) => each(vendored, &patterns, stage),
        Source::Directory => {
            each(&root.join("cookbooks"), &patterns, stage)?;
            each(&root.join("site-cookbooks"), &patterns, stage)?;
            if root.join("metadata.rb").is_file() {
                project(root, &patterns, stage)?;
            }
            Ok(())
        }
        Source::Project => project(root, &patterns, stage),
        Source::Nothing => {
            let name = root.file_name().unwrap_or_default().to_string_lossy();
            let text = format!("name \"{name}\"\nversion \"0.0.0\"\n");
            stage.write(format!("cookbooks/{name}/metadata.rb"), text)
        }
    }
}

/// Every cookbook in `from`, where that is there.
fn each(from: &Path, patterns: &Patterns, stage: &Stage) -> Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.path().is_dir() {
            let name = Path::new("cookbooks").join(entry.file_name());
            patterns.copy(&entry.path(), stage, &name)?;
        }
    }
    Ok(())
}

fn project(root: &Path, patterns: &Patterns, stage: &Stage) -> Result<()> {
    let metadata = root.join("metadata.rb");
    let text = std::fs::read_to_string(&metadata)
        .map_err(|error| Error::from(error).while_doing(format!("read {}", metadata.display())))?;
    let name = cookbook_name(&text).ok_or_else(|| {
        Error::machine(format!("read {}: it gives no name", metadata.display()))
            .hint("Add a line `name 'NAME'` to it.")
    })?;
    patterns.copy(root, stage, &Path::new("cookbooks").join(name))
}

/// The argument of `name` in a `metadata.rb`, without Ruby: a text in quotes.
fn cookbook_name(metadata: &str) -> Option<&str> {
    metadata.lines().find_map(|line| {
        let rest = line.trim_start().strip_prefix("name")?;
        let rest = rest.trim_start_matches(['(', ' ', '\t']);
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        rest[1..]
            .split(quote)
            .next()
            .filter(|name| !name.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookbook_says_its_name() {
        for text in [
            "name 'web'",
            "# name 'x'\n  name(\"web\")\nversion '1'",
            "name\t \"web\" # our",
        ] {
            assert_eq!(cookbook_name(text), Some("web"), "{text}");
        }
        assert_eq!(cookbook_name("namespace 'x'\nname NAME"), None);
    }
}
