//! Runs a playbook on the instance, against itself (kitchen-ansible's way).

use std::path::Path;

use banquet_sdk::tool::{self, Guest, Stage, Watch};
use banquet_sdk::{Changes, Context, Error, ExitStatus, Result};
use serde_json::{Map, json};
use shell_words::quote;

use crate::play::{self, TOOL};
use crate::recap::Recap;
use crate::settings::Config;
use crate::{install, inventory};

/// What the instance is called in its own inventory, as in kitchen-ansible.
const OWN: &str = "localhost";
const INVENTORY: &str = "kitchen-inventory.yml";
const VARIABLES: &str = "kitchen-variables.json";
/// What earlier converges left below `root_path`.
const OLD: [&str; 10] = [
    "modules",
    "roles",
    "group_vars",
    "host_vars",
    "collections",
    "library",
    "callback_plugins",
    "filter_plugins",
    "lookup_plugins",
    "ansible.cfg",
];

/// Files for the instance, and where they will be below `root_path`.
struct Files {
    stage: Stage,
    playbook: String,
    inventory: Option<String>,
    variables: Vec<String>,
    vaults: Vec<String>,
    configured: bool,
}

/// Converges; what it changed.
pub async fn converge(cx: &Context, config: &Config, mut guest: Guest<'_>) -> Result<Changes> {
    let files = stage(cx, config).await?;
    let own = config.env_vars.iter();
    let own = own.map(|(name, value)| (name.clone(), value.0.clone()));
    guest.environment.extend(own);
    guest
        .environment
        .insert("PYTHONUNBUFFERED".into(), "1".into());
    if let Some(code) = install::code(config) {
        let code = format!("{}\n{code}", tool::PACKAGES);
        guest.must("install Ansible", &code).await?;
    }
    if config.ansible_playbook_command.is_none() {
        find(&guest, config).await?;
    }
    guest.send(&files.stage, &OLD).await?;
    let prepare = prepare(&guest, config, &files);
    if !prepare.is_empty() {
        guest.must("prepare the play", &prepare).await?;
    }
    let changes = run(&guest, config, &files, false).await?;
    if config.idempotency_test == Some(true) {
        cx.note("idempotency_test: running the playbook a second time")
            .await;
        unchanged(cx, config, run(&guest, config, &files, true).await?).await?;
    }
    Ok(changes)
}

/// The judgement of `idempotency_test`.
pub async fn unchanged(cx: &Context, config: &Config, changes: Changes) -> Result<()> {
    let message = match changes {
        Changes::None => return Ok(()),
        Changes::Some(tasks) => format!("the second run changed: {}", tasks.join("; ")),
        Changes::Unknown => "the second run did not tell what it changed".into(),
    };
    if config.fail_non_idempotent {
        return Err(Error::action(format!("idempotency_test: {message}")));
    }
    cx.note(format!("idempotency_test: {message}")).await;
    Ok(())
}

async fn stage(cx: &Context, config: &Config) -> Result<Files> {
    let stage = Stage::new(&cx.kitchen_dir)?;
    let all = |_: &Path| true;
    let playbook = play::playbook(cx, config)?;
    let name = match (&config.playbook, config.keep_playbook_path) {
        (Some(configured), true) => configured.clone(),
        _ => file_name(&playbook),
    };
    stage.copy(&playbook, &name, &all)?;
    roles(cx, config, &stage).await?;
    directories(cx, config, &stage).await?;
    let cfg = play::file(
        cx,
        "ansible_cfg_path",
        config.ansible_cfg_path.as_ref(),
        "ansible.cfg",
    )?;
    let configured = match cfg.filter(|_| !config.ignore_ansible_cfg) {
        Some(cfg) => stage.copy(&cfg, "ansible.cfg", &all).map(|()| true)?,
        None if config.ansible_cfg_overwrite => stage
            .write("ansible.cfg", "# no settings\n")
            .map(|()| true)?,
        None => false,
    };
    for (key, path) in [
        ("requirements_path", &config.requirements_path),
        (
            "requirements_collection_path",
            &config.requirements_collection_path,
        ),
    ] {
        if let Some(path) = path {
            stage.copy(&tool::required(cx, key, path)?, path, &all)?;
        }
    }
    for key in &config.additional_ssh_private_keys.0 {
        let from = tool::required(cx, "additional_ssh_private_keys", key)?;
        let name = format!("ssh_private_keys/{}", file_name(&from));
        stage.copy(&from, &name, &all)?;
        stage.hide(&name)?;
    }
    let vaults = vaults(cx, config, &stage)?;
    let variables = variables(cx, config, &stage)?;
    let inventory = inventory(cx, config, &stage)?;
    Ok(Files {
        stage,
        playbook: name,
        inventory,
        variables,
        vaults,
        configured,
    })
}

