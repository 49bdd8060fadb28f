//! States, pillars and the top file on their way to the instance (kitchen-salt/states.rb and
//! pillars.rb).

use std::path::{Path, PathBuf};

use banquet_sdk::tool::{self, Stage};
use banquet_sdk::{Context, Error, Result, process};
use serde_json::json;
use shell_words::quote;

use crate::minion::yaml;
use crate::settings::{Config, Directory, RemoteStates};

/// Directories of a formula's Python code.
const CODE: [&str; 7] = [
    "_modules",
    "_states",
    "_grains",
    "_renderers",
    "_returners",
    "_runners",
    "_utils",
];

/// A path of the instance as one below `root_path`.
pub fn below(path: &str) -> String {
    path.trim_start_matches('/').to_owned()
}

/// Whether what the settings name is there.
pub fn check(cx: &Context, config: &Config) -> Result<()> {
    let collection = config.state_collection.0.as_ref();
    let collection = collection.filter(|name| name.0 != "true").map(|it| &it.0);
    let of_states = match (&config.local_salt_root, collection) {
        (Some(local), _) => Some(("local_salt_root", local)),
        (None, Some(name)) => Some(("state_collection", name)),
        (None, None) => None,
    };
    if let Some((key, path)) = of_states {
        tool::required(cx, key, path)?;
    } else if collection.is_none() && !config.is_file_root && config.remote_states.is_none() {
        let formula = config
            .formula
            .as_ref()
            .map(|name| (name, cx.root.join(name)));
        if let Some((name, from)) = formula.filter(|(_, from)| !from.is_dir()) {
            let message = format!("formula {name}: no directory {}", from.display());
            return Err(Error::missing("/formula", message));
        }
    }
    let own = config.dependencies.0.iter();
    let own = own.filter(|dependency| dependency.repo.is_none());
    for path in own.filter_map(|dependency| dependency.path.as_ref()) {
        tool::required(cx, "dependencies", path)?;
    }
    Ok(())
}

/// Puts all of it into the stage.
pub async fn stage(cx: &Context, config: &Config, stage: &Stage) -> Result<()> {
    states(cx, config, stage).await?;
    pillars(cx, config, stage)?;
    top(cx, config, stage)?;
    if let Some(data) = &config.data_path {
        let path = tool::required(cx, "data_path", data)?;
        stage.copy(&path, "data", &keep(config))?;
    }
    Ok(())
}

fn keep(config: &Config) -> impl Fn(&Path) -> bool {
    let filter = config.salt_copy_filter.0.clone();
    move |path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        !filter.iter().any(|it| *it == name)
    }
}

async fn states(cx: &Context, config: &Config, stage: &Stage) -> Result<()> {
    let root = below(&config.salt_file_root);
    let collection = config.state_collection.0.as_ref();
    if collection.is_some() || config.is_file_root || config.local_salt_root.is_some() {
        let from = match (&config.local_salt_root, collection) {
            (Some(local), _) => tool::required(cx, "local_salt_root", local)?.join("salt"),
            (None, Some(name)) if name.0 != "true" => {
                tool::required(cx, "state_collection", &name.0)?
            }
            (None, _) => cx.root.clone(),
        };
        if !from.is_dir() {
            let message = format!("{}: no such directory", from.display());
            return Err(Error::missing("/local_salt_root", message));
        }
        let name = config.collection_name.as_ref().or(config.formula.as_ref());
        let to = match name {
            Some(name) => format!("{root}/{name}"),
            None => root,
        };
        return stage.copy(&from, to, &keep(config));
    }
    if let Some(remote) = &config.remote_states {
        return clone(cx, config, remote, stage).await;
    }
    match &config.formula {
        Some(name) => formula(config, &cx.root, name, stage, "formula")?,
        None if config.dependencies.0.is_empty() && config.vendor_path.is_none() => {
            return Err(Error::config("/formula", "no states are configured").hint(
                "Set `formula`, `state_collection`, `local_salt_root` or `is_file_root: true`.",
            ));
        }
        None => stage.directory(&root)?,
    }
    if let Some(vendors) = &config.vendor_path {
        let path = tool::required(cx, "vendor_path", vendors)?;
        for entry in entries(&path)?.iter().filter(|path| path.is_dir()) {
            let name = entry.file_name().unwrap_or_default().to_string_lossy();
            formula(config, &path, &name, stage, "vendor_path")?;
        }
    }
    for dependency in &config.dependencies.0 {
        if let Some(path) = dependency
            .path
            .as_ref()
            .filter(|_| dependency.repo.is_none())
        {
            let path = tool::required(cx, "dependencies", path)?;
            formula(config, &path, &dependency.name, stage, "dependencies")?;
        }
    }
    Ok(())
}

