//! The instance as a tool's shell code sees it.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Base, Stage, Sudo, Tail, Watch, download, prefixed, upload, variables};
use crate::process::Collect;
use crate::{Connection, Context, Error, Exec, ExitStatus, Output, Result};

/// Shell functions for code that runs with [`Guest`]: `packages_update`, `packages_install NAME...`
/// by whatever installs packages there, and `fetch URL FILE`.
pub const PACKAGES: &str = r#"
have() { command -v "$1" >/dev/null 2>&1; }
packages_update() {
    if have apt-get; then as_root apt-get -q update
    elif have dnf; then as_root dnf -q -y makecache
    elif have yum; then as_root yum -q -y makecache
    elif have zypper; then as_root zypper --non-interactive refresh
    elif have apk; then as_root apk update -q
    elif have pacman; then as_root pacman -Sy --noconfirm
    fi
}
packages_install() {
    if have apt-get; then
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
            -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"
    elif have dnf; then as_root dnf -q -y install "$@"
    elif have yum; then as_root yum -q -y install "$@"
    elif have zypper; then as_root zypper --non-interactive install "$@"
    elif have apk; then as_root apk add -q "$@"
    elif have pacman; then as_root pacman -S --noconfirm --needed "$@"
    elif have pkg; then as_root pkg install -y "$@"
    elif have pkg_add; then as_root pkg_add -I "$@"
    else echo "no package manager that is known: $*" >&2; return 1
    fi
}
fetch() {
    if have curl; then curl -fsSL --retry 3 -o "$2" "$1"
    elif have wget; then wget -q -O "$2" "$1"
    else echo "neither curl nor wget to download $1" >&2; return 1
    fi
}
"#;

/// One converge by a tool that runs on the instance.
#[derive(Clone)]
pub struct Guest<'a> {
    /// The call.
    pub cx: &'a Context,
    /// The way to the instance.
    pub connection: &'a dyn Connection,
    base: &'a Base,
    sudo: Sudo,
    /// Variables of everything that runs.
    pub environment: BTreeMap<String, String>,
}

impl<'a> Guest<'a> {
    /// The instance at the other end of `connection`.
    pub fn new(cx: &'a Context, connection: &'a dyn Connection, base: &'a Base) -> Self {
        let proxies = [
            ("http_proxy", &base.http_proxy),
            ("https_proxy", &base.https_proxy),
            ("ftp_proxy", &base.ftp_proxy),
            ("no_proxy", &base.no_proxy),
        ];
        Self {
            cx,
            connection,
            base,
            sudo: Sudo::of(base.sudo, base.sudo_command.as_deref()),
            environment: variables(cx, proxies),
        }
    }

    /// `root_path`, without a slash at its end.
    pub fn root(&self) -> &str {
        self.base.root_path.trim_end_matches('/')
    }

    /// Runs shell code in which `as_root` makes its arguments root's. A non-zero exit is an answer.
    pub async fn run(&self, code: &str, output: &dyn Output) -> Result<ExitStatus> {
        let code = format!("{}\n{code}", self.sudo.definition());
        let code = prefixed(self.base.command_prefix.as_deref(), code);
        let exec = Exec::new(code).env(&self.environment);
        self.connection.exec(&exec, output).await
    }

    /// Runs code that must succeed; `what` is for the error ("install Salt"), which has the last
    /// lines that were printed.
    pub async fn must(&self, what: &str, code: &str) -> Result<()> {
        let watch: Watch<'_, Tail> = Watch::new(&*self.cx.output, Tail::see);
        let status = self.run(code, &watch).await?;
        if status.success() {
            return Ok(());
        }
        let lines = watch.seen().indented();
        let mut error = Error::action(format!("{what}: exit code {}{lines}", status.0));
        error.exit_code = Some(status.0);
        Err(error)
    }

    /// What code prints, without showing it; an empty text where it fails.
    pub async fn ask(&self, code: &str) -> Result<String> {
        let text = Collect::default();
        let status = self.run(code, &text).await?;
        let (out, _) = text.into_parts();
        Ok(if status.success() { out } else { String::new() })
    }

    /// The instance's PATH, where `program` is not on it for the user or root; none where it is.
    pub async fn lacks(&self, program: &str) -> Result<Option<String>> {
        let program = shell_words::quote(program);
        let code = format!(
            "command -v {program} || as_root sh -c 'command -v \"$0\"' {program} || echo \"none in $PATH\""
        );
        let found = self.ask(&code).await?;
        let path = found.trim().strip_prefix("none in ");
        Ok(path.map(str::to_owned))
    }

    /// Puts what `uploads` names on the instance.
    pub async fn uploads(&self) -> Result<()> {
        let way = format!("{}/upload-{}", self.root(), self.cx.identity.instance);
        for (local, remote) in &self.base.uploads {
            upload(self.cx, self.connection, (local, remote), &way).await?;
        }
        Ok(())
    }

    /// Puts the content of a stage into `root_path`, from which `old` are removed first.
    pub async fn send(&self, stage: &Stage, old: &[&str]) -> Result<()> {
        let root = shell_words::quote(self.root());
        let old: Vec<String> = old
            .iter()
            .map(|name| format!("{root}/{}", shell_words::quote(name)))
            .collect();
        let code = format!("as_root rm -rf {}\nmkdir -p {root}", old.join(" "));
        self.must(&format!("prepare {}", self.root()), &code)
            .await?;
        let entries = stage.entries()?;
        let entries: Vec<&Path> = entries.iter().map(|path| path.as_path()).collect();
        self.connection.upload(&entries, self.root()).await
    }

    /// Fetches what `downloads` names; what cannot be fetched is told and fails nothing, as in Test
    /// Kitchen (provisioner/base.rb).
    pub async fn downloads(&self) {
        for (remote, local) in &self.base.downloads {
            let fetched = download(self.cx, self.connection, (remote, local)).await;
            if let Err(error) = fetched {
                self.cx.note(format!("download {remote}: {error}")).await;
            }
        }
    }
}