/// Roles: those in `roles_path`, or `roles_path` itself where it is one role.
async fn roles(cx: &Context, config: &Config, stage: &Stage) -> Result<()> {
    stage.directory("roles")?;
    let keep = |path: &Path| {
        let name = file_name(path);
        let ignored = config.ignore_paths_from_root.0.contains(&name)
            || config
                .ignore_extensions_from_root
                .0
                .iter()
                .any(|it| name.ends_with(it));
        !ignored && name != ".git"
    };
    let roles = match &config.roles_path {
        Some(configured) => tool::required(cx, "roles_path", configured)?,
        None => tool::lookup(cx, Some(TOOL), "roles", Path::is_dir).unwrap_or(cx.root.clone()),
    };
    let base = file_name(&roles);
    match config.role_name.as_deref().filter(|name| !name.is_empty()) {
        _ if base == "roles" => stage.copy(&roles, "roles", &keep)?,
        Some(name) => stage.copy(&roles, format!("roles/{name}"), &keep)?,
        None => stage.copy(&roles, format!("roles/{base}"), &keep)?,
    }
    for more in config.additional_copy_role_path.iter().flat_map(|it| &it.0) {
        let from = tool::required(cx, "additional_copy_role_path", more)?;
        stage.copy(&from, format!("roles/{}", file_name(&from)), &keep)?;
    }
    for more in config.additional_copy_path.iter().flat_map(|it| &it.0) {
        let from = tool::required(cx, "additional_copy_path", more)?;
        stage.copy(&from, file_name(&from), &|_| true)?;
    }
    let recursive = &config.recursive_additional_copy_path;
    for more in recursive.iter().flat_map(|it| &it.0) {
        let from = tool::required(cx, "recursive_additional_copy_path", more)?;
        stage.copy(&from, more.trim_start_matches("./"), &keep)?;
    }
    Ok(())
}

async fn directories(cx: &Context, config: &Config, stage: &Stage) -> Result<()> {
    for (key, configured, name) in [
        ("group_vars_path", &config.group_vars_path, "group_vars"),
        ("host_vars_path", &config.host_vars_path, "host_vars"),
        ("modules_path", &config.modules_path, "modules"),
        (
            "library_plugins_path",
            &config.library_plugins_path,
            "library",
        ),
        (
            "callback_plugins_path",
            &config.callback_plugins_path,
            "callback_plugins",
        ),
        (
            "filter_plugins_path",
            &config.filter_plugins_path,
            "filter_plugins",
        ),
        (
            "lookup_plugins_path",
            &config.lookup_plugins_path,
            "lookup_plugins",
        ),
    ] {
        let configured = configured.as_deref();
        if let Some(path) = tool::optional_directory(cx, TOOL, key, configured, name).await {
            stage.copy(&path, name, &|_| true)?;
        }
    }
    Ok(())
}

fn vaults(cx: &Context, config: &Config, stage: &Stage) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for (index, from) in play::vault_files(cx, config)?.iter().enumerate() {
        let name = format!("vault-{index}-{}", file_name(from));
        stage.copy(from, &name, &|_| true)?;
        if std::fs::read(from).is_ok_and(|text| !text.starts_with(b"#!")) {
            stage.hide(&name)?;
        }
        names.push(name);
    }
    Ok(names)
}

/// The generated file, then those of the configuration: of the workstation where it has them.
fn variables(cx: &Context, config: &Config, stage: &Stage) -> Result<Vec<String>> {
    let (variables, files) = play::variables(cx, config);
    stage.write_secret(VARIABLES, play::variables_file(&variables))?;
    let mut names = vec![VARIABLES.to_owned()];
    for (index, file) in files.into_iter().enumerate() {
        let local = cx.root.join(&file);
        if local.is_file() {
            let name = format!("variables-{index}-{}", file_name(&local));
            stage.copy(&local, &name, &|_| true)?;
            names.push(name);
        } else {
            names.push(file);
        }
    }
    Ok(names)
}