/// Directory `name` of `path`, and the Python code beside it.
fn formula(config: &Config, path: &Path, name: &str, stage: &Stage, key: &str) -> Result<()> {
    let root = below(&config.salt_file_root);
    let from = path.join(name);
    if !from.is_dir() {
        let message = format!("formula {name}: no directory {}", from.display());
        return Err(Error::missing(format!("/{key}"), message));
    }
    stage.copy(&from, format!("{root}/{name}"), &keep(config))?;
    for code in CODE {
        if path.join(code).is_dir() {
            stage.copy(&path.join(code), format!("{root}/{code}"), &keep(config))?;
        }
    }
    Ok(())
}

async fn clone(cx: &Context, config: &Config, remote: &RemoteStates, stage: &Stage) -> Result<()> {
    if remote.repo != "git" {
        let message = format!("{:?}: repositories of states are `git`", remote.repo);
        return Err(Error::config("/remote_states/repo", message));
    }
    tool::needs("git", &advice("git"))?;
    let to = stage.path().join(below(&config.salt_file_root));
    let branch = remote.branch.as_ref();
    let branch = branch.map(|it| format!("-b {} ", quote(&it.0)));
    let line = format!(
        "git clone -q {}-- {} {}",
        branch.unwrap_or_default(),
        quote(&remote.name),
        quote(&to.to_string_lossy())
    );
    process::capture(cx.local_command(&line))
        .await
        .map_err(|error| error.while_doing(format_args!("clone {}", remote.name)))?;
    match &remote.testingdir {
        Some(directory) => stage.copy(&cx.root, below(directory), &keep(config)),
        None => Ok(()),
    }
}

/// What to do where `program` is missing on the workstation.
pub fn advice(program: &str) -> String {
    format!("Install {program} on the workstation.")
}

fn pillars(cx: &Context, config: &Config, stage: &Stage) -> Result<()> {
    for directory in &config.pillars_from_directories.0 {
        let (source, to) = match directory {
            Directory::Plain(source) => (source, "/srv/pillar"),
            Directory::Placed { source, dest } => (source, dest.as_str()),
        };
        let from = tool::required(cx, "pillars_from_directories", source)?;
        stage.copy(&from, below(to), &keep(config))?;
    }
    let root = below(&config.salt_pillar_root);
    let files = config.pillars_from_files_dashed.as_ref();
    let files = files.or(config.pillars_from_files.as_ref());
    if config.pillars.is_none() && files.is_none() {
        let local = config.local_salt_root.as_ref();
        let local = local.map(|local| cx.root.join(local).join("pillar"));
        return match local.filter(|path| path.is_dir()) {
            Some(path) => stage.copy(&path, root, &keep(config)),
            None => Ok(()),
        };
    }
    for (name, content) in config.pillars.iter().flatten() {
        stage.write_secret(format!("{root}/{name}"), yaml(content))?;
    }
    for (name, source) in files.into_iter().flatten() {
        let source = source.as_str().unwrap_or_default();
        let from = tool::required(cx, "pillars_from_files", source)?;
        stage.copy(&from, format!("{root}/{name}"), &|_| true)?;
    }
    Ok(())
}

