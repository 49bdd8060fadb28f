//! Settings, those of kitchen-inspec, and what they make InSpec run.

use std::collections::BTreeMap;
use std::path::Path;

use banquet_sdk::lenient::{List, Text};
use banquet_sdk::{Context, Error, Result, Tests as Found};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Frameworks whose directories stand beside InSpec's own (kitchen-inspec, `local_suite_files`).
const OTHERS: [&str; 8] = [
    "inspec",
    "serverspec",
    "bats",
    "pester",
    "rspec",
    "cucumber",
    "minitest",
    "bash",
];

/// Settings of the verifier.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// The program; default: `inspec` or `cinc-auditor`, whichever is there.
    pub inspec: Option<String>,
    /// Profiles and files beside the suite's own: paths, addresses, or maps with `path`, `url`,
    /// `git` (with `branch`, `tag`, `ref`, `relative_path`), `supermarket` or `compliance`.
    pub inspec_tests: List<Tests>,
    /// Controls that are run; default: all.
    pub controls: List<String>,
    /// Values for the profiles' inputs.
    pub inputs: Map<String, Value>,
    /// The old name of `inputs`.
    pub attributes: Map<String, Value>,
    /// Files of the workstation with inputs.
    pub input_files: List<String>,
    /// The old name of `input_files`.
    pub attrs: List<String>,
    /// Files of the workstation with waivers.
    pub waiver_files: List<String>,
    /// Reports beside the one that is read (`junit:out/%{platform}_%{suite}.xml`).
    pub reporter: List<String>,
    /// The old form of `reporter`: one.
    pub format: Option<String>,
    /// File that it goes to.
    pub output: Option<String>,
    /// Whether what is printed has colours; default: no.
    pub color: bool,
    /// Directory with profiles, for requirements of others.
    pub profiles_path: Option<String>,
    /// Whether results of commands and files are kept during the run; default: yes.
    pub backend_cache: Option<bool>,
    /// Without effect: nothing is kept from suite to suite.
    pub cache_inputs: Option<bool>,
    /// Whether the user's plugins of InSpec are loaded; default: yes.
    pub load_plugins: Option<bool>,
    /// Settings of such plugins, by their names.
    pub plugin_config: Map<String, Value>,
    /// Address, instead of the transport's.
    pub host: Option<String>,
    /// Port, instead of the transport's.
    pub port: Option<u16>,
    /// Command whose input and output are the connection.
    pub proxy_command: Option<String>,
    /// Whether the agent is forwarded.
    pub forward_agent: Option<bool>,
    /// Arguments of sudo.
    pub sudo_options: Option<String>,
    /// Licence of Chef InSpec 6 and later.
    pub chef_license_key: Option<String>,
    /// Its server.
    pub chef_license_server: Option<Text>,
}

/// A profile.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(
    untagged,
    expecting = "expected a path, an address, or a map that has one"
)]
pub enum Tests {
    /// A path or an address.
    Plain(String),
    /// Where it is.
    From(Box<From>),
}

/// Where a profile is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(default)]
pub struct From {
    /// Its name; where nothing else says where it is, that on the Supermarket.
    name: Option<String>,
    /// A directory or archive of the workstation.
    path: Option<String>,
    /// An address that it is fetched from.
    url: Option<String>,
    /// A git repository.
    git: Option<String>,
    /// Its name on a compliance server.
    compliance: Option<String>,
    /// Its name on the Supermarket.
    supermarket: Option<String>,
    /// Another Supermarket.
    supermarket_url: Option<String>,
    /// Of the git repository: the branch.
    branch: Option<String>,
    /// Of the git repository: the tag.
    tag: Option<Text>,
    /// Of the git repository: the commit.
    r#ref: Option<Text>,
    /// Of the git repository: the directory in it.
    relative_path: Option<String>,
}

impl Config {
    /// Words for `inspec exec`, and requirements for a profile that brings the others.
    pub fn profiles(&self, cx: &Context) -> Result<Profiles> {
        let mut profiles = Profiles::default();
        if let Found::Directory {
            directory, files, ..
        } = own(cx)?
            && !files.is_empty()
        {
            profiles.word(directory.display().to_string());
        }
        for (index, tests) in self.inspec_tests.0.iter().enumerate() {
            match tests {
                Tests::Plain(text) => profiles.word(plain(&cx.root, text, index)?),
                Tests::From(from) => profiles.add(&cx.root, from, index)?,
            }
        }
        Ok(profiles)
    }

