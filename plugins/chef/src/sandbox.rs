//! What is put together on the workstation before it goes to the instance
//! (provisioner/chef/common_sandbox.rb).

use std::path::{Path, PathBuf};

use banquet_sdk::scratch::Scratch;
use banquet_sdk::tool::{Stage, lookup};
use banquet_sdk::{Context, Error, Result};
use serde_json::{Map, Value, json};

use crate::cookbooks::{self, Resolver, Source};
use crate::flavour::{Flavour, Kind};
use crate::settings::Settings;
use crate::{config_rb, install, nodes::Node};

/// A key that is valid and opens nothing: the client wants one to register with itself.
const VALIDATION_KEY: &str = include_str!("validation.pem");

/// The secret of encrypted data bags.
const SECRET: &str = "encrypted_data_bag_secret";

/// What of the sandbox is gone from the instance's directory once it is gone here.
pub const MANAGED: [&str; 12] = [
    "apply",
    "clients",
    "cookbook_artifacts",
    "cookbooks",
    "data",
    "data_bags",
    "encrypted_data_bag_secret",
    "environments",
    "policies",
    "policy_groups",
    "roles",
    "Policyfile.lock.json",
];

/// Names of files in the sandbox that are for the kitchen's own code.
pub const INSTALL: &str = "kitchen-install.sh";
pub const LIST: &str = "kitchen-files";

/// One converge's sandbox to be.
pub struct Plan<'a> {
    /// The call.
    pub cx: &'a Context,
    /// Its settings.
    pub settings: Settings,
    /// The provisioner.
    pub flavour: Flavour,
    /// `root_path` of the instance.
    pub root: &'a str,
    /// The other members.
    pub nodes: &'a [Node],
}

impl Plan<'_> {
    /// Puts everything together that goes to the instance.
    pub async fn build(&self) -> Result<Stage> {
        let (cx, settings, flavour) = (self.cx, &self.settings, &self.flavour);
        let source = Source::of(cx, settings, flavour)?;
        if source == Source::Nothing && flavour.kind != Kind::Apply {
            cx.note("no Policyfile, Berksfile, cookbooks or metadata.rb: there are no recipes")
                .await;
        }
        // The tools copy cookbooks whole, and the project often is one.
        let stage = Stage::outside(&cx.kitchen_dir)?;
        let vendor = Scratch::outside(&cx.kitchen_dir)?;
        let vendored = vendor.path().join("cookbooks");
        let is_cinc = flavour.is_cinc(settings);
        let resolver = Resolver {
            cx,
            settings,
            is_cinc,
        };
        resolver.run(&source, stage.path(), &vendored).await?;
        if flavour.kind != Kind::Apply {
            // Made by the connection's user, who could not write into them if the client made them.
            for name in ["cache", "cookbooks", "nodes"] {
                stage.directory(name)?;
            }
            cookbooks::collect(&cx.root, settings, &source, &vendored, &stage)?;
        }
        self.copy(&stage).await?;
        self.write(&stage, &source)?;
        if let Some(script) = install::script(settings, flavour, self.root) {
            stage.write(INSTALL, script)?;
        }
        stage.write(LIST, managed(stage.path())?.join("\n") + "\n")?;
        Ok(stage)
    }

    /// Copies directories and files of data; one that is configured and not there is told.
    async fn copy(&self, stage: &Stage) -> Result<()> {
        let (cx, settings) = (self.cx, &self.settings);
        let is_apply = self.flavour.kind == Kind::Apply;
        let all = [
            ("apply", "apply", &settings.apply_path),
            ("data", "data", &settings.data_path),
            ("data_bags", "data_bags", &settings.data_bags_path),
            ("environments", "environments", &settings.environments_path),
            ("nodes", "nodes", &settings.nodes_path),
            ("roles", "roles", &settings.roles_path),
            ("clients", "clients", &settings.clients_path),
            (
                SECRET,
                "encrypted_data_bag_secret_key",
                &settings.encrypted_data_bag_secret_key_path,
            ),
        ];
        for (to, name, configured) in all {
            if (to == "apply") != is_apply {
                continue;
            }
            let is_there: fn(&Path) -> bool = match to {
                SECRET => Path::is_file,
                _ => Path::is_dir,
            };
            let configured = configured.0.iter().map(|path| cx.root.join(path));
            let mut paths: Vec<PathBuf> = configured.collect();
            if paths.is_empty() {
                paths.extend(lookup(cx, None, name, is_there));
            }
            for from in paths {
                if !is_there(&from) {
                    cx.note(format!("{name}_path: there is no {}", from.display()))
                        .await;
                    continue;
                }
                // As Test Kitchen lists directories (util.rb).
                let shown = |path: &Path| !path.strip_prefix(&from).is_ok_and(is_hidden);
                stage.copy(&from, to, &shown)?;
            }
        }
        Ok(())
    }

    /// The files that are written rather than copied.
    fn write(&self, stage: &Stage, source: &Source) -> Result<()> {
        let Some((name, own)) = self.flavour.config_file(&self.settings) else {
            return Ok(());
        };
        let node = config_rb::node_name(own, &self.cx.identity.instance);
        stage.write(name, config_rb::text(&self.settings, own, self.root, node))?;
        let dna = dna(&self.settings, source)?;
        stage.write("dna.json", Value::Object(dna).to_string())?;
        stage.write("validation.pem", VALIDATION_KEY)?;
        for other in self.nodes.iter().filter(|other| other.name != node) {
            let json = other.json.to_string();
            stage.write(format!("nodes/{}.json", other.name), json)?;
        }
        Ok(())
    }
}

fn is_hidden(inside: &Path) -> bool {
    inside.to_string_lossy().starts_with('.')
}

/// What of the stage is sent: `chef-cli export` leaves a `.chef` that is of no use there.
pub fn entries(stage: &Stage) -> Result<Vec<PathBuf>> {
    let mut entries = stage.entries()?;
    entries.retain(|path| {
        !path
            .file_name()
            .is_some_and(|name| is_hidden(name.as_ref()))
    });
    Ok(entries)
}

/// Every file below what is managed, by its path.
fn managed(stage: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for name in MANAGED {
        list(&stage.join(name), name, &mut found)?;
    }
    Ok(found)
}

fn list(path: &Path, name: &str, found: &mut Vec<String>) -> Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            let name = format!("{name}/{}", entry.file_name().to_string_lossy());
            list(&entry.path(), &name, found)?;
        }
    } else if path.exists() {
        found.push(name.to_owned());
    }
    Ok(())
}

/// What the client reads as the node's attributes and run list.
fn dna(settings: &Settings, source: &Source) -> Result<Map<String, Value>> {
    let mut dna = settings.attributes.clone();
    match policy_name(source)? {
        Some(name) => {
            let group = settings.policy_group.as_ref();
            let group = group.map_or("local", |group| &group.0);
            dna.insert("policy_name".into(), json!(name));
            dna.insert("policy_group".into(), json!(group));
        }
        None => drop(dna.insert("run_list".into(), json!(settings.run_list()))),
    }
    Ok(dna)
}

/// The name that a Policyfile's lock gives.
pub fn policy_name(source: &Source) -> Result<Option<String>> {
    let Some(lock) = source.lock() else {
        return Ok(None);
    };
    let failed = |error: String| Error::machine(format!("read {}: {error}", lock.display()));
    let text = std::fs::read_to_string(&lock).map_err(|error| failed(error.to_string()))?;
    let lock: Value = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    match lock.get("name").and_then(Value::as_str) {
        Some(name) => Ok(Some(name.to_owned())),
        None => Err(failed("it gives no name".into())),
    }
}