fn top(cx: &Context, config: &Config, stage: &Stage) -> Result<()> {
    let to = below(&config.salt_state_top);
    if !config.state_top_from_file {
        return stage.write(to, yaml(&json!(config.state_top)));
    }
    let collection = config
        .state_collection
        .0
        .as_ref()
        .filter(|it| it.0 != "true");
    let from = match (&config.local_salt_root, collection) {
        (Some(local), _) => format!("{local}/salt/top.sls"),
        (None, Some(name)) => format!("{}/top.sls", name.0),
        (None, None) => "top.sls".into(),
    };
    let from = tool::required(cx, "state_top_from_file", &from)?;
    stage.copy(&from, to, &|_| true)
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        paths.push(entry?.path());
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use banquet_sdk::{Identity, Section};
    use serde_json::Value;

    use super::*;

    fn project(files: &[(&str, &str)]) -> (tempfile::TempDir, Context) {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let identity = Identity {
            project: "p".into(),
            cluster: None,
            instance: "web-here".into(),
            suite: "web".into(),
            platform: "here".into(),
            run: "r".into(),
        };
        let cx = Context::for_tests(identity, root.path().into(), Section::default());
        (root, cx)
    }

    async fn staged(cx: &Context, values: Value) -> Result<Vec<String>> {
        let config: Config = serde_json::from_value(values).unwrap();
        let place = Stage::new(&cx.kitchen_dir)?;
        stage(cx, &config, &place).await?;
        let mut names = Vec::new();
        let mut open = vec![place.path().to_path_buf()];
        while let Some(directory) = open.pop() {
            for path in entries(&directory)? {
                match path.is_dir() {
                    true => open.push(path),
                    false => {
                        let name = path.strip_prefix(place.path()).unwrap();
                        names.push(name.display().to_string());
                    }
                }
            }
        }
        names.sort();
        Ok(names)
    }

    #[tokio::test]
    async fn a_formula_comes_with_its_code_and_dependencies() {
        let (_root, cx) = project(&[
            ("web/init.sls", ""),
            ("web/skipped", ""),
            ("_modules/m.py", ""),
            ("dep/foo/init.sls", ""),
            ("dep/_states/s.py", ""),
            ("other/x", ""),
        ]);
        let values = json!({
            "formula": "web", "salt_copy_filter": ["skipped"], "state_top": {"base": {"*": ["web"]}},
            "dependencies": [{"name": "foo", "path": "./dep"}],
        });
        let want = [
            "srv/salt/_modules/m.py",
            "srv/salt/_states/s.py",
            "srv/salt/foo/init.sls",
            "srv/salt/top.sls",
            "srv/salt/web/init.sls",
        ];
        assert_eq!(staged(&cx, values).await.unwrap(), want);
    }

    #[tokio::test]
    async fn collections_and_roots_are_copied_whole() {
        let (_root, cx) = project(&[
            ("states/top.sls", "own"),
            ("states/a.sls", ""),
            ("setup/salt/b.sls", ""),
            ("setup/pillar/p.sls", ""),
        ]);
        let values = json!({"state_collection": "states", "state_top_from_file": true});
        let want = ["srv/salt/a.sls", "srv/salt/top.sls"];
        assert_eq!(staged(&cx, values).await.unwrap(), want);
        let values = json!({"is_file_root": true, "local_salt_root": "setup/"});
        let want = ["srv/pillar/p.sls", "srv/salt/b.sls", "srv/salt/top.sls"];
        assert_eq!(staged(&cx, values).await.unwrap(), want);
        let values = json!({"is_file_root": true, "collection_name": "all"});
        assert!(
            staged(&cx, values)
                .await
                .unwrap()
                .contains(&"srv/salt/all/states/a.sls".into())
        );
    }

    #[tokio::test]
    async fn pillars_come_from_everywhere() {
        let (_root, cx) = project(&[("web/init.sls", ""), ("p/x.sls", ""), ("example", "")]);
        let values = json!({
            "formula": "web",
            "pillars": {"top.sls": {"base": {"*": ["x"]}}},
            "pillars-from-files": {"y.sls": "example"},
            "pillars_from_directories": ["p", {"source": "p", "dest": "srv/pillar/sub"}],
        });
        let want = ["sub/x.sls", "top.sls", "x.sls", "y.sls"].map(|it| format!("srv/pillar/{it}"));
        assert_eq!(staged(&cx, values).await.unwrap()[..4], want);
    }

    #[tokio::test]
    async fn what_is_not_there_is_named_with_its_key() {
        let (_root, cx) = project(&[("web/init.sls", "")]);
        for (values, key) in [
            (json!({}), "/formula"),
            (json!({"formula": "gone"}), "/formula"),
            (json!({"local_salt_root": "gone"}), "/local_salt_root"),
            (json!({"local_salt_root": "web"}), "/local_salt_root"),
            (
                json!({"formula": "web", "state_top_from_file": true}),
                "/state_top_from_file",
            ),
            (
                json!({"remote_states": {"repo": "svn"}}),
                "/remote_states/repo",
            ),
            (
                json!({"formula": "web", "pillars_from_files": {"a": "gone"}}),
                "/pillars_from_files",
            ),
        ] {
            let error = staged(&cx, values.clone()).await.unwrap_err();
            assert_eq!(error.key.as_deref(), Some(key), "{values}");
        }
    }
}
