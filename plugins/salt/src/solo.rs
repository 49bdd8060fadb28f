//! Applies the states.

use banquet_sdk::tool::{self, Guest, Stage, Tail, Watch};
use banquet_sdk::{Changes, Context, Error, ExitStatus, Result, Stdin, process};
use shell_words::quote;

use crate::highstate::Highstate;
use crate::settings::Config;
use crate::states::{advice, below};
use crate::{dependencies, install, minion, states};

/// Salt's answer, below `root_path`.
const ANSWER: &str = "highstate.json";
/// Longest answer, in bytes.
const LARGEST: u64 = 64 << 20;
const KEY: &str = "gpgkey.txt";

/// Converges; what it changed.
pub async fn converge(cx: &Context, config: &Config, guest: &Guest<'_>) -> Result<Changes> {
    let root = guest.root().to_owned();
    for command in &config.cache_commands.0 {
        let status = process::run(cx.local_command(command), &Stdin::Empty, &*cx.output).await?;
        status.into_result(&format!("cache_commands: {command}"))?;
    }
    let install = install::code(cx, config, &root)?;
    let stage = Stage::new(&cx.kitchen_dir)?;
    states::stage(cx, config, &stage).await?;
    minion::stage(cx, config, &stage, &root)?;
    install::stage(cx, config, &stage)?;
    spm(config, &stage, &root)?;
    key(cx, config, &stage).await?;
    if let Some(code) = &config.init_environment {
        guest.must("init_environment", code).await?;
    }
    guest
        .send(&stage, &["srv", "etc", "data", "pip", ANSWER])
        .await?;
    if let Some(code) = &config.prepare_salt_environment {
        guest.must("prepare_salt_environment", code).await?;
    }
    if let Some(code) = install {
        let code = format!("{}\n{code}", tool::PACKAGES);
        guest.must("install Salt", &code).await?;
    }
    let fetch = dependencies::code(config, &root);
    if !fetch.is_empty() {
        let code = format!("{}\n{fetch}", tool::PACKAGES);
        guest.must("fetch formulas", &code).await?;
    }
    if config.gpg_key.is_some() {
        guest.must("import the key", &import(config, &root)).await?;
    }
    if !config.run_salt_call {
        return Ok(Changes::Unknown);
    }
    find(cx, guest, config).await?;
    let watch: Watch<'_, Tail> = Watch::new(&*cx.output, Tail::see);
    let status = guest.run(&command(config, &root), &watch).await?;
    let changes = answer(cx, guest, status, watch.seen()).await?;
    Ok(match config.dry_run {
        true => Changes::Unknown,
        false => changes,
    })
}

/// Repositories of spm are files.
fn spm(config: &Config, stage: &Stage, root: &str) -> Result<()> {
    let urls = config.vendor_repo.0.iter().filter(|it| it.kind == "spm");
    let repositories: String = urls
        .map(|it| {
            let id: String = it.url.chars().filter(char::is_ascii_alphanumeric).collect();
            format!("{id}:\n  url: {}\n", it.url)
        })
        .collect();
    if repositories.is_empty()
        && !config
            .dependencies
            .0
            .iter()
            .any(|it| it.repo.as_deref() == Some("spm"))
    {
        return Ok(());
    }
    let etc = below(&config.salt_config);
    let formulas = format!("{root}/{}", below(&config.salt_spm_root));
    let settings = format!(
        "spm_build_dir: {root}/build\nformula_path: {formulas}/salt\npillar_path: {formulas}/pillar\n\
         root_dir: {root}\n"
    );
    stage.write(format!("{etc}/spm"), settings)?;
    stage.write(format!("{etc}/spm.repos.d/spm.repo"), repositories)
}

/// The secret key that `gpg_key` names, out of the workstation's GnuPG.
async fn key(cx: &Context, config: &Config, stage: &Stage) -> Result<()> {
    let Some(key) = &config.gpg_key else {
        return Ok(());
    };
    tool::needs("gpg", &advice("gpg"))?;
    stage.write_secret(KEY, "")?;
    // The shell knows what `~` is.
    let home = match config.gpg_home.strip_prefix("~/") {
        Some(rest) => format!("\"$HOME\"/{}", quote(rest)),
        None => quote(&config.gpg_home).into_owned(),
    };
    let file = stage.path().join(KEY);
    let line = format!(
        "gpg --batch --homedir {home} --armor --export-secret-keys {} > {}",
        quote(key),
        quote(&file.to_string_lossy())
    );
    process::capture(cx.local_command(&line))
        .await
        .map_err(|error| error.while_doing(format_args!("export the key {key}")))?;
    if std::fs::metadata(&file)?.len() == 0 {
        let message = format!("GnuPG in {} has no secret key {key}", config.gpg_home);
        return Err(Error::config("/gpg_key", message));
    }
    Ok(())
}

