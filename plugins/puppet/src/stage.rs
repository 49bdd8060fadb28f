//! The files that go to the instance.

use std::path::{Path, PathBuf};

use banquet_sdk::tool::{self, Stage};
use banquet_sdk::{Context, Error, Result, Stdin, process};
use serde_json::{Map, Value, json};
use shell_words::quote;

use crate::settings::Config;

/// Directory of the suite's tests that is looked into first.
const TOOL: &str = "puppet";
/// Programs that download modules, with how they are told to.
const LIBRARIAN: &str = "librarian-puppet";
const R10K: &str = "r10k";

/// Files for the instance, and which of those that may be missing are there.
#[derive(Debug)]
pub struct Files {
    /// All of them.
    pub stage: Stage,
    /// `hiera.global.yaml` is.
    pub hiera_config: bool,
    /// `hiera` is.
    pub hiera_data: bool,
    /// `hiera_keys` is.
    pub hiera_keys: bool,
    /// `puppet.conf` is.
    pub puppet_config: bool,
    /// `fileserver.conf` is.
    pub fileserver_config: bool,
    /// `environment/environment.conf` is.
    pub environment: bool,
    /// `facter` is.
    pub facts: bool,
    /// `spec` is.
    pub specs: bool,
}

/// Everything that the keys name or that is found.
pub async fn files(cx: &Context, config: &Config) -> Result<Files> {
    // The tools copy modules whole, and the project often is one.
    let stage = Stage::outside(&cx.kitchen_dir)?;
    manifests(cx, config, &stage)?;
    modules(cx, config, &stage).await?;
    let hiera_data = hiera(cx, config, &stage).await?;
    let file = |key: &str, configured: &Option<String>, names: &[&str], to: &str| {
        let found = find(cx, key, configured.as_deref(), names)?;
        match found {
            Some(path) => stage.copy(&path, to, &|_| true).map(|()| true),
            None => Ok(false),
        }
    };
    let key = "hiera_config_path";
    let names = ["hiera.global.yaml", "hiera.yaml"];
    let hiera_config = file(key, &config.hiera_config_path, &names, "hiera.global.yaml")?;
    let (key, name) = ("puppet_config_path", "puppet.conf");
    let puppet_config = file(key, &config.puppet_config_path, &[name], name)?;
    let (key, name) = ("fileserver_config_path", "fileserver.conf");
    let fileserver_config = file(key, &config.fileserver_config_path, &[name], name)?;
    let key = "files_path";
    let configured = config.files_path.as_deref();
    directory(cx, &stage, key, configured, "files", "files").await?;
    let mut environment = false;
    if config.puppet_environment.is_some() {
        let (key, name) = ("puppet_environment_config_path", "environment.conf");
        let to = "environment/environment.conf";
        environment = file(key, &config.puppet_environment_config_path, &[name], to)?;
        let key = "puppet_environment_hiera_config_path";
        let path = &config.puppet_environment_hiera_config_path;
        if environment {
            file(key, path, &["hiera.yaml"], "environment/hiera.yaml")?;
        }
    }
    if let Some(enc) = &config.puppet_enc {
        let enc = tool::required(cx, "puppet_enc", enc)?;
        stage.copy(&enc, format!("enc/{}", file_name(&enc)), &|_| true)?;
    }
    let facts = facts(cx, config, &stage)?;
    let specs = specs(cx, config, &stage)?;
    let keys = config.hiera_eyaml_key_path.as_deref();
    let key = "hiera_eyaml_key_path";
    let hiera_keys =
        config.hiera_eyaml && directory(cx, &stage, key, keys, "hiera_keys", "hiera_keys").await?;
    Ok(Files {
        stage,
        hiera_config,
        hiera_data,
        hiera_keys,
        puppet_config,
        fileserver_config,
        environment,
        facts,
        specs,
    })
}

/// A file that is configured, which must be there, or the first of these names that is found.
fn find(
    cx: &Context,
    key: &str,
    configured: Option<&str>,
    names: &[&str],
) -> Result<Option<PathBuf>> {
    match configured {
        Some(configured) => tool::required(cx, key, configured).map(Some),
        None => Ok(names
            .iter()
            .find_map(|name| tool::lookup(cx, Some(TOOL), name, Path::is_file))),
    }
}

async fn directory(
    cx: &Context,
    stage: &Stage,
    key: &str,
    configured: Option<&str>,
    name: &str,
    to: &str,
) -> Result<bool> {
    match tool::optional_directory(cx, TOOL, key, configured, name).await {
        Some(path) => stage.copy(&path, to, &|_| true).map(|()| true),
        None => Ok(false),
    }
}

