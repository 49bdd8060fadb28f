//! The one place that names plugins: those of this build, and the way to those outside of it.

mod handshakes;
mod outside;
mod unknown;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use banquet_sdk::wire::Plugin;
use banquet_sdk::{Driver, PluginInfo, Provisioner, Retry, Transport, Verifier, VerifierKeys};
use serde_json::{Value, json};

use crate::matrix::{Kind, Plugins};
use outside::Outside;
pub use unknown::Unknown;

/// The plugins of this build, by name.
#[derive(Clone, Default)]
pub struct Registry {
    /// Makers of machines.
    pub drivers: BTreeMap<String, Arc<dyn Driver>>,
    /// Ways to machines.
    pub transports: BTreeMap<String, Arc<dyn Transport>>,
    /// Configuration tools.
    pub provisioners: BTreeMap<String, Arc<dyn Provisioner>>,
    /// Test tools.
    pub verifiers: BTreeMap<String, Arc<dyn Verifier>>,
    /// Those in other processes.
    outside: Option<Arc<Outside>>,
    /// What was made of the types of settings, by kind and name.
    schemas: Arc<Mutex<Schemas>>,
}

/// Schemas of plugins, by kind and name.
type Schemas = HashMap<(Kind, String), Arc<Value>>;

impl Registry {
    /// What was compiled in, and what is beside the project in directory `root` and on the PATH.
    pub fn of_project(root: &Path) -> Self {
        Self {
            outside: Some(Arc::new(Outside::new(root))),
            ..Self::builtin()
        }
    }

    /// What was compiled in.
    pub fn builtin() -> Self {
        let mut registry = Self::default();
        registry.add_driver(banquet_exec::driver::Exec);
        registry.add_transport(banquet_exec::transport::Exec);
        registry.add_driver(banquet_dummy::driver::Dummy);
        registry.add_transport(banquet_dummy::transport::Dummy);
        registry.add_provisioner(banquet_dummy::provisioner::Dummy);
        registry.add_verifier(banquet_dummy::verifier::Dummy);
        registry.add_provisioner(banquet_external::External);
        registry.add_provisioner(banquet_shell::provisioner::Shell);
        registry.add_verifier(banquet_shell::verifier::Shell);
        #[cfg(feature = "bats")]
        registry.add_verifier(banquet_bats::Bats);
        #[cfg(feature = "serverspec")]
        registry.add_verifier(banquet_serverspec::Serverspec::default());
        #[cfg(feature = "testinfra")]
        registry.add_verifier(banquet_testinfra::Testinfra);
        #[cfg(feature = "goss")]
        registry.add_verifier(banquet_goss::Goss);
        #[cfg(feature = "inspec")]
        for verifier in [
            banquet_inspec::Inspec::chef(),
            banquet_inspec::Inspec::cinc("cinc_auditor"),
            banquet_inspec::Inspec::cinc("cinc-auditor"),
        ] {
            registry.add_verifier(verifier);
        }
        #[cfg(feature = "docker")]
        {
            registry.add_driver(banquet_docker::Docker::default());
            registry.add_transport(banquet_docker::DockerTransport::default());
            registry.add_driver(banquet_docker::Docker::dokken());
            registry.add_transport(banquet_docker::DockerTransport::dokken());
        }
        #[cfg(feature = "ec2")]
        registry.add_driver(banquet_ec2::Ec2::default());
        #[cfg(feature = "ssh")]
        {
            let ssh: Arc<dyn Transport> = Arc::new(banquet_ssh::Ssh::default());
            for name in ["ssh"].into_iter().chain(banquet_ssh::OTHER_NAMES) {
                registry.transports.insert(name.into(), ssh.clone());
            }
        }
        #[cfg(feature = "chef")]
        for chef in banquet_chef::Chef::all() {
            registry.add_provisioner(chef);
        }
        #[cfg(feature = "proxy")]
        registry.add_driver(banquet_proxy::Proxy);
        #[cfg(feature = "vagrant")]
        registry.add_driver(banquet_vagrant::Vagrant);
        #[cfg(feature = "ansible")]
        {
            registry.add_provisioner(banquet_ansible::Ansible::playbook());
            registry.add_provisioner(banquet_ansible::Ansible::push());
        }
        #[cfg(feature = "puppet")]
        registry.add_provisioner(banquet_puppet::Puppet);
        #[cfg(feature = "salt")]
        registry.add_provisioner(banquet_salt::Salt);
        #[cfg(feature = "sandbox")]
        {
            // The sandbox's helpers are this very program; where its path cannot be told, its own
            // error says so.
            let program = std::env::current_exe().unwrap_or_default();
            registry.add_driver(banquet_sandbox::SandboxDriver::new(program.clone()));
            registry.add_transport(banquet_sandbox::SandboxTransport::new(program));
        }
        let busser = registry.busser();
        registry.add_verifier(busser);
        registry
    }