/// The name of the inventory below `root_path`; none where the Ansible configuration has its own.
fn inventory(cx: &Context, config: &Config, stage: &Stage) -> Result<Option<String>> {
    let configured = config
        .ansible_inventory
        .as_ref()
        .or(config.ansible_inventory_file.as_ref());
    match configured.map(String::as_str) {
        Some("none") => Ok(None),
        Some(configured) => {
            let from = tool::required(cx, "ansible_inventory", configured)?;
            let name = file_name(&from);
            stage.copy(&from, &name, &|_| true)?;
            Ok(Some(name))
        }
        None => {
            let groups = play::list(&config.hosts);
            let mut hosts = inventory::hosts(cx, OWN, &groups, &|_, _| Map::new());
            let connection = config.ansible_connection.as_deref().unwrap_or("local");
            if connection != "none" {
                let own = &mut hosts[0].variables;
                own.insert("ansible_connection".into(), json!(connection));
            }
            stage.write(INVENTORY, inventory::render(&hosts, &Default::default()))?;
            Ok(Some(INVENTORY.into()))
        }
    }
}

/// Fails where there is no `ansible-playbook`, saying where it was sought.
async fn find(guest: &Guest<'_>, config: &Config) -> Result<()> {
    let Some(path) = guest.lacks(&program(config)).await? else {
        return Ok(());
    };
    let place = match &config.ansible_binary_path {
        Some(directory) => format!("in {directory} (`ansible_binary_path`)"),
        None => format!("on the instance's PATH ({path})"),
    };
    Err(Error::machine(format!("find ansible-playbook: there is none {place}")).hint(
        "Set `require_ansible_repo: true` (packages) or `require_pip3: true` to have it installed, \
         use an image that has it, or set `run_from: workstation`.",
    ))
}

fn program(config: &Config) -> String {
    match &config.ansible_binary_path {
        Some(directory) => format!("{directory}/ansible-playbook"),
        None => "ansible-playbook".into(),
    }
}

/// Code before the play: known hosts, keys, roles and collections.
fn prepare(guest: &Guest<'_>, config: &Config, files: &Files) -> String {
    let root = quote(guest.root()).into_owned();
    let mut lines = Vec::new();
    for host in &config.ssh_known_hosts.0 {
        let (host, port) = host.split_once(':').unwrap_or((host, "22"));
        lines.push(format!(
            "mkdir -p -m 700 ~/.ssh && ssh-keyscan -p {} {} >> ~/.ssh/known_hosts 2>/dev/null",
            quote(port),
            quote(host)
        ));
    }
    if !config.additional_ssh_private_keys.0.is_empty() {
        lines.push(format!(
            "mkdir -p -m 700 ~/.ssh && cp -p {root}/ssh_private_keys/* ~/.ssh/ && chmod 600 ~/.ssh/*"
        ));
    }
    if files
        .inventory
        .as_deref()
        .is_some_and(|name| name != INVENTORY)
    {
        let inventory = files.inventory.as_deref().unwrap_or_default();
        // What begins with #! makes the inventory when it runs.
        lines.push(format!(
            "find {root}/{} -type f | while IFS= read -r file; do \
             [ \"$(head -c 2 \"$file\")\" != '#!' ] || chmod +x \"$file\"; done",
            quote(inventory)
        ));
    }
    let galaxy = program(config).replace("ansible-playbook", "ansible-galaxy");
    let galaxy = quote(&galaxy);
    let certs = if config.galaxy_ignore_certs {
        " --ignore-certs"
    } else {
        ""
    };
    for (words, into, requirements) in [
        ("install", "roles", &config.requirements_path),
        (
            "collection install",
            "collections",
            &config.requirements_collection_path,
        ),
    ] {
        if let Some(requirements) = requirements {
            lines.push(format!(
                "{galaxy} {words} --force{certs} -p {root}/{into} -r {root}/{}",
                quote(requirements)
            ));
        }
    }
    match lines.is_empty() {
        true => String::new(),
        false => format!("cd {root} || exit\n{}", lines.join(" &&\n")),
    }
}

