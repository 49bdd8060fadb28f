//! Runs `vagrant`, and ends what of it an earlier kitchen left running.

use std::path::Path;
use std::time::Duration;

use banquet_sdk::{Context, Error, Output, Result, Stdin, process};
use tokio::process::Command;

use crate::errors;
use crate::settings::Settings;
use crate::told::{Found, Reader};

/// Marks our processes: its value is the environment's directory. No variable that a state makes.
const MARK: &str = "BANQUET_VAGRANT_ENVIRONMENT";
/// Time between two tries where another Vagrant holds a machine.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// So often Vagrant may stumble over what others remove.
const STUMBLES: u32 = 10;
const LOCK_TIMEOUT: Duration = Duration::from_secs(120);
/// Variables that would lead Vagrant to another environment, or make it print other things.
const MISLEADING: [&str; 5] = [
    "VAGRANT_CWD",
    "VAGRANT_VAGRANTFILE",
    "VAGRANT_DOTFILE_PATH",
    "VAGRANT_LOG",
    "VAGRANT_FORCE_COLOR",
];

/// The `vagrant` of a section, in an environment.
#[derive(Clone, Copy)]
pub struct Vagrant<'a> {
    /// The call.
    pub cx: &'a Context,
    /// Its section.
    pub settings: &'a Settings,
    /// Directory of the environment.
    pub root: &'a Path,
    /// Name of a Vagrantfile to use in place of the usual one.
    pub file: Option<&'a str>,
}

impl Vagrant<'_> {
    /// Runs `vagrant ARGUMENTS`, telling what it does. Where another Vagrant holds the machine it
    /// is tried again until `lock_timeout`.
    pub async fn run(&self, arguments: &[&str]) -> Result<Found> {
        self.tried(arguments, Some(&*self.cx.output))
            .await
            .map_err(|(error, _)| error)
    }

    /// As [`run`](Self::run), without telling.
    pub async fn ask(&self, arguments: &[&str]) -> Result<Found> {
        self.tried(arguments, None)
            .await
            .map_err(|(error, _)| error)
    }

    /// As [`run`](Self::run); an error comes with what was found.
    pub async fn try_run(&self, arguments: &[&str]) -> Result<Found, (Error, Found)> {
        self.tried(arguments, Some(&*self.cx.output)).await
    }

    async fn tried(
        &self,
        arguments: &[&str],
        output: Option<&dyn Output>,
    ) -> Result<Found, (Error, Found)> {
        let limit = self.settings.lock_timeout.map_or(LOCK_TIMEOUT, |it| it.0);
        let started = tokio::time::Instant::now();
        let (mut waited, mut stumbles) = (false, 0);
        loop {
            let (error, found) = match self.once(arguments, output).await {
                Ok(found) => return Ok(found),
                Err(failed) => failed,
            };
            if errors::is_stumble(&found) && stumbles < STUMBLES {
                stumbles += 1;
                let again = "vagrant again: what it looked at was another's, and went meanwhile";
                self.cx.note(again).await;
                continue;
            }
            let class = found.error.as_ref().map(|(class, _)| class.as_str());
            if !class.is_some_and(errors::is_lock) || started.elapsed() >= limit {
                return Err((error, found));
            }
            if !waited {
                waited = true;
                self.cx
                    .note("another Vagrant is at work with the machine: waiting for it")
                    .await;
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
    }

    async fn once(
        &self,
        arguments: &[&str],
        output: Option<&dyn Output>,
    ) -> Result<Found, (Error, Found)> {
        let program = program(self.settings);
        let mut command = Command::new(program);
        command.args(arguments).arg("--machine-readable");
        command.current_dir(self.root).env(MARK, self.root);
        // No look for newer versions on the network.
        command.env("VAGRANT_CHECKPOINT_DISABLE", "1");
        for name in MISLEADING {
            command.env_remove(name);
        }
        if let Some(file) = self.file {
            command.env("VAGRANT_VAGRANTFILE", file);
        }
        let reader = Reader::new(output);
        let status = process::run(command, &Stdin::Empty, &reader).await;
        let found = reader.into_found();
        let what = format!("vagrant {}", arguments.first().unwrap_or(&""));
        match status {
            Ok(status) if status.success() => Ok(found),
            Ok(status) => Err((errors::told(&what, status, &found), found)),
            Err(error) => Err((errors::not_started(program, error), found)),
        }
    }
}

/// The program.
pub fn program(settings: &Settings) -> &str {
    settings.vagrant_binary.as_deref().unwrap_or("vagrant")
}

/// Ends Vagrants that a killed kitchen left at work in the environment at `root`. The caller holds
/// it alone. Says whether there were any. Only where the system tells of processes (Linux);
/// elsewhere Vagrant's own locks are waited for.
#[cfg(target_os = "linux")]
pub async fn end_leftovers(cx: &Context, root: &Path) -> Result<bool> {
    use rustix::process::{Pid, Signal, kill_process};
    const GONE: Duration = Duration::from_secs(10);
    let left = leftovers(root);
    if left.is_empty() {
        return Ok(false);
    }
    cx.note("ending the vagrant that an earlier kitchen left behind")
        .await;
    for pid in left.iter().filter_map(|pid| Pid::from_raw(*pid)) {
        // Gone already is what is wanted.
        let _ = kill_process(pid, Signal::KILL);
    }
    cx.poll(
        "ending an earlier vagrant",
        Duration::from_millis(20),
        GONE,
        || async { Ok(leftovers(root).is_empty().then_some(true)) },
    )
    .await
}

#[cfg(not(target_os = "linux"))]
pub async fn end_leftovers(_cx: &Context, _root: &Path) -> Result<bool> {
    Ok(false)
}

/// Processes that run vagrant itself, not what it started, which may be machines.
#[cfg(target_os = "linux")]
fn leftovers(root: &Path) -> Vec<i32> {
    use std::os::unix::ffi::OsStrExt;
    let mark = [MARK.as_bytes(), b"=", root.as_os_str().as_bytes()].concat();
    let is_ours = |pid: &i32| {
        let has = |file: &str, wanted: &dyn Fn(&[u8]) -> bool| {
            let bytes = std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            bytes.split(|byte| *byte == 0).any(wanted)
        };
        has("environ", &|entry| entry == mark)
            && has("cmdline", &|word| word == b"--machine-readable")
    };
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(is_ours).collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use banquet_sdk::Section;

    use super::*;

    #[tokio::test]
    async fn what_was_left_behind_is_ended_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let start = |root: &Path, word: &str| {
            let mut command = std::process::Command::new("sh");
            command.args(["-c", "read line", word]).env(MARK, root);
            command.stdin(std::process::Stdio::piped()).spawn().unwrap()
        };
        let mut left = start(dir.path(), "--machine-readable");
        let mut machine = start(dir.path(), "--vm");
        let mut other = start(Path::new("/elsewhere"), "--machine-readable");
        // A zombie has no environment: it counts as gone.
        end_leftovers(&crate::machine::tests::cx(Section::default()), dir.path())
            .await
            .unwrap();
        assert!(!left.wait().unwrap().success());
        for child in [&mut machine, &mut other] {
            assert!(child.try_wait().unwrap().is_none());
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}