    /// Test Kitchen's default verifier, over those that are there.
    fn busser(&self) -> banquet_busser::Busser {
        let tools = [
            ("bats", "bats", json!({})),
            ("goss", "goss", json!({})),
            ("inspec", "inspec", json!({})),
            ("serverspec", "serverspec", json!({"default_pattern": true})),
            ("testinfra", "testinfra", json!({"remote_exec": true})),
        ];
        let mut busser = banquet_busser::Busser::new();
        for (directory, name, settings) in tools {
            if let Some(verifier) = self.verifiers.get(name) {
                busser = busser.with(directory, verifier.clone(), settings);
            }
        }
        #[cfg(feature = "serverspec")]
        {
            let rspec = Arc::new(banquet_serverspec::Serverspec::of("rspec"));
            busser = busser.with("rspec", rspec, json!({"default_pattern": true}));
        }
        busser
    }

    /// Adds a driver under its own name.
    pub fn add_driver(&mut self, plugin: impl Driver + 'static) {
        self.drivers
            .insert(plugin.info().name.into_owned(), Arc::new(plugin));
    }

    /// Adds a transport under its own name.
    pub fn add_transport(&mut self, plugin: impl Transport + 'static) {
        self.transports
            .insert(plugin.info().name.into_owned(), Arc::new(plugin));
    }

    /// Adds a provisioner under its own name.
    pub fn add_provisioner(&mut self, plugin: impl Provisioner + 'static) {
        self.provisioners
            .insert(plugin.info().name.into_owned(), Arc::new(plugin));
    }

    /// Adds a verifier under its own name.
    pub fn add_verifier(&mut self, plugin: impl Verifier + 'static) {
        self.verifiers
            .insert(plugin.info().name.into_owned(), Arc::new(plugin));
    }

    /// The driver of this name.
    pub fn driver(&self, name: &str) -> Result<Arc<dyn Driver>, Unknown> {
        match self.drivers.get(name) {
            Some(driver) => Ok(driver.clone()),
            None => Ok(self.found_outside(Kind::Driver, name)?.driver()),
        }
    }

    /// The transport of this name.
    pub fn transport(&self, name: &str) -> Result<Arc<dyn Transport>, Unknown> {
        match self.transports.get(name) {
            Some(transport) => Ok(transport.clone()),
            None => Ok(self.found_outside(Kind::Transport, name)?.transport()),
        }
    }

    /// The provisioner of this name.
    pub fn provisioner(&self, name: &str) -> Result<Arc<dyn Provisioner>, Unknown> {
        match self.provisioners.get(name) {
            Some(provisioner) => Ok(provisioner.clone()),
            None => Ok(self.found_outside(Kind::Provisioner, name)?.provisioner()),
        }
    }