/// The code that plays.
fn command(guest: &Guest<'_>, config: &Config, files: &Files, second: bool) -> Result<String> {
    let root = guest.root();
    let below = |name: &str| match name.starts_with('/') {
        true => name.to_owned(),
        false => format!("{root}/{name}"),
    };
    let mut roles = vec![below("roles")];
    let more = config.additional_copy_role_path.iter().flat_map(|it| &it.0);
    roles.extend(more.map(|path| below(&format!("roles/{}", file_name(Path::new(path))))));
    let mut words = vec![format!("ANSIBLE_ROLES_PATH={}", roles.join(":"))];
    if files.configured {
        words.push(format!("ANSIBLE_CONFIG={}", below("ansible.cfg")));
    }
    if !config.ansible_host_key_checking {
        words.push("ANSIBLE_HOST_KEY_CHECKING=false".into());
    }
    let mut arguments = Vec::new();
    if let Some(inventory) = &files.inventory {
        arguments.extend(["-i".into(), below(inventory)]);
    }
    // Peers are there to be known, not to be converged from here.
    let generated = files.inventory.as_deref() == Some(INVENTORY);
    match play::limit(config) {
        Some(limit) => arguments.extend(["--limit".into(), limit]),
        None if generated => arguments.extend(["--limit".into(), OWN.into()]),
        None => {}
    }
    match config.ansible_connection.as_deref().unwrap_or("local") {
        "none" => {}
        connection => arguments.extend(["-c".into(), connection.into()]),
    }
    arguments.extend(["-M".into(), below("modules")]);
    for vault in &files.vaults {
        arguments.push(format!("--vault-password-file={}", below(vault)));
    }
    if let Some(key) = &config.private_key {
        arguments.extend(["--private-key".into(), key.clone()]);
    }
    for file in &files.variables {
        arguments.extend(["-e".into(), format!("@{}", below(file))]);
    }
    arguments.extend(play::options(config, second)?);
    Ok(format!(
        "env {} {} {} {} {}",
        shell_words::join(&words),
        quote(&program(config)),
        shell_words::join(&arguments),
        play::raw(config),
        quote(&below(&files.playbook))
    ))
}

async fn run(guest: &Guest<'_>, config: &Config, files: &Files, second: bool) -> Result<Changes> {
    let root = quote(guest.root()).into_owned();
    let play = match &config.ansible_playbook_command {
        Some(command) => command.clone(),
        None => {
            let root = if config.ansible_sudo == Some(false) {
                ""
            } else {
                "as_root "
            };
            format!("{root}{}", command(guest, config, files, second)?)
        }
    };
    let secrets: Vec<String> = files
        .vaults
        .iter()
        .chain([&VARIABLES.to_owned()])
        .map(|name| quote(&format!("{}/{name}", guest.root())).into_owned())
        .collect();
    // A run that follows needs them again.
    let keep = config.idempotency_test == Some(true) && !second;
    let remove = match keep {
        true => format!("[ $code = 0 ] || rm -f {}", secrets.join(" ")),
        false => format!("rm -f {}", secrets.join(" ")),
    };
    // In a shell of its own: the transport's code may have a trap as well.
    let code = format!(
        "(\ncd {root} || exit\n\
         ended() {{ code=$?\n{}\n{remove}\nexit $code\n}}\ntrap ended EXIT\n{}\n{play}\n)",
        config.custom_post_play_command.as_deref().unwrap_or(":"),
        config.custom_pre_play_command.as_deref().unwrap_or(":"),
    );
    let watch: Watch<'_, Recap> = Watch::new(&*guest.cx.output, Recap::see);
    let status = guest.run(&code, &watch).await?;
    judge(guest.cx, watch.seen(), status, &files.playbook).await
}

/// What a run changed, or why it failed.
pub async fn judge(
    cx: &Context,
    recap: Recap,
    status: ExitStatus,
    playbook: &str,
) -> Result<Changes> {
    if !status.success() {
        return Err(recap.error(&format!("ansible-playbook {playbook}"), status.0));
    }
    if recap.nobody() {
        cx.note("no play was for this instance: set `hosts` to the groups that the playbook names")
            .await;
    }
    let changes = recap.changes();
    if let Changes::Some(tasks) = &changes {
        cx.note(format!("changed: {}", tasks.join("; "))).await;
    }
    Ok(changes)
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
