//! The project that a command is about: configuration, matrix, plugins.

use std::sync::Arc;

use super::args::{Common, Names};
use super::exit::Exit;
use super::fault::{Fault, tell};
use crate::config::{self, Config, LoadOptions};
use crate::matrix::{Instance, Kind, Matrix, Selection};
use crate::registry::Registry;
use crate::state::Project;

/// A project, read.
pub struct Loaded {
    /// Its configuration.
    pub config: Config,
    /// What the configuration describes.
    pub matrix: Matrix,
    /// The plugins of this build.
    pub registry: Registry,
    /// Its directory and state.
    pub project: Project,
    /// As asked for, for what is told later.
    colour: Option<bool>,
}

impl Loaded {
    /// Reads the project in the working directory; warnings are told on standard error.
    pub fn read(common: &Common) -> Result<Self, Fault> {
        let root = std::env::current_dir().map_err(|error| {
            let message = format!("find the working directory: {error}");
            Fault::new(Exit::Config, message, None::<String>)
        })?;
        let (level, warning) = common.level();
        if let Some(warning) = warning {
            eprintln!("$$$$$$ {warning}");
        }
        let options = LoadOptions {
            test_base_path: common
                .test_base_path
                .as_deref()
                .and_then(|path| std::path::absolute(path).ok()),
            log_level: Some(format!("{level:?}").to_lowercase()),
            strict: common.strict,
            ..LoadOptions::from_env(&root)
        };
        let config = config::load(&options)?;
        let registry = Registry::builtin();
        let matrix = Matrix::build(&config, &registry)?;
        let project = Project::new(&root, Some(&config.test_base_path)).map_err(|error| {
            let message = format!("find the project's directory: {error}");
            Fault::new(Exit::Config, message, None::<String>)
        })?;
        let loaded = Self {
            config,
            matrix,
            registry,
            project,
            colour: common.color,
        };
        let warnings = loaded.config.warnings.iter().chain(&loaded.matrix.warnings);
        warnings.for_each(|warning| tell(warning, loaded.colour));
        Ok(loaded)
    }

    /// What the names select. Names that two instances share are only told of.
    pub fn look(&self, names: &Names) -> Result<Selection, Fault> {
        for conflict in &self.matrix.conflicts {
            tell(conflict, self.colour);
        }
        self.named(names)
    }

    /// What the names select, for a command that acts: names that two instances share stop it,
    /// and keys that a plugin does not know are told.
    pub fn choose(&self, names: &Names) -> Result<Selection, Fault> {
        if !self.matrix.conflicts.is_empty() {
            return Err(Fault::from(config::Error {
                problems: self.matrix.conflicts.clone(),
            }));
        }
        let selection = self.named(names)?;
        self.check_keys(&members(&selection))?;
        Ok(selection)
    }

    fn named(&self, names: &Names) -> Result<Selection, Fault> {
        self.matrix.select_many(&names.names).map_err(|error| {
            let empty = self.matrix.instances.is_empty();
            let hint = empty.then_some(
                "The configuration (kitchen.yml) describes no instances: it needs `platforms` and `suites`.",
            );
            Fault::usage(error.to_string(), hint)
        })
    }

    /// Warns once of each key that a plugin of these instances does not know.
    fn check_keys(&self, instances: &[Arc<Instance>]) -> Result<(), Fault> {
        use crate::matrix::Plugins;
        let mut known = std::collections::HashMap::new();
        let mut told = Vec::new();
        for instance in instances {
            for kind in [
                Kind::Driver,
                Kind::Transport,
                Kind::Provisioner,
                Kind::Verifier,
            ] {
                let plugin = instance.plugin(kind);
                let keys = known
                    .entry((kind, plugin.name.clone()))
                    .or_insert_with(|| self.registry.keys(kind, &plugin.name));
                let Some(keys) = keys else { continue };
                let what = format!("{} {}", kind.key(), plugin.name);
                let unknown =
                    config::unknown_keys(&what, &plugin.section, keys, &self.config.sources);
                for problem in unknown {
                    let seen = |other: &config::Problem| {
                        other.message == problem.message
                            && other.place().map(|place| place.origin())
                                == problem.place().map(|place| place.origin())
                    };
                    if !told.iter().any(seen) {
                        told.push(problem);
                    }
                }
            }
        }
        let problems = config::Problems { list: told };
        for warning in problems.finish(self.config.strict)? {
            tell(&warning, self.colour);
        }
        Ok(())
    }
}

/// All instances of a selection.
pub fn members(selection: &Selection) -> Vec<Arc<Instance>> {
    let clusters = selection
        .clusters
        .iter()
        .flat_map(|cluster| &cluster.members);
    clusters.chain(&selection.instances).cloned().collect()
}