    /// The verifier of this name.
    pub fn verifier(&self, name: &str) -> Result<Arc<dyn Verifier>, Unknown> {
        match self.verifiers.get(name) {
            Some(verifier) => Ok(verifier.clone()),
            None => Ok(self.found_outside(Kind::Verifier, name)?.verifier()),
        }
    }

    /// The plugin of this kind and name in a process of its own; none where the name is a built-in
    /// one's, or nobody's.
    pub fn outside(&self, kind: Kind, name: &str) -> Result<Option<Arc<Plugin>>, Unknown> {
        let Some(outside) = &self.outside else {
            return Ok(None);
        };
        if self.builtin_names(kind).iter().any(|known| known == name) {
            return Ok(None);
        }
        outside.plugin(kind, name).map_err(|error| Unknown {
            broken: Some(Box::new(error)),
            ..self.no(kind, name)
        })
    }

    fn found_outside(&self, kind: Kind, name: &str) -> Result<Arc<Plugin>, Unknown> {
        self.outside(kind, name)?.ok_or_else(|| self.no(kind, name))
    }

    /// Nothing has that name.
    fn no(&self, kind: Kind, name: &str) -> Unknown {
        let known = self.names(kind);
        let nearest = known
            .iter()
            .map(|known| (strsim::damerau_levenshtein(known, name), known))
            .filter(|(distance, known)| *distance * 2 <= known.len())
            .min()
            .map(|(_, known)| known.clone());
        let places = self.outside.as_ref().map(|outside| outside.places());
        Unknown {
            kind,
            name: name.into(),
            nearest,
            known,
            places: places.unwrap_or_default(),
            broken: None,
        }
    }

    /// Why there is no plugin of this kind and name; none where there is one.
    pub fn unknown(&self, kind: Kind, name: &str) -> Option<Unknown> {
        match kind {
            Kind::Driver => self.driver(name).err(),
            Kind::Transport => self.transport(name).err(),
            Kind::Provisioner => self.provisioner(name).err(),
            Kind::Verifier => self.verifier(name).err(),
        }
    }

    /// What the plugin of this kind and name is called and which keys it knows.
    pub fn info(&self, kind: Kind, name: &str) -> Option<PluginInfo> {
        Some(match kind {
            Kind::Driver => self.driver(name).ok()?.info(),
            Kind::Transport => self.transport(name).ok()?.info(),
            Kind::Provisioner => self.provisioner(name).ok()?.info().with::<Retry>(),
            Kind::Verifier => self.verifier(name).ok()?.info().with::<VerifierKeys>(),
        })
    }

    /// JSON Schema of the settings of the plugin of this kind and name; made once.
    pub fn schema(&self, kind: Kind, name: &str) -> Option<Arc<Value>> {
        let mut schemas = self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(schema) = schemas.get(&(kind, name.to_owned())) {
            return Some(schema.clone());
        }
        let schema = Arc::new(self.info(kind, name)?.schema().to_value());
        schemas.insert((kind, name.to_owned()), schema.clone());
        Some(schema)
    }

    /// The names of all plugins of this kind.
    pub fn names(&self, kind: Kind) -> Vec<String> {
        let mut names = self.builtin_names(kind);
        names.extend(self.found(kind).into_keys());
        names.sort();
        names.dedup();
        names
    }

    /// The names of all plugins of this kind in this build.
    pub fn builtin_names(&self, kind: Kind) -> Vec<String> {
        match kind {
            Kind::Driver => self.drivers.keys().cloned().collect(),
            Kind::Transport => self.transports.keys().cloned().collect(),
            Kind::Provisioner => self.provisioners.keys().cloned().collect(),
            Kind::Verifier => self.verifiers.keys().cloned().collect(),
        }
    }

    /// The executables that look like plugins of this kind, by name, each name with every place
    /// that has one.
    pub fn found(&self, kind: Kind) -> BTreeMap<String, Vec<PathBuf>> {
        let outside = self.outside.as_ref();
        outside.map(|outside| outside.all(kind)).unwrap_or_default()
    }

