//! Runs a playbook on the workstation against the instance (kitchen-ansiblepush's way).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use banquet_sdk::scratch::Scratch;
use banquet_sdk::tool::{self, Base, Stage, Watch};
use banquet_sdk::{Changes, Context, Discard, Error, Fault, Result, Stdin, Target, process};
use serde_json::json;
use shell_words::{join, quote};

use crate::guest::{judge, unchanged};
use crate::inventory;
use crate::play::{self, TOOL};
use crate::recap::Recap;
use crate::settings::Config;

const INSTALL: &str = "Install Ansible on the workstation (Debian: ansible-core; or \
                       `pipx install ansible-core`), or say where it is with \
                       `ansible_playbook_bin` or `ansible_binary_path`.";

/// Longest name of a socket of ssh: Ansible's hash of ten letters, and what ssh adds to it until it
/// is ready.
const CONTROL: usize = 32;

/// A play from here.
struct Run<'a> {
    cx: &'a Context,
    config: &'a Config,
    /// Whether the keys are read as kitchen-ansiblepush has them, which leaves more to Ansible.
    push: bool,
    stage: Stage,
    /// Where ssh has the sockets of connections that it keeps.
    control: Scratch,
    program: PathBuf,
    playbook: PathBuf,
    environment: BTreeMap<String, String>,
}

/// Converges; what it changed.
pub async fn converge(cx: &Context, config: &Config, base: &Base, push: bool) -> Result<Changes> {
    let proxies = [
        ("http_proxy", &base.http_proxy),
        ("https_proxy", &base.https_proxy),
        ("ftp_proxy", &base.ftp_proxy),
        ("no_proxy", &base.no_proxy),
    ];
    let generated = config.generate_inv && own_inventory(config).is_none();
    if generated && cx.target() == Target::Other {
        let message = "Ansible on the workstation cannot go the way of this transport";
        return Err(Error::config("/run_from", message)
            .hint("Use the transport ssh, or run it on the instance: `run_from: instance`."));
    }
    let mut run = Run {
        cx,
        config,
        push,
        stage: Stage::new(&cx.kitchen_dir)?,
        control: Scratch::for_sockets(&cx.kitchen_dir, CONTROL)?,
        program: tool::needs(&name(cx, config), INSTALL)?,
        playbook: play::playbook(cx, config)?,
        environment: tool::variables(cx, proxies),
    };
    run.prepare().await?;
    let ended = run.all().await;
    run.hang_up().await;
    ended
}

/// What is missing on the workstation.
pub fn faults(cx: &Context, config: &Config) -> Vec<Fault> {
    let mut faults = tool::doctor(&name(cx, config), INSTALL);
    let section = cx.transport.as_ref().map(|(_, section)| &section.values);
    let has = |key: &str| section.is_some_and(|values| values.contains_key(key));
    if has("password") && !has("ssh_key") {
        let advice = "Ansible wants it for the transport's password: install it, or use `ssh_key` \
                      of the transport.";
        faults.extend(tool::doctor("sshpass", advice));
    }
    faults
}

/// The program, or the path of it.
fn name(cx: &Context, config: &Config) -> String {
    let name = match &config.ansible_binary_path {
        Some(directory) => format!("{directory}/ansible-playbook"),
        None => config.ansible_playbook_bin.clone(),
    };
    match name.contains('/') {
        true => cx.root.join(name).to_string_lossy().into_owned(),
        false => name,
    }
}

fn own_inventory(config: &Config) -> Option<&String> {
    config
        .ansible_inventory
        .as_ref()
        .or(config.ansible_inventory_file.as_ref())
}

