//! The project that a command is about: configuration, matrix, plugins.

use std::sync::Arc;

use super::args::{Common, Names};
use super::exit::Exit;
use super::fault::{Fault, tell};
use super::findings::unknown_keys;
use super::foreseen::Foresight;
use super::mask;
use crate::config::{self, Config, LoadOptions, Severity};
use crate::matrix::{Instance, Matrix, Selection};
use crate::plan::{Command, Strays};
use crate::registry::Registry;
use crate::run::Kitchen;
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
        let loaded = Self::quietly(common)?;
        let warnings = loaded.config.warnings.iter().chain(&loaded.matrix.warnings);
        warnings.for_each(|warning| tell(warning, loaded.colour));
        Ok(loaded)
    }

    /// As [`Loaded::read`], without a word.
    pub fn quietly(common: &Common) -> Result<Self, Fault> {
        let options = options(common)?;
        banquet_sdk::scratch::note_below(&options.root.join(".kitchen"));
        let config = config::load(&options)?;
        mask::learn(&config);
        let registry = Registry::of_project(&options.root);
        let matrix = Matrix::build(&config, &registry)?;
        let mut project =
            Project::new(&options.root, Some(&config.test_base_path)).map_err(|error| {
                let message = format!("find the project's directory: {error}");
                Fault::new(Exit::Config, message, None::<String>)
            })?;
        let file = options.project.as_ref();
        project.file = file.map(|file| project.root.join(file));
        Ok(Self {
            config,
            matrix,
            registry,
            project,
            colour: common.color,
        })
    }

    /// What a run works with.
    pub fn kitchen(&self) -> Kitchen {
        Kitchen {
            project: self.project.clone(),
            registry: self.registry.clone(),
            expressions: !self.matrix.clusters.is_empty(),
        }
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

    /// What the names select for `command`: with `destroy` also what the configuration does not have
    /// any more.
    pub fn choose_for(&self, command: Command, names: &Names) -> Result<Selection, Fault> {
        let strays = match command {
            Command::Destroy => self.strays(),
            _ => Strays::default(),
        };
        if strays.is_empty() {
            return self.choose(names);
        }
        for name in &strays.unknown {
            let file = self.project.state_file(name);
            mask::note(&format!(
                "-----> {name} is not in the configuration any more, and its state does not say which \
                 driver made it: `kitchen gc` finds it by its labels. If there is no such machine, remove {}.",
                file.path().display()
            ));
        }
        let mut chosen = Selection::default();
        let all = vec!["all".to_owned()];
        let names_or_all = if names.names.is_empty() {
            &all
        } else {
            &names.names
        };
        for name in names_or_all {
            let one = Names {
                names: vec![name.clone()],
            };
            let is = |it: &str| it == name;
            let exact = self.matrix.instances.iter().any(|it| is(&it.name))
                || self.matrix.clusters.iter().any(|it| is(&it.name));
            let stray = match exact {
                true => Selection::default(),
                false => strays.select(Some(name), &self.matrix).unwrap_or_default(),
            };
            let nothing = self.matrix.select(Some(name)).is_err();
            let configured = match nothing && !stray.is_empty() {
                true => Selection::default(),
                false => self.choose(&one)?,
            };
            chosen.add(configured);
            chosen.add(stray);
        }
        Ok(chosen)
    }

    /// What there is a state or a record of and the configuration does not have.
    pub fn strays(&self) -> Strays {
        Strays::of(&self.project, &self.matrix, &self.registry)
    }

    /// What stops a command that makes machines: what the configuration describes is known to fail,
    /// or to test nothing.
    pub fn refuse(&self, command: Command, selection: &Selection) -> Result<(), Fault> {
        let mut problems = match command {
            Command::Destroy | Command::Heal => return Ok(()),
            _ => self.matrix.refusals.clone(),
        };
        // The other commands find the machines made, and judge what they themselves need.
        if matches!(command, Command::Create | Command::Converge | Command::Test) {
            let foresight = Foresight {
                config: &self.config,
                matrix: &self.matrix,
                registry: &self.registry,
                project: &self.project,
            };
            let found = foresight.of_clusters(&selection.clusters).into_iter();
            problems.extend(found.filter(|it| it.severity == Severity::Error));
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(Fault::from(config::Error { problems })),
        }
    }

    fn named(&self, names: &Names) -> Result<Selection, Fault> {
        self.matrix.select_many(&names.names).map_err(|error| {
            if !self.matrix.instances.is_empty() {
                return Fault::from(error);
            }
            let hint = "The configuration (kitchen.yml) describes no instances: it needs `platforms` and `suites`.";
            Fault::usage(error.to_string(), [hint])
        })
    }

    /// Warns once of each key that a plugin of these instances does not know.
    fn check_keys(&self, instances: &[Arc<Instance>]) -> Result<(), Fault> {
        let list = unknown_keys(instances, &self.registry, &self.config);
        let problems = config::Problems { list };
        for warning in problems.finish(self.config.strict)? {
            tell(&warning, self.colour);
        }
        Ok(())
    }
}

/// Where the configuration of the working directory is, and what the command line says of it.
pub fn options(common: &Common) -> Result<LoadOptions, Fault> {
    let root = std::env::current_dir().map_err(|error| {
        let message = format!("find the working directory: {error}");
        Fault::new(Exit::Config, message, None::<String>)
    })?;
    let (level, warning) = common.level();
    if let Some(warning) = warning {
        mask::note(&format!("-----> {warning}"));
    }
    let tests = common.test_base_path.as_deref();
    Ok(LoadOptions {
        test_base_path: tests.and_then(|path| std::path::absolute(path).ok()),
        log_level: Some(format!("{level:?}").to_lowercase()),
        strict: common.strict,
        ..LoadOptions::from_env(root)
    })
}

/// All instances of a selection.
pub fn members(selection: &Selection) -> Vec<Arc<Instance>> {
    let clusters = selection
        .clusters
        .iter()
        .flat_map(|cluster| &cluster.members);
    clusters.chain(&selection.instances).cloned().collect()
}