    /// The plugin in an executable; not started.
    pub fn at(&self, kind: Kind, name: &str, path: &Path) -> Option<Arc<Plugin>> {
        let outside = self.outside.as_ref()?;
        Some(outside.at(kind, name, path))
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("drivers", &self.drivers.keys())
            .field("transports", &self.transports.keys())
            .field("provisioners", &self.provisioners.keys())
            .field("verifiers", &self.verifiers.keys())
            .finish()
    }
}

impl Plugins for Registry {
    fn own_transport(&self, driver: &str) -> Option<String> {
        let transport = self.driver(driver).ok()?.capabilities().transport?;
        Some(transport.into_owned())
    }

    fn keys(&self, kind: Kind, name: &str) -> Option<Vec<String>> {
        // One that tells no schema may know any key.
        if let Ok(Some(plugin)) = self.outside(kind, name)
            && plugin.hello().is_ok_and(|hello| hello.schema.is_none())
        {
            return None;
        }
        let schema = self.schema(kind, name)?;
        // A plugin that says that it takes further keys knows them all.
        if schema.get("additionalProperties") == Some(&true.into()) {
            return None;
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        Some(properties.map_or_else(Vec::new, |it| it.keys().cloned().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_that_takes_any_key_has_no_list_of_them() {
        let registry = Registry::builtin();
        assert_eq!(registry.keys(Kind::Provisioner, "external"), None);
        let known = registry.keys(Kind::Provisioner, "shell").unwrap();
        assert!(known.iter().any(|key| key == "script"), "{known:?}");
    }

    #[test]
    fn an_unknown_name_gives_the_nearest_and_the_list() {
        let registry = Registry::builtin();
        assert!(registry.driver("exec").is_ok());
        #[cfg(feature = "ssh")]
        assert_eq!(registry.transport("sftp").unwrap().info().name, "ssh");
        let Err(unknown) = registry.driver("dokcer") else {
            panic!("there is no such driver");
        };
        assert_eq!(
            unknown.to_string(),
            "there is no driver \"dokcer\": did you mean \"docker\"?"
        );
        assert!(unknown.hint().contains("dummy, exec"), "{}", unknown.hint());
        assert!(matches!(
            registry.verifier("nonesuch"),
            Err(Unknown { nearest: None, .. })
        ));
    }

    /// Rows of the page on compatibility that are about plugins: the first cell, and the verdict.
    fn rows(page: &str) -> Vec<(&str, &str)> {
        let cells = page.lines().filter_map(|line| {
            let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
            Some((cells.next()?, cells.next()?))
        });
        cells.collect()
    }

    #[test]
    fn the_page_on_compatibility_names_every_plugin_and_denies_none() {
        let page = include_str!("../docs/compatibility.md");
        let registry = Registry::builtin();
        let known = [
            registry.drivers.keys().collect::<Vec<_>>(),
            registry.transports.keys().collect(),
            registry.provisioners.keys().collect(),
            registry.verifiers.keys().collect(),
        ]
        .concat();
        let silent = known
            .iter()
            .filter(|name| !page.contains(&format!("`{name}`")));
        assert_eq!(silent.collect::<Vec<_>>(), Vec::<&&String>::new());
        let mut gems = Vec::new();
        for (what, verdict) in rows(page) {
            let names = what.split('`').skip(1).step_by(2);
            for gem in what
                .split([',', ' '])
                .filter(|it| it.starts_with("kitchen-"))
            {
                assert!(!gems.contains(&gem), "{gem} has two rows");
                gems.push(gem);
            }
            // A key of a plugin may be without effect.
            if verdict == "not" {
                let denied: Vec<_> = names
                    .filter(|name| known.iter().any(|it| it == name))
                    .collect();
                assert!(denied.is_empty(), "{denied:?} are there");
            }
        }
    }
}