/// The directory with the manifest, which must be in it; none where a command of the user's needs
/// none.
pub fn manifest(cx: &Context, config: &Config) -> Result<Option<PathBuf>> {
    let path = match &config.manifests_path {
        Some(configured) => tool::required(cx, "manifests_path", configured)?,
        None if config.puppet_apply_command.is_some() => return Ok(None),
        None => tool::lookup(cx, Some(TOOL), "manifests", Path::is_dir).ok_or_else(|| {
            let message = "no directory `manifests` is found";
            Error::missing("/manifests_path", message)
                .hint("Set `manifests_path`, or put one beside the configuration.")
        })?,
    };
    if path.join(&config.manifest).exists() {
        return Ok(Some(path));
    }
    let message = format!(
        "{}: no such manifest in {}",
        config.manifest,
        path.display()
    );
    Err(Error::missing("/manifest", message))
}

fn manifests(cx: &Context, config: &Config, stage: &Stage) -> Result<()> {
    match manifest(cx, config)? {
        Some(path) => stage.copy(&path, "manifests", &|_| true),
        None => stage.directory("manifests"),
    }
}

/// Those that are downloaded, the project where it is one, and those of `modules_path`; the first
/// of a name wins.
async fn modules(cx: &Context, config: &Config, stage: &Stage) -> Result<()> {
    stage.directory("modules")?;
    download(cx, config, stage).await?;
    if let Some((name, path)) = own_module(cx, config)? {
        let excluded = |path: &Path| {
            let name = file_name(path);
            let ignored = &config.ignored_paths_from_root.0;
            name.starts_with('.')
                || ["modules", "pkg"].contains(&name.as_str())
                || ignored.iter().any(|it| name.ends_with(it.as_str()))
        };
        stage.directory(format!("modules/{name}"))?;
        for entry in entries(&path)? {
            if !excluded(&entry) {
                let to = format!("modules/{name}/{}", file_name(&entry));
                stage.copy(&entry, to, &|_| true)?;
            }
        }
    }
    let paths = match &config.modules_path {
        Some(configured) => configured
            .split(':')
            .map(|path| cx.root.join(path))
            .collect(),
        None => Vec::from_iter(tool::lookup(cx, Some(TOOL), "modules", Path::is_dir)),
    };
    for path in paths {
        if !path.is_dir() {
            cx.note(format!("modules_path: {} is no directory", path.display()))
                .await;
            continue;
        }
        for module in entries(&path)?.iter().filter(|path| path.is_dir()) {
            let to = format!("modules/{}", file_name(module));
            let name = file_name(module);
            let keep = |path: &Path| !["spec", "pkg", ".git"].contains(&&*file_name(path));
            if !name.starts_with('.') && !stage.path().join(&to).exists() {
                stage.copy(module, to, &keep)?;
            }
        }
    }
    Ok(())
}

/// The name of the project as a module, where `metadata.json` has one, and where it is.
fn own_module(cx: &Context, config: &Config) -> Result<Option<(String, PathBuf)>> {
    let key = "metadata_json_path";
    let configured = config.metadata_json_path.as_deref();
    let Some(path) = find(cx, key, configured, &["metadata.json"])? else {
        return Ok(None);
    };
    let failed = |error: String| {
        let message = format!("the name of the module in {}: {error}", path.display());
        Error::config(format!("/{key}"), message)
    };
    let text = std::fs::read(&path).map_err(|error| failed(error.to_string()))?;
    let metadata: Value =
        serde_json::from_slice(&text).map_err(|error| failed(error.to_string()))?;
    let name = metadata["name"]
        .as_str()
        .ok_or_else(|| failed("there is none".into()))?;
    let name = name.rsplit(['-', '/']).next().unwrap_or(name);
    Ok(Some((name.to_owned(), cx.root.clone())))
}

/// Has the modules of a Puppetfile downloaded by a program of the workstation.
async fn download(cx: &Context, config: &Config, stage: &Stage) -> Result<()> {
    let Some((puppetfile, program)) = downloads(cx, config)? else {
        return Ok(());
    };
    tool::needs(program, &advice(program))?;
    let modules = stage.path().join("modules");
    let (file, modules) = (puppetfile.to_string_lossy(), modules.to_string_lossy());
    let directory = puppetfile.parent().unwrap_or(&cx.root).to_string_lossy();
    let line = match program {
        LIBRARIAN => format!(
            "cd {} && exec {program} install --path {}",
            quote(&directory),
            quote(&modules)
        ),
        _ => format!(
            "exec {program} puppetfile install --puppetfile {} --moduledir {}",
            quote(&file),
            quote(&modules)
        ),
    };
    let mut command = cx.local_command(&line);
    let certificates = match program {
        R10K => config.r10k_ssl_file.as_ref(),
        _ => None,
    };
    if let Some(file) = certificates.or(config.librarian_puppet_ssl_file.as_ref()) {
        command.env("SSL_CERT_FILE", cx.root.join(file));
    }
    cx.note(format!("{program}: modules of {file}")).await;
    let watch: tool::Watch<'_, tool::Tail> = tool::Watch::new(&*cx.output, tool::Tail::see);
    let status = process::run(command, &Stdin::Empty, &watch).await?;
    if status.success() {
        return Ok(());
    }
    let lines = watch.seen().indented();
    let message = format!("{program} of {file}: exit code {}{lines}", status.0);
    Err(Error::action(message))
}