    /// Reporters as written, with the platform's and the suite's name in them.
    pub fn reporters(&self, cx: &Context) -> Vec<String> {
        let identity = &cx.identity;
        let filled = |text: &str| {
            text.replace("%{platform}", &identity.platform)
                .replace("%{suite}", &identity.suite)
        };
        let old = self.format.as_ref().map(|format| match &self.output {
            Some(output) => format!("{format}:{output}"),
            None => format.clone(),
        });
        let named = self.reporter.0.iter().chain(old.as_ref());
        let mut reporters: Vec<String> = named.map(|text| filled(text)).collect();
        if reporters.is_empty() {
            reporters.push("cli".into());
        }
        reporters
    }

    /// Values of inputs, old and new.
    pub fn inputs(&self) -> Map<String, Value> {
        let mut inputs = self.attributes.clone();
        inputs.extend(self.inputs.clone());
        inputs
    }

    /// Files of these settings, absolute.
    pub fn files(&self, root: &Path, files: [&List<String>; 2]) -> Vec<String> {
        let files = files.into_iter().flat_map(|files| &files.0);
        files
            .map(|file| root.join(file).display().to_string())
            .collect()
    }
}

/// Where the suite's own tests are: in `inspec` where another framework's stand beside them.
/// `test/recipes` is looked into before `test/integration`.
pub fn own(cx: &Context) -> Result<Found> {
    let recipes = cx.root.join("test/recipes");
    let base = match recipes.is_dir() {
        true => recipes.join(&cx.tests_name),
        false => cx.tests(),
    };
    let directory = match OTHERS.iter().any(|other| base.join(other).exists()) {
        true => base.join("inspec"),
        false => base,
    };
    Found::of(directory, "*.rb", |path| {
        path.ends_with(".rb") || path.ends_with("inspec.yml")
    })
}

/// A path, which must be there, or an address.
fn plain(root: &Path, text: &str, index: usize) -> Result<String> {
    let path = root.join(text);
    // `git@HOST:PATH` has no `://`.
    let address = text.contains("://") || text.contains('@');
    match path.exists() {
        true => Ok(path.display().to_string()),
        false if address => Ok(text.to_owned()),
        false => {
            let message = format!("{}: no such file or directory", path.display());
            Err(Error::missing(format!("/inspec_tests/{index}"), message).hint(
                "Relative paths count from the directory of the configuration; what is elsewhere \
                 has an address, or a map such as `{supermarket: NAME}`.",
            ))
        }
    }
}

/// What is run.
#[derive(Debug, Default, PartialEq)]
pub struct Profiles {
    /// Paths and addresses, each once.
    pub words: Vec<String>,
    /// Those that no word can say, as `depends` of a profile has them.
    pub depends: Vec<Map<String, Value>>,
}

impl Profiles {
    fn word(&mut self, word: String) {
        if !self.words.contains(&word) {
            self.words.push(word);
        }
    }

    fn add(&mut self, root: &Path, from: &From, index: usize) -> Result<()> {
        let at = || format!("/inspec_tests/{index}");
        let special = from.branch.is_some()
            || from.tag.is_some()
            || from.r#ref.is_some()
            || from.relative_path.is_some()
            || from.supermarket_url.is_some();
        if let Some(path) = &from.path {
            let path = root.join(path);
            if !path.exists() {
                let message = format!("{}: no such file or directory", path.display());
                return Err(Error::missing(format!("{}/path", at()), message));
            }
            self.word(path.display().to_string());
        } else if special {
            self.depends.push(from.depends(index));
        } else if let Some(address) = from.url.as_ref().or(from.git.as_ref()) {
            self.word(address.clone());
        } else if let Some(name) = &from.compliance {
            self.word(format!("compliance://{name}"));
        } else if let Some(name) = from.supermarket.as_ref().or(from.name.as_ref()) {
            self.word(format!("supermarket://{name}"));
        } else {
            return Err(Error::config(
                at(),
                "it has no path, url, git, supermarket, compliance or name",
            ));
        }
        Ok(())
    }

    /// Whether nothing is to be run.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.depends.is_empty()
    }
}

impl From {
    fn depends(&self, index: usize) -> Map<String, Value> {
        let text = |text: &Option<Text>| text.as_ref().map(|text| text.0.clone());
        let name = self
            .name
            .clone()
            .unwrap_or_else(|| format!("tests-{index}"));
        let entries: BTreeMap<&str, Option<String>> = BTreeMap::from([
            ("name", Some(name)),
            ("url", self.url.clone()),
            ("git", self.git.clone()),
            ("branch", self.branch.clone()),
            ("tag", text(&self.tag)),
            ("ref", text(&self.r#ref)),
            ("relative_path", self.relative_path.clone()),
            ("supermarket", self.supermarket.clone()),
            ("supermarket_url", self.supermarket_url.clone()),
            ("compliance", self.compliance.clone()),
        ]);
        let given = entries.into_iter();
        given
            .filter_map(|(key, value)| Some((key.to_owned(), Value::String(value?))))
            .collect()
    }
}