fn import(config: &Config, root: &str) -> String {
    let keys = format!("{root}/{}/gpgkeys", below(&config.salt_config));
    let (keys, file) = (quote(&keys).into_owned(), format!("{root}/{KEY}"));
    format!(
        "as_root mkdir -p -m 700 {keys} &&\n\
         as_root gpg --batch --no-default-keyring --homedir {keys} --import {file} && rm -f {file}",
        file = quote(&file)
    )
}

/// Fails where there is no Salt, or not the version that is wanted.
async fn find(cx: &Context, guest: &Guest<'_>, config: &Config) -> Result<()> {
    let program = install::salt_call(config);
    let code = format!(
        "as_root {program} --version 2>/dev/null || {program} --version 2>/dev/null || echo \"none in $PATH\""
    );
    let found = guest.ask(&code).await?;
    let found = found.trim();
    if let Some(path) = found.strip_prefix("none in ") {
        let message = format!("find Salt: there is no {program} on the instance's PATH ({path})");
        return Err(Error::machine(message).hint(
            "Set `salt_install` to have it installed (bootstrap, pip, apt, yum, distrib), use an \
             image that has it, or say where it is with `salt_call_command`.",
        ));
    }
    let version = found.split_whitespace().nth(1).unwrap_or_default();
    let wanted = &config.salt_version.0;
    if install::is_version(version, wanted) {
        return Ok(());
    }
    // What a bootstrap script installs need not be called as it was asked for: a branch, a tag.
    if config.salt_install.0 == "bootstrap" {
        cx.note(format!("salt_version is {wanted}, Salt is {version}"))
            .await;
        return Ok(());
    }
    let message = format!("Salt {wanted} is wanted (`salt_version`), the instance has {version}");
    Err(Error::machine(message))
}

fn command(config: &Config, root: &str) -> String {
    let mut words = vec![
        format!("--config-dir={root}/{}", below(&config.salt_config)),
        "state.highstate".into(),
        "--retcode-passthrough".into(),
        "--out=json".into(),
        format!("--out-file={root}/{ANSWER}"),
    ];
    words.extend(
        config
            .log_level
            .as_ref()
            .map(|it| format!("--log-level={it}")),
    );
    words.extend(
        config
            .salt_minion_id
            .as_ref()
            .map(|it| format!("--id={it}")),
    );
    if config.dry_run {
        words.push("test=True".into());
    }
    let before = match &config.pre_salt_command {
        Some(command) => format!("{{ {command}\n}} && "),
        None => String::new(),
    };
    let salt = install::salt_call(config);
    format!("{before}as_root {salt} {}", shell_words::join(&words))
}

/// Reads Salt's answer, shows it, and takes it away: it may tell secrets.
async fn answer(
    cx: &Context,
    guest: &Guest<'_>,
    status: ExitStatus,
    tail: Tail,
) -> Result<Changes> {
    let file = format!("{}/{ANSWER}", guest.root());
    let path = quote(&file);
    let there = format!("[ -f {path} ] && as_root chown \"$(id -u)\" {path}");
    let failed = |why: &str| {
        let message = format!("salt-call state.highstate: exit code {}{why}", status.0);
        let mut error = Error::action(format!("{message}{}", tail.indented()));
        error.exit_code = Some(status.0);
        error
    };
    if !guest.run(&there, &banquet_sdk::Discard).await?.success() {
        return Err(failed(", without an answer"));
    }
    let here = cx.scratch()?;
    guest.connection.download(&[&file], here.path()).await?;
    guest
        .run(&format!("rm -f {path}"), &banquet_sdk::Discard)
        .await?;
    let text = banquet_sdk::outside::file::read(&here.path().join(ANSWER), LARGEST)?;
    let highstate = Highstate::parse(&text)
        .map_err(|error| failed(&format!(", with an answer that cannot be read: {error}")))?;
    highstate.show(cx).await;
    if let Some(error) = highstate.failure(status.0) {
        return Err(error);
    }
    if !status.success() {
        return Err(failed(""));
    }
    Ok(highstate.changes())
}