/// The Puppetfile and the program that downloads what it names, if that is wanted.
pub fn downloads(cx: &Context, config: &Config) -> Result<Option<(PathBuf, &'static str)>> {
    let program = match (
        config.resolve_with_librarian_puppet,
        config.resolve_with_r10k,
    ) {
        (true, _) => LIBRARIAN,
        (false, true) => R10K,
        (false, false) => return Ok(None),
    };
    let configured = config.puppetfile_path.as_deref();
    let found = find(cx, "puppetfile_path", configured, &["Puppetfile"])?;
    Ok(found.map(|path| (path, program)))
}

/// What to do where `program` is missing on the workstation.
pub fn advice(program: &str) -> String {
    format!(
        "Install {program} on the workstation for the modules of the Puppetfile (Debian: {program}), \
         or set `resolve_with_librarian_puppet: false` and have them in `modules_path`."
    )
}

async fn hiera(cx: &Context, config: &Config, stage: &Stage) -> Result<bool> {
    let configured = config.hiera_data_path.as_deref();
    let found = directory(cx, stage, "hiera_data_path", configured, "hiera", "hiera").await?;
    for file in &config.hiera_writer_files.0 {
        for (name, data) in file {
            // JSON is YAML.
            stage.write(format!("hiera/{name}"), format!("{data:#}\n"))?;
        }
    }
    Ok(found || !config.hiera_writer_files.0.is_empty())
}

/// Facts for Facter as Ruby, and the peers and what cannot be a variable as JSON.
fn facts(cx: &Context, config: &Config, stage: &Stage) -> Result<bool> {
    let mut external = Map::new();
    if !cx.peers.0.is_empty() {
        let peers = Value::Object(cx.peers.by_suite());
        external.insert("kitchen_peers".into(), peers);
        external.insert("kitchen_suite".into(), json!(cx.identity.suite));
        external.insert("kitchen_instance".into(), json!(cx.identity.instance));
    }
    let structured = config.custom_facts.iter();
    let structured = structured.filter(|(_, value)| value.is_object() || value.is_array());
    external.extend(structured.map(|(name, value)| (name.clone(), value.clone())));
    stage.write(
        "facts/kitchen.json",
        format!("{:#}\n", Value::Object(external)),
    )?;
    if let Some(file) = &config.facter_file {
        let file = tool::required(cx, "facter_file", file)?;
        stage.copy(&file, format!("facter/{}", file_name(&file)), &|_| true)?;
    }
    let install = config.install_custom_facts && !config.custom_facts.is_empty();
    if install {
        let code: String = config
            .custom_facts
            .iter()
            .filter_map(|(name, value)| Some((name, scalar(value)?)))
            .map(|(name, value)| {
                let value = value.replace('\\', "\\\\").replace('\'', "\\'");
                format!("Facter.add('{name}') {{ setcode {{ '{value}' }} }}\n")
            })
            .collect();
        stage.write("facter/kitchen.rb", code)?;
    }
    Ok(install || config.facter_file.is_some())
}

/// A fact that a variable can carry.
pub fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn specs(cx: &Context, config: &Config, stage: &Stage) -> Result<bool> {
    let Some(configured) = &config.spec_files_path else {
        return Ok(false);
    };
    let from = tool::required(cx, "spec_files_path", configured)?;
    let keep = |path: &Path| !config.ignore_spec_fixtures || file_name(path) != "fixtures";
    stage.copy(&from, "spec", &keep).map(|()| true)
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        paths.push(entry?.path());
    }
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use banquet_sdk::conformance::{identity, members};
    use banquet_sdk::{Identity, Section};

    use super::*;

    #[test]
    fn every_fact_of_a_member_is_an_external_fact() {
        let members = members();
        let web = Identity {
            suite: "web".into(),
            instance: "web-here".into(),
            ..identity()
        };
        let mut cx = Context::for_tests(web, "/".into(), Section::default());
        cx.peers = Arc::new(members.clone());
        let root = tempfile::tempdir().unwrap();
        let stage = Stage::new(&root.path().join(".kitchen")).unwrap();
        facts(&cx, &Config::default(), &stage).unwrap();
        let written = std::fs::read(stage.path().join("facts/kitchen.json")).unwrap();
        let facts: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(facts["kitchen_suite"], "web");
        assert_eq!(facts["kitchen_instance"], "web-here");
        for peer in &members.0 {
            for (fact, value) in json!(peer).as_object().unwrap() {
                let told = &facts["kitchen_peers"][&peer.suite][fact];
                assert_eq!(told, value, "{fact} of {}", peer.suite);
            }
        }
    }
}