impl Run<'_> {
    /// What the instance is called. Members of a cluster need names that differ.
    fn own_name(&self) -> String {
        let instance = &self.cx.identity.instance;
        if let Some(name) = &self.config.custom_instance_name {
            return name.clone();
        }
        let alone = self.cx.identity.cluster.is_none();
        match instance.split_once('-') {
            Some((_, platform)) if self.push && alone && !self.config.use_instance_name => {
                platform.into()
            }
            _ => instance.clone(),
        }
    }

    async fn prepare(&mut self) -> Result<()> {
        let (cx, config) = (self.cx, self.config);
        self.stage.directory("local")?;
        let (variables, _) = play::variables(cx, config);
        let variables = play::variables_file(&variables);
        self.stage.write_secret("variables.json", variables)?;
        self.stage
            .write_secret("inventory/hosts.yml", self.inventory())?;
        self.directories().await?;
        let control = self.control.path().display().to_string();
        let mut all = BTreeMap::from([
            ("PYTHONUNBUFFERED".to_string(), "1".to_string()),
            ("ANSIBLE_SSH_CONTROL_PATH_DIR".into(), control),
        ]);
        if std::env::var_os("ANSIBLE_LOCAL_TEMP").is_none() {
            // Modules on their way, with their arguments in clear.
            all.insert("ANSIBLE_LOCAL_TEMP".into(), self.path("local"));
        }
        if self.trusts_any_host() {
            all.insert("ANSIBLE_HOST_KEY_CHECKING".into(), "False".into());
        }
        if let Some(cfg) = self.configuration()? {
            all.insert("ANSIBLE_CONFIG".into(), cfg.display().to_string());
        }
        let own = config.env_vars.iter().chain(&config.environment_vars);
        all.extend(own.map(|(name, value)| (name.clone(), value.0.clone())));
        self.environment.extend(all);
        self.galaxy().await?;
        if let Some(roles) = self.roles()? {
            self.environment.insert("ANSIBLE_ROLES_PATH".into(), roles);
        }
        Ok(())
    }

    fn path(&self, name: &str) -> String {
        self.stage.path().join(name).display().to_string()
    }

    fn configuration(&self) -> Result<Option<PathBuf>> {
        let (cx, config) = (self.cx, self.config);
        if let Some(configured) = &config.ansible_config {
            return tool::required(cx, "ansible_config", configured).map(Some);
        }
        let configured = config.ansible_cfg_path.as_ref();
        if config.ignore_ansible_cfg || (self.push && configured.is_none()) {
            return Ok(None);
        }
        play::file(cx, "ansible_cfg_path", configured, "ansible.cfg")
    }

    /// Whether the transport takes any host key; Ansible is to be no less strict.
    fn trusts_any_host(&self) -> bool {
        match self.cx.target() {
            Target::Ssh(ssh) => ssh
                .options
                .iter()
                .any(|it| it == "StrictHostKeyChecking=no"),
            _ => false,
        }
    }

    fn inventory(&self) -> String {
        let config = self.config;
        let mut groups = play::list(&config.hosts);
        groups.extend(play::list(&config.mygroup));
        let mut hosts =
            inventory::hosts(self.cx, &self.own_name(), &groups, &inventory::connection);
        let own = &mut hosts[0].variables;
        if let Some(port) = config.ansible_port {
            own.insert("ansible_port".into(), json!(port));
        }
        let connection = config.ansible_connection.as_deref();
        if let Some(connection) = connection.filter(|it| !["smart", "local", "none"].contains(it)) {
            own.insert("ansible_connection".into(), json!(connection));
        }
        let more = config.groups.iter().flatten();
        let more = more.map(|(group, hosts)| (group.clone(), play::list(hosts)));
        inventory::render(&hosts, &more.collect())
    }

    /// Variables of groups and hosts lie beside the inventory.
    async fn directories(&self) -> Result<()> {
        let config = self.config;
        for (key, configured, name) in [
            ("group_vars_path", &config.group_vars_path, "group_vars"),
            ("host_vars_path", &config.host_vars_path, "host_vars"),
        ] {
            if self.push && configured.is_none() {
                continue;
            }
            let configured = configured.as_deref();
            if let Some(path) = tool::optional_directory(self.cx, TOOL, key, configured, name).await
            {
                let name = format!("inventory/{name}");
                self.stage.copy(&path, name, &|_| true)?;
            }
        }
        Ok(())
    }

    /// Directories of roles; none where Ansible's own setting holds.
    fn roles(&self) -> Result<Option<String>> {
        let (cx, config) = (self.cx, self.config);
        let mut paths = Vec::new();
        if config.requirements_path.is_some() {
            paths.push(self.path("galaxy"));
        }
        let found = match &config.roles_path {
            Some(configured) => Some(tool::required(cx, "roles_path", configured)?),
            None if self.push => None,
            None => tool::lookup(cx, Some(TOOL), "roles", Path::is_dir).or(Some(cx.root.clone())),
        };
        if let Some(roles) = found {
            let is_role = roles.file_name().is_none_or(|name| name != "roles");
            match (&config.role_name, is_role) {
                (Some(name), true) => {
                    let keep = |path: &Path| path.file_name().is_none_or(|it| it != ".git");
                    self.stage.copy(&roles, format!("roles/{name}"), &keep)?;
                    paths.push(self.path("roles"));
                }
                (None, true) => {
                    let above = roles.parent().unwrap_or(&roles);
                    paths.push(above.display().to_string());
                }
                (_, false) => paths.push(roles.display().to_string()),
            }
        }
        for more in config.additional_copy_role_path.iter().flat_map(|it| &it.0) {
            let path = tool::required(cx, "additional_copy_role_path", more)?;
            paths.push(path.display().to_string());
        }
        Ok((!paths.is_empty()).then(|| paths.join(":")))
    }

    /// Installs what `requirements_path` and `requirements_collection_path` name.
    async fn galaxy(&mut self) -> Result<()> {
        let config = self.config;
        let galaxy = self.program.with_file_name("ansible-galaxy");
        let galaxy = quote(&galaxy.to_string_lossy()).into_owned();
        let certs = if config.galaxy_ignore_certs {
            " --ignore-certs"
        } else {
            ""
        };
        for (key, configured, words, into) in [
            (
                "requirements_path",
                &config.requirements_path,
                "install",
                "galaxy",
            ),
            (
                "requirements_collection_path",
                &config.requirements_collection_path,
                "collection install",
                "collections",
            ),
        ] {
            let Some(configured) = configured else {
                continue;
            };
            let file = tool::required(self.cx, key, configured)?;
            let into_path = self.path(into);
            let line = format!(
                "{galaxy} {words} --force{certs} -p {} -r {}",
                quote(&into_path),
                quote(&file.to_string_lossy())
            );
            let (status, recap) = self.run(&line).await?;
            if !status.success() {
                return Err(recap.error(&format!("ansible-galaxy {words}"), status.0));
            }
            if into == "collections" {
                let path =
                    format!("{into_path}:~/.ansible/collections:/usr/share/ansible/collections");
                for name in ["ANSIBLE_COLLECTIONS_PATH", "ANSIBLE_COLLECTIONS_PATHS"] {
                    self.environment.insert(name.into(), path.clone());
                }
            }
        }
        Ok(())
    }

    fn arguments(&self, second: bool) -> Result<Vec<String>> {
        let (cx, config) = (self.cx, self.config);
        let mut words = Vec::new();
        let option = |name: &str, value: &str| format!("--{name}={value}");
        match own_inventory(config).map(String::as_str) {
            Some("none") => {}
            Some(configured) => {
                let path = tool::required(cx, "ansible_inventory", configured)?;
                words.push(option("inventory", &path.to_string_lossy()));
            }
            None if config.generate_inv => words.push(option("inventory", &self.path("inventory"))),
            None => {}
        }
        words.push(option(
            "limit",
            &play::limit(config).unwrap_or_else(|| self.own_name()),
        ));
        words.extend(self.become_words(&option));
        for (name, value) in [
            ("user", &config.remote_user),
            ("private-key", &config.private_key),
            (
                "module-path",
                &config.module_path.clone().or(config.modules_path.clone()),
            ),
            ("scp-extra-args", &config.scp_extra_args),
            ("sftp-extra-args", &config.sftp_extra_args),
            ("ssh-extra-args", &config.ssh_extra_args),
            ("ssh-common-args", &config.ssh_common_args),
            ("timeout", &config.timeout.as_ref().map(|it| it.0.clone())),
        ] {
            words.extend(value.as_ref().map(|value| option(name, value)));
        }
        for file in play::vault_files(cx, config)? {
            words.push(option("vault-password-file", &file.to_string_lossy()));
        }
        words.push(option(
            "extra-vars",
            &format!("@{}", self.path("variables.json")),
        ));
        for file in play::variables(cx, config).1 {
            let file = tool::required(cx, "extra_vars", &file)?;
            words.push(option("extra-vars", &format!("@{}", file.display())));
        }
        words.extend(play::options(config, second)?);
        Ok(words)
    }

    fn become_words(&self, option: &dyn Fn(&str, &str) -> String) -> Vec<String> {
        let config = self.config;
        let root = matches!(self.cx.target(), Target::Ssh(ssh) if ssh.username == "root");
        let sudo = !self.push && config.ansible_sudo != Some(false) && !root;
        let mut words = Vec::new();
        if config.becomes.unwrap_or(sudo) {
            words.push("--become".into());
        }
        let user = config.become_user.as_ref().or(config.sudo_user.as_ref());
        words.extend(user.map(|user| option("become-user", user)));
        let method = config.become_method.as_ref();
        words.extend(method.map(|method| option("become-method", method)));
        words
    }

    /// The play, and what `idempotency_test` wants of a second one.
    async fn all(&self) -> Result<Changes> {
        let changes = self.play(false).await?;
        if self.config.idempotency_test == Some(true) {
            let text = "idempotency_test: running the playbook a second time";
            self.cx.note(text).await;
            unchanged(self.cx, self.config, self.play(true).await?).await?;
        }
        Ok(changes)
    }

    async fn play(&self, second: bool) -> Result<Changes> {
        let line = match &self.config.ansible_playbook_command {
            Some(command) => command.clone(),
            None => format!(
                "exec {} {} {} {}",
                quote(&self.program.to_string_lossy()),
                join(self.arguments(second)?),
                play::raw(self.config),
                quote(&self.playbook.to_string_lossy())
            ),
        };
        let (status, recap) = self.run(&line).await?;
        let name = self
            .playbook
            .strip_prefix(&self.cx.root)
            .unwrap_or(&self.playbook);
        judge(self.cx, recap, status, &name.to_string_lossy()).await
    }

    async fn run(&self, line: &str) -> Result<(banquet_sdk::ExitStatus, Recap)> {
        let mut command = self.cx.local_command(line);
        command.envs(&self.environment);
        let watch: Watch<'_, Recap> = Watch::new(&*self.cx.output, Recap::see);
        let status = process::run(command, &Stdin::Empty, &watch).await?;
        Ok((status, watch.seen()))
    }

    /// Ends the connections that ssh keeps for a while. Where it fails they end by themselves.
    async fn hang_up(&self) {
        let control = quote(&self.control.path().to_string_lossy()).into_owned();
        let line = format!(
            "for socket in {control}/*; do [ ! -S \"$socket\" ] || ssh -o ControlPath=\"$socket\" -O exit x; done"
        );
        let _ = process::run(self.cx.local_command(&line), &Stdin::Empty, &Discard).await;
    }
}
